"""Cart rescue: carts that come back by themselves are not rescued."""

from __future__ import annotations

from services.measures.catalogue.cart_rescue import AbandonedCarts, CartsOf, compute
from tests.unit.measures.contexts import CONTEXT

ROWS = AbandonedCarts([
    CartsOf("all", 17, 8, 2, 7, 4),
    CartsOf("reminded", 12, 8, 0, 4, 0),
    CartsOf("nothing", 5, 0, 2, 3, 4),
])  # fmt: skip


def test_what_comes_of_abandoned_carts() -> None:
    """8 of 17 are rescued, two come back alone; of the reminded ones 8 of 12, of the others 2 of 5
    are ordered; four may still be."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value) == (17, 8 / 17)
    assert found.counts == {
        "persons": 17, "abandoned": 17, "rescued": 8, "alone": 2, "lost": 7, "open": 4,
    }  # fmt: skip
    values = {(cell.by, cell.key): cell.value for cell in found.breakdown}
    assert values == {("after", "reminded"): 8 / 12, ("after", "nothing"): 0.4}


def test_no_carts() -> None:
    """Then the share is undefined."""
    found = compute(AbandonedCarts([]), CONTEXT)
    assert (found.n, found.value, found.breakdown) == (0, None, [])
