"""Nothing between two batches is left out: a worker's own position is compared with what arrives.

See services/runtime/kafka_log.py for why a consumer group's offsets are not enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
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

    def reassigned(self) -> None:
        """Partitions may have been elsewhere meanwhile: begin from the stored positions."""
        self._next.clear()

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Process a batch and whatever is missing before it. Raises as `process` does."""
        by_partition: dict[Partition, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_partition[delivery.source].append(delivery)
        batch: list[Delivery] = []
        for partition, mine in by_partition.items():
            expected = await self._expected(partition)
            for delivery in mine:
                if delivery.offset > expected:
                    batch += await self._missing(partition, expected, delivery.offset)
                batch.append(delivery)
                expected = max(expected, delivery.offset + 1)
        await self._process(batch)
        for partition, mine in by_partition.items():
            self._next[partition] = max(self._next.get(partition, 0), mine[-1].offset + 1)

    async def _expected(self, partition: Partition) -> int:
        if partition in self._next:
            return self._next[partition]
        begin, end = await self._reader.bounds(partition)
        stored = await self._offload(self._positions.position, partition)
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
