"""Cart rescue: the share of abandoned carts that are ordered after a reminder or a dialogue.

A cart is abandoned when for an hour nothing follows while something is in it. It is rescued with an
order of something of it within seven days after a reminder or a contact of the customer with the
service. Customers who come back by themselves are counted beside.
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
PARTS = ("reminded", "dialogue", "nothing")
"""What came between: a cart may be in the first two."""


class CartsOf(NamedTuple):
    """Abandoned carts, by what came of them."""

    part: str
    """ALL, or one of PARTS."""
    persons: int
    rescued: int
    alone: int
    """Ordered within seven days, without any reminder or dialogue before."""
    lost: int
    open: int
    """May still be ordered."""


class AbandonedCarts(NamedTuple):
    """What the measure is made of."""

    carts: Sequence[CartsOf]


def compute(rows: AbandonedCarts, _context: MeasureContext) -> Figures:
    """See the module."""
    parts = {one.part: one for one in rows.carts}
    total = parts.get(ALL, CartsOf(ALL, 0, 0, 0, 0, 0))
    value, interval = share(total.rescued, _ended(total))
    counts = {
        "persons": total.persons, "abandoned": _ended(total), "rescued": total.rescued,
        "alone": total.alone, "lost": total.lost, "open": total.open,
    }  # fmt: skip
    cells = [
        share_cell("after", part, parts[part].persons,
                   parts[part].rescued + parts[part].alone, _ended(parts[part]))
        for part in PARTS
        if part in parts
    ]  # fmt: skip
    return Figures(total.persons, value, SHARE, interval, counts, cells)


def _ended(one: CartsOf) -> int:
    """Carts of which it is known what came of them."""
    return one.rescued + one.alone + one.lost


MEASURE = Measure(
    "cart_rescue",
    1,
    "Share of abandoned carts that are ordered after a reminder or a dialogue",
    PERSONS,
    AbandonedCarts,
    compute,
    lambda _: {"interaction_kinds": ["browsing", "message", "case", "dialogue"]},
)
