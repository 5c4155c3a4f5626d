"""The course of a value that moves: what was said of it in order of time, and who contradicts.

A statement is a snapshot of its moment, so a later one contradicts an earlier one only if nothing
can have moved in between. Whoever is silent is never wrong. Pure; every time is that of a statement
or a grace after one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, Protocol

from services.consistency.core.episodes import EVIDENCE_MAX

Value = Decimal | str


class Snapshot(NamedTuple):
    """What a channel said at a time."""

    at: datetime
    event_id: str
    channel: str
    value: Value | None
    """None: only that it changed."""
    change: Decimal | None = None
    """By how much it has just changed, if it has and that is known; never zero."""

    @property
    def base(self) -> Value | None:
        """What it was before the change; None if that is not known."""
        if self.change is None or not isinstance(self.value, Decimal):
            return None
        return self.value - self.change


class CourseRules(Protocol):
    """What the course needs of the rules of a kind."""

    @property
    def reference_channels(self) -> list[str]:
        """Channels whose word counts."""
        ...

    @property
    def max_age(self) -> timedelta:
        """After so long without a word a new value is believed: it may have moved unnoticed."""
        ...

    @property
    def insisting(self) -> timedelta:
        """Within so long who repeats a former value contradicts; later it may be right again."""
        ...

    @property
    def published_max_age(self) -> timedelta:
        """How long a deviation is told after its last statement."""
        ...

    def grace(self, channel: str, promotion_ended: bool) -> timedelta:
        """How long a channel may take to follow a change."""
        ...

    def agree(self, one: Value, other: Value) -> bool:
        """Whether two values count as the same."""
        ...


@dataclass
class Dissent:
    """One channel contradicts the course, from its first statement until it is right again."""

    said: Snapshot
    """The latest statement that contradicts."""
    since: datetime
    due_at: datetime
    expected: Value
    """What the course was at that statement."""
    is_stale: bool
    """It says what was right before."""
    is_undecided: bool
    """One channel against one, and none is a reference."""
    supporting: list[str]
    """Events that said what is expected."""
    evidence: list[str] = field(default_factory=list)
    opened_at: datetime | None = None
    resolved_at: datetime | None = None


class Former(NamedTuple):
    """A value that the course left."""

    value: Value
    until: datetime


class Course:
    """The fold of all snapshots up to a time. Feed it once, with `run`."""

    def __init__(self, rules: CourseRules) -> None:
        self._rules = rules
        self._value: Value | None = None
        self._support: dict[str, str] = {}
        """Who said the present value: the latest event by channel."""
        self._confirmed_at: datetime | None = None
        """When the present value was said last."""
        self._doubt_since: datetime | None = None
        """Since when it is known that something moved, but not to what."""
        self._former: list[Former] = []
        self._agreed_at: dict[str, datetime] = {}
        """When a channel was last in agreement."""
        self._referred = False
        """Whether a reference channel has spoken."""
        self._now: dict[str, Dissent] = {}
        self._past: list[Dissent] = []

    def run(self, said: Iterable[Snapshot], until: datetime) -> list[Dissent]:
        """All dissents that follow of the snapshots, those that are pending included."""
        in_time = sorted(said, key=attrgetter("at", "event_id"))
        for _, group in groupby(in_time, key=attrgetter("at")):
            for one in self._in_order(list(group)):
                self._pass(one.at)
                self._hear(one)
        self._pass(until)
        for dissent in self._now.values():
            if dissent.opened_at is None and dissent.due_at <= until:
                dissent.opened_at = dissent.due_at
        return [*self._past, *self._now.values()]

    def due_times(self) -> Iterator[datetime]:
        """When time alone will change something."""
        for dissent in self._now.values():
            yield dissent.due_at
            yield self._forgotten_at(dissent)

    def _in_order(self, said: list[Snapshot]) -> list[Snapshot]:
        """Of one moment: references first, then what most channels say."""
        agree = self._rules.agree

        def standing(one: Snapshot) -> tuple[bool, int]:
            value = one.value
            alike = {
                other.channel
                for other in said
                if value is not None and other.value is not None and agree(other.value, value)
            }
            return not self._is_reference(one.channel), -len(alike)

        return sorted(said, key=standing)  # the order of event ids stays

    def _pass(self, now: datetime) -> None:
        """Open what is due before now: a correction at the last moment is in time."""
        for channel, dissent in list(self._now.items()):
            if dissent.opened_at is None and dissent.due_at < now:
                dissent.opened_at = dissent.due_at
            if dissent.opened_at is not None and self._forgotten_at(dissent) <= now:
                self._end(channel, self._forgotten_at(dissent))

    def _forgotten_at(self, dissent: Dissent) -> datetime:
        return max(dissent.said.at + self._rules.published_max_age, dissent.due_at)

    def _hear(self, said: Snapshot) -> None:
        value, present = said.value, self._value
        if value is None:
            self._doubt_since = said.at
        elif present is None:
            self._move(said, value)
        elif self._rules.agree(value, present):
            self._confirm(said)
        elif self._is_reference(said.channel) or self._is_change_of(said, present):
            self._move(said, value)
        elif self._is_late(said):
            self._note_change(said)
        elif left_at := self._left_at(said):
            self._contradict(said, min(left_at + self._grace(said), said.at), is_stale=True)
        elif self._may_be_late(said):
            self._doubt_since = said.at
        elif self._is_believed(said, value):
            self._move(said, value)
        else:
            self._contradict(said, said.at + self._grace(said), is_stale=False)

    def _is_reference(self, channel: str) -> bool:
        return channel in self._rules.reference_channels

    def _grace(self, said: Snapshot) -> timedelta:
        return self._rules.grace(said.channel, False)

    def _is_change_of(self, said: Snapshot, present: Value) -> bool:
        """Whether it names the change that leads to it from the present value."""
        return said.base is not None and self._rules.agree(said.base, present)

    def _says(self, said: Snapshot, value: Value) -> bool:
        """Whether it says a value, or names a change of it: where that leads to may be another
        former value by chance."""
        agree = self._rules.agree
        if said.base is not None and agree(said.base, value):
            return True
        is_plain = said.base is None or said.channel not in self._agreed_at
        return is_plain and said.value is not None and agree(said.value, value)

    def _is_late(self, said: Snapshot) -> bool:
        """Whether it says what was right within the grace."""
        earliest = said.at - self._grace(said)
        return any(one.until > earliest and self._says(said, one.value) for one in self._former)

    def _may_be_late(self, said: Snapshot) -> bool:
        """Whether it may say what was right for a moment that nobody told of: others went on since
        the channel was right last, and its grace after that is not over."""
        agreed_at = self._agreed_at.get(said.channel)
        if agreed_at is None or said.channel in self._now or not self._former:
            return False
        moved_at = self._former[-1].until
        return agreed_at < moved_at and said.at < moved_at + self._grace(said)

    def _left_at(self, said: Snapshot) -> datetime | None:
        """When the course left the value that is said, if the channel has not followed since."""
        agreed_at, confirmed_at = self._agreed_at.get(said.channel), self._confirmed_at
        patience = self._rules.max_age if agreed_at is None else self._rules.insisting
        if confirmed_at is None or said.at - confirmed_at > patience:
            return None
        found = (
            one.until
            for one in reversed(self._former)
            if (agreed_at is None or one.until > agreed_at) and self._says(said, one.value)
        )
        return next(found, None)

    def _is_believed(self, said: Snapshot, value: Value) -> bool:
        """Whether the value may have moved to it unnoticed, or more channels say so."""
        dissent, channel = self._now.get(said.channel), said.channel
        if dissent is None and self._doubt_since is not None:
            return True
        if self._referred:
            return False
        if dissent is None and channel in self._agreed_at:
            return True  # It was right and says something new: it knows of a change.
        repeats = dissent is not None and self._is_same(dissent, value)
        silent = self._confirmed_at is None or said.at - self._confirmed_at > self._rules.max_age
        if silent and not repeats:
            return True
        rivals = {one for one, other in self._now.items() if self._is_same(other, value)}
        return len(rivals | {channel}) > len(self._support.keys() - {channel})

    def _is_same(self, dissent: Dissent, value: Value) -> bool:
        said = dissent.said.value
        return said is not None and self._rules.agree(said, value)

    def _note_change(self, said: Snapshot) -> None:
        """Who has an old value and names a change tells that something moved."""
        if said.change is not None and not any(
            said.value is not None and self._rules.agree(said.value, one.value)
            for one in self._former
        ):
            self._doubt_since = said.at

    def _confirm(self, said: Snapshot) -> None:
        self._end(said.channel, said.at)
        self._agreed_at[said.channel] = self._confirmed_at = said.at
        self._support[said.channel] = said.event_id
        self._referred |= self._is_reference(said.channel)
        if self._doubt_since is not None and said.at >= self._doubt_since + self._grace(said):
            self._doubt_since = None

    def _move(self, said: Snapshot, value: Value) -> None:
        """The course goes on to what is said, and takes along who was ahead of it."""
        left = [one for one in (self._value, said.base) if one is not None]
        self._former += [Former(one, said.at) for one in left]
        self._value, self._support, self._doubt_since = value, {}, None
        self._confirm(said)
        for channel, dissent in list(self._now.items()):
            if self._is_same(dissent, value):
                self._end(channel, said.at)
                self._support[channel] = dissent.said.event_id
                self._agreed_at[channel] = dissent.said.at
        for dissent in self._now.values():
            ahead = dissent.said
            is_pending = dissent.opened_at is None and ahead.value is not None
            if is_pending and self._is_change_of(ahead, value):
                assert ahead.value is not None
                self._move(ahead._replace(at=said.at), ahead.value)
                return

    def _contradict(self, said: Snapshot, due_at: datetime, is_stale: bool) -> None:
        present, dissent = self._value, self._now.get(said.channel)
        assert present is not None
        if said.change is not None and dissent is None:
            self._doubt_since = said.at
        supporting = list(self._support.values())[:EVIDENCE_MAX]
        is_undecided = len(self._support) == 1 and not self._referred
        fresh = Dissent(said, said.at, due_at, present, is_stale, is_undecided, supporting)
        if dissent is not None:
            fresh.since, fresh.opened_at = dissent.since, dissent.opened_at
            fresh.due_at = dissent.due_at if dissent.opened_at else min(due_at, dissent.due_at)
            fresh.evidence = dissent.evidence
        fresh.due_at = max(fresh.due_at, fresh.since)
        if len(fresh.evidence) < EVIDENCE_MAX and said.event_id not in fresh.evidence:
            fresh.evidence = [*fresh.evidence, said.event_id]
        if fresh.opened_at is None and fresh.due_at <= said.at and is_stale:
            fresh.opened_at = said.at
            fresh.due_at = said.at
        self._now[said.channel] = fresh

    def _end(self, channel: str, at: datetime) -> None:
        dissent = self._now.pop(channel, None)
        if dissent is not None and dissent.opened_at is not None:
            dissent.resolved_at = at
            self._past.append(dissent)
