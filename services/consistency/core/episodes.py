"""The life of a channel's deviations at one place: pending, open, resolved, reopened.

Every transition bears the time at which it was due or proven, never the time of processing.
"""

from __future__ import annotations

from datetime import datetime

from schemas.claim import Claim
from schemas.offer import Basis
from schemas.rules.consistency import ConsistencyRules
from services.consistency.core.expected_price import ExpectedPriceHistory, Move, Verdict

EVIDENCE_MAX = 20


class Episode:
    """One deviation from its begin to its end. `since <= due_at <= opened_at <= resolved_at`."""

    __slots__ = (
        "deviating", "due_at", "opened_at", "resolved_at", "reviving", "since", "verdict", "wrong",
    )  # fmt: skip

    def __init__(self, since: datetime, due_at: datetime, verdict: Verdict) -> None:
        self.since = since
        self.due_at = due_at
        self.verdict = verdict
        self.opened_at: datetime | None = None
        self.resolved_at: datetime | None = None
        self.wrong: dict[Basis, Claim] = {}
        """What deviates now: the latest deviating claim of each basis."""
        self.deviating: list[str] = []
        self.reviving: Episode | None = None
        """The resolved episode that this pending one will reopen."""
        self.accuse(verdict.claim)

    def accuse(self, claim: Claim) -> None:
        """Add a deviating claim to what is wrong and to the evidence."""
        self.wrong[claim.basis] = claim
        if len(self.deviating) < EVIDENCE_MAX and claim.event_id not in self.deviating:
            self.deviating.append(claim.event_id)

    def copy(self) -> Episode:
        """An independent copy."""
        twin = Episode(self.since, self.due_at, self.verdict)
        twin.opened_at, twin.resolved_at = self.opened_at, self.resolved_at
        twin.wrong, twin.deviating = dict(self.wrong), list(self.deviating)
        return twin


class Deviations:
    """All deviations of one channel at one place: at most one current, the others past."""

    __slots__ = ("channel", "current", "past")

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.current: Episode | None = None
        self.past: list[Episode] = []

    @property
    def due_at(self) -> datetime | None:
        """When the current deviation opens, if it waits for that."""
        current = self.current
        return current.due_at if current and current.opened_at is None else None

    def weigh(
        self,
        published: Claim | None,
        own: Move | None,
        standard: ExpectedPriceHistory,
        now: datetime,
        rules: ConsistencyRules,
    ) -> None:
        """Judge the channel's published price, after it or the expected price may have changed."""
        verdict = standard.judge(published, rules) if published else None
        current = self.current
        if current and current.opened_at:
            self._follow(current, verdict, standard, now, rules)
            return
        if verdict is None:
            self.current = None
            return
        due_at = standard.due_at(self.channel, own, rules)
        assert due_at is not None, "a verdict needs something expected"
        if current is None:
            current = self._begin(now, due_at, verdict, rules)
        else:
            current.verdict = verdict
            current.accuse(verdict.claim)
            if standard.move and standard.move.at == now:
                current.due_at = due_at
        if current.due_at <= now:
            self._open(current, verdict, current.due_at)

    def witness(
        self,
        claim: Claim,
        own: Move | None,
        standard: ExpectedPriceHistory,
        now: datetime,
        rules: ConsistencyRules,
    ) -> None:
        """Judge one displayed or charged price, made at `now`."""
        verdict = standard.judge(claim, rules)
        current = self.current
        if verdict is None:
            if current and current.opened_at and standard.expected and claim.basis in current.wrong:
                self._heal(current, claim.basis, now)
            return
        due_at = standard.due_at(self.channel, own, rules)
        if due_at is None or now < due_at:
            return  # What is seen within the grace proves nothing.
        if current is None:
            current = self._begin(now, now, verdict, rules)
        current.accuse(claim)
        if current.opened_at is None:
            self._open(current, verdict, now)

    def _begin(
        self, now: datetime, due_at: datetime, verdict: Verdict, rules: ConsistencyRules
    ) -> Episode:
        """A new deviation, or the return of one resolved a short time ago."""
        self.current = Episode(now, due_at, verdict)
        last = self.past[-1] if self.past else None
        if last and last.resolved_at and now - last.resolved_at <= rules.reopen_within:
            self.current.reviving = last
        return self.current

    def _open(self, current: Episode, verdict: Verdict, at: datetime) -> None:
        current.verdict = verdict
        current.due_at = min(current.due_at, at)
        current.opened_at = at
        if current.reviving is not None:
            self.current = self._revive(current)

    def _revive(self, current: Episode) -> Episode:
        """The former episode goes on; it keeps its begin, its prices and its cause."""
        former = self.past.pop()
        former.resolved_at = None
        for claim in current.wrong.values():
            former.accuse(claim)
        return former

    def _follow(
        self,
        current: Episode,
        verdict: Verdict | None,
        standard: ExpectedPriceHistory,
        now: datetime,
        rules: ConsistencyRules,
    ) -> None:
        """An open deviation lasts until all that deviated agrees again."""
        if verdict is not None:
            current.accuse(verdict.claim)
        elif Basis.PUBLISHED in current.wrong:
            self._heal(current, Basis.PUBLISHED, now)
        if standard.expected is None:
            return
        for basis, claim in list(current.wrong.items()):
            if standard.judge(claim, rules) is None:  # The expected price moved to it.
                self._heal(current, basis, now)

    def _heal(self, current: Episode, basis: Basis, now: datetime) -> None:
        del current.wrong[basis]
        if not current.wrong and current is self.current:
            current.resolved_at = now
            self.past.append(current)
            self.current = None

    def copy(self) -> Deviations:
        """An independent copy that remembers of the past only what it may reopen."""
        twin = Deviations(self.channel)
        twin.past = [episode.copy() for episode in self.past[-1:]]
        twin.current = self.current and self.current.copy()
        if twin.current and self.current and self.current.reviving:
            twin.current.reviving = twin.past[-1]
        return twin
