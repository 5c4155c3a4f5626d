"""What is expected at one place over time: the value, since when, and what it was before.

The grace of a channel and the likeliest cause of a deviation are derived from this history. A
`Comparison` defines the values and when two of them agree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from schemas.claim import Claim
from schemas.incident import Details, Severity
from schemas.offer import PUBLISHED
from schemas.rules.consistency import KindRules
from services.consistency.core.guests import is_guest

PREVIOUS_MAX = 10
ENDED_PROMOTIONS_MAX = 50
FORMER_MAX = 50


class Expected(NamedTuple):
    """The expected value at a place at one time, and the claims that support it.

    `alone` means that it is only the published value of the single channel there.
    """

    value: Any
    supporting_claims: tuple[Claim, ...]
    promoted: bool
    alone: bool = False
    votes: tuple[Claim, ...] = ()
    """All claims that it was chosen from, one per channel; of a reference its own alone."""

    @property
    def is_of_reference(self) -> bool:
        """Whether a reference channel says so."""
        return not self.alone and len(self.votes) == 1

    @property
    def seen_of(self) -> str | None:
        """The channel of which it is only an observation: no measure of the same channel."""
        one = self.votes[0] if self.alone else None
        return None if one is None or one.basis is PUBLISHED else one.channel


class Comparison(Protocol):
    """How one kind compares claims, under its rules. Pure, and the same for every subject."""

    @property
    def rules(self) -> KindRules:
        """The rules it applies."""
        ...

    @property
    def missed_changes(self) -> frozenset[str]:
        """The causes by which a channel missed a change: one for all that missed the same one."""
        ...

    def terms(self, claim: Any) -> Hashable | None:
        """What two claims must share to be compared; None if this one is never compared."""
        ...

    def value(self, claim: Any) -> Any:
        """The value that is compared."""
        ...

    def promotion(self, claim: Any) -> str | None:
        """The id of the promotion behind a claim, perhaps empty; None without a promotion."""
        ...

    def repeats(self, claim: Any, former: Any) -> bool:
        """Whether a published claim only repeats the former one."""
        ...

    def agrees(self, value: Any, expected: Any) -> bool:
        """Whether the two count as the same."""
        ...

    def choose(self, votes: Sequence[Any]) -> Any | None:
        """The expected value among at least one claim, one per channel, without a reference.

        None if it is undecided.
        """
        ...

    def cause(self, claim: Any, expected: Expected, history: ExpectationHistory) -> str:
        """The likeliest cause of a deviation."""
        ...

    def severity(self, observed: Any, expected: Any) -> Severity:
        """How bad a deviation is."""
        ...

    def gap(self, observed: Any, expected: Any) -> Decimal:
        """How far the two are apart: of equally severe deviations the widest is the worst."""
        ...

    def details(self, terms: Any, observed: Any, expected: Any) -> Details:
        """The details of an incident."""
        ...

    def identity(self, terms: Any) -> tuple[str, ...]:
        """The terms as part of an incident's id; they must never change."""
        ...


class Move(NamedTuple):
    """A value changed at this time; `ended` says that the change was the end of a promotion."""

    at: datetime
    ended: bool
    lasts: timedelta | None = None
    """How long the promotion lasts that began, if its end is known."""
    by: tuple[Claim, ...] = ()
    """Of what is expected: the claims that supported it then."""


class Judgement(NamedTuple):
    """The verdict on a deviating claim."""

    claim: Claim
    expected: Expected
    cause: str
    severity: Severity
    gap: Decimal
    moved: Move | None = None
    """How the expectation came to be."""

    @property
    def is_told_elsewhere(self) -> bool:
        """Whether both sides stand in the book of an article number as well."""
        return is_told_elsewhere(self.claim, self.expected)

    def is_worse_than(self, other: Judgement) -> bool:
        """More severe, or as severe and further from what is expected."""
        return (self.severity.rank, self.gap) > (other.severity.rank, other.gap)


def is_told_elsewhere(claim: Claim, expected: Expected) -> bool:
    """Whether both sides stand in the book of an article number as well."""
    return is_guest(claim) and any(map(is_guest, expected.supporting_claims))


class ExpectationHistory:
    """What is expected now, and its past."""

    __slots__ = ("_comparison", "_right_until", "ended_promotions", "expected", "move", "previous")

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self.expected: Expected | None = None
        self.move: Move | None = None
        self.previous: tuple[Expected, ...] = ()
        """What was expected before, the latest last."""
        self.ended_promotions: tuple[str, ...] = ()
        self._right_until: tuple[tuple[Any, datetime], ...] = ()
        """Former values, and when each was expected last; the latest last."""

    def update(self, expected: Expected | None, now: datetime) -> None:
        """Take `expected` as right from `now` on."""
        old, self.expected = self.expected, expected
        if old and expected and old.value == expected.value:
            return
        # A channel's own value was never an expectation for others.
        was_expected = old and not (old.alone and expected and not expected.alone)
        if old and was_expected:
            self._remember(old, now)
        if expected:
            ended = bool(old and was_expected and old.promoted and not expected.promoted)
            lasts = promised_time(self._comparison, expected)
            self.move = Move(now, ended, lasts, expected.supporting_claims)
            running = self._promotions(expected)
            self.ended_promotions = tuple(p for p in self.ended_promotions if p not in running)

    def _remember(self, old: Expected, now: datetime) -> None:
        self.previous = (*self.previous, old)[-PREVIOUS_MAX:]
        former = (one for one in self._right_until if one[0] != old.value)
        self._right_until = (*former, (old.value, now))[-FORMER_MAX:]
        ended = (*self.ended_promotions, *sorted(self._promotions(old)))
        self.ended_promotions = ended[-ENDED_PROMOTIONS_MAX:]

    def _promotions(self, expected: Expected) -> frozenset[str]:
        named = map(self._comparison.promotion, expected.supporting_claims)
        return frozenset(promotion for promotion in named if promotion)

    def has_returned(self, former: Expected) -> bool:
        """Whether what is expected was in force already before it was expected: a promotion that
        stood in its place, behind `former`, has ended."""
        move, ended = self.move, self._promotions(former).intersection(self.ended_promotions)
        if move is None or not ended:
            return False
        begins = [max(one.valid_from or one.occurred_at, one.occurred_at) for one in move.by]
        return all(begin < move.at for begin in begins)

    def due_at(self, channel: str, own: Move | None) -> datetime:
        """When the grace after the latest move ends: that of the expectation or the channel's own.

        Only for a claim that deviates, so something was expected.
        """
        move = self.latest_move(own)
        return move.at + self._comparison.rules.grace(channel, move.ended, move.lasts)

    def graced_until(self, claim: Claim, channel: str, graced: datetime) -> datetime:
        """Until when an observation is within a grace that ends at `graced`.

        A price that was right before is no delay any more when the ceiling has passed since then,
        however often the expectation has moved.
        """
        comparison, value = self._comparison, self._comparison.value(claim)
        for former, until in reversed(self._right_until):
            if comparison.agrees(value, former):
                too_old_at: datetime = until + comparison.rules.grace_ceiling(channel)
                return min(graced, too_old_at)
        return graced

    def published_due_at(self, channel: str, own: Move | None, is_final: bool = False) -> datetime:
        """When what a channel publishes has deviated for too long.

        Without a price list the first to move is not wrong before the quickest of the others had
        its own time to follow. What `is_final`, because nobody can correct it, has no other grace
        for a move of its own.
        """
        due_at, lead = self.due_at(channel, own), self.lead(own)
        if lead is None:
            return due_at
        return max(lead.at if is_final else due_at, lead.at + self._time_to_follow(lead))

    def is_final(
        self, said: Claim, own: Move | None, coming: Callable[[str, datetime], Claim | None]
    ) -> bool:
        """Whether nobody can correct a published claim, and nothing known makes it right within
        its grace: neither does it end, nor will one of the others say the same.

        `coming` is what a channel has published for a time to come.
        """
        comparison, expected = self._comparison, self.expected
        if expected is None or said.channel not in comparison.rules.no_grace_channels:
            return False
        due_at = self.due_at(said.channel, own)
        if said.valid_to is not None and said.valid_to <= due_at:
            return False
        then = (coming(claim.channel, due_at) for claim in expected.supporting_claims)
        value_of = comparison.value
        return not any(one and comparison.agrees(value_of(said), value_of(one)) for one in then)

    def lead(self, own: Move | None) -> Move | None:
        """The channel's own move, if it is the latest."""
        return own if own and self.latest_move(own) is own else None

    def _time_to_follow(self, own: Move) -> timedelta:
        """How long the quickest of the supporters may take to follow a channel's move.

        A reference is not asked to follow, nor is a promise with an end that nobody can take back.
        """
        rules, graces = self._comparison.rules, []
        for claim in self.expected.supporting_claims if self.expected else ():
            is_mailing = claim.channel in rules.max_age_without_end
            if claim.channel in rules.reference_channels or (is_mailing and claim.valid_to):
                return timedelta(0)
            if not is_mailing:
                graces.append(rules.grace(claim.channel, own.ended, own.lasts))
        return min(graces, default=timedelta(0))

    def latest_move(self, own: Move | None) -> Move:
        """The later of the latest move of the expectation and the channel's own."""
        assert self.move is not None
        return own if own is not None and own.at > self.move.at else self.move

    def expects(self, claim: Claim) -> bool:
        """Whether the claim says exactly what is expected now."""
        expected = self.expected
        return expected is not None and self._comparison.value(claim) == expected.value

    def judge(self, claim: Claim) -> Judgement | None:
        """The verdict on `claim` now; None if it agrees or there is nothing to compare with."""
        comparison, expected = self._comparison, self.expected
        if expected is None:
            return None
        value = comparison.value(claim)
        if comparison.agrees(value, expected.value):
            return None
        cause = comparison.cause(claim, expected, self)
        severity = comparison.severity(value, expected.value)
        gap = comparison.gap(value, expected.value)
        return Judgement(claim, expected, cause, severity, gap, self.move)

    def deviates(self, claim: Claim) -> bool:
        """Whether `judge` has a verdict on `claim`, which costs more than this."""
        comparison, expected = self._comparison, self.expected
        return expected is not None and not comparison.agrees(
            comparison.value(claim), expected.value
        )

    def tells_of(self, claim: Claim) -> bool:
        """Whether it deviates, and no other book tells of that."""
        expected = self.expected
        return (
            expected is not None and self.deviates(claim) and not is_told_elsewhere(claim, expected)
        )

    def copy(self) -> ExpectationHistory:
        """An independent copy."""
        twin = ExpectationHistory(self._comparison)
        twin.expected, twin.move = self.expected, self.move
        twin.previous, twin.ended_promotions = self.previous, self.ended_promotions
        twin._right_until = self._right_until
        return twin


def outdated_at(comparison: Comparison, claim: Claim) -> datetime | None:
    """When a published claim ceases to contradict others: it names no end, and its channel cannot
    be corrected. None if it does as long as it counts."""
    age = comparison.rules.max_age_without_end.get(claim.channel)
    if age is None or claim.valid_to is not None:
        return None
    return max(claim.valid_from or claim.occurred_at, claim.occurred_at) + age


def window_length(comparison: Comparison, claim: Claim) -> timedelta | None:
    """How long the promotion of a published claim lasts; None without a promotion or an end."""
    if claim.valid_to is None or comparison.promotion(claim) is None:
        return None
    return claim.valid_to - (claim.valid_from or claim.occurred_at)


def promised_time(comparison: Comparison, expected: Expected) -> timedelta | None:
    """How long the expected promotion lasts by the claims that name its price; the shortest of
    several."""
    lengths = (
        window_length(comparison, claim)
        for claim in expected.supporting_claims
        if comparison.value(claim) == expected.value
    )
    return min((length for length in lengths if length is not None), default=None)


def expected_at(comparison: Comparison, value: Any, supporting: Sequence[Claim]) -> Expected:
    """The expectation of `value`, supported by these claims."""
    promoted = any(
        comparison.promotion(claim) is not None
        for claim in supporting
        if comparison.value(claim) == value
    )
    return Expected(value, tuple(supporting), promoted, votes=tuple(supporting))


def expected_of(comparison: Comparison, votes: Sequence[Claim]) -> Expected | None:
    """The expected value among one claim per channel, without a reference channel."""
    value = comparison.choose(votes) if votes else None
    if value is None:
        return None
    supporting = [claim for claim in votes if comparison.agrees(comparison.value(claim), value)]
    expected = expected_at(comparison, value, supporting)
    return expected._replace(alone=len(votes) == 1, votes=tuple(votes))
