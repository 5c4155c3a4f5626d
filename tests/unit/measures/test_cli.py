"""Customer loyalty index: the mean of responses, by group."""

from __future__ import annotations

from services.measures.catalogue.cli import LoyaltyAnswers, compute
from services.measures.core.loyalty_index import IndexGroup
from tests.unit.measures.contexts import CONTEXT


def test_the_mean_of_indices() -> None:
    """75 and 50: 62.5; an interval from thirty responses on."""
    few = IndexGroup("", "", 2, 2, 1, 125.0, 75.0**2 + 50.0**2)
    shop = few._replace(by="channel", key="shop")
    found = compute(LoyaltyAnswers([few, shop]), CONTEXT)
    assert (found.n, found.value, found.interval) == (2, 62.5, None)
    assert found.counts == {"responses": 2, "incomplete": 1}
    assert [(one.by, one.key, one.value) for one in found.breakdown] == [("channel", "shop", 62.5)]
    many = few._replace(responses=30, respondents=30, total=30 * 62.5, squares=15 * few.squares)
    interval = compute(LoyaltyAnswers([many]), CONTEXT).interval
    assert interval is not None
    # Standard deviation 12.713, t of 29 degrees 2.0452: 4.747 on either side.
    assert round(interval.high - 62.5, 2) == 4.75


def test_nobody_answered() -> None:
    """There is no index."""
    assert compute(LoyaltyAnswers([]), CONTEXT).value is None
