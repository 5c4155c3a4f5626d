"""What customers were charged above an advertisement that was in force.

A channel advertises if it is in `max_age_without_end_days`: what was mailed, printed or broadcast
cannot be corrected, so it binds from its first minute, without any grace. While such a breach
lasts, the other side of the same contradiction is not told a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from schemas.claim import Claim
from schemas.incident import Severity
from services.consistency.core.episodes import Episode
from services.consistency.core.expectation import Comparison, Expected, Judgement, Move
from services.consistency.core.faults import begin_of
from services.consistency.core.guests import is_guest
from services.consistency.core.places import Place

Speaker = tuple[str, Place]
"""A channel, and the place for which it speaks."""


class Cause(StrEnum):
    """Which side is likely at fault, by what others publish at that time."""

    ADVERTISED_PRICE_NOT_APPLIED = "advertised_price_not_applied"
    ADVERTISEMENT_WRONG = "advertisement_wrong"
    UNDECIDED_PRICE = "undecided_price"


class Publisher(Protocol):
    """A channel at one place, as far as it publishes."""

    channel: str
    place: Place
    published: Claim | None

    def contradicting(self, now: datetime) -> Claim | None:
        """What it publishes, as long as that can contradict others."""
        ...


class Around(NamedTuple):
    """What is known of one channel at one place at one time."""

    place: Place
    wider: Sequence[tuple[Place, Expected | None]]
    """The places that hold here too, the nearest first, with what is expected there."""
    own: Publisher | None
    """Who publishes for the channel here."""
    advertising: Sequence[Publisher]
    """One for each channel that advertises here."""
    references: Sequence[Publisher]
    expected: Expected | None
    """What is expected here."""


class Promise(NamedTuple):
    """The price that is advertised at a place at one time, and who advertises it."""

    value: Any
    claims: tuple[Claim, ...]
    speakers: frozenset[Speaker]
    place: Place
    """The narrowest place for which it is advertised."""


def promise_of(
    comparison: Comparison, advertising: Iterable[Publisher], now: datetime
) -> Promise | None:
    """The lowest price that is advertised now; None without any.

    An advertisement that names its end holds until then. One that names none holds until a newer
    one, on whatever channel.
    """
    found = [(one, claim) for one in advertising if (claim := one.contradicting(now))]
    found = [(one, claim) for one, claim in found if comparison.value(claim) > 0]
    if not found:
        return None
    latest = max(begin_of(claim) for _, claim in found)
    binding = [
        (one, claim)
        for one, claim in found
        if claim.valid_to is not None or begin_of(claim) == latest
    ]
    value = min(comparison.value(claim) for _, claim in binding)
    naming = [(one, claim) for one, claim in binding if comparison.value(claim) == value]
    return Promise(
        value,
        tuple(claim for _, claim in naming),
        frozenset((one.channel, one.place) for one, _ in naming),
        max(one.place for one, _ in naming),
    )


class Breach(Episode):
    """Charges of one channel at one place above one advertised price."""

    __slots__ = ("follows", "promise")

    def __init__(self, now: datetime, verdict: Judgement, promise: Promise, follows: bool) -> None:
        super().__init__(verdict.claim.occurred_at, now, verdict)
        self.promise = promise
        self.follows = follows
        """Every till of the place charges what is published or expected for all of it."""
        self.opened_at, self.opened_by = now, verdict

    @property
    def is_of_guest(self) -> bool:
        """Whether the latest charge stands in the book of an article number as well."""
        return any(map(is_guest, self.deviating_claims.values()))

    def copy(self) -> Breach:
        """An independent copy."""
        twin = Breach(self.due_at, self.verdict, self.promise, self.follows)
        twin.since, twin.opened_at, twin.resolved_at = self.since, self.opened_at, self.resolved_at
        twin.opened_by = self.opened_by
        twin.deviating_claims, twin.deviating = dict(self.deviating_claims), list(self.deviating)
        return twin


class Breaches:
    """All breaches of one fold: at most one current by channel and place, the others past."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self.current: dict[Speaker, Breach] = {}
        self._past: dict[Speaker, list[Breach]] = {}
        self._near: dict[Speaker, list[Claim]] = {}
        """Charges that do not suffice yet, where the rules ask for several."""
        self._changed: set[Speaker] = set()
        self._advertised: set[tuple[Speaker, Any]] = set()
        """The advertised prices that are charged above, with who advertises them."""

    def __iter__(self) -> Iterator[tuple[Place, str, Episode]]:
        """All of them with place and channel, in order of their begin at each."""
        for (channel, place), past in self._past.items():
            for one in past:
                yield place, channel, one
        for (channel, place), current in self.current.items():
            yield place, channel, current

    def copy(self) -> Breaches:
        """A copy to look ahead with: without the past."""
        twin = Breaches(self._comparison)
        twin.current = {speaker: one.copy() for speaker, one in self.current.items()}
        twin._advertised = set(self._advertised)
        return twin

    def charge(self, claim: Claim, around: Around, now: datetime) -> bool:
        """Take in a charge; True if it is above what is advertised, so nobody else tells of it."""
        promise = promise_of(self._comparison, around.advertising, now)
        if promise is None or _is_local(self._comparison, claim, promise, around):
            return False
        speaker = claim.channel, around.place
        if not self._is_above(self._comparison.value(claim), promise):
            self._near.pop(speaker, None)
            current = self.current.get(speaker)
            if current is not None and not current.follows:
                self._end(speaker, now)
            return False
        if is_guest(claim) and any(map(is_guest, promise.claims)):
            return True  # It is told in the book of the article number.
        place = self._place_at_fault(claim, promise, around)
        verdict = self._verdict(claim, promise, around)
        self._add((claim.channel, place or around.place), verdict, promise, place is not None, now)
        return True

    def _add(
        self,
        speaker: Speaker,
        verdict: Judgement,
        promise: Promise,
        follows: bool,
        now: datetime,
    ) -> None:
        current = self.current.get(speaker)
        if current is not None:
            current.add_evidence(verdict.claim)
            current.worsen(verdict)
            return
        charges = self._enough(speaker, verdict.claim, now)
        if not charges:
            return
        former = self._reopened(speaker, promise, now)
        current = former or Breach(now, verdict, promise, follows)
        if former is None:
            current.since = charges[0].occurred_at
            current.deviating = []
        for one in charges:
            current.add_evidence(one)
        current.worsen(verdict)
        self.current[speaker] = current
        self._note(speaker, *current.promise.speakers)

    def _enough(self, speaker: Speaker, claim: Claim, now: datetime) -> list[Claim]:
        """The charges that suffice to open a breach; none if they are too few."""
        rules = self._comparison.rules
        begin = now - rules.evidence_within
        near = [one for one in self._near.pop(speaker, ()) if one.occurred_at >= begin]
        near.append(claim)
        if len({one.event_id for one in near}) >= rules.evidence_min_observations:
            return near
        self._near[speaker] = near
        return []

    def _reopened(self, speaker: Speaker, promise: Promise, now: datetime) -> Breach | None:
        """The former breach of the same advertised price, if it ended recently."""
        past = self._past.get(speaker)
        last = past[-1] if past else None
        if not past or last is None or last.resolved_at is None:
            return None
        is_same = last.promise.value == promise.value
        if not is_same or now - last.resolved_at > self._comparison.rules.reopen_within:
            return None
        past.pop()
        last.resolved_at = None
        return last

    def review(self, around: Callable[[Speaker], Around], now: datetime) -> None:
        """End the breaches of what is no longer advertised, or no longer published above it."""
        for speaker, breach in list(self.current.items()):
            here = around(speaker)
            promise = promise_of(self._comparison, here.advertising, now)
            if (
                promise is None
                or promise.value != breach.promise.value
                or (breach.follows and not self._is_set_above(promise, here))
                or (breach.is_of_guest and any(map(is_guest, promise.claims)))
            ):
                self._end(speaker, now)
            else:
                breach.promise = promise
        self._note()

    def _end(self, speaker: Speaker, now: datetime) -> None:
        breach = self.current.pop(speaker)
        breach.resolved_at = now
        self._past.setdefault(speaker, []).append(breach)
        self._note(speaker, *breach.promise.speakers)

    def _note(self, *changed: Speaker) -> None:
        """Note of whom a breach begins or ceases to tell, and what is advertised now."""
        self._changed.update(changed)
        self._advertised = {
            (speaker, one.promise.value)
            for one in self.current.values()
            for speaker in one.promise.speakers
        }

    def take_changed(self) -> set[Speaker]:
        """Of whom breaches began or ceased to tell since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def tells(self, speaker: Speaker, claim: Claim) -> bool:
        """Whether a current breach tells of what is said here: it is the advertisement, or it is
        the price above it of who charges it."""
        value = self._comparison.value(claim)
        breach = self.current.get(speaker)
        if breach is not None and self._is_above(value, breach.promise):
            return True
        return (speaker, value) in self._advertised

    def _is_above(self, value: Any, promise: Promise) -> bool:
        return value > promise.value and not self._comparison.agrees(value, promise.value)

    def _is_set_above(self, promise: Promise, here: Around) -> bool:
        """Whether the channel publishes more here than is advertised, or more is expected."""
        said = here.own.published if here.own else None
        values = [self._comparison.value(said)] if said else []
        values += [here.expected.value] if here.expected else []
        return any(self._is_above(value, promise) for value in values)

    def _place_at_fault(self, claim: Claim, promise: Promise, around: Around) -> Place | None:
        """The wider place for which the channel publishes, or others expect, what was charged;
        None if it is the place itself."""
        value_of, value = self._comparison.value, self._comparison.value(claim)
        own, wider = around.own, [place for place, _ in around.wider]
        if own is not None and own.published and value_of(own.published) == value:
            return own.place if own.place in wider and own.place != around.place else None
        for place, expected in reversed(around.wider):
            if place != around.place and expected is not None and expected.value == value:
                return place if promise.place.rank <= place.rank else None
        return None

    def _verdict(self, claim: Claim, promise: Promise, around: Around) -> Judgement:
        comparison, value = self._comparison, self._comparison.value(claim)
        severity = comparison.severity(value, promise.value)
        severity = severity if severity.rank > Severity.HIGH.rank else Severity.HIGH
        expected = Expected(promise.value, promise.claims, promoted=False)
        gap = comparison.gap(value, promise.value)
        cause = self._cause(promise, around)
        moved = Move(min(map(begin_of, promise.claims)), ended=False, by=promise.claims)
        return Judgement(claim, expected, cause, severity, gap, moved)

    def _cause(self, promise: Promise, around: Around) -> Cause:
        expected, comparison = around.expected, self._comparison
        if expected is None:
            return Cause.UNDECIDED_PRICE
        if self._is_above(expected.value, promise):
            return Cause.ADVERTISEMENT_WRONG
        advertising = {channel for channel, _ in promise.speakers}
        if comparison.agrees(expected.value, promise.value) and any(
            one.channel not in advertising for one in expected.supporting_claims
        ):
            return Cause.ADVERTISED_PRICE_NOT_APPLIED
        return Cause.UNDECIDED_PRICE


def _is_local(comparison: Comparison, claim: Claim, promise: Promise, around: Around) -> bool:
    """Whether the price list names this price for a narrower place than the advertisement."""
    for reference in around.references:
        if reference.published is not None:
            own, value = comparison.value(reference.published), comparison.value(claim)
            is_as_listed = value <= own or comparison.agrees(value, own)
            return reference.place.rank > promise.place.rank and is_as_listed
    return False
