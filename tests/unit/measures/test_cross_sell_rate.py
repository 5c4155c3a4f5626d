"""Cross-sell: a share of the orders of returning customers."""

from __future__ import annotations

from services.measures.catalogue.cross_sell_rate import (
    AddedCategories,
    AddedCategory,
    compute,
)
from tests.unit.measures.contexts import CONTEXT


def test_the_published_rate() -> None:
    """Of 120 orders 18 add a category: 15.0 %."""
    rows = AddedCategories([
        AddedCategory("lamps", 8, 12, 12, 0),
        AddedCategory("", 60, 120, 18, 7),
        AddedCategory("chairs", 6, 9, 9, 0),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (60, 0.15)
    assert found.counts == {"persons": 60, "orders": 120, "cross_sold": 18, "unknown": 7}
    assert [(one.key, one.value) for one in found.breakdown] == [("chairs", 0.075), ("lamps", 0.1)]


def test_nobody_came_back() -> None:
    """Then the share is undefined."""
    assert compute(AddedCategories([]), CONTEXT).value is None
