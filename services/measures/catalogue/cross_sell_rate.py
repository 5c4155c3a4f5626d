"""Cross-sell rate: the share of orders of returning customers that add a category new to them.

A returning customer bought on an earlier day. Lines without a category add none; orders that have
no other lines are counted as unknown beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE
from services.measures.core.shares import share_cell

CATEGORIES_MAX = 50
ALL = ""
"""The category of the row that is about all orders."""


class AddedCategory(NamedTuple):
    """Orders of returning customers that add a category."""

    category: str
    """ALL for all orders, whatever they add."""
    persons: int
    orders: int
    added: int
    """Those that add it; of all orders those that add any."""
    unknown: int
    """Without a line that has a category."""


class AddedCategories(NamedTuple):
    """What the measure is made of."""

    categories: Sequence[AddedCategory]


def compute(rows: AddedCategories, _context: MeasureContext) -> Figures:
    """See the module."""
    total = AddedCategory(ALL, 0, 0, 0, 0)
    for one in rows.categories:
        total = one if one.category == ALL else total
    cells = [
        share_cell("category", one.category, one.persons, one.added, total.orders)
        for one in sorted(rows.categories)
        if one.category != ALL
    ]
    value, interval = share(total.added, total.orders)
    counts = {
        "persons": total.persons, "orders": total.orders, "cross_sold": total.added,
        "unknown": total.unknown,
    }  # fmt: skip
    return Figures(total.persons, value, SHARE, interval, counts, cells)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {"categories_max": CATEGORIES_MAX}


MEASURE = Measure(
    "cross_sell_rate",
    1,
    "Share of orders of returning customers that add a category new to them",
    PERSONS,
    AddedCategories,
    compute,
    parameters,
)
