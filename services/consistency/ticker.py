"""The ticker: sends the event time of each realm to every partition of `c360.offers`.

Incidents become due by time alone, and event time reaches the books as records only. The clock is
an argument; it only decides which channels are idle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from schemas.records import TickRecord
from services.consistency.core.ticks import Mark, Watermarks
from services.stream.claim_records import OFFER_PARTITIONS, OFFERS_TOPIC
from services.stream.connection import key_of
from services.stream.ports import Offload, Outbox, Outgoing
from services.stream.watermarks import Watermark


class MarkStore(Protocol):
    """Where ingest writes the watermark of each channel."""

    def marks(self) -> Sequence[Watermark]:
        """The latest times of every channel of every realm. Blocks; raises Retry or Fatal."""
        ...


class TickStore(Protocol):
    """Where the judged ticks are kept."""

    def latest_tick(self, realm: str) -> datetime | None:
        """The latest tick that any partition has judged. Blocks; raises Retry or Fatal."""
        ...


class Ticker:
    """One ticker is enough; several are harmless: a tick not later than the latest has no effect.

    After a start the latest tick is sent again: a partition may have missed it.
    """

    def __init__(
        self,
        marks: MarkStore,
        ticks: TickStore,
        outbox: Outbox,
        offload: Offload,
        partitions: int = OFFER_PARTITIONS,
    ) -> None:
        self._marks = marks
        self._ticks = ticks
        self._outbox = outbox
        self._offload = offload
        self._partitions = partitions
        self._watermarks: dict[str, Watermarks] = {}
        self._sent: dict[str, datetime] = {}

    async def tick(self, clock: datetime) -> None:
        """Send a tick to every partition for each realm whose event time has advanced.

        Raises what the ports raise; the next call sends what is missing.
        """
        reached: dict[str, datetime] = {}
        for realm, watermarks in (await self._offload(self._read)).items():
            now = watermarks.tick(clock)
            if now is not None and now != self._sent.get(realm):
                reached[realm] = now
        records = [
            record
            for realm, now in reached.items()
            for record in tick_records(realm, now, self._partitions)
        ]
        if records:
            await self._outbox.send_all(records)
            self._sent |= reached

    def _read(self) -> dict[str, Watermarks]:
        by_realm: dict[str, dict[str, Mark]] = defaultdict(dict)
        for realm, channel, *times in self._marks.marks():
            by_realm[realm][channel] = Mark(*times)
        for realm, marks in by_realm.items():
            if realm not in self._watermarks:
                self._watermarks[realm] = Watermarks(latest=self._ticks.latest_tick(realm))
            for channel, mark in marks.items():
                self._watermarks[realm].observe(channel, *mark)
        return self._watermarks


def tick_records(
    realm: str, reached_at: datetime, partitions: int = OFFER_PARTITIONS
) -> list[Outgoing]:
    """One tick for every partition: each holder of price books sees it in order with its claims."""
    value = TickRecord(realm=realm, reached_at=reached_at).model_dump_json().encode()
    key = key_of(realm)
    return [Outgoing(OFFERS_TOPIC, value, key, number) for number in range(partitions)]
