"""What a compiled condition is, and how several make one.

A condition says whether it holds at a time, and from when on time alone may change that. The second
is exact or too early, never too late: until then nothing changes, if nothing is learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from services.segments.core.facts import FOREVER, CustomerEvent, CustomerFacts

TRIES_MAX = 32
"""Instants that are looked at for a change; a later one is given unseen."""


class Outlook(NamedTuple):
    """Whether a condition holds, and when that may change (Unix ms; None: never by time alone)."""

    holds: bool
    flip_ms: int | None


class Compiled(Protocol):
    """A condition of one segment. Pure."""

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """Whether it holds for a customer at a time."""
        ...

    def outlook(self, facts: CustomerFacts, at_ms: int) -> Outlook:
        """The same, and when it may change."""
        ...

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """Events that it looks at, as they count at a time."""
        ...


class Leaf:
    """A condition by itself; subclasses say when it holds, and at which instants to look again."""

    is_endless = False
    """Whether there are always later instants than those that `instants` gives."""

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        raise NotImplementedError

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterable[int]:
        """Every instant after `at_ms` at which it may change, and perhaps others."""
        raise NotImplementedError

    def outlook(self, facts: CustomerFacts, at_ms: int) -> Outlook:
        """See Compiled."""
        now = self.holds(facts, at_ms)
        later = sorted({one for one in self.instants(facts, at_ms) if at_ms < one < FOREVER})
        for number, instant in enumerate(later):
            if number == TRIES_MAX or self.holds(facts, instant) != now:
                return Outlook(now, instant)
        return Outlook(now, later[-1] if self.is_endless and later else None)

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        return iter(())


@dataclass(frozen=True)
class AllOf:
    """Every one of them holds; holds without any."""

    parts: Sequence[Compiled]

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return all(one.holds(facts, at_ms) for one in self.parts)

    def outlook(self, facts: CustomerFacts, at_ms: int) -> Outlook:
        """See Compiled. It stays false while any part does: until the last of these may change."""
        found = [one.outlook(facts, at_ms) for one in self.parts]
        wrong = [one.flip_ms for one in found if not one.holds]
        if wrong:
            return Outlook(False, _latest(wrong))
        return Outlook(True, _earliest(one.flip_ms for one in found))

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        for one in self.parts:
            yield from one.evidence(facts, at_ms)


@dataclass(frozen=True)
class AnyOf:
    """One of them holds."""

    parts: Sequence[Compiled]

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return any(one.holds(facts, at_ms) for one in self.parts)

    def outlook(self, facts: CustomerFacts, at_ms: int) -> Outlook:
        """See Compiled. It stays true while any part does."""
        found = [one.outlook(facts, at_ms) for one in self.parts]
        right = [one.flip_ms for one in found if one.holds]
        if right:
            return Outlook(True, _latest(right))
        return Outlook(False, _earliest(one.flip_ms for one in found))

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        for one in self.parts:
            yield from one.evidence(facts, at_ms)


@dataclass(frozen=True)
class Not:
    """It does not hold."""

    part: Compiled

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return not self.part.holds(facts, at_ms)

    def outlook(self, facts: CustomerFacts, at_ms: int) -> Outlook:
        """See Compiled."""
        found = self.part.outlook(facts, at_ms)
        return found._replace(holds=not found.holds)

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        return self.part.evidence(facts, at_ms)


@dataclass(frozen=True)
class Lasting:
    """It has held for so long without a break."""

    part: Compiled
    length_ms: int

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        if not self.part.holds(facts, at_ms):
            return False
        return self._since(facts, at_ms) == at_ms - self.length_ms

    def outlook(self, facts: CustomerFacts, at_ms: int) -> Outlook:
        """See Compiled."""
        now = self.part.outlook(facts, at_ms)
        if not now.holds:
            # It can hold only that long after the part does.
            flip = now.flip_ms
            return Outlook(False, None if flip is None else flip + self.length_ms)
        since = self._since(facts, at_ms)
        if since == at_ms - self.length_ms:
            return now
        return Outlook(False, since + self.length_ms)

    def _since(self, facts: CustomerFacts, at_ms: int) -> int:
        """When the part, which holds now, began to; at the earliest the length ago."""
        instant: int | None = at_ms - self.length_ms
        since: int | None = None
        while instant is not None and instant <= at_ms:
            found = self.part.outlook(facts, instant)
            if not found.holds:
                since = None
            elif since is None:
                since = instant
            instant = found.flip_ms
        return at_ms if since is None else since

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        return self.part.evidence(facts, at_ms)


def _earliest(instants: Iterable[int | None]) -> int | None:
    return min((one for one in instants if one is not None), default=None)


def _latest(instants: Sequence[int | None]) -> int | None:
    """None if one of them is: it never comes."""
    found = [one for one in instants if one is not None]
    return max(found) if len(found) == len(instants) else None
