"""Conditions about events: how many, when the first and last were, regularly, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from schemas.rules.segment_fields import EventField
from services.segments.core.conditions import Leaf
from services.segments.core.facts import FOREVER, CustomerEvent, CustomerFacts
from services.segments.core.matching import Bound, Matcher, aggregated
from services.segments.core.windows import TimeWindow


@dataclass(frozen=True)
class Counted(Leaf):
    """So many events in a window."""

    matcher: Matcher
    window: TimeWindow
    bound: Bound

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return self.bound.holds(len(_inside(self.matcher, self.window, facts, at_ms)))

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        return _changes(self.matcher, self.window, facts)

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        return iter(_inside(self.matcher, self.window, facts, at_ms))


@dataclass(frozen=True)
class Aggregated(Leaf):
    """A sum, mean, smallest or greatest value, or number of different values, over a window."""

    matcher: Matcher
    window: TimeWindow
    how: str
    field: EventField
    currency: str
    bound: Bound

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        values = [
            value
            for event in _inside(self.matcher, self.window, facts, at_ms)
            for value in self.matcher.numbers(event, self.field, self.currency)
        ]
        found = aggregated(self.how, values)
        return found is not None and self.bound.holds(found)

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        return _changes(self.matcher, self.window, facts)

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        return iter(_inside(self.matcher, self.window, facts, at_ms))


@dataclass(frozen=True)
class Outermost(Leaf):
    """When the first or last event was; does not hold without one."""

    matcher: Matcher
    is_first: bool
    before_ms: int = FOREVER
    """Before this time, and …"""
    after_ms: int = -FOREVER
    """… not before this one, and …"""
    within_ms: int = FOREVER
    """… less than so long ago, and …"""
    not_within_ms: int = 0
    """… so long ago or longer."""

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        events = facts.series(self.matcher).up_to(at_ms)
        if not events:
            return False
        time = events[0 if self.is_first else -1].at_ms
        age = at_ms - time
        return self.after_ms <= time < self.before_ms and self.not_within_ms <= age < self.within_ms

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        series = facts.series(self.matcher)
        yield from series.instants()
        for one in series.events:
            yield one.at_ms + self.within_ms
            yield one.at_ms + self.not_within_ms

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        events = facts.series(self.matcher).up_to(at_ms)
        return iter(events[:1] if self.is_first else events[-1:])


@dataclass(frozen=True)
class Restarted(Leaf):
    """An event lately, and before it none for a while, and before that one."""

    matcher: Matcher
    pause_ms: int
    within_ms: int

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return any(True for _ in self.evidence(facts, at_ms))

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        series = facts.series(self.matcher)
        yield from series.instants()
        for one in series.events:
            yield one.at_ms + self.within_ms

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        events = facts.series(self.matcher).up_to(at_ms)
        for before, one in pairwise(events):
            if one.at_ms > at_ms - self.within_ms and one.at_ms - before.at_ms >= self.pause_ms:
                yield one


@dataclass(frozen=True)
class Regular(Leaf):
    """Events in so many of the latest periods; the latest one ends now."""

    matcher: Matcher
    every_ms: int
    least: int
    periods: int

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        events = self._inside(facts, at_ms)
        return len({(at_ms - one.at_ms) // self.every_ms for one in events}) >= self.least

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        series = facts.series(self.matcher)
        yield from series.instants()
        for one in series.events:
            for number in range(1, self.periods + 1):
                yield one.at_ms + number * self.every_ms

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        return iter(self._inside(facts, at_ms))

    def _inside(self, facts: CustomerFacts, at_ms: int) -> Sequence[CustomerEvent]:
        low = at_ms - self.periods * self.every_ms
        return facts.series(self.matcher).between(low, at_ms, at_ms)


@dataclass(frozen=True)
class Missing:
    """None of these events, for a while after a step or until the next one (`within_ms` None)."""

    matcher: Matcher
    within_ms: int | None


@dataclass(frozen=True)
class FollowingStep:
    """The next event of a sequence."""

    matcher: Matcher
    within_ms: int
    """How long after the one before, at most."""
    absences: Sequence[Missing]
    """What must not be between the two."""


@dataclass(frozen=True)
class Ordered(Leaf):
    """Events one after the other; each strictly later than the one before."""

    first: Matcher
    links: Sequence[FollowingStep]
    absences: Sequence[Missing]
    """What must not follow the last event."""
    within_ms: int | None
    """How long ago it was complete, at most."""

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        reached = _times(facts, self.first, at_ms)
        for link in self.links:
            reached = self._next(facts, reached, link, at_ms)
        earliest = -FOREVER if self.within_ms is None else at_ms - self.within_ms
        missing = [(one.within_ms, _times(facts, one.matcher, at_ms)) for one in self.absences]
        return any(
            earliest < self._complete(time) <= at_ms
            and not any(_has_after(times, time, length) for length, times in missing)
            for time in reached
        )

    def _next(
        self, facts: CustomerFacts, reached: Sequence[int], link: FollowingStep, at_ms: int
    ) -> list[int]:
        """The times of the next event, of those that some event before it leads to."""
        missing = [(one.within_ms, _times(facts, one.matcher, at_ms)) for one in link.absences]
        return [
            time
            for time in _times(facts, link.matcher, at_ms)
            if any(
                before < time <= before + link.within_ms
                and not any(_has_after(times, before, length, time) for length, times in missing)
                for before in reversed(reached)
            )
        ]

    def _complete(self, last_ms: int) -> int:
        """When a sequence with this last event is complete."""
        return last_ms + max((one.within_ms or 0 for one in self.absences), default=0)

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        for matcher in self._matchers():
            yield from facts.series(matcher).instants()
        last = self.links[-1].matcher if self.links else self.first
        for one in facts.series(last).events:
            complete = self._complete(one.at_ms)
            yield complete
            if self.within_ms is not None:
                yield complete + self.within_ms

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        for matcher in (self.first, *(link.matcher for link in self.links)):
            yield from facts.series(matcher).up_to(at_ms)

    def _matchers(self) -> Iterator[Matcher]:
        yield self.first
        for link in self.links:
            yield link.matcher
            yield from (one.matcher for one in link.absences)
        yield from (one.matcher for one in self.absences)


def _times(facts: CustomerFacts, matcher: Matcher, at_ms: int) -> list[int]:
    """The times of the events that count, each once."""
    return sorted({one.at_ms for one in facts.series(matcher).up_to(at_ms)})


def _has_after(
    times: Iterable[int], start_ms: int, length_ms: int | None, end_ms: int = FOREVER
) -> bool:
    """Whether any of the times is after a start, before an end, and no later than a length."""
    latest = FOREVER if length_ms is None else start_ms + length_ms
    return any(start_ms < one <= latest and one < end_ms for one in times)


def _inside(
    matcher: Matcher, window: TimeWindow, facts: CustomerFacts, at_ms: int
) -> Sequence[CustomerEvent]:
    """The events of a window."""
    return facts.series(matcher).between(window.low(at_ms), window.high(at_ms), at_ms)


def _changes(matcher: Matcher, window: TimeWindow, facts: CustomerFacts) -> Iterator[int]:
    """When events come into a window or leave it."""
    series = facts.series(matcher)
    yield from series.instants()
    for one in series.events:
        end = window.end_of(one.at_ms)
        if end is not None:
            yield end


AT_LEAST_ONE = Bound(low=Decimal(1))
NONE = Bound(high=Decimal(0))
