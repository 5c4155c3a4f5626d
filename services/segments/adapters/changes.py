"""Changes of segments as they are told, read from their rows in the order of batches.

Batches are numbered, and a row has the number of the batch that wrote it, so whoever has seen
everything up to a batch reads on behind it. Of people who were erased only that they left is there.
Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from schemas.segment_change import SegmentChangeRecord
from services.segments.ports import StoredChange
from services.store.database import Database
from services.store.recent_parts import RecentParts
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
HIGHEST_SQL = _STATEMENTS["highest"]
LATEST_SQL = _STATEMENTS["latest"]
CHANGED_SQL = _STATEMENTS["changed"]
ALL_BATCHES = 2**64 - 1


class ChangeReader:
    """Reads a store that the embedded pipeline writes; a `services.segments.ports.ChangeSource`.
    Methods block; they raise Retry or Fatal."""

    def __init__(
        self, database: Database, settled: Callable[[], int] = lambda: ALL_BATCHES
    ) -> None:
        """`settled` is the last batch that is completely written."""
        self._database = database
        self._settled = settled
        self._recent = RecentParts(database, "segment_changes", HIGHEST_SQL)

    def latest(self, until: int) -> int:
        """The last batch with a change, of those up to `until`; 0 if there is none."""

        def ask(parts: Sequence[str]) -> int:
            return int(self._database.rows(LATEST_SQL, {"parts": parts, "until": until})[0][0])

        return self._recent.highest(until, ask)

    def page(
        self,
        after: int,
        after_key: str,
        until: int,
        rows_max: int,
    ) -> list[StoredChange]:
        """The next changes behind a batch and key, up to a batch that is completely written. Fewer
        than `rows_max` are all."""
        asked = _asked(after, after_key, until, rows_max)
        rows = self._recent.read(after - 1, lambda parts: self._rows(parts, asked))
        return _changes(rows)

    def _rows(self, parts: Sequence[str], asked: dict[str, Any]) -> list[Any]:
        return self._database.rows(CHANGED_SQL, asked | {"parts": parts}) if parts else []

    def told(
        self, realm: str, segment: str, after: tuple[int, str], limit: int
    ) -> list[StoredChange]:
        """See the port. A user who may only read knows nothing of parts, so all are read."""
        asked = _asked(*after, self._settled(), limit, realm, segment)
        return _changes(self._database.rows(CHANGED_SQL, asked | {"parts": []}))


def _asked(
    after: int, after_key: str, until: int, rows_max: int, realm: str = "", segment: str = ""
) -> dict[str, Any]:
    return {
        "after": after, "after_key": after_key, "until": until, "rows": rows_max, "realm": realm,
        "segment": segment,
    }  # fmt: skip


def _changes(rows: Sequence[Any]) -> list[StoredChange]:
    return [StoredChange(batch, key, _record(*row)) for batch, key, *row in rows]


def _record(
    realm: str,
    segment: str,
    definition: int,
    node: Any,
    change: str,
    reason: str,
    at: datetime,
    tick: datetime,
    late: bool,
    because: Sequence[str],
    supersedes: int,
    sequence: int,
    into: Any,
) -> SegmentChangeRecord:
    return SegmentChangeRecord.model_validate(
        {
            "realm": realm, "segment": segment, "definition": definition, "profile_id": node,
            "change": change, "reason": reason, "at": at, "tick": tick, "late": late,
            "because": list(because), "supersedes": supersedes, "sequence": sequence,
            "into": into if into.int else None,
        }
    )  # fmt: skip
