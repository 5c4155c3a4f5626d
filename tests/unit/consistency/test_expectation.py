"""What was expected before: when the grace of a deviation ends, and which cause it has."""

from __future__ import annotations

import pytest

from schemas.claim import PriceClaim
from schemas.incident import IncidentState
from services.consistency.core.expectation import ExpectationHistory
from services.consistency.kinds.price_mismatch import Cause, PriceComparison

from .market import claim, hour, only, price_rules, promo, rules, shown

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
