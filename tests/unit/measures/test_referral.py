"""Referrals: who recommends, and who was sent."""

from __future__ import annotations

from services.measures.catalogue.referral import ReferralGroup, ReferralRows, compute
from services.measures.core.measure import shown
from tests.unit.measures.contexts import CONTEXT


def test_who_recommends_and_who_was_sent() -> None:
    """12 of 100 customers recommend; 15 of 40 new ones were sent, also those lost by now."""
    rows = ReferralRows([
        ReferralGroup(True, False, True, False, 2, 10),
        ReferralGroup(True, True, True, True, 0, 2),
        ReferralGroup(True, True, False, True, 1, 8),
        ReferralGroup(True, True, False, False, 0, 25),
        ReferralGroup(True, False, False, True, 0, 55),
        ReferralGroup(False, True, False, True, 0, 5),
        ReferralGroup(False, False, True, False, 7, 30),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (100, 0.12)
    assert found.counts == {
        "customers": 100, "referrers": 12, "new_customers": 40, "referred": 15, "good_reviews": 28,
    }  # fmt: skip
    cells = {one.key: (one.n, one.value) for one in found.breakdown}
    assert cells == {"referred_share": (40, 0.375), "good_reviews": (100, 28)}


def test_no_customers() -> None:
    """Then nothing is defined."""
    found = compute(ReferralRows([]), CONTEXT)
    assert (found.n, found.value) == (0, None)
    assert {one.value for one in found.breakdown} == {None}


def test_few_new_customers_are_no_count() -> None:
    """Three are new, and one of them was sent."""
    rows = ReferralRows([ReferralGroup(True, False, False, False, 0, 40),
                         ReferralGroup(True, True, False, True, 0, 3)])  # fmt: skip
    figures, _ = shown(compute(rows, CONTEXT))
    assert not {"new_customers", "referred"} & {*figures.counts}
