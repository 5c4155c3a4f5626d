"""Search quality: what is not found, and what leads nowhere."""

from __future__ import annotations

from services.measures.catalogue.search_quality import (
    SearchCounts,
    Searches,
    SearchTerm,
    compute,
)
from tests.unit.measures.contexts import CONTEXT

TERMS = [SearchTerm("chair", 9, 20, 4), SearchTerm("lampe", 12, 20, 15)]
ROWS = Searches([SearchCounts(90, 200, 30, 80, 34, 136)], TERMS)


def test_shares_of_searches() -> None:
    """30 of 200 find nothing; of the other 170 a fifth leads to no product, four fifths to no
    cart."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value) == (90, 0.15)
    assert [(one.by, one.key, one.value) for one in found.breakdown] == [
        ("figure", "no_click", 0.2), ("figure", "no_cart", 0.8), ("term", "lampe", 0.75),
        ("term", "chair", 0.2),
    ]  # fmt: skip
    assert found.breakdown[0].n == 80


def test_no_searches() -> None:
    """Then the share is undefined."""
    found = compute(Searches([], []), CONTEXT)
    assert (found.n, found.value) == (0, None)
