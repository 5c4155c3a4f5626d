"""Reads from the stored incidents what a worker would have published: one record per change.

Batches are numbered, and a row has the number of the batch that wrote it, so whoever has seen
everything up to a batch reads on behind it. Of an incident that several batches changed meanwhile,
the latest state is read, as from a compacted topic. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from services.consistency.alerts import alert_of
from services.store.database import Database
from services.store.recent_parts import RecentParts
from services.store.statements import statements_of
from services.stream.ports import Outgoing

_STATEMENTS = statements_of(__file__)
HIGHEST_SQL = _STATEMENTS["highest"]
LATEST_SQL = _STATEMENTS["latest"]
CHANGED_SQL = _STATEMENTS["changed"]


class StoredAlert(NamedTuple):
    """A record of `c360.alerts`, and where it stands among all: by batch, then by id."""

    batch: int
    incident_id: str
    realm: str
    record: Outgoing


class AlertReader:
    """Reads a store that the embedded pipeline writes. Methods block; they raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent = RecentParts(database, "incident_states", HIGHEST_SQL)

    def latest(self, until: int) -> int:
        """The last batch that changed an incident, of those up to `until`; 0 if there is none."""

        def ask(parts: Sequence[str]) -> int:
            return int(self._database.rows(LATEST_SQL, {"parts": parts, "until": until})[0][0])

        return self._recent.highest(until, ask)

    def page(self, after: int, after_id: str, until: int, rows_max: int) -> list[StoredAlert]:
        """The next records behind a batch and id, up to a batch that is completely written."""
        asked: dict[str, Any] = {
            "after": after, "after_id": after_id, "until": until, "rows": rows_max,
        }  # fmt: skip
        found: list[StoredAlert] = []
        rows = self._recent.read(
            after - 1,
            lambda parts: self._database.rows(CHANGED_SQL, asked | {"parts": parts}),
        )
        for version, body in rows:
            incident = orjson.loads(body)
            record = alert_of(incident, version)
            found.append(StoredAlert(version, incident["incident_id"], incident["realm"], record))
        return found
