"""Ownership of partitions by a decision worker: taking over, noting positions, fencing, doubt.

Kafka may assign a partition to another worker while this one still writes. So before a worker
writes anything derived from a record, it notes the record's offset in the store, and then checks
that no other worker has noted a later one (fencing). Noted records that may be unfinished are *in
doubt* for the next owner, which writes and publishes their effects again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.runtime.errors import Fatal
from services.stream.ports import Delivery, Log, Offload, Outbox, Partition
from services.stream.positions import Position, PositionStore, taken_over


class DecisionPorts(NamedTuple):
    """What a decision worker exchanges with the world, apart from its own store."""

    positions: PositionStore
    log: Log
    outbox: Outbox
    offload: Offload


@dataclass(slots=True, eq=False)
class Holding:
    """A partition owned by this worker."""

    partition: Partition
    noted: Position
    """The position in the store: later records have not taken effect."""
    in_doubt_to: int
    """Records up to this offset may have been partly written or published."""

    def is_in_doubt(self, offset: int) -> bool:
        """Whether the record may have taken partial effect before."""
        return offset <= self.in_doubt_to

    def fail(self, last_offset: int) -> None:
        """A batch up to this offset was abandoned: all of it is in doubt."""
        self.in_doubt_to = max(self.in_doubt_to, last_offset)


class Ownership:
    """The positions of the partitions that this worker processes. Methods raise Retry or Fatal."""

    def __init__(self, positions: PositionStore, log: Log, offload: Offload) -> None:
        self._positions = positions
        self._log = log
        self._offload = offload

    async def take_over(self, partitions: Sequence[Partition]) -> dict[Partition, Holding]:
        """Take partitions over at their stored positions.

        The positions are read before the ends of the log: another holder may still advance both,
        and a position beyond the end would be taken for one of another log.
        """
        stored = await self._offload(self._positions.read, partitions)
        held: dict[Partition, Holding] = {}
        for partition in partitions:
            end = await self._log.end(partition)
            before = stored.get(partition)
            position = taken_over(before, self._log.id, end)
            is_anew = before is not None and position.generation != before.generation
            # Processing the new log in doubt also repairs a partial write at the old one's end.
            in_doubt_to = end - 1 if is_anew else position.last_offset
            held[partition] = Holding(partition, position, in_doubt_to)
        return held

    def note(self, last_offsets: Mapping[Holding, int]) -> dict[Partition, Position]:
        """Note that records up to these offsets take effect from now on. Blocks.

        Returns the positions that the writes of this batch go by: the version of each is that of
        the rows of its partition. A batch shorter than an abandoned one before it does not get a
        lower version.

        Raises:
            Fatal: another writer has noted a position beyond what is known here to be in doubt.
        """
        positions: dict[Partition, Position] = {}
        later: dict[Holding, Position] = {}
        for held, offset in last_offsets.items():
            position, last_offset = held.noted, max(offset, held.in_doubt_to)
            if last_offset > position.last_offset:
                position = later[held] = position._replace(last_offset=last_offset)
            positions[held.partition] = position
        if later:
            self._require_nobody_between(later)
            self._positions.note({held.partition: position for held, position in later.items()})
        for held, position in later.items():
            held.noted = max(position, held.noted, key=lambda one: one.version)
        return positions

    def _require_nobody_between(self, partitions: Collection[Holding]) -> None:
        """Check that nobody has written a partition since this worker noted a position of it.

        Two workers that each run ahead of the other would both pass `require_sole_writer`: what is
        kept here of the store would not have what the other one wrote.
        """
        held_of = {held.partition: held for held in partitions}
        for partition, stored in self._positions.read(held_of).items():
            held = held_of[partition]
            doubtful = held.noted._replace(last_offset=held.in_doubt_to)
            if stored.version > max(held.noted.version, doubtful.version):
                raise _lost(partition, stored, held.noted)

    def require_sole_writer(self, positions: Mapping[Partition, Position]) -> None:
        """Check, after reading and before writing, that nobody else writes a partition. Blocks.

        `positions` is the result of `note` for the batch, so an abandoned write is stopped, too.
        Another writer notes its position first: a row it wrote would look known here, although the
        rows derived from it may not be written yet.

        Raises:
            Fatal: another writer has noted a later position of one of them.
        """
        for partition, stored in self._positions.read(positions).items():
            position = positions[partition]
            if stored.version > position.version:
                raise _lost(partition, stored, position)


def _lost(partition: Partition, stored: Position, mine: Position) -> Fatal:
    return Fatal(
        f"{partition.topic}, partition {partition.number}: another worker has processed it up to "
        f"offset {stored.last_offset}, this one up to {mine.last_offset}. This worker lost the "
        "partition, or two run in different consumer groups: let all have one "
        "C360_KAFKA_GROUP_PREFIX. It may start again at once."
    )


def by_partition(deliveries: Iterable[Delivery]) -> Mapping[Partition, list[Delivery]]:
    """Deliveries of each partition in the order of their offsets."""
    batches: dict[Partition, list[Delivery]] = {}
    for delivery in deliveries:
        batches.setdefault(delivery.source, []).append(delivery)
    for batch in batches.values():
        batch.sort(key=lambda delivery: delivery.offset)
    return batches
