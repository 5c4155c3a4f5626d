"""The expected price of one place over time: what it is, since when, and what it was before.

From this history follow the grace of a channel and the likeliest cause of a deviation.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from schemas.claim import Claim
from schemas.incident import MismatchCause, Severity
from schemas.rules.consistency import ConsistencyRules
from services.consistency.core.prices import Expected, agrees, severity_of

FORMERS_MAX = 10
ENDED_PROMOTIONS_MAX = 50


class Move(NamedTuple):
    """A price changed at this time; `ended` says that the change was the end of a promotion."""

    at: datetime
    ended: bool


class Verdict(NamedTuple):
    """What is to be said of a deviating claim."""

    claim: Claim
    expected: Expected
    cause: MismatchCause
    severity: Severity


class ExpectedPriceHistory:
    """The expected price now and its past."""

    __slots__ = ("ended_promotions", "expected", "formers", "move")

    def __init__(self) -> None:
        self.expected: Expected | None = None
        self.move: Move | None = None
        self.formers: tuple[Expected, ...] = ()
        self.ended_promotions: tuple[str, ...] = ()

    def update(self, expected: Expected | None, now: datetime) -> None:
        """Take `expected` as right from `now` on."""
        old, self.expected = self.expected, expected
        if old and expected and old.price == expected.price:
            return
        if old and old.alone and expected and not expected.alone:
            old = None  # What a channel said of itself was never what others had to follow.
        if old:
            self._remember(old)
        if expected:
            ended = bool(old and old.promoted and not expected.promoted)
            self.move = Move(now, ended)
            running = _promotions(expected)
            self.ended_promotions = tuple(p for p in self.ended_promotions if p not in running)

    def _remember(self, old: Expected) -> None:
        self.formers = (*self.formers, old)[-FORMERS_MAX:]
        ended = (*self.ended_promotions, *sorted(_promotions(old)))
        self.ended_promotions = ended[-ENDED_PROMOTIONS_MAX:]

    def due_at(self, channel: str, own: Move | None, rules: ConsistencyRules) -> datetime | None:
        """When the grace after the latest move ends: the expected price's or the channel's own.

        None while nothing was ever expected.
        """
        if self.move is None:
            return None
        move = own if own and own.at > self.move.at else self.move
        return move.at + rules.grace(channel, move.ended)

    def judge(self, claim: Claim, rules: ConsistencyRules) -> Verdict | None:
        """What to say of `claim` now; None if it agrees or there is nothing to compare with."""
        expected = self.expected
        if expected is None or agrees(claim.price, expected.price, rules):
            return None
        severity = severity_of(claim.price, expected.price, rules)
        return Verdict(claim, expected, self._cause(claim, expected, rules), severity)

    def _cause(self, claim: Claim, expected: Expected, rules: ConsistencyRules) -> MismatchCause:
        """Compare with what was right before, latest first."""
        same = [old for old in reversed(self.formers) if agrees(claim.price, old.price, rules)]
        if expected.promoted and same and same[0] is self.formers[-1]:
            return MismatchCause.PROMOTION_NOT_STARTED
        if claim.promotion and claim.promotion in self.ended_promotions:
            return MismatchCause.PROMOTION_NOT_ENDED
        if not same:
            return MismatchCause.WRONG_PRICE
        if same[0].promoted and not expected.promoted:
            return MismatchCause.PROMOTION_NOT_ENDED
        return MismatchCause.STALE_PRICE

    def copy(self) -> ExpectedPriceHistory:
        """An independent copy."""
        twin = ExpectedPriceHistory()
        twin.expected, twin.move = self.expected, self.move
        twin.formers, twin.ended_promotions = self.formers, self.ended_promotions
        return twin


def _promotions(expected: Expected) -> frozenset[str]:
    return frozenset(claim.promotion for claim in expected.makers if claim.promotion)
