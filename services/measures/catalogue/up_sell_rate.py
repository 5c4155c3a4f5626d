"""Up-sell rate: the share of orders of returning customers with something dearer than before.

There is no catalogue of qualities, so the price says how good something is: the tier of an article
is the fifth of its category in which its median price of the last year lies. An order sells up if a
line has a higher tier than all that the customer bought of the category before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE
from services.measures.core.shares import share_cell

SKUS_MIN = 10
"""A category with fewer articles has no tiers."""
TIERS = 5
PRICE_DAYS = 365
CATEGORIES_MAX = 50
ALL = ""
"""The category of the row that is about all orders."""


class UpSoldCategory(NamedTuple):
    """Orders of returning customers."""

    category: str
    """ALL for all orders, whatever is in them."""
    persons: int
    orders: int
    """With something of the category."""
    raised: int
    """With something of a higher tier than ever before."""
    unknown: int
    """Without anything that has a tier."""


class UpSoldCategories(NamedTuple):
    """What the measure is made of."""

    categories: Sequence[UpSoldCategory]


def compute(rows: UpSoldCategories, _context: MeasureContext) -> Figures:
    """See the module."""
    total = UpSoldCategory(ALL, 0, 0, 0, 0)
    for one in rows.categories:
        total = one if one.category == ALL else total
    cells = [
        share_cell("category", one.category, one.persons, one.raised, one.orders)
        for one in sorted(rows.categories)
        if one.category != ALL
    ]
    value, interval = share(total.raised, total.orders)
    counts = {
        "persons": total.persons, "orders": total.orders, "up_sold": total.raised,
        "unknown": total.unknown,
    }  # fmt: skip
    return Figures(total.persons, value, SHARE, interval, counts, cells)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {
        "skus_min": SKUS_MIN,
        "tiers": TIERS,
        "price_days": PRICE_DAYS,
        "categories_max": CATEGORIES_MAX,
    }


MEASURE = Measure(
    "up_sell_rate",
    1,
    "Share of orders of returning customers with something of a higher price tier than before",
    PERSONS,
    UpSoldCategories,
    compute,
    parameters,
)
