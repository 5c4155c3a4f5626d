"""Nothing between two batches is left out: a worker's own position is compared with what arrives.

See services/stream/log_reader.py for why a consumer group's offsets are not enough. The position
that a worker notes before it writes says what may be there in part; if the group's offset has run
ahead, such records do not come again by themselves. So a second position is noted here when a batch
is finished, and whoever takes over begins after that one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.runtime.metrics import Metrics
from services.stream.ports import Delivery, Offload, Partition
from services.stream.positions import Position, PositionStore

FILLED_RECORDS = 100
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


@dataclass(eq=False, slots=True)
class _At:
    """Where a worker stands in a partition."""

    next: int
    """Everything before it is finished."""
    begun: int
    """Effects of records up to this one may be there in part."""


class GapRecovery:
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
        self._at: dict[Partition, _At] = {}
        self._turn = asyncio.Lock()

    def reassigned(self) -> None:
        """Partitions may have been elsewhere meanwhile: begin from the stored positions."""
        self._at = {}

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Process a batch and whatever is missing before it. Raises as `process` does."""
        by_partition: dict[Partition, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_partition[delivery.source].append(delivery)
        async with self._turn:
            batch: dict[_At, list[Delivery]] = {}
            for partition, mine in by_partition.items():
                at = await self._where(partition)
                await self._fill(at, partition, mine[0].offset)
                expected, whole = max(at.next, mine[0].offset), list[Delivery]()
                for delivery in mine:
                    if delivery.offset > expected:
                        whole += await self._missing(partition, expected, delivery.offset)
                    whole.append(delivery)
                    expected = max(expected, delivery.offset + 1)
                batch[at] = whole
            await self._finish(batch)

    async def catch_up(self, acknowledged: Mapping[Partition, int]) -> None:
        """Process what the group has acknowledged and never handed out, if nothing follows it.

        `acknowledged` is where the group stands. Raises as `process` does.
        """
        async with self._turn:
            for partition, stop in acknowledged.items():
                await self._fill(await self._where(partition), partition, stop)

    async def _fill(self, at: _At, partition: Partition, stop: int) -> None:
        """Process what is missing before `stop`, in parts: it may be days of records."""
        start = at.next
        while start < stop:
            end = min(start + FILLED_RECORDS, stop)
            missing = await self._missing(partition, start, end)
            await self._finish({at: missing})
            start = max(end, at.next)

    async def _finish(self, batch: Mapping[_At, list[Delivery]]) -> None:
        """Process what there is of each partition, and note that it is finished."""
        for at, mine in batch.items():
            if mine and mine[-1].offset < at.begun:
                # Rows of what was begun have one version, and a write given up may be late:
                # all that is written under that version must say the same.
                mine += await self._reader.read(mine[0].source, mine[-1].offset + 1, at.begun + 1)
        batch = {at: mine for at, mine in batch.items() if mine}
        if not batch:
            return
        for at, mine in batch.items():
            at.begun = max(at.begun, mine[-1].offset)
        await self._process([delivery for mine in batch.values() for delivery in mine])
        for at, mine in batch.items():
            if mine[-1].offset >= at.next:
                await self._offload(self._note, mine[-1].source, mine[-1].offset)
                at.next = mine[-1].offset + 1

    def _note(self, partition: Partition, last_offset: int) -> None:
        noted = self._positions.position(partition)
        if noted is not None and noted.last_offset >= last_offset:
            self._positions.note(finished(partition), noted._replace(last_offset=last_offset))

    async def _where(self, partition: Partition) -> _At:
        places = self._at  # `reassigned` may replace it meanwhile
        if partition not in places:
            places[partition] = await self._begin(partition)
        return places[partition]

    async def _begin(self, partition: Partition) -> _At:
        """After what is finished. Positions are read first, or somebody may pass the end."""
        whole, part = await self._offload(
            lambda: [self._positions.position(one) for one in (finished(partition), partition)]
        )
        begin, end = await self._reader.bounds(partition)

        def last(stored: Position | None) -> int:
            is_ours = stored is not None and stored.log == self._reader.id
            return stored.last_offset if stored and is_ours and stored.last_offset < end else -1

        return _At(max(begin, last(whole) + 1), last(part))

    async def _missing(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        missing = await self._reader.read(partition, start, stop)
        if missing:
            self._metrics.left_out.inc(len(missing))
            log.warning("left_out_by_group", topic=partition.topic, partition=partition.number,
                        first=start, records=len(missing))  # fmt: skip
        return missing
