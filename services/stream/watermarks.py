"""Watermarks: how far event time has advanced on each channel; written by ingest, for the ticker.

A watermark is written when the broker has acknowledged the records derived from a batch, so a tick
made of it comes after the claims of that batch in every partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.instants import from_ms
from services.store.database import Database

Mark = tuple[str, str, int, int]
"""Realm, channel, claimed time and receipt of the latest event, in ms since 1970 (UTC)."""
COLUMNS = ("realm", "channel", "occurred_at", "received_at")
MARKS_SQL = """
SELECT realm, channel, max(occurred_at), max(received_at) FROM watermarks GROUP BY realm, channel
"""


class Watermark(NamedTuple):
    """How far event time has advanced on one channel of a realm."""

    realm: str
    channel: str
    occurred_at: datetime
    """Latest claimed time; a time later than its receipt counts as its receipt."""
    received_at: datetime
    """Latest receipt."""


class ClickHouseWatermarks:
    """The table `watermarks`. All methods block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, marks: Sequence[Mark]) -> None:
        """Store watermarks; the latest times of a channel win, whatever the order of writes."""
        if marks:
            rows = [(realm, name, min(at, got), got) for realm, name, at, got in marks]
            self._database.insert_rows("watermarks", COLUMNS, rows)

    def marks(self) -> list[Watermark]:
        """The latest times of every channel of every realm."""
        return [Watermark(*row) for row in self._database.rows(MARKS_SQL)]

    def clock(self) -> datetime:
        """The store's clock."""
        now: datetime = self._database.rows("SELECT now64(3, 'UTC')")[0][0]
        return now


class MemoryWatermarks:
    """In-memory watermarks, for tests and simulations."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], tuple[int, int]] = {}

    def write(self, marks: Sequence[Mark]) -> None:
        """See ClickHouseWatermarks."""
        for realm, name, at, got in marks:
            at = min(at, got)
            known = self._marks.get((realm, name), (at, got))
            self._marks[realm, name] = max(known[0], at), max(known[1], got)

    def marks(self) -> list[Watermark]:
        """See ClickHouseWatermarks."""
        return [
            Watermark(*key, from_ms(occurred_ms), from_ms(received_ms))
            for key, (occurred_ms, received_ms) in self._marks.items()
        ]
