"""Whether what was observed of one channel at one place suffices to say that it deviates.

One old page among hundreds of right ones proves nothing; the only view of the day does. Only the
latest observations are kept, so the answer costs the same however busy a channel is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.claim import Claim
from schemas.offer import CHARGED, Basis
from schemas.rules.consistency import KindRules
from services.consistency.core.expectation import ExpectationHistory, Judgement

OBSERVATIONS_MAX = 200
"""Observations of one basis that are looked back on."""


class LookBack(NamedTuple):
    """What counts: observations of `channel` from `begin` on. Of those that deviate the ones of
    `graced` and later, and earlier ones of a price that is too old for any grace; but none while
    the same channel's publication is `pending`."""

    channel: str
    begin: datetime
    graced: datetime
    pending: datetime | None

    def is_graced(self, claim: Claim, history: ExpectationHistory) -> bool:
        """Whether an observation that deviates proves nothing."""
        at = claim.occurred_at
        if self.pending is not None and at < self.pending:
            return True
        return at < self.graced and at < history.graced_until(claim, self.channel, self.graced)


class Observations:
    """The latest observations of one channel at one place, by basis."""

    __slots__ = ("_charged", "_displayed")

    def __init__(self) -> None:
        self._charged: list[Claim] = []
        self._displayed: list[Claim] = []

    def add(self, claim: Claim) -> None:
        """Add an observation, no earlier than those before."""
        latest = self._charged if claim.basis is CHARGED else self._displayed
        latest.append(claim)
        if len(latest) > 2 * OBSERVATIONS_MAX:
            del latest[:-OBSERVATIONS_MAX]

    def near(self, basis: Basis, begin: datetime) -> list[Claim]:
        """Those of a basis from `begin` on, but only the latest."""
        latest = self._charged if basis is CHARGED else self._displayed
        first = bisect_left(latest, begin, max(0, len(latest) - OBSERVATIONS_MAX), key=_time)
        return latest[first:]

    def evidence(
        self,
        basis: Basis,
        over: LookBack,
        history: ExpectationHistory,
        rules: KindRules,
        excused: Callable[[Claim], bool],
    ) -> Sequence[Judgement]:
        """The verdicts on the deviating ones, in time order; none if they are too few.

        Events count, not lines: a receipt that charges a price twice says it once.
        """
        near = self.near(basis, over.begin)
        others = [  # nearly all are as expected
            one for one in near if not history.expects(one) and not excused(one)
        ]
        verdicts = [verdict for one in others if (verdict := history.judge(one))]
        graced = {v.claim.event_id for v in verdicts if over.is_graced(v.claim, history)}
        deviating = {v.claim.event_id for v in verdicts} - graced
        counted = len({one.event_id for one in near} - graced)
        if not rules.suffice(len(deviating), counted):
            return ()
        return [
            verdict
            for verdict in verdicts
            if verdict.claim.event_id in deviating and not verdict.is_told_elsewhere
        ]


def never(_claim: Claim) -> bool:
    """Nothing is excused."""
    return False


def _time(claim: Claim) -> datetime:
    return claim.occurred_at
