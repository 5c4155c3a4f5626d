"""Nothing between two batches is left out: a worker's own position is compared with what arrives.

See services/runtime/kafka_log.py for why a consumer group's offsets are not enough. The position
that a worker notes before it writes says what may be there in part; if the group's offset has run
ahead, such records do not come again by themselves. So a second position is noted here when a batch
is finished, and whoever takes over begins after that one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from services.runtime.metrics import Metrics
from services.runtime.positions import PositionStore
from services.runtime.stream import Delivery, Offload, Partition

log = structlog.get_logger()
Process = Callable[[Sequence[Delivery]], Awaitable[None]]


class SideReader(Protocol):
    """Reads a log beside the group that consumes it. All methods raise Retry."""

    @property
    def id(self) -> str:
        """Which log this is; another one numbers its records anew."""
        ...

    async def bounds(self, partition: Partition) -> tuple[int, int]:
        """Offset of the oldest record there is, and of the next one to come."""
        ...

    async def read(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        """The records from `start` on and before `stop` that the log still has."""
        ...


def finished(partition: Partition) -> Partition:
    """Under which name the position is kept up to which all effects are there, in whole."""
    return Partition(f"{partition.topic}/finished", partition.number)


class Complete:
    """Hands batches on with whatever the group left out put before them."""

    def __init__(
        self,
        process: Process,
        positions: PositionStore,
        reader: SideReader,
        offload: Offload,
        metrics: Metrics,
    ) -> None:
        self._process = process
        self._positions = positions
        self._reader = reader
        self._offload = offload
        self._metrics = metrics
        self._next: dict[Partition, int] = {}
        self._turn = asyncio.Lock()

    def reassigned(self) -> None:
        """Partitions may have been elsewhere meanwhile: begin from the stored positions."""
        self._next = {}

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Process a batch and whatever is missing before it. Raises as `process` does."""
        by_partition: dict[Partition, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_partition[delivery.source].append(delivery)
        async with self._turn:
            following = self._next  # `reassigned` may replace it meanwhile
            batch: list[Delivery] = []
            for partition, mine in by_partition.items():
                expected = await self._expected(following, partition)
                for delivery in mine:
                    if delivery.offset > expected:
                        batch += await self._missing(partition, expected, delivery.offset)
                    batch.append(delivery)
                    expected = max(expected, delivery.offset + 1)
            await self._finish(following, batch)

    async def catch_up(self, acknowledged: Mapping[Partition, int]) -> None:
        """Process what the group has acknowledged and never handed out, if nothing follows it.

        `acknowledged` is where the group stands. Raises as `process` does.
        """
        async with self._turn:
            following = self._next
            batch: list[Delivery] = []
            for partition, stop in acknowledged.items():
                expected = await self._expected(following, partition)
                if stop > expected:
                    batch += await self._missing(partition, expected, stop)
            if batch:
                await self._finish(following, batch)

    async def _finish(self, following: dict[Partition, int], batch: Sequence[Delivery]) -> None:
        await self._process(batch)
        ends = {one.source: one.offset + 1 for one in sorted(batch, key=lambda one: one.offset)}
        for partition, end in ends.items():
            if end > following.get(partition, 0):
                await self._offload(self._note, partition, end - 1)
                following[partition] = end

    def _note(self, partition: Partition, last_offset: int) -> None:
        noted = self._positions.position(partition)
        if noted is not None and noted.last_offset >= last_offset:
            self._positions.note(finished(partition), noted._replace(last_offset=last_offset))

    async def _expected(self, following: dict[Partition, int], partition: Partition) -> int:
        if partition not in following:
            following[partition] = await self._begin(partition)
        return following[partition]

    async def _begin(self, partition: Partition) -> int:
        """After what is finished. The position is read first, or somebody may pass the end."""
        stored = await self._offload(self._positions.position, finished(partition))
        begin, end = await self._reader.bounds(partition)
        if stored is None or stored.log != self._reader.id or stored.last_offset >= end:
            return begin
        return max(begin, stored.last_offset + 1)

    async def _missing(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        missing = await self._reader.read(partition, start, stop)
        if missing:
            self._metrics.left_out.inc(len(missing))
            log.warning("left_out_by_group", topic=partition.topic, partition=partition.number,
                        first=start, records=len(missing))  # fmt: skip
        return missing
