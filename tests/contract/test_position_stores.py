"""What `PositionStore` and the watermarks promise: in memory, in process, and on a server."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from schemas.instants import from_ms
from schemas.watermark import Watermark
from services.store.database import Database
from services.stream.gap_recovery import finished_position_key
from services.stream.ports import Partition
from services.stream.positions import (
    ClickHousePositions,
    MemoryPositions,
    Position,
    PositionStore,
)
from services.stream.watermarks import ClickHouseWatermarks, MemoryWatermarks, WatermarkStore

EDGES = Partition("c360.edges", 0)
OFFERS = Partition("c360.offers", 11)
NOON_MS = 1_795_262_400_000


def seen(realm: str, channel: str, occurred_ms: int, received_ms: int) -> Watermark:
    """The watermark of one event."""
    return Watermark.of(realm, channel, from_ms(occurred_ms), from_ms(received_ms))


class PositionContract:
    """The contract; `opened` gives the store as each process has it."""

    def test_a_partition_never_read_has_none(self, opened: Callable[[], PositionStore]) -> None:
        """Nor has one whose neighbours have: topic and number both tell partitions apart."""
        store = opened()
        assert store.read([EDGES]) == {}
        store.note({EDGES: Position("log", 2, -1)})
        for other in (
            finished_position_key(EDGES),
            EDGES._replace(number=1),
            EDGES._replace(topic="c360"),
        ):
            assert store.read([other]) == {}

    @pytest.mark.parametrize(
        "position",
        [
            # before the first record
            Position("log-1", 2, -1),
            # the first
            Position("log-1", 2, 0),
            # beyond 32 bits, and the last generation there is room for
            Position("MkU3OEVBNTcwNTJENDM2Qg", 65_535, 2**47),
        ],
    )
    def test_what_was_noted_is_read_by_the_next(
        self, opened: Callable[[], PositionStore], position: Position
    ) -> None:
        """As soon as `note` has returned, and by another process."""
        opened().note({OFFERS: position})
        assert opened().read([OFFERS]) == {OFFERS: position}
        assert opened().read([OFFERS._replace(number=1)]) == {}

    def test_the_higher_version_counts(self, opened: Callable[[], PositionStore]) -> None:
        """An evicted worker that notes an old position changes nothing; a new generation
        counts, however low its offsets are."""
        written_off, holder = opened(), opened()
        steps = [
            (holder, Position("a", 2, 9), Position("a", 2, 9)),
            (written_off, Position("a", 2, 8), Position("a", 2, 9)),
            (holder, Position("b", 3, -1), Position("b", 3, -1)),
            (written_off, Position("a", 2, 10), Position("b", 3, -1)),
            (holder, Position("b", 3, 0), Position("b", 3, 0)),
        ]
        for store, noted, expected in steps:
            store.note({EDGES: noted})
            assert (holder.read([EDGES]).get(EDGES), opened().read([EDGES]).get(EDGES)) == (
                expected,
                expected,
            )

    def test_of_equal_versions_the_last_counts(self, opened: Callable[[], PositionStore]) -> None:
        """Noted again, a position stays; another log's under its version replaces it."""
        store = opened()
        for log in ("a", "a", "b", "a"):
            store.note({EDGES: Position(log, 2, 5)})
            assert store.read([EDGES]).get(EDGES) == Position(log, 2, 5)

    def test_any_notes_of_any_partitions(self, opened: Callable[[], PositionStore]) -> None:
        """Each partition has the highest of its own, however many are noted and read at once."""
        rng, store = random.Random(3), opened()
        partitions = [Partition(topic, number) for topic in "ab" for number in range(3)]
        expected: dict[Partition, Position] = {}
        for _ in range(60):
            noted = {
                one: Position(rng.choice("xy"), rng.randint(2, 4), rng.randint(-1, 4))
                for one in rng.sample(partitions, rng.randint(0, 3))
            }
            store.note(noted)
            for one, position in noted.items():
                known = expected.get(one, position)
                expected[one] = position if position.version >= known.version else known
            asked = rng.sample(partitions, rng.randint(1, 6))
            assert store.read(asked) == {one: expected[one] for one in asked if one in expected}
        assert store.read([]) == {}


class WatermarkContract:
    """The contract; `opened` gives the store as each process has it."""

    def test_there_are_none_at_first(self, opened: Callable[[], WatermarkStore]) -> None:
        """Nor does writing none make any."""
        opened().write([])
        assert opened().latest() == []

    def test_a_mark_is_read_by_another(self, opened: Callable[[], WatermarkStore]) -> None:
        """With its times to the millisecond, as instants."""
        opened().write([seen("r", "shop", NOON_MS - 1, NOON_MS)])
        expected = Watermark("r", "shop", from_ms(NOON_MS - 1), from_ms(NOON_MS))
        assert opened().latest() == [expected]
        assert expected.occurred_at.isoformat() == "2026-11-21T11:59:59.999000+00:00"

    def test_no_time_is_later_than_its_receipt(self, opened: Callable[[], WatermarkStore]) -> None:
        """A clock that is ahead moves nobody's deadline, whatever came before or comes later."""
        store = opened()
        for times in ((900, 500), (100, 700)):
            store.write([seen("r", "app", *times)])
        assert store.latest() == [Watermark("r", "app", from_ms(500), from_ms(700))]

    def test_channels_and_realms_do_not_mix(self, opened: Callable[[], WatermarkStore]) -> None:
        """Each has its own latest times."""
        marks = [("r", "app", 1, 10), ("r", "shop", 2, 20), ("s", "app", 3, 30)]
        opened().write([seen(*mark) for mark in marks])
        assert sorted(opened().latest()) == [
            Watermark(realm, name, from_ms(at), from_ms(got)) for realm, name, at, got in marks
        ]

    def test_marks_in_any_order_and_number(self, opened: Callable[[], WatermarkStore]) -> None:
        """Of both times the latest count, from whichever mark, batch or process; repetition and
        old marks change nothing."""
        rng = random.Random(5)
        marks = [
            (rng.choice("rs"), rng.choice(("app", "pos")), rng.randint(0, 999), rng.randint(0, 999))
            for _ in range(80)
        ]
        for size in (1, 3, 7, 80):
            store = opened()
            rng.shuffle(marks)
            for start in range(0, 80 if size > 1 else 20, size):
                store.write([seen(*mark) for mark in marks[start : start + size]])
        expected = [
            Watermark(realm, name, from_ms(max(ats)), from_ms(max(gots)))
            for realm in "rs"
            for name in ("app", "pos")
            for mine in [[one for one in marks if one[:2] == (realm, name)]]
            for ats, gots in [([min(one[2:]) for one in mine], [one[3] for one in mine])]
        ]
        assert sorted(opened().latest()) == sorted(expected)


class TestMemoryPositions(PositionContract):
    """The simulation's."""

    @pytest.fixture
    def opened(self) -> Callable[[], PositionStore]:
        """One store, whoever opens it."""
        store = MemoryPositions()
        return lambda: store


@pytest.mark.any_store
class TestClickHousePositions(PositionContract):
    """Production's."""

    @pytest.fixture
    def opened(self, database: Database) -> Callable[[], PositionStore]:
        """An adapter of its own for each."""
        return lambda: ClickHousePositions(database)


class TestMemoryWatermarks(WatermarkContract):
    """The simulation's."""

    @pytest.fixture
    def opened(self) -> Callable[[], WatermarkStore]:
        """One store, whoever opens it."""
        store = MemoryWatermarks()
        return lambda: store


@pytest.mark.any_store
class TestClickHouseWatermarks(WatermarkContract):
    """Production's."""

    @pytest.fixture
    def opened(self, database: Database) -> Callable[[], WatermarkStore]:
        """An adapter of its own for each."""
        return lambda: ClickHouseWatermarks(database)
