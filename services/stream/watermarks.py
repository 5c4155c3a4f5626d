"""Watermarks as they are kept: written by ingest, read by the ticker.

A watermark is written when the broker has acknowledged the records derived from a batch, so a tick
made of it comes after the claims of that batch in every partition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from schemas.instants import to_ms
from schemas.watermark import Watermark
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
LATEST_SQL = _STATEMENTS["latest"]
CLOCK_SQL = _STATEMENTS["clock"]


class WatermarkStore(Protocol):
    """Keeps the latest times of every channel. Methods block and raise Retry or Fatal."""

    def write(self, watermarks: Sequence[Watermark]) -> None:
        """Store watermarks; the latest times of a channel win, whatever the order of writes."""
        ...

    def latest(self) -> Sequence[Watermark]:
        """The latest times of every channel of every realm."""
        ...

    def clock(self) -> datetime:
        """The store's clock."""
        ...


class ClickHouseWatermarks:
    """Implements `WatermarkStore` on the table `watermarks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, watermarks: Sequence[Watermark]) -> None:
        """See the port."""
        if watermarks:
            rows = [
                (one.realm, one.channel, to_ms(one.occurred_at), to_ms(one.received_at))
                for one in watermarks
            ]
            self._database.insert_rows("watermarks", Watermark._fields, rows)

    def latest(self) -> list[Watermark]:
        """See the port."""
        return [Watermark(*row) for row in self._database.rows(LATEST_SQL)]

    def clock(self) -> datetime:
        """See the port."""
        now: datetime = self._database.rows(CLOCK_SQL)[0][0]
        return now


class MemoryWatermarks:
    """Implements `WatermarkStore` for tests and simulations."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._latest: dict[tuple[str, str], Watermark] = {}

    def write(self, watermarks: Sequence[Watermark]) -> None:
        """See the port."""
        for one in watermarks:
            key = (one.realm, one.channel)
            self._latest[key] = one.advance(self._latest.get(key))

    def latest(self) -> list[Watermark]:
        """See the port."""
        return list(self._latest.values())

    def clock(self) -> datetime:
        """See the port."""
        return self._clock()
