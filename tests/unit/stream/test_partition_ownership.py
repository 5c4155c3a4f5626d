"""Ownership of partitions: where a worker takes over, what is in doubt, and who may write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from services.runtime.errors import Fatal
from services.stream.partition_ownership import Holding, Ownership, by_partition
from services.stream.ports import Delivery, Partition
from services.stream.positions import EMBEDDED_GENERATION, MemoryPositions, Position, version_of

HERE, THERE = Partition("c360.edges", 0), Partition("c360.edges", 1)
FIRST = EMBEDDED_GENERATION + 1
T = TypeVar("T")


class SomeLog:
    """A log of ten records in every partition."""

    id = "log"

    async def end(self, _partition: Partition) -> int:
        """See the port."""
        return 10


async def at_once(work: Callable[..., T], /, *arguments: Any) -> T:
    """An offload that blocks."""
    return work(*arguments)


def ownership(positions: MemoryPositions) -> Ownership:
    """A worker that has just started."""
    return Ownership(positions, SomeLog(), at_once)


async def taken(positions: MemoryPositions) -> Holding:
    """The partition as a worker takes it over."""
    held = await ownership(positions).take_over([HERE, THERE])
    assert held[THERE].noted == Position("log", FIRST, -1)
    return held[HERE]


@pytest.mark.parametrize(
    ("stored", "noted", "in_doubt_to"),
    [
        (None, Position("log", FIRST, -1), -1),  # never read: nothing can be in doubt
        (Position("log", 3, 6), Position("log", 3, 6), 6),  # whatever was noted
        (Position("other", 3, 6), Position("log", 4, -1), 9),  # another log: all of this one
        (Position("log", 3, 10), Position("log", 4, -1), 9),  # made anew: shorter than was noted
    ],
)
async def test_what_is_in_doubt_after_a_takeover(
    stored: Position | None, noted: Position, in_doubt_to: int
) -> None:
    """Everything noted may be half written; of a new log, everything that is there."""
    positions = MemoryPositions()
    if stored is not None:
        positions.note({HERE: stored})
    held = await taken(positions)
    assert (held.noted, held.in_doubt_to) == (noted, in_doubt_to)


async def test_positions_are_noted_once_and_grow() -> None:
    """The version is that of the furthest record begun; a shorter batch does not lower it."""
    positions = MemoryPositions()
    mine, held = ownership(positions), await taken(positions)
    assert mine.note({held: 4})[HERE].version == version_of(FIRST, 4)
    assert positions.read([HERE]).get(HERE) == held.noted == Position("log", FIRST, 4)
    assert not held.is_in_doubt(0)
    held.fail(7)
    assert [held.is_in_doubt(offset) for offset in (0, 7, 8)] == [True, True, False]
    assert mine.note({held: 5})[HERE].version == version_of(FIRST, 7)
    assert mine.note({held: 8})[HERE].version == version_of(FIRST, 8)
    assert positions.read([HERE]).get(HERE) == Position("log", FIRST, 8)


async def test_whoever_noted_later_is_the_writer() -> None:
    """A worker that lost the partition is stopped before it writes, an abandoned batch too."""
    positions = MemoryPositions()
    mine, other = ownership(positions), ownership(positions)
    held = await taken(positions)
    abandoned = mine.note({held: 2})
    mine.require_sole_writer(abandoned)
    later = mine.note({held: 3})
    mine.require_sole_writer(later)
    with pytest.raises(Fatal, match="another worker has processed it up to offset 3"):
        mine.require_sole_writer(abandoned)
    other.note({(await other.take_over([HERE]))[HERE]: 5})
    with pytest.raises(Fatal, match="up to offset 5, this one up to 3"):
        mine.require_sole_writer(later)


async def test_two_that_run_ahead_of_each_other() -> None:
    """A worker that was evicted goes on, ahead of its successor: the successor does not note beyond
    what the other one wrote, which it has not read."""
    positions = MemoryPositions()
    evicted, successor = ownership(positions), ownership(positions)
    before = await taken(positions)
    evicted.note({before: 2})
    held = (await successor.take_over([HERE]))[HERE]
    successor.note({held: 2})  # again, in doubt
    evicted.note({before: 4})
    with pytest.raises(Fatal, match="up to offset 4, this one up to 2"):
        successor.note({held: 6})
    assert positions.read([HERE])[HERE].last_offset == 4


async def test_a_note_of_ones_own_that_failed_is_no_other_writer() -> None:
    """It may have reached the store though it failed: what it noted is in doubt then."""
    positions = MemoryPositions()
    mine, held = ownership(positions), await taken(positions)
    positions.note({HERE: Position("log", FIRST, 5)})
    held.fail(5)
    assert mine.note({held: 3})[HERE].last_offset == 5
    assert mine.note({held: 6})[HERE].last_offset == 6


def test_deliveries_by_partition_in_order() -> None:
    """Each partition's records in the order of their offsets."""
    mixed = [
        Delivery("c360.edges", number, offset, 0, b"")
        for number, offset in ((1, 5), (0, 2), (1, 4), (0, 1))
    ]
    found = by_partition(mixed)
    assert {p: [one.offset for one in mine] for p, mine in found.items()} == {
        THERE: [4, 5],
        HERE: [1, 2],
    }
