"""What the stage of segments keeps of its work, in memory: as the adapter of ClickHouse does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from schemas.identifiers import NodeId
from services.segments.core.decision import BY_ERASURE, TouchCause
from services.segments.ports import MEMBER, SegmentChange, SegmentMembership, StoredDefinition

Key = tuple[str, str, NodeId]
"""Realm, segment and profile."""


class MemorySegmentStore:
    """Implements `services.segments.ports.LiveSegmentStore`."""

    def __init__(self) -> None:
        self._definitions: dict[tuple[str, str], StoredDefinition] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._memberships: dict[Key, tuple[int, SegmentMembership]] = {}
        self._changes: dict[tuple[Key, int], tuple[int, SegmentChange]] = {}
        self._timers: dict[Key, datetime] = {}
        self._marks: dict[tuple[str, NodeId], tuple[int, TouchCause]] = {}
        self._ticks: dict[str, tuple[datetime, int]] = {}

    def definitions(self, realm: str) -> dict[str, StoredDefinition]:
        """See the port."""
        return {
            name: one
            for (mine, name), one in self._definitions.items()
            if mine == realm and self._numbers[mine, name] == one.number
        }

    def numbers(self, realm: str) -> dict[str, int]:
        """See the port."""
        return {name: one for (mine, name), one in self._numbers.items() if mine == realm}

    def put_definitions(self, realm: str, definitions: Mapping[str, StoredDefinition]) -> None:
        """See the port."""
        self._definitions |= {(realm, name): one for name, one in definitions.items()}
        self._numbers |= {(realm, name): one.number for name, one in definitions.items()}

    def remove_definition(self, realm: str, segment: str, number: int, at: datetime) -> None:
        """See the port."""
        self._numbers[realm, segment] = number

    def memberships(
        self, realm: str, segment: str, state: str = "", *, page: int = 1_000, after: NodeId = 0
    ) -> Iterator[list[SegmentMembership]]:
        """See the port."""
        found = sorted(
            (one for key, (_, one) in self._memberships.items() if key[:2] == (realm, segment)),
            key=lambda one: one.profile,
        )
        mine = [one for one in found if state in ("", one.state) and one.profile > after]
        for start in range(0, len(mine), page):
            yield mine[start : start + page]

    def stored(
        self, realm: str, segments: Collection[str], profiles: Collection[NodeId]
    ) -> dict[str, dict[NodeId, SegmentMembership]]:
        """See the port."""
        found: defaultdict[str, dict[NodeId, SegmentMembership]] = defaultdict(dict)
        for segment in segments:
            for profile in profiles:
                if (row := self._memberships.get((realm, segment, profile))) is not None:
                    found[segment][profile] = row[1]
        return found

    def sizes(self, realm: str) -> dict[str, int]:
        """See the port."""
        found: defaultdict[str, int] = defaultdict(int)
        for (mine, segment, _), (_, one) in self._memberships.items():
            if mine == realm and one.state == MEMBER:
                found[segment] += 1
        return dict(found)

    def put_memberships(
        self, realm: str, segment: str, memberships: Sequence[SegmentMembership], version: int
    ) -> None:
        """See the port."""
        for one in memberships:
            key = realm, segment, one.profile
            if key not in self._memberships or self._memberships[key][0] <= version:
                self._memberships[key] = version, one

    def evaluated(self, realm: str) -> tuple[datetime, int] | None:
        """See the port."""
        return self._ticks.get(realm)

    def marks(self, realm: str, after: int, limit: int) -> dict[NodeId, TouchCause]:
        """See the port."""
        found = {
            node: cause
            for (mine, node), (batch, cause) in self._marks.items()
            if mine == realm and batch > after
        }
        return dict(list(found.items())[:limit])

    def timers_of(
        self, realm: str, profiles: Collection[NodeId], segments: Collection[str]
    ) -> dict[NodeId, dict[str, datetime]]:
        """See the port."""
        found: defaultdict[NodeId, dict[str, datetime]] = defaultdict(dict)
        for profile in profiles:
            for segment in segments:
                if (due_at := self._timers.get((realm, segment, profile))) is not None:
                    found[profile][segment] = due_at
        return found

    def due(
        self, realm: str, now: datetime, after: NodeId, limit: int
    ) -> list[tuple[NodeId, Sequence[str]]]:
        """See the port."""
        found: defaultdict[NodeId, list[str]] = defaultdict(list)
        for (mine, segment, node), due_at in self._timers.items():
            if mine == realm and due_at <= now and node > after:
                found[node].append(segment)
        rows: list[tuple[NodeId, Sequence[str]]] = [*sorted(found.items())]
        return rows[:limit]

    def timed(self, realm: str, segment: str, limit: int) -> list[NodeId]:
        """See the port."""
        return sorted(key[2] for key in self._timers if key[:2] == (realm, segment))[:limit]

    def leftover(self, realm: str, segments: Collection[str]) -> set[str]:
        """See the port."""
        timed = {segment for mine, segment, _ in self._timers if mine == realm}
        return (timed | self.sizes(realm).keys()) & set(segments)

    def changes_after(self, realm: str, batch: int) -> Iterator[list[SegmentChange]]:
        """See the port."""
        yield [
            one
            for (key, _), (mine, one) in sorted(self._changes.items(), key=lambda row: row[0])
            if key[0] == realm and mine > batch and one.change.reason != BY_ERASURE
        ]

    def changes(self, realm: str) -> list[SegmentChange]:
        """All changes, those of a profile and segment in their order."""
        return [
            one for (key, _), (_, one) in sorted(self._changes.items(), key=lambda row: row[0])
            if key[0] == realm
        ]  # fmt: skip

    def write_changes(self, realm: str, changes: Sequence[SegmentChange], batch: int) -> None:
        """See the port."""
        for one in changes:
            key = realm, one.segment, one.profile
            self._changes[key, one.change.sequence] = batch, one

    def write_timers(
        self, realm: str, timers: Mapping[tuple[str, NodeId], datetime | None], version: int
    ) -> None:
        """See the port."""
        for (segment, node), due_at in timers.items():
            self._timers.pop((realm, segment, node), None)
            if due_at is not None:
                self._timers[realm, segment, node] = due_at

    def write_marks(self, realm: str, marks: Mapping[NodeId, TouchCause], batch: int) -> None:
        """See the port."""
        self._marks |= {(realm, node): (batch, cause) for node, cause in marks.items()}

    def write_evaluated(self, realm: str, tick: datetime, batch: int) -> None:
        """See the port."""
        self._ticks[realm] = tick, batch

    def erase(self, realm: str, nodes: Collection[NodeId]) -> None:
        """Remove what is held on people, but that they left by an erasure."""
        gone = {key for key in self._memberships if key[0] == realm and key[2] in nodes}
        for key in gone:
            del self._memberships[key]
        for key in [one for one in self._timers if one[0] == realm and one[2] in nodes]:
            del self._timers[key]
        for name in [one for one in self._marks if one[0] == realm and one[1] in nodes]:
            del self._marks[name]
        for row in [
            (key, number)
            for (key, number), (_, one) in self._changes.items()
            if key[0] == realm and key[2] in nodes and one.change.reason != BY_ERASURE
        ]:
            del self._changes[row]
