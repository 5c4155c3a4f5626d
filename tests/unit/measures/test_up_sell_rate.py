"""Up-sell: a share of the orders of returning customers."""

from __future__ import annotations

from services.measures.catalogue.up_sell_rate import UpSoldCategories, UpSoldCategory, compute
from tests.unit.measures.contexts import CONTEXT


def test_the_published_rate() -> None:
    """Of 120 orders 9 have something of a higher tier: 7.5 %."""
    rows = UpSoldCategories([
        UpSoldCategory("", 60, 120, 9, 7), UpSoldCategory("lamps", 20, 30, 9, 0),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (60, 0.075)
    assert found.counts == {"persons": 60, "orders": 120, "up_sold": 9, "unknown": 7}
    assert [(one.key, one.n, one.value) for one in found.breakdown] == [("lamps", 20, 0.3)]


def test_nobody_came_back() -> None:
    """Then the share is undefined."""
    assert compute(UpSoldCategories([]), CONTEXT).value is None
