"""Records that a consumer group skipped are read and processed first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.stream.gap_recovery import GapRecovery, finished_position_key
from services.stream.ports import Delivery, Partition
from services.stream.positions import MemoryPositions, Position

P = Partition("t", 3)
T = TypeVar("T")


def delivery(offset: int) -> Delivery:
    return Delivery(*P, offset, 0, b"%d" % offset)


class Log:
    """A log of ten records, of which the first `begin` are gone."""

    id = "cluster"

    def __init__(self, begin: int = 0) -> None:
        self._begin = begin

    async def bounds(self, partition: Partition) -> tuple[int, int]:
        return self._begin, 10

    async def read(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        return [delivery(offset) for offset in range(max(start, self._begin), stop)]


async def inline(work: Callable[..., T], *arguments: object) -> T:
    return work(*arguments)


class Bench:
    """A worker that notes offsets, and positions as a worker would note them."""

    def __init__(
        self, log: Log, stored: Position | None = None, begun: Position | None = None
    ) -> None:
        self.seen: list[int] = []
        self.sizes: list[int] = []
        self.faults = 0
        positions = MemoryPositions()
        if begun is not None:
            positions.note({P: begun})
        if stored is not None:
            positions.note({finished_position_key(P): stored})
        self.metrics = Metrics()
        self.complete = GapRecovery(self, positions, log, inline, self.metrics)

    def reassigned(self) -> None:
        """Nothing is cached."""

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        if self.faults:
            self.faults -= 1
            raise Retry("not now")
        self.sizes.append(len(deliveries))
        self.seen += [one.offset for one in deliveries]

    def run(self, *offsets: int) -> Awaitable[None]:
        return self.complete.process([delivery(offset) for offset in offsets])


async def test_group_ahead_of_the_store() -> None:
    """The store has records up to 2, the group begins at 6: 3 to 5 come first, and are counted."""
    bench = Bench(Log(), Position("cluster", 2, 2))
    await bench.run(6, 7)
    assert bench.seen == [3, 4, 5, 6, 7]
    assert bench.metrics.records_skipped._value.get() == 3


async def test_gap_inside_a_batch_and_between_batches() -> None:
    """Records skipped in the middle are found wherever they are missing."""
    bench = Bench(Log())
    await bench.run(0, 3)
    await bench.run(6)
    assert bench.seen == [0, 1, 2, 3, 4, 5, 6]


async def test_first_batch_of_a_fresh_group() -> None:
    """With nothing stored, everything the log has belongs to us."""
    bench = Bench(Log(begin=1))
    await bench.run(4)
    assert bench.seen == [1, 2, 3, 4]


async def test_what_the_log_forgot_is_gone() -> None:
    """Retention took 3 to 4: the rest is processed, and it is no fault."""
    bench = Bench(Log(begin=5), Position("cluster", 2, 2))
    await bench.run(6)
    assert bench.seen == [5, 6]


@pytest.mark.parametrize("stored", [Position("other", 2, 8), Position("cluster", 2, 12)])
async def test_another_log_begins_anew(stored: Position) -> None:
    """A position of another cluster, or beyond the end, says nothing of this log."""
    bench = Bench(Log(), stored)
    await bench.run(2)
    assert bench.seen == [0, 1, 2]


async def test_redelivery_is_handed_on() -> None:
    """Records that come again are processed again; nothing is read beside them."""
    bench = Bench(Log(), Position("cluster", 2, 5))
    await bench.run(4, 5, 6)
    await bench.run(5, 6, 7)
    assert bench.seen == [4, 5, 6, 5, 6, 7]


async def test_failure_leaves_the_position() -> None:
    """A batch that failed is still expected, gap and all; so it is after an assignment."""
    bench = Bench(Log(), Position("cluster", 2, 2))
    bench.faults = 1
    with pytest.raises(Retry):
        await bench.run(5)
    await bench.run(5)
    assert bench.seen == [3, 4, 5]
    bench.complete.reassigned()
    await bench.run(6)
    assert bench.seen == [3, 4, 5, 3, 4, 5, 6]


async def test_what_was_begun_is_handed_on_whole() -> None:
    """Records up to 7 may be there in part: who gets 4 and 5 of them processes 6 and 7 as well,
    or a late write of the part would pass for one of the whole. Afterwards there is no doubt."""
    bench = Bench(Log(), Position("cluster", 2, 3), begun=Position("cluster", 2, 7))
    await bench.run(4, 5)
    assert bench.seen == [4, 5, 6, 7]
    assert bench.metrics.records_skipped._value.get() == 0
    await bench.run(8)
    assert bench.seen[4:] == [8]


async def test_what_was_begun_here_is_repeated_whole() -> None:
    """A batch that failed comes again in parts: each part is processed with all of the rest."""
    bench = Bench(Log())
    bench.faults = 1
    with pytest.raises(Retry):
        await bench.run(0, 1, 2)
    await bench.run(0)
    assert bench.seen == [0, 1, 2]


async def test_what_the_group_passed_over_at_the_end() -> None:
    """The group stands at 6 and hands out nothing: 3 to 5 are found, once."""
    bench = Bench(Log(), Position("cluster", 2, 2))
    await bench.complete.catch_up({P: 6})
    await bench.complete.catch_up({P: 6})
    assert bench.seen == [3, 4, 5]


async def test_what_was_noted_is_not_what_is_finished() -> None:
    """The group stands behind a batch that died half way: it is processed once more."""
    bench = Bench(Log(), Position("cluster", 2, 2), begun=Position("cluster", 2, 5))
    await bench.run(8)
    assert bench.seen == [3, 4, 5, 6, 7, 8]


async def test_days_of_skipped_records_are_filled_in_parts() -> None:
    """A long gap is processed and noted part by part: a crash does not restart it."""

    class Long(Log):
        async def bounds(self, partition: Partition) -> tuple[int, int]:
            return 0, 10_000

    bench = Bench(Long())
    await bench.run(950)
    assert bench.seen == list(range(951))
    assert max(bench.sizes) == 100
