"""Winning back: the effect on groups; whom to ask first, and with what."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.measures.catalogue.win_back import WinBackGroup, WinBackRows, compute
from services.measures.core.leaving_customers import Leaving, LeavingReason, LeavingState
from services.measures.core.measure import shown
from services.measures.core.winning_back import OfferKind, at_stake, ranked, win_back
from tests.unit.measures.contexts import CONTEXT

TODAY = date(2026, 3, 1)


def test_the_published_effect() -> None:
    """48 of 400 contacted customers come back (12 %), 2 of 40 held out (5 %): 7 points."""
    rows = WinBackRows([
        WinBackGroup(False, False, 400, 48),
        WinBackGroup(False, True, 40, 2),
        WinBackGroup(True, False, 100, 3),
        WinBackGroup(True, True, 10, 9),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert found.n == 440
    assert found.value == pytest.approx(0.07)
    assert found.interval is not None
    assert found.interval.low < 0.07 < found.interval.high
    assert found.counts == {
        "contacted": 400, "returned": 48, "held_out": 40, "held_out_returned": 2, "prospects": 100,
        "prospects_bought": 3,
    }  # fmt: skip
    cells = {(one.by, one.key): (one.n, one.value) for one in found.breakdown}
    assert cells["response", "contacted"] == (400, 0.12)
    assert cells["response", "held_out"] == (40, 0.05)
    assert cells["conversion", "prospects"] == (100, 0.03)
    assert cells["effect", "returned"] == pytest.approx((440, 0.07))


def test_without_a_control_group_there_is_no_effect() -> None:
    """Many would have come back anyway; four who were left alone show nothing either."""
    contacted = WinBackGroup(False, False, 400, 48)
    for rows in ([contacted], [contacted, WinBackGroup(False, True, 4, 1)]):
        found = compute(WinBackRows(rows), CONTEXT)
        assert (found.value, found.interval) == (None, None)
        assert found.counts["returned"] == 48


def test_what_is_at_stake() -> None:
    """The two best of three years, as far as the customer is gone; a year without purchases
    counts."""
    assert at_stake([100, 300, 200], alive=0.2) == pytest.approx(250 * 0.8)
    assert at_stake([300], alive=0) == 150
    assert at_stake([], alive=0) == at_stake([100, 300], alive=1) == 0


def left(state: LeavingState, *reasons: LeavingReason) -> Leaving:
    """A customer in a state."""
    return Leaving(state, 3.0, declines=False, reasons=reasons, because=[])


def test_whom_to_win_back() -> None:
    """Who slips, leaves or is lost, up to 540 days after the last purchase."""
    both = left(LeavingState.LEAVING, LeavingReason.SERVICE, LeavingReason.PRICE)
    entry = win_back("a", both, TODAY - timedelta(days=540), TODAY, 20.0)
    assert entry is not None
    assert entry.offers == [OfferKind.APOLOGY, OfferKind.OFFER_IN_OWN_CATEGORIES]
    assert win_back("a", both, TODAY - timedelta(days=541), TODAY, 20.0) is None
    for state in LeavingState:
        entry = win_back("a", left(state, LeavingReason.UNKNOWN), TODAY, TODAY, 1.0)
        assert (entry is None) is (state in ("active", "bound", "unknown")), state


def test_most_at_stake_comes_first() -> None:
    """The order in which they are found does not matter."""
    lost = left(LeavingState.LOST, LeavingReason.UNKNOWN)
    found = [
        entry
        for name, stake in (("b", 9.0), ("a", 9.0), ("c", 70.0))
        if (entry := win_back(name, lost, TODAY, TODAY, stake))
    ]
    assert [one.profile for one in ranked(found)] == ["c", "a", "b"]
    assert ranked(found[::-1]) == ranked(found)


def test_few_who_were_held_out_are_no_count() -> None:
    """Prospects are no cover for them: they are in no sum with the others."""
    rows = [WinBackGroup(False, False, 50, 9), WinBackGroup(False, True, 2, 1),
            WinBackGroup(True, False, 10, 3)]  # fmt: skip
    figures, _ = shown(compute(WinBackRows(rows), CONTEXT))
    assert (figures.n, figures.counts) == (52, {"prospects": 10, "prospects_bought": 3})
    assert {(one.by, one.key) for one in figures.breakdown if one.n} == {
        ("conversion", "prospects")
    }
