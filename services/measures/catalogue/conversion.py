"""Conversion: the share of visits with something in the cart that end in an order.

Whoever puts something into a cart means to buy. A visit has 24 hours from then on; the order may be
placed on any channel. That visits with a dialogue end more often in an order is no proof that the
dialogue did it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE
from services.measures.core.shares import share_cell

ALL = "all"
BY = {
    "regulars": "customers", "newcomers": "customers", "with_dialogue": "dialogue",
    "without_dialogue": "dialogue",
}  # fmt: skip
"""The dimension of each part."""


class VisitsOf(NamedTuple):
    """Visits of a part of the persons."""

    part: str
    """ALL, or one of BY."""
    persons: int
    ordered_in: int
    left_in: int
    open: int
    """Not over yet."""


class Visits(NamedTuple):
    """What the measure is made of."""

    visits: Sequence[VisitsOf]


def compute(rows: Visits, _context: MeasureContext) -> Figures:
    """See the module."""
    parts = {one.part: one for one in rows.visits}
    total = parts.get(ALL, VisitsOf(ALL, 0, 0, 0, 0))
    value, interval = share(total.ordered_in, _ended(total))
    counts = {
        "persons": total.persons, "visits": _ended(total), "ordered": total.ordered_in,
        "open": total.open,
    }  # fmt: skip
    cells = [
        share_cell(by, part, parts[part].persons, parts[part].ordered_in, _ended(parts[part]))
        for part, by in BY.items()
        if part in parts
    ]
    return Figures(total.persons, value, SHARE, interval, counts, cells)


def _ended(one: VisitsOf) -> int:
    """Visits of which it is known how they ended."""
    return one.ordered_in + one.left_in


MEASURE = Measure(
    "conversion",
    1,
    "Share of visits with something in the cart that end in an order",
    PERSONS,
    Visits,
    compute,
    lambda _: {"interaction_kinds": ["browsing", "case", "dialogue"]},
)
