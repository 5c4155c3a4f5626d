"""The life cycle of a channel's deviations at one place: pending, open, resolved, reopened.

Every transition bears the time at which it was due or proven, never the time of processing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from schemas.claim import Claim
from schemas.offer import PUBLISHED, Basis
from schemas.rules.consistency import KindRules
from services.consistency.core.evidence import LookBack, Observations, never
from services.consistency.core.expectation import ExpectationHistory, Judgement, Move

EVIDENCE_MAX = 20
NEVER_OVER = datetime.max.replace(tzinfo=UTC)
"""While the return of a flapping deviation is pending."""


class Episode:
    """One deviation from its begin to its end. `since <= due_at <= opened_at <= resolved_at`."""

    __slots__ = (
        "deviating",
        "deviating_claims",
        "due_at",
        "flapping_since",
        "healed_by_publishing",
        "held_until",
        "is_final",
        "led_by",
        "opened_at",
        "opened_by",
        "openings",
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
        self.opened_by: Judgement | None = None
        """The verdict when it opened first; what it has in common with others stays as it was."""
        self.resolved_at: datetime | None = None
        self.deviating_claims: dict[Basis, Claim] = {}
        """The latest deviating claim of each basis."""
        self.deviating: list[str] = []
        self.healed_by_publishing = False
        """What was observed was overtaken once by what the channel published."""
        self.led_by: Move | None = None
        """The move of the channel that began it, if the channel was the first to move."""
        self.is_final = False
        """Nobody can correct what began it, and nothing known then makes it right."""
        self.openings: list[datetime] = []
        """The latest times at which it opened, without a quiet window between them."""
        self.flapping_since: datetime | None = None
        """When it had opened too often within the window."""
        self.held_until: datetime | None = None
        """Of a flapping one that ended: until then it is not over, because it may return."""
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

    def opens(self, at: datetime, rules: KindRules) -> None:
        """Note that it opens at `at`, for the first time or again."""
        most = rules.flapping_openings
        self.openings = [*self.openings, at][-most:]
        often = len(self.openings) == most and at - self.openings[0] <= rules.flapping_within
        if often and self.flapping_since is None:
            self.flapping_since = at

    def is_held(self, now: datetime) -> bool:
        """Whether the deviation ended, and the incident is not over at `now`."""
        return self.held_until is not None and now < self.held_until

    def observed(self) -> list[tuple[Basis, Claim]]:
        """The latest deviating observation of each basis that has not agreed since."""
        found = self.deviating_claims.items()
        return [(basis, claim) for basis, claim in found if basis is not PUBLISHED]

    def copy(self) -> Episode:
        """An independent copy."""
        twin = Episode(self.since, self.due_at, self.verdict)
        twin.opened_at, twin.resolved_at = self.opened_at, self.resolved_at
        twin.opened_by = self.opened_by
        twin.led_by, twin.is_final = self.led_by, self.is_final
        twin.openings, twin.held_until = list(self.openings), self.held_until
        twin.flapping_since = self.flapping_since
        twin.deviating_claims, twin.deviating = dict(self.deviating_claims), list(self.deviating)
        return twin


class Deviations:
    """All deviations of one channel at one place: at most one current, the others past."""

    __slots__ = ("_max_age", "_rules", "channel", "current", "observations", "past")

    def __init__(self, channel: str, rules: KindRules, max_age: timedelta | None = None) -> None:
        """`max_age` is that of observations; None lets none of them age."""
        self.channel = channel
        self._rules = rules
        self._max_age = max_age
        self.observations = Observations()
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
    def held_until(self) -> datetime | None:
        """When an incident that is flapping will be over, unless it returns."""
        last = self.past[-1] if self.past else None
        return last.held_until if last and last.held_until != NEVER_OVER else None

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
        if history.deviates(published):
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
        is_final: bool = False,
    ) -> None:
        """Judge what the channel publishes, after it or what is expected may have changed.

        What `is_final` has no grace: nobody can correct it, and nothing known will make it right.
        """
        verdict = history.judge(published) if published else None
        if verdict is not None and verdict.is_told_elsewhere:
            verdict = None
        current = self.current
        if current and current.opened_at:
            self._follow(current, verdict, history, now)
            return
        if verdict is None:
            self._drop_pending(now)
            return
        due_at = history.published_due_at(self.channel, own, is_final)
        if current is None:
            current = self._begin(now, due_at, verdict)
            current.led_by, current.is_final = history.lead(own), is_final
        else:
            current.verdict = verdict
            current.add_evidence(verdict.claim)
            if history.move and history.move.at == now:
                ceiling = current.since + self._rules.grace_ceiling(self.channel)
                current.due_at = min(due_at, max(ceiling, current.due_at))
            elif history.lead(current.led_by):  # Others may have followed, or gone back.
                followed_at = history.published_due_at(
                    self.channel, current.led_by, current.is_final
                )
                current.due_at = max(followed_at, now)
        if current.due_at <= now:
            self._open(current, verdict, current.due_at)

    def judge_observed(
        self,
        claim: Claim,
        own: Move | None,
        history: ExpectationHistory,
        now: datetime,
        excused: Callable[[Claim], bool] = never,
    ) -> None:
        """Judge one displayed or charged claim, made at `now` and known to `observations`.

        Of those before it, the `excused` ones are no evidence against the channel.
        """
        verdict = history.judge(claim)
        current = self.current
        if verdict is None:
            if current and history.expected and claim.basis in current.deviating_claims:
                self._resolve(current, claim.basis, now)
            return
        if verdict.is_told_elsewhere:
            return
        graced = history.due_at(self.channel, own)
        pending = current.due_at if current is not None and current.opened_at is None else None
        begin = max(now - self._rules.evidence_within, history.latest_move(own).at)
        over = LookBack(self.channel, begin, graced, pending)
        if over.is_graced(claim, history):
            return  # Observations within the grace are no evidence.
        if current is not None and claim.basis in current.deviating_claims:
            current.add_evidence(claim)
            current.worsen(verdict)
            return
        found = self.observations.evidence(claim.basis, over, history, self._rules, excused)
        if found:
            self._prove([one for one in found if self._is_new(one.claim)] or [verdict], now)

    def _is_new(self, claim: Claim) -> bool:
        """Whether it was observed after the last deviation ended."""
        last = self.past[-1] if self.past else None
        return last is None or last.resolved_at is None or claim.occurred_at > last.resolved_at

    def _prove(self, verdicts: Sequence[Judgement], now: datetime) -> None:
        """Open the deviation that these observations prove at `now`, or add them to it."""
        current = self.current
        if current is None:
            current = self._begin(verdicts[0].claim.occurred_at, now, verdicts[0])
        if current.opened_at is None:
            self._open(current, verdicts[0], now)
            assert self.current is not None
            current = self.current  # Perhaps a former one, that goes on.
        for verdict in verdicts:
            current.add_evidence(verdict.claim)
            current.worsen(verdict)

    def _begin(self, since: datetime, due_at: datetime, verdict: Judgement) -> Episode:
        """A new deviation, or the return of one resolved recently."""
        self.current = Episode(since, due_at, verdict)
        last = self.past[-1] if self.past else None
        if last and last.resolved_at:
            is_held = last.is_held(since)
            if is_held or since - last.resolved_at <= self._rules.reopen_within:
                self.current.reopens = last
            if is_held:
                last.held_until = NEVER_OVER
        return self.current

    def _drop_pending(self, now: datetime) -> None:
        """What was pending agrees again; a flapping one that it would have reopened is unquiet."""
        pending, self.current = self.current, None
        last = pending.reopens if pending else None
        if last and last.held_until == NEVER_OVER:
            last.held_until = now + self._rules.flapping_within

    def _open(self, current: Episode, verdict: Judgement, at: datetime) -> None:
        current.verdict = verdict
        current.due_at = min(current.due_at, at)
        current.opened_at, current.opened_by = at, verdict
        if current.reopens is not None:
            current = self.current = self._reopen(current)
        current.opens(at, self._rules)

    def _reopen(self, current: Episode) -> Episode:
        """The former episode goes on; it keeps its begin and the worst of both."""
        former = self.past.pop()
        assert former.resolved_at is not None
        quiet = current.since - former.resolved_at
        if former.held_until != NEVER_OVER and quiet > self._rules.flapping_within:
            former.openings, former.flapping_since = [], None
        former.resolved_at = former.held_until = None
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
        elif PUBLISHED in current.deviating_claims:
            self._resolve(current, PUBLISHED, now)
        if history.expected is None:
            return
        for basis, claim in list(current.deviating_claims.items()):
            if not history.tells_of(claim):  # What is expected moved to it.
                self._resolve(current, basis, now)

    def _resolve(self, current: Episode, basis: Basis, now: datetime) -> None:
        del current.deviating_claims[basis]
        if not current.deviating_claims and current is self.current:
            current.resolved_at = now
            if current.flapping_since is not None:
                current.held_until = now + self._rules.flapping_within
            self.past.append(current)
            self.current = None

    def hand_over(self, now: datetime) -> None:
        """End the current deviation, because from `now` on another kind of incident tells of it."""
        current = self.current
        if current is not None and current.opened_at is None:
            self._drop_pending(now)
        elif current is not None:
            for basis in list(current.deviating_claims):
                self._resolve(current, basis, now)
        last = self.past[-1] if self.past else None
        if last and last.held_until and self.current is None:
            assert last.resolved_at is not None
            last.held_until = min(last.held_until, max(now, last.resolved_at))

    def copy(self) -> Deviations:
        """An independent copy to look ahead with: of the past only what may be reopened.

        That the current deviation reopens a former one is left out: both began before.
        """
        twin = Deviations(self.channel, self._rules)
        if self.past:
            twin.past.append(self.past[-1].copy())
        twin.current = self.current and self.current.copy()
        return twin
