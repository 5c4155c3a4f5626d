"""How far each target has heard of changes of segments: a table in the state file of the outbox."""

from __future__ import annotations

import sqlite3

from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
SCHEMA = """
CREATE TABLE IF NOT EXISTS segment_position (
    target TEXT PRIMARY KEY, last_id TEXT NOT NULL, refusals INTEGER NOT NULL);
"""


class SegmentPositions:
    """The table. Methods block for the time of a write to disk."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)

    def last_id(self, target: str) -> str:
        """Up to where the target is done; empty before the first."""
        row = self._db.execute(_STATEMENTS["position"], (target,)).fetchone()
        return row[0] if row else ""

    def advance(self, target: str, last_id: str) -> None:
        """The target is done up to here."""
        self._db.execute(
            "INSERT OR REPLACE INTO segment_position VALUES (?, ?, 0)", (target, last_id)
        )

    def refused(
        self, target: str, last_id: str, most: int, message_id: str, status: int, now: float
    ) -> bool:
        """The target refuses the message in front of `last_id`; whether it is given up."""
        row = self._db.execute(_STATEMENTS["refusals"], (target,)).fetchone()
        refusals = (row[0] if row else 0) + 1
        if refusals < most:
            self._db.execute(
                "INSERT INTO segment_position VALUES (?, '', ?) "
                "ON CONFLICT (target) DO UPDATE SET refusals = excluded.refusals",
                (target, refusals),
            )
            return False
        values = (target, message_id, status, now)
        self._db.execute("INSERT OR REPLACE INTO given_up VALUES (?, ?, ?, ?)", values)
        self.advance(target, last_id)
        return True
