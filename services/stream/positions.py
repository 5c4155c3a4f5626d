"""Positions: up to which record of a log the store may be written, and the version of its rows.

Rows of the identity map and of incidents carry `generation << 48 | offset` as their version, so the
row derived from the later record wins. Before a worker writes anything derived from a record, it
notes the record's offset here. A worker that takes over the partition then knows which records are
in doubt: they may have taken partial effect. When offsets restart (another cluster, a recreated
topic), the generation is increased, or every new row would lose against the old ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from services.store.database import Database
from services.store.statements import statements_of
from services.stream.ports import Partition

GENERATION_SHIFT = 48
EMBEDDED_GENERATION = 1
"""The embedded engine numbers its batches in this generation; logs start with the next."""
POSITIONS_SQL = statements_of(__file__)["positions"]
COLUMNS = ("topic", "partition", "log", "generation", "last_offset", "version")


class Position(NamedTuple):
    """The last record of a log whose effects may be in the store; -1 before the first."""

    log: str
    generation: int
    last_offset: int

    @property
    def version(self) -> int:
        """Version of the rows derived from the record; grows with record and generation."""
        return version_of(self.generation, self.last_offset)


class PositionStore(Protocol):
    """Keeps one position per partition. Both methods block and raise Retry or Fatal."""

    def read(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """The last position noted of each; a partition never read is missing."""
        ...

    def note(self, positions: Mapping[Partition, Position]) -> None:
        """Note positions, durable on return. A failed call may have noted any of them."""
        ...


def version_of(generation: int, offset: int) -> int:
    """Version of the rows derived from a record. Offset 0 is above a generation's beginning."""
    return generation << GENERATION_SHIFT | offset + 1


def taken_over(stored: Position | None, log: str, log_end: int) -> Position:
    """Position at which a worker takes over a partition. `log_end` is the next offset to be used.

    Records up to `last_offset` of the result are in doubt. Restarted offsets are recognised by the
    log's id, or by a stored position that the log has not reached yet.
    """
    if stored is None:
        return Position(log, EMBEDDED_GENERATION + 1, -1)
    if stored.log != log or stored.last_offset >= log_end:
        return Position(log, stored.generation + 1, -1)
    return stored


class ClickHousePositions:
    """Implements `PositionStore` on the table `log_positions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """See the port."""
        topics = sorted({one.topic for one in partitions})
        numbers = sorted({one.number for one in partitions})
        rows = self._database.rows(POSITIONS_SQL, {"topics": topics, "partitions": numbers})
        found = {Partition(topic, number): Position(*rest) for topic, number, *rest in rows}
        return {one: found[one] for one in partitions if one in found}

    def note(self, positions: Mapping[Partition, Position]) -> None:
        """See the port."""
        rows = [(*partition, *one, one.version) for partition, one in positions.items()]
        if rows:
            self._database.insert_rows("log_positions", COLUMNS, rows)


class MemoryPositions:
    """Implements `PositionStore` for tests and simulations."""

    def __init__(self) -> None:
        self._positions: dict[Partition, Position] = {}

    def read(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """See the port."""
        return {one: self._positions[one] for one in partitions if one in self._positions}

    def note(self, positions: Mapping[Partition, Position]) -> None:
        """See the port."""
        for partition, position in positions.items():
            known = self._positions.get(partition)
            if known is None or position.version >= known.version:
                self._positions[partition] = position
