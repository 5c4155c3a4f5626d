"""The life cycle of a channel's deviations at one place: pending, open, resolved, reopened.

Every transition bears the time at which it was due or proven, never the time of processing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.claim import Claim
from schemas.offer import Basis
from services.consistency.core.expectation import ExpectationHistory, Judgement, Move

EVIDENCE_MAX = 20


class Episode:
    """One deviation from its begin to its end. `since <= due_at <= opened_at <= resolved_at`."""

    __slots__ = (
        "deviating",
        "deviating_claims",
        "due_at",
        "healed_by_publishing",
        "opened_at",
        "reopens",
        "resolved_at",
        "since",
        "verdict",
    )  # fmt: skip

    def __init__(self, since: datetime, due_at: datetime, verdict: Judgement) -> None:
        self.since = since
        self.due_at = due_at
        self.verdict = verdict
        """The latest while the episode is pending, the worst since it opened."""
        self.opened_at: datetime | None = None
        self.resolved_at: datetime | None = None
        self.deviating_claims: dict[Basis, Claim] = {}
        """The latest deviating claim of each basis."""
        self.deviating: list[str] = []
        self.healed_by_publishing = False
        """What was observed was overtaken once by what the channel published."""
        self.reopens: Episode | None = None
        """The resolved episode that this pending one will reopen."""
        self.add_evidence(verdict.claim)

    def worsen(self, verdict: Judgement) -> None:
        """Take this verdict if it is worse than the worst so far."""
        if verdict.is_worse_than(self.verdict):
            self.verdict = verdict

    def add_evidence(self, claim: Claim) -> None:
        """Add a deviating claim to what is deviating_claims and to the evidence."""
        self.deviating_claims[claim.basis] = claim
        if len(self.deviating) < EVIDENCE_MAX and claim.event_id not in self.deviating:
            self.deviating.append(claim.event_id)

    def observed(self) -> list[tuple[Basis, Claim]]:
        """The latest deviating observation of each basis that has not agreed since."""
        found = self.deviating_claims.items()
        return [(basis, claim) for basis, claim in found if basis is not Basis.PUBLISHED]

    def copy(self) -> Episode:
        """An independent copy."""
        twin = Episode(self.since, self.due_at, self.verdict)
        twin.opened_at, twin.resolved_at = self.opened_at, self.resolved_at
        twin.deviating_claims, twin.deviating = dict(self.deviating_claims), list(self.deviating)
        return twin


class Deviations:
    """All deviations of one channel at one place: at most one current, the others past."""

    __slots__ = ("_max_age", "_reopen_within", "channel", "current", "past")

    def __init__(
        self, channel: str, reopen_within: timedelta, max_age: timedelta | None = None
    ) -> None:
        """`max_age` is that of observations; None lets none of them age."""
        self.channel = channel
        self._reopen_within = reopen_within
        self._max_age = max_age
        self.current: Episode | None = None
        self.past: list[Episode] = []

    @property
    def due_at(self) -> datetime | None:
        """When the current deviation opens, or an observation that it rests on is too old."""
        current, max_age = self.current, self._max_age
        if current is None:
            return None
        if current.opened_at is None:
            return current.due_at
        if max_age is None:
            return None
        aged = (claim.occurred_at + max_age for _, claim in current.observed())
        return min(aged, default=None)

    @property
    def was_observed(self) -> bool:
        """Whether the current deviation rests on observations, perhaps among others."""
        return self.current is not None and bool(self.current.observed())

    def expire(self, now: datetime) -> None:
        """Drop the observations that are too old at `now` to prove that anything still deviates."""
        current, max_age = self.current, self._max_age
        if current is None or max_age is None:
            return
        for basis, claim in current.observed():
            if claim.occurred_at + max_age <= now:
                self._resolve(current, basis, claim.occurred_at + max_age)

    def overtake(self, published: Claim, history: ExpectationHistory, now: datetime) -> None:
        """What was observed before the channel published the right price is over.

        Once per episode: who observes the wrong price again does not believe the next repetition.
        """
        current = self.current
        if current is None or current.healed_by_publishing or history.expected is None:
            return
        if history.judge(published) is not None:
            return
        for basis, claim in current.observed():
            if claim.occurred_at < published.occurred_at:
                current.healed_by_publishing = True
                self._resolve(current, basis, now)

    def judge_published(
        self,
        published: Claim | None,
        own: Move | None,
        history: ExpectationHistory,
        now: datetime,
    ) -> None:
        """Judge what the channel publishes, after it or what is expected may have changed."""
        verdict = history.judge(published) if published else None
        current = self.current
        if current and current.opened_at:
            self._follow(current, verdict, history, now)
            return
        if verdict is None:
            self.current = None
            return
        due_at = history.due_at(self.channel, own)
        if current is None:
            current = self._begin(now, due_at, verdict)
        else:
            current.verdict = verdict
            current.add_evidence(verdict.claim)
            if history.move and history.move.at == now:
                current.due_at = due_at
        if current.due_at <= now:
            self._open(current, verdict, current.due_at)

    def judge_observed(
        self,
        claim: Claim,
        own: Move | None,
        history: ExpectationHistory,
        now: datetime,
    ) -> None:
        """Judge one displayed or charged claim, made at `now`."""
        verdict = history.judge(claim)
        current = self.current
        if verdict is None:
            if current and history.expected and claim.basis in current.deviating_claims:
                self._resolve(current, claim.basis, now)
            return
        if now < history.due_at(self.channel, own):
            return  # Observations within the grace are no evidence.
        if current is None:
            current = self._begin(now, now, verdict)
        current.add_evidence(claim)
        if current.opened_at is None:
            self._open(current, verdict, now)
        else:
            current.worsen(verdict)

    def _begin(self, now: datetime, due_at: datetime, verdict: Judgement) -> Episode:
        """A new deviation, or the return of one resolved recently."""
        self.current = Episode(now, due_at, verdict)
        last = self.past[-1] if self.past else None
        if last and last.resolved_at and now - last.resolved_at <= self._reopen_within:
            self.current.reopens = last
        return self.current

    def _open(self, current: Episode, verdict: Judgement, at: datetime) -> None:
        current.verdict = verdict
        current.due_at = min(current.due_at, at)
        current.opened_at = at
        if current.reopens is not None:
            self.current = self._reopen(current)

    def _reopen(self, current: Episode) -> Episode:
        """The former episode goes on; it keeps its begin and the worst of both."""
        former = self.past.pop()
        former.resolved_at = None
        former.worsen(current.verdict)
        for claim in current.deviating_claims.values():
            former.add_evidence(claim)
        return former

    def _follow(
        self,
        current: Episode,
        verdict: Judgement | None,
        history: ExpectationHistory,
        now: datetime,
    ) -> None:
        """An open deviation lasts until everything that deviated agrees again."""
        if verdict is not None:
            current.add_evidence(verdict.claim)
            current.worsen(verdict)
        elif Basis.PUBLISHED in current.deviating_claims:
            self._resolve(current, Basis.PUBLISHED, now)
        if history.expected is None:
            return
        for basis, claim in list(current.deviating_claims.items()):
            if history.judge(claim) is None:  # What is expected moved to it.
                self._resolve(current, basis, now)

    def _resolve(self, current: Episode, basis: Basis, now: datetime) -> None:
        del current.deviating_claims[basis]
        if not current.deviating_claims and current is self.current:
            current.resolved_at = now
            self.past.append(current)
            self.current = None

    def copy(self) -> Deviations:
        """An independent copy to look ahead with: of the past only what may be reopened.

        That the current deviation reopens a former one is left out: both began before.
        """
        twin = Deviations(self.channel, self._reopen_within)
        if self.past:
            twin.past.append(self.past[-1].copy())
        twin.current = self.current and self.current.copy()
        return twin
