"""The ticker: sends the event time of each realm to every partition of `c360.offers`.

Incidents become due by time alone, and event time reaches the books as records only. The store's
clock decides which channels are idle; no worker's own clock decides anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from schemas.records import TickRecord
from services.consistency.core.event_clock import EventClock
from services.stream.claim_records import OFFER_PARTITIONS, OFFERS_TOPIC
from services.stream.connection import key_of
from services.stream.ports import Offload, Outbox, Outgoing
from services.stream.watermarks import WatermarkStore


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
        watermarks: WatermarkStore,
        ticks: TickStore,
        outbox: Outbox,
        offload: Offload,
        partitions: int = OFFER_PARTITIONS,
    ) -> None:
        self._watermarks = watermarks
        self._ticks = ticks
        self._outbox = outbox
        self._offload = offload
        self._partitions = partitions
        self._clocks: dict[str, EventClock] = {}
        self._sent: dict[str, datetime] = {}

    async def tick(self) -> None:
        """Send a tick to every partition for each realm whose event time has advanced.

        Raises what the ports raise; the next call sends what is missing.
        """
        reached: dict[str, datetime] = {}
        clock = await self._offload(self._read)
        for realm, event_clock in self._clocks.items():
            now = event_clock.tick(clock)
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

    def _read(self) -> datetime:
        """Take in the watermarks; the store's clock."""
        for watermark in self._watermarks.latest():
            realm = watermark.realm
            if realm not in self._clocks:
                self._clocks[realm] = EventClock(self._ticks.latest_tick(realm))
            self._clocks[realm].observe(watermark)
        return self._watermarks.clock()


def tick_records(
    realm: str, reached_at: datetime, partitions: int = OFFER_PARTITIONS
) -> list[Outgoing]:
    """One tick for every partition: each holder of price books sees it in order with its claims."""
    value = TickRecord(realm=realm, reached_at=reached_at).model_dump_json().encode()
    key = key_of(realm)
    return [Outgoing(OFFERS_TOPIC, value, key, number) for number in range(partitions)]
