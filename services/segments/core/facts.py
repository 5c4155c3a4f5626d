"""What is known of one customer, as the conditions of segments ask for it.

Everything has the time from which on it is so, so that the same facts answer for every earlier
time: what comes later than the time asked for counts for nothing. The order of the facts and
repeated ones make no difference; of several bodies of an event the highest version counts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.instants import to_ms
from schemas.rules.profile import ConsentRules
from services.profiles.core.consent import ConsentRecord, Consents

if TYPE_CHECKING:
    from services.segments.core.matching import Matcher

FOREVER = 1 << 62
Fields = Mapping[str, Any]
NOTHING: Fields = MappingProxyType({})


class CustomerEvent(NamedTuple):
    """One event of a customer, or what is true of it for a time.

    An order that is cancelled counts until then (`until_ms`). One that is cancelled in part is two
    of these: with its whole value until then, with the rest from then on (`known_ms`).
    """

    type: str
    at_ms: int
    """When it occurred (Unix ms)."""
    event_id: str
    channel: str
    store: str
    fields: Fields = NOTHING
    """What is needed of its body, nested as there."""
    version: int = 0
    known_ms: int = -FOREVER
    """From when on it counts, if that is later than it occurred."""
    until_ms: int = FOREVER
    """Until when it counts."""

    @property
    def from_ms(self) -> int:
        """From when on it counts."""
        return max(self.at_ms, self.known_ms)


class Series:
    """Events that one matcher selects, in the order of time."""

    def __init__(self, events: Sequence[CustomerEvent]) -> None:
        self.events = events
        self._times = [one.at_ms for one in events]
        self._plain = all(one.known_ms <= one.at_ms and one.until_ms == FOREVER for one in events)

    def between(self, low_ms: int, high_ms: int, at_ms: int) -> Sequence[CustomerEvent]:
        """Those after `low_ms`, up to `high_ms`, that count at `at_ms`, which is no earlier."""
        some = self.events[bisect_right(self._times, low_ms) : bisect_right(self._times, high_ms)]
        if self._plain:
            return some
        return [one for one in some if one.known_ms <= at_ms < one.until_ms]

    def up_to(self, at_ms: int) -> Sequence[CustomerEvent]:
        """Those that occurred and count at a time."""
        return self.between(-FOREVER, at_ms, at_ms)

    def instants(self) -> Iterator[int]:
        """When any of them begins or ceases to count."""
        for one in self.events:
            yield one.from_ms
            if one.until_ms != FOREVER:
                yield one.until_ms


class DatedValues(NamedTuple):
    """The values of an attribute from a time on (Unix ms): one, or several of a union."""

    from_ms: int
    values: tuple[str, ...]


class CustomerFacts:
    """The facts of one profile."""

    def __init__(
        self,
        kind: str,
        events: Iterable[CustomerEvent] = (),
        attributes: Mapping[str, Sequence[DatedValues]] | None = None,
        consents: Iterable[ConsentRecord] = (),
        measures: Mapping[str, str | Decimal] | None = None,
    ) -> None:
        """`kind` is empty of who is known by test journeys only. `attributes` has every survivor
        that each attribute had, in any order; `measures` is the value of measures of this
        customer."""
        self.kind = kind
        self.measures = measures or {}
        self._by_type = _latest(events)
        self._attributes = {name: sorted(said) for name, said in (attributes or {}).items()}
        self.consents = sorted(set(consents), key=lambda one: (one.occurred_at, one.event_id))
        self._consent_times = [to_ms(one.occurred_at) for one in self.consents]
        self._series: dict[Matcher, Series] = {}
        self._states: dict[int, Consents] = {}

    def events(self) -> Iterator[CustomerEvent]:
        """All events, each body that counts once."""
        for some in self._by_type.values():
            yield from some

    def series(self, matcher: Matcher) -> Series:
        """The events that a matcher selects."""
        found = self._series.get(matcher)
        if found is None:
            of_type = self._by_type.get(matcher.event_type, ())
            found = Series([one for one in of_type if matcher.matches(one)])
            self._series[matcher] = found
        return found

    def values(self, attribute: str, at_ms: int) -> tuple[str, ...]:
        """The values of an attribute at a time."""
        values: tuple[str, ...] = ()
        for one in self._attributes.get(attribute, ()):
            if one.from_ms > at_ms:
                break
            values = one.values
        return values

    def all_values(self, attribute: str) -> list[str]:
        """The values that an attribute had at any time, or will have."""
        return [value for one in self._attributes.get(attribute, ()) for value in one.values]

    def attribute_instants(self, attribute: str) -> Iterator[int]:
        """When an attribute changes."""
        return (one.from_ms for one in self._attributes.get(attribute, ()))

    def consents_at(self, at_ms: int, rules: ConsentRules) -> Consents:
        """What was said about contact up to a time."""
        count = bisect_right(self._consent_times, at_ms)
        if count not in self._states:
            self._states[count] = Consents(self.consents[:count], rules)
        return self._states[count]

    def consent_instants(self) -> Sequence[int]:
        """When anything was said about contact."""
        return self._consent_times


def _latest(events: Iterable[CustomerEvent]) -> dict[str, list[CustomerEvent]]:
    """The bodies that count, each once, by type in the order of time."""
    versions: dict[str, int] = {}
    found: dict[tuple[str, int], CustomerEvent] = {}
    for one in events:
        known = versions.get(one.event_id, -1)
        if one.version > known:
            versions[one.event_id] = one.version
        if one.version >= known:
            found[one.event_id, one.known_ms] = one
    by_type: defaultdict[str, list[CustomerEvent]] = defaultdict(list)
    for one in found.values():
        if one.version == versions[one.event_id]:
            by_type[one.type].append(one)
    for some in by_type.values():
        some.sort(key=lambda one: (one.at_ms, one.event_id, one.known_ms))
    return by_type
