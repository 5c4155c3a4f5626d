"""What the stage of segments keeps of its work, on ClickHouse: changes, timers, marks, ticks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from services.segments.adapters.store import FIRST, PAGE_ROWS, SegmentStore
from services.segments.core.decision import Change, TouchCause
from services.segments.ports import SegmentChange
from services.store.database import Database, on_one_thread, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
MARKS_SQL = _STATEMENTS["marks"]
TIMERS_OF_SQL = _STATEMENTS["timers_of"]
DUE_SQL = _STATEMENTS["due"]
TIMED_SQL = _STATEMENTS["timed"]
LEFTOVER_SQL = _STATEMENTS["leftover"]
CHANGES_AFTER_SQL = _STATEMENTS["changes_after"]
CHANGE_COLUMNS = (
    "realm", "segment", "node", "change", "reason", "at", "tick", "late", "because", "supersedes",
    "sequence", "definition", "into_node", "version",
)  # fmt: skip
TIMER_COLUMNS = ("realm", "segment", "node", "due_at", "version")
MARK_COLUMNS = ("realm", "node", "cause", "version")
TICK_COLUMNS = ("realm", "tick", "version")
NEVER = from_ms(0)


class LiveStore(SegmentStore):
    """Implements `services.segments.ports.LiveSegmentStore`."""

    def __init__(self, database: Database, page: int = PAGE_ROWS) -> None:
        super().__init__(database)
        self._page = page

    def marks(self, realm: str, after: int, limit: int) -> dict[NodeId, TouchCause]:
        """See the port."""
        asked = {"realm": realm, "after": after, "limit": limit}
        return {
            node.int: TouchCause(cause) for node, cause in self._database.rows(MARKS_SQL, asked)
        }

    def timers_of(
        self, realm: str, profiles: Collection[NodeId], segments: Collection[str]
    ) -> dict[NodeId, dict[str, datetime]]:
        """See the port."""
        found: defaultdict[NodeId, dict[str, datetime]] = defaultdict(dict)
        sql, names = on_one_thread(TIMERS_OF_SQL, len(profiles)), sorted(segments)
        for node, segment, due_at in rows_by_key(
            self._database, sql, realm, profiles, segments=names
        ):
            found[node.int][segment] = due_at
        return found

    def due(
        self, realm: str, now: datetime, after: NodeId, limit: int
    ) -> list[tuple[NodeId, Sequence[str]]]:
        """See the port."""
        asked = {
            "realm": realm, "now": now, "is_first": not after, "after": str(as_uuid(after)),
            "limit": limit,
        }  # fmt: skip
        return [(node.int, names) for node, names in self._database.rows(DUE_SQL, asked)]

    def timed(self, realm: str, segment: str, limit: int) -> list[NodeId]:
        """See the port."""
        asked = {"realm": realm, "segment": segment, "limit": limit}
        return [node.int for (node,) in self._database.rows(TIMED_SQL, asked)]

    def leftover(self, realm: str, segments: Collection[str]) -> set[str]:
        """See the port."""
        asked = {"realm": realm, "segments": sorted(segments)}
        return {name for (name,) in self._database.rows(LEFTOVER_SQL, asked)} if segments else set()

    def changes_after(self, realm: str, batch: int) -> Iterator[list[SegmentChange]]:
        """See the port."""
        asked: dict[str, Any] = {"realm": realm, "batch": batch, "limit": self._page}
        place: dict[str, Any] = {"segment": "", "node": str(FIRST), "sequence": 0}
        is_first = True
        while True:
            rows = self._database.rows(CHANGES_AFTER_SQL, asked | place | {"is_first": is_first})
            if rows:
                yield [_change(*row) for row in rows]
            if len(rows) < self._page:
                return
            segment, node, *rest = rows[-1]
            place = {"segment": segment, "node": str(node), "sequence": rest[7]}
            is_first = False

    def write_changes(self, realm: str, changes: Sequence[SegmentChange], batch: int) -> None:
        """See the port."""
        rows = [
            (
                realm, one.segment, as_uuid(one.profile), said.change, said.reason,
                from_ms(said.at_ms), from_ms(said.tick_ms), said.late, list(said.because),
                said.supersedes, said.sequence, said.definition, as_uuid(one.into), batch,
            )
            for one in changes
            for said in (one.change,)
        ]  # fmt: skip
        if rows:
            self._database.insert_rows("segment_changes", CHANGE_COLUMNS, rows)

    def write_timers(
        self, realm: str, timers: Mapping[tuple[str, NodeId], datetime | None], version: int
    ) -> None:
        """See the port."""
        rows = [
            (realm, segment, as_uuid(node), due_at or NEVER, version)
            for (segment, node), due_at in timers.items()
        ]
        if rows:
            self._database.insert_rows("segment_timers", TIMER_COLUMNS, rows)

    def write_marks(self, realm: str, marks: Mapping[NodeId, TouchCause], batch: int) -> None:
        """See the port."""
        rows = [(realm, as_uuid(node), int(cause), batch) for node, cause in marks.items()]
        if rows:
            self._database.insert_rows("segment_marks", MARK_COLUMNS, rows)

    def write_evaluated(self, realm: str, tick: datetime, batch: int) -> None:
        """See the port."""
        self._database.insert_rows("segment_ticks", TICK_COLUMNS, [(realm, tick, batch)])


def _change(
    segment: str,
    node: Any,
    change: str,
    reason: str,
    at: datetime,
    tick: datetime,
    late: bool,
    because: Sequence[str],
    *numbers: Any,
) -> SegmentChange:
    supersedes, sequence, definition, into = numbers
    said = Change(
        change, reason, to_ms(at), to_ms(tick), late, tuple(because), supersedes, sequence,
        definition,
    )  # fmt: skip
    return SegmentChange(segment, node.int, said, into.int)
