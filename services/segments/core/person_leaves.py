"""Conditions about the person: kind of profile, attributes, dates, contact permission, measures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from schemas.rules.profile import ConsentRules
from schemas.rules.segment_conditions import ValueTest
from services.segments.core.conditions import Leaf
from services.segments.core.facts import CustomerFacts
from services.segments.core.matching import Bound, Check, holds_for
from services.segments.core.windows import anniversary, beginning, day_of, years_since


@dataclass(frozen=True)
class OfKind(Leaf):
    """A kind of profile."""

    kinds: Collection[str]

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return facts.kind in self.kinds

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        return iter(())


@dataclass(frozen=True)
class AttributeIs(Leaf):
    """An attribute, or one of its values, is what is asked for."""

    attribute: str
    test: ValueTest
    check: Check

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return holds_for(self.test, self.check, facts.values(self.attribute, at_ms))

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        return facts.attribute_instants(self.attribute)


@dataclass(frozen=True)
class AnniversaryNear(Leaf):
    """The anniversary of a date is today, or begins within a time."""

    attribute: str
    length_ms: int
    zone: ZoneInfo

    is_endless = True

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        today = day_of(at_ms, self.zone)
        return any(
            beginning(self._next(day, today), self.zone) <= at_ms + self.length_ms
            for day in dates(facts.values(self.attribute, at_ms))
        )

    def _next(self, day: date, today: date) -> date:
        """The first anniversary that is not over."""
        this_year = anniversary(day, today.year)
        return this_year if this_year >= today else anniversary(day, today.year + 1)

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        yield from facts.attribute_instants(self.attribute)
        year = day_of(at_ms, self.zone).year
        for day in dates(facts.all_values(self.attribute)):
            for number in range(year, year + 3):
                first = beginning(anniversary(day, number), self.zone)
                yield first - self.length_ms
                yield next_day(anniversary(day, number), self.zone)


@dataclass(frozen=True)
class OfAge(Leaf):
    """A date is so many whole years ago."""

    attribute: str
    bound: Bound
    zone: ZoneInfo

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        today = day_of(at_ms, self.zone)
        days = dates(facts.values(self.attribute, at_ms))
        return any(day <= today and self.bound.holds(years_since(day, today)) for day in days)

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        yield from facts.attribute_instants(self.attribute)
        ends = [int(one) for one in (self.bound.low, self.bound.high) if one is not None]
        for day in dates(facts.all_values(self.attribute)):
            for years in {0, *ends, *(one + 1 for one in ends)}:
                yield beginning(anniversary(day, day.year + years), self.zone)


@dataclass(frozen=True)
class Permitted(Leaf):
    """Contact is permitted at one address at least, or at none."""

    purpose: str
    channel: str
    allowed: bool
    rules: ConsentRules

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        consents = facts.consents_at(at_ms, self.rules)
        return consents.is_permitted(self.purpose, self.channel) == self.allowed

    def instants(self, facts: CustomerFacts, at_ms: int) -> Sequence[int]:
        """See Leaf."""
        return facts.consent_instants()


@dataclass(frozen=True)
class NotObjected(Leaf):
    """The person has not objected to a purpose on every channel, or has consented to it since."""

    purpose: str
    rules: ConsentRules

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return facts.consents_at(at_ms, self.rules).objection(self.purpose) is None

    def instants(self, facts: CustomerFacts, at_ms: int) -> Sequence[int]:
        """See Leaf."""
        return facts.consent_instants()


@dataclass(frozen=True)
class MeasureIs(Leaf):
    """A measure of the customer is what is asked for; it is as it was given with the facts."""

    measure: str
    test: ValueTest
    check: Check

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        value: Any = facts.measures.get(self.measure)
        return holds_for(self.test, self.check, [] if value is None else [value])

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        return iter(())


def dates(values: Sequence[str]) -> list[date]:
    """The values that are days in their written form."""
    found = []
    for one in values:
        try:
            found.append(date.fromisoformat(one))
        except ValueError:
            continue
    return found


def next_day(day: date, zone: ZoneInfo) -> int:
    """When the day after one begins."""
    return beginning(date.fromordinal(day.toordinal() + 1), zone)
