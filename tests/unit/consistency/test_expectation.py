"""What was expected before: when the grace of a deviation ends, and which cause it has."""

from __future__ import annotations

import pytest

from schemas.claim import PriceClaim
from schemas.incident import IncidentState
from services.consistency.core.expectation import ExpectationHistory
from services.consistency.kinds.price_mismatch import Cause, PriceComparison

from .market import book_at, claim, hour, only, price_rules, promo, rules, shown, states

LAG = {"grace_start_hours": {"shop": 4}, "grace_end_hours": {"shop": 1}}
ERP = rules(reference_channels=["erp"], **LAG)
EQUALS = rules(**LAG)
AGREED = [claim("erp", "10", 0), claim("shop", "10", 0)]
ENDED = promo("erp", "8", 1, start=24, end=48)
BOTH_ENDED = [ENDED, promo("shop", "8", 1, start=24, end=48)]


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ([claim("erp", "12", 30)], 34),  # a price that follows no promotion is a start
        ([ENDED, promo("shop", "8", 1, start=24, end=90)], 49),
        ([claim("shop", "12", 30), claim("shop", "13", 32)], 34),  # still wrong: no time is won
        ([claim("shop", "12", 30), claim("erp", "11", 32)], 36),
        # However often the price moves, twice the grace after the first move is the end of it.
        ([claim("erp", str(12 + n), 30 + 3 * n) for n in range(4)], 38),
        # The shop ends the promotion while the reference goes on with it.
        ([promo("erp", "8", 1, start=24), promo("shop", "8", 1, start=24, end=40)], 41),
        # Both move in one instant: the promotion that ended is the one of the reference.
        ([ENDED, claim("shop", "8", 1, start=24, end=48), claim("shop", "12", 2, start=48)], 49),
    ],
)
def test_when_the_grace_ends(said: list[PriceClaim], due: float) -> None:
    """An hour after the end of a promotion, four after any other move; the latest move counts."""
    pending, opened = only([*AGREED, *said], due - 0.5, ERP), only([*AGREED, *said], due, ERP)
    assert (pending.channel, pending.state, pending.due_at) == (
        "shop", IncidentState.PENDING, hour(due),
    )  # fmt: skip
    assert (opened.state, opened.opened_at) == (IncidentState.OPEN, hour(due))


SAME = [claim(channel, "10", 0) for channel in ("shop", "pos", "fair")]
RAISED = claim("shop", "12", 30)
MAILED = promo("email", "10", 0, start=1, end=99)


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ([*SAME[:2], RAISED], 54),  # the tills have a day to follow
        ([*SAME, RAISED], 42),  # the quickest of the others has half a day
        ([*SAME, claim("app", "10", 0), RAISED], 34),
        ([*SAME, claim("app", "10", 0), RAISED, claim("app", "12", 33)], 42),  # it has followed
        ([*SAME, claim("app", "12", 29), RAISED, claim("app", "10", 39)], 39),  # and gone back
        ([*SAME[:2], RAISED, claim("shop", "13", 50)], 54),  # still first: no time is won
        ([*SAME[:2], RAISED, claim("pos", "11", 40)], 44),  # the others went elsewhere
        ([*SAME[:2], RAISED, claim("pos", "11", 53)], 54),
        ([*SAME[:2], claim("email", "10", 1), RAISED], 54),  # a mailing follows nobody
        ([SAME[0], MAILED, RAISED], 34),  # a promise with an end
        ([*SAME[:2], MAILED, RAISED], 34),
        ([SAME[0], promo("shop", "8", 30), promo("pos", "10", 1)], None),  # the lowest is right
        # Of a promotion of a day, the others have a quarter, too.
        ([*SAME[:2], promo("shop", "12", 1, start=30, end=54)], 36),
    ],
)
def test_the_first_to_move_waits_for_the_quickest_of_the_others(
    said: list[PriceClaim], due: float | None
) -> None:
    """Without a price list, who moves first is wrong when nobody followed within his own time."""
    using = rules(grace_start_hours={"shop": 4, "app": 4, "pos": 24, "email": 24, "default": 12})
    if due is None:
        assert states(said, 31, using) == [("pos", IncidentState.PENDING)]
        return
    found = [one for one in book_at(said, due, using).values() if one.channel == "shop"]
    assert [(one.state, one.opened_at) for one in found] == [(IncidentState.OPEN, hour(due))]
    early = [one for one in book_at(said, due - 0.1, using).values() if one.channel == "shop"]
    assert [one.state for one in early] == [IncidentState.PENDING]


def test_who_is_first_has_no_more_time_than_his_own_where_a_price_list_speaks() -> None:
    """The list will not follow; with it, only the channel's own grace counts."""
    assert only([*AGREED, claim("pos", "10", 0), RAISED], 33, ERP).due_at == hour(34)


def test_what_a_first_mover_shows_meanwhile_proves_nothing() -> None:
    """Its page shows the new price, or still another one, while the tills may yet follow."""
    for price in ("12", "13"):
        claims = [*SAME[:2], RAISED, shown("shop", price, 40)]
        assert only(claims, 45, EQUALS).state == IncidentState.PENDING
    assert states([*claims, claim("pos", "12", 50)], 50, EQUALS) == []


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        # The name of a promotion that ended tells, at whatever price it is kept.
        ([*BOTH_ENDED, promo("shop", "7", 59, start=60, end=90)], Cause.PROMOTION_NOT_ENDED),
        # It runs again, so only its price is wrong.
        (
            [
                *BOTH_ENDED,
                promo("erp", "8", 55, start=56, end=99),
                promo("shop", "8", 55, start=56, end=60),
                promo("shop", "7", 59, start=60, end=99),
            ],
            Cause.WRONG_PRICE,
        ),
        ([claim("erp", "12", 30)], Cause.STALE_PRICE),
        ([promo("erp", "8", 1, start=24)], Cause.PROMOTION_NOT_STARTED),
    ],
)
def test_the_cause_by_what_was_expected_before(said: list[PriceClaim], cause: Cause) -> None:
    """A missed end or start of a promotion, an older price, or one that was never right."""
    assert only([*AGREED, *said], 70, ERP).cause == cause


def test_what_a_channel_said_alone_was_never_expected_of_others() -> None:
    """The first that contradict it are no end of its promotion, neither as cause nor as grace."""
    lone = promo("shop", "8", 0, end=200)
    found = only([lone, claim("app", "10", 50), claim("pos", "10", 50)], 60, EQUALS)
    assert (found.channel, found.cause, found.due_at) == ("shop", Cause.WRONG_PRICE, hour(54))


def test_what_a_channel_said_alone_was_expected_of_itself() -> None:
    """A page that still shows the price before is stale, though no other channel speaks."""
    claims = [claim("shop", "10", 0), claim("shop", "12", 30), shown("shop", "10", 40)]
    assert only(claims, 50, EQUALS).cause == Cause.STALE_PRICE


def test_nothing_is_expected_before_anybody_spoke() -> None:
    """A new place has neither an expectation nor a past, and nothing deviates."""
    history = ExpectationHistory(PriceComparison(price_rules()))
    assert (history.expected, history.move, history.previous) == (None, None, ())
    assert history.judge(claim("shop", "10", 0)) is None
