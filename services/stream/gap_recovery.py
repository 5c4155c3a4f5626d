"""Recovers records that the consumer group committed but never delivered.

See services/stream/log_reader.py for why a consumer group's offsets are not enough. The position
noted before a write says which records may have taken partial effect; if the committed offset has
run ahead, those records are not delivered again. So a second position is noted here when a batch
is finished, and a worker that takes over resumes after that one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.runtime.metrics import Metrics
from services.stream.ports import Delivery, Offload, Partition
from services.stream.positions import PositionStore

FILLED_RECORDS = 100
log = structlog.get_logger()


class PartitionWorker(Protocol):
    """Processes the records of the partitions assigned to it."""

    def reassigned(self) -> None:
        """Forget cached state: other workers may have held the partitions meanwhile."""
        ...

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Make the effects of deliveries durable; raises Retry, or what ends the process."""
        ...


class SideReader(Protocol):
    """Reads a log outside the consumer group. All methods raise Retry."""

    @property
    def id(self) -> str:
        """Identity of the log; another log numbers its records from 0 again."""
        ...

    async def bounds(self, partition: Partition) -> tuple[int, int]:
        """Offset of the oldest record, and of the next record to be appended."""
        ...

    async def read(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        """The records from `start` (inclusive) to `stop` (exclusive) that the log still has."""
        ...


def finished_position_key(partition: Partition) -> Partition:
    """The key of the finished position: every record up to it is completely processed."""
    return Partition(f"{partition.topic}/finished", partition.number)


@dataclass(eq=False, slots=True)
class _Progress:
    """Progress of a worker in a partition."""

    next_offset: int
    """Everything before it is finished."""
    started_offset: int
    """Records up to this one may have taken partial effect."""


class GapRecovery:
    """Passes batches on to a worker, preceded by the records that the group skipped."""

    def __init__(
        self,
        worker: PartitionWorker,
        positions: PositionStore,
        reader: SideReader,
        offload: Offload,
        metrics: Metrics,
    ) -> None:
        self._worker = worker
        self._positions = positions
        self._reader = reader
        self._offload = offload
        self._metrics = metrics
        self._at: dict[Partition, _Progress] = {}
        self._turn = asyncio.Lock()

    def reassigned(self) -> None:
        """Other workers may have held the partitions meanwhile: start from the stored positions."""
        self._at = {}
        self._worker.reassigned()

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Process a batch and any skipped records before it. Raises as the worker does."""
        by_partition: dict[Partition, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_partition[delivery.source].append(delivery)
        async with self._turn:
            batch: dict[_Progress, list[Delivery]] = {}
            for partition, mine in by_partition.items():
                at = await self._where(partition)
                await self._fill(at, partition, mine[0].offset)
                expected, whole = max(at.next_offset, mine[0].offset), list[Delivery]()
                for delivery in mine:
                    if delivery.offset > expected:
                        whole += await self._missing(partition, expected, delivery.offset)
                    whole.append(delivery)
                    expected = max(expected, delivery.offset + 1)
                batch[at] = whole
            await self._finish(batch)

    async def catch_up(self, acknowledged: Mapping[Partition, int]) -> None:
        """Process skipped records at the end of the log, which no later delivery would reveal.

        `acknowledged` is the group's committed offset by partition. Raises as the worker does.
        """
        async with self._turn:
            for partition, stop in acknowledged.items():
                await self._fill(await self._where(partition), partition, stop)

    async def _fill(self, at: _Progress, partition: Partition, stop: int) -> None:
        """Process the skipped records before `stop`, in parts: there may be days of records."""
        start = at.next_offset
        while start < stop:
            end = min(start + FILLED_RECORDS, stop)
            missing = await self._missing(partition, start, end)
            await self._finish({at: missing})
            start = max(end, at.next_offset)

    async def _finish(self, batch: Mapping[_Progress, list[Delivery]]) -> None:
        """Process the records of each partition and note them as finished."""
        for at, mine in batch.items():
            if mine and mine[-1].offset < at.started_offset:
                # Rows of a started batch share one version, and an abandoned write may still
                # arrive: everything written under that version must be equal.
                mine += await self._reader.read(
                    mine[0].source, mine[-1].offset + 1, at.started_offset + 1
                )
        batch = {at: mine for at, mine in batch.items() if mine}
        if not batch:
            return
        for at, mine in batch.items():
            at.started_offset = max(at.started_offset, mine[-1].offset)
        await self._worker.process([delivery for mine in batch.values() for delivery in mine])
        ahead = {at: mine[-1] for at, mine in batch.items() if mine[-1].offset >= at.next_offset}
        if ahead:
            await self._offload(self._note, {one.source: one.offset for one in ahead.values()})
        for at, last in ahead.items():
            at.next_offset = last.offset + 1

    def _note(self, last_offsets: Mapping[Partition, int]) -> None:
        noted = self._positions.read(last_offsets)
        self._positions.note(
            {
                finished_position_key(partition): noted[partition]._replace(last_offset=offset)
                for partition, offset in last_offsets.items()
                if partition in noted and noted[partition].last_offset >= offset
            }
        )

    async def _where(self, partition: Partition) -> _Progress:
        places = self._at  # `reassigned` may replace it meanwhile
        if partition not in places:
            places[partition] = await self._begin(partition)
        return places[partition]

    async def _begin(self, partition: Partition) -> _Progress:
        """The state after the finished position. Positions are read before the end of the log."""
        finished = finished_position_key(partition)
        stored = await self._offload(self._positions.read, (finished, partition))
        begin, end = await self._reader.bounds(partition)

        def last(key: Partition) -> int:
            noted = stored.get(key)
            is_of_this_log = noted and noted.log == self._reader.id and noted.last_offset < end
            return noted.last_offset if noted and is_of_this_log else -1

        return _Progress(max(begin, last(finished) + 1), last(partition))

    async def _missing(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        missing = await self._reader.read(partition, start, stop)
        if missing:
            self._metrics.records_skipped.inc(len(missing))
            log.warning("skipped_by_group", topic=partition.topic, partition=partition.number,
                        first=start, records=len(missing))  # fmt: skip
        return missing
