"""Potential: what customers could spend more in a year, if they bought like good ones among peers.

Peers have the same spending power and the same three largest categories; where these are few, the
same largest one, else the same spending power alone. The formula is core/customer_potential.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.currency import digits_of
from schemas.instants import to_ms
from services.measures.core.customer_potential import PRIORITY_A, PRIORITY_B
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS, hidden, is_few
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

YEAR_DAYS = 365
PEERS_MIN = 20
CATEGORIES_SHOWN = 50
SKUS_MIN, TIERS = 10, 5
WIDTHS = (1, 2, 3)


class PriorityGroup(NamedTuple):
    """Customers of a priority, of whom the same peers were found."""

    priority: str
    """A, B or C; empty for those without enough peers."""
    width: int
    """1 for peers of the same three categories, 2 of the same largest one, 3 of the same power."""
    persons: int
    potential: Decimal


class CategoryGap(NamedTuple):
    """What customers could spend more in a category."""

    category: str
    persons: int
    potential: Decimal


class PotentialRows(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[PriorityGroup]
    categories: Sequence[CategoryGap]


def compute(rows: PotentialRows, context: MeasureContext) -> Figures:
    """See the module."""
    known = [one for one in rows.groups if one.priority]
    persons = sum(one.persons for one in known)
    unknown = sum(one.persons for one in rows.groups) - persons
    total = sum((one.potential for one in known), Decimal(0))
    digits, unit = digits_of(context.currency), context.currency
    cells = [
        Cell(
            by="category", key=one.category, n=one.persons, unit=unit,
            value=round(float(one.potential), digits),
        )
        for one in sorted(rows.categories)
    ]  # fmt: skip
    for name in ("A", "B", "C"):
        group = [one for one in known if one.priority == name]
        many = sum(one.persons for one in group)
        worth = sum((one.potential for one in group), Decimal(0))
        if many:
            cells.append(share_cell("priority", name, many, many, persons))
            part = float(worth / total) if total else None
            cells.append(Cell(by="potential_of_priority", key=name, n=many, value=part, unit=SHARE))
    counts = {"persons": persons} | ({} if is_few(unknown) else {"without_peers": unknown})
    widths = [sum(one.persons for one in known if one.width == width) for width in WIDTHS]
    unseen = hidden(widths) if any(map(is_few, widths)) else frozenset[int]()
    for place, width in enumerate(WIDTHS):
        if place not in unseen:
            counts[f"peers_{width}"] = widths[place]
    value = round(float(total / persons), digits) if persons else None
    return Figures(persons, value, unit, None, counts, cells)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for. What is spent in a year is that of the last one."""
    return {
        "from_ms": to_ms(context.window.end - timedelta(days=YEAR_DAYS)),
        "peers_min": PEERS_MIN,
        "categories_max": CATEGORIES_SHOWN,
        "skus_min": SKUS_MIN,
        "tiers": TIERS,
        "price_days": YEAR_DAYS,
        "part_a": PRIORITY_A,
        "part_b": PRIORITY_B,
    }


MEASURE = Measure(
    "potential",
    1,
    "What customers could spend more in a year, if they bought like good ones among their peers",
    PERSONS,
    PotentialRows,
    compute,
    parameters,
    levels="priority",
)
