"""The ports to a log, in memory and on Kafka: `DeliverySource`, `Outbox`, `Log`, `SideReader`.

The simulation proves things about the workers on the log in memory. That is worth as much as the
likeness of the two, so both pass the same tests here.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator

import pytest

from devtools.kafka import Cluster
from services.ingest.worker import DeliverySource
from services.runtime.errors import Fatal, Retry
from services.stream.connection import partition_of
from services.stream.ports import Delivery, Outgoing, Partition
from tests.contract.logs import KafkaWorld, MemoryWorld, World, closing
from tests.kafka import DEADLINE_S

WAIT_MAX_S = 1.5
"""`wait` takes "about a second at most"."""


def records(topic: str, count: int, partitions: int = 1, first: int = 0) -> list[Outgoing]:
    """Numbered records, spread over the partitions in turn."""
    return [
        Outgoing(topic, b"%d" % n, key=b"k%d" % n, partition=n % partitions)
        for n in range(first, first + count)
    ]


def by_partition(deliveries: Iterable[Delivery]) -> dict[int, list[Delivery]]:
    """The deliveries of each partition, as they came."""
    found: dict[int, list[Delivery]] = defaultdict(list)
    for one in deliveries:
        found[one.partition].append(one)
    return found


def offsets(deliveries: Iterable[Delivery]) -> dict[int, list[int]]:
    """The offsets of each partition, as they came."""
    return {n: [one.offset for one in mine] for n, mine in by_partition(deliveries).items()}


async def fetched(source: DeliverySource, count: int, at_once: int = 1_000) -> list[Delivery]:
    """At least so many deliveries, and whatever comes at once after them."""
    found: list[Delivery] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(found) < count:
            got = await source.fetch(at_once, 0.5)
            assert len(got) <= at_once
            found += got
    return found + await source.fetch(at_once, 0.2)


class SourceContract:
    """What `services.ingest.worker.DeliverySource` promises."""

    async def test_records_arrive_in_the_order_of_their_partition(self, world: World) -> None:
        """Every record once, in offset order per partition, however few are asked for at once."""
        topic = await world.topic(3)
        sent = records(topic, 60, 3)
        await world.outbox.send_all(sent)
        got = await fetched(await world.join(topic), 60, at_once=7)
        assert offsets(got) == {n: list(range(20)) for n in range(3)}
        for number, mine in by_partition(got).items():
            assert [one.value for one in mine] == [b"%d" % n for n in range(number, 60, 3)]

    async def test_a_delivery_is_the_record_that_was_sent(self, world: World) -> None:
        """Value, key, headers and place are those of the record, the time is that of its intake."""
        topic = await world.topic(2)
        sent = [
            Outgoing(topic, b"\x00\xff", b"k", 1, (("a", b"1"), ("a", b"2"), ("b", b""))),
            Outgoing(topic, None, b"k", 1),  # a tombstone
            Outgoing(topic, b"", None, 1),
        ]
        before_ms = int(time.time() * 1000)
        await world.outbox.send_all(sent)
        after_ms = int(time.time() * 1000)
        got = await fetched(await world.join(topic), 3)
        assert [(one.source, one.offset) for one in got] == [
            (Partition(topic, 1), n) for n in (0, 1, 2)
        ]
        assert [(one.value, one.key, one.headers) for one in got] == [
            (one.value, one.key, one.headers) for one in sent
        ]
        assert all(before_ms <= one.timestamp_ms <= after_ms for one in got)

    async def test_nothing_there_is_told_in_time(self, world: World) -> None:
        """A fetch with nothing to read returns when its time is over, and not before."""
        source = await world.join(await world.topic())
        begun = time.monotonic()
        assert await source.fetch(10, 0.3) == []
        assert 0.25 < time.monotonic() - begun < 5

    async def test_uncommitted_records_come_again_the_same(self, world: World) -> None:
        """After a restart without a commit all records come again, with the same times."""
        topic = await world.topic(2)
        await world.outbox.send_all(records(topic, 20, 2))
        first = await world.join(topic)
        got = await fetched(first, 20)
        await world.leave(first)
        again = await fetched(await world.join(topic), 20)
        assert by_partition(again) == by_partition(got)
        assert len(got) == 20

    async def test_a_successor_reads_from_what_was_committed(self, world: World) -> None:
        """Not from what was fetched. A commit of nothing says nothing, and a lower offset counts as
        any other."""
        topic = await world.topic(3)
        await world.outbox.send_all(records(topic, 30, 3))
        first = await world.join(topic)
        await fetched(first, 30)
        places = [Partition(topic, number) for number in range(3)]
        await first.commit({places[0]: 9, places[1]: 10})
        await first.commit({})
        await first.commit({places[0]: 4})
        await world.leave(first)
        got = await fetched(await world.join(topic), 16)
        assert offsets(got) == {0: list(range(4, 10)), 2: list(range(10))}

    async def test_commit_of_a_partition_no_longer_held_says_nothing(self, world: World) -> None:
        """Who has lost a partition cannot move its successor on; its other commits count."""
        topic = await world.topic(4)
        await world.outbox.send_all(records(topic, 20, 4))
        first = await world.join(topic)
        everything = world.held(first)
        await fetched(first, 20)
        second = await world.join(topic)
        await self._until_shared(world, [first, second], everything)
        lost = world.held(second)
        assert lost
        assert lost < everything
        await first.commit(dict.fromkeys(everything, 5))
        for one in (first, second):
            await world.leave(one)
        got = await fetched(await world.join(topic), 5 * len(lost))
        assert offsets(got) == {one.number: list(range(5)) for one in lost}

    async def test_waiting_reads_nothing_and_loses_nothing(self, world: World) -> None:
        """What was there before and what comes meanwhile is read later, once; the member stays
        one: its commit counts."""
        topic = await world.topic(2)
        await world.outbox.send_all(records(topic, 20, 2))
        first = await world.join(topic)
        got: list[Delivery] = []
        async with asyncio.timeout(DEADLINE_S):
            while not got:
                got = await first.fetch(3, 0.5)
        for turn in (1, 2):
            begun = time.monotonic()
            waiting = asyncio.create_task(first.wait())
            await world.outbox.send_all(records(topic, 10, 2, first=10 + turn * 10))
            await waiting
            assert time.monotonic() - begun < WAIT_MAX_S
        got += await fetched(first, 40 - len(got))
        assert offsets(got) == {0: list(range(20)), 1: list(range(20))}
        await first.commit({Partition(topic, 0): 20, Partition(topic, 1): 18})
        await world.leave(first)
        assert offsets(await fetched(await world.join(topic), 2)) == {1: [18, 19]}

    async def test_partitions_assigned_while_waiting_lose_nothing(self, world: World) -> None:
        """They are read from what was committed on, and nothing of them is skipped."""
        topic = await world.topic(4)
        first = await world.join(topic)
        everything = world.held(first)
        second = await world.join(topic)
        await self._until_shared(world, [first, second], everything)
        await world.outbox.send_all(records(topic, 40, 4))
        theirs = world.held(second)
        await second.commit(dict.fromkeys(theirs, 2))
        await world.leave(second)
        async with asyncio.timeout(DEADLINE_S):
            while world.held(first) != everything:
                await first.wait()
        for _ in range(2):
            await first.wait()
        begins = {one.number: 2 if one in theirs else 0 for one in everything}
        got = await fetched(first, 40 - sum(begins.values()))
        assert offsets(got) == {number: list(range(n, 10)) for number, n in begins.items()}

    async def test_records_forgotten_meanwhile_are_passed_over(self, world: World) -> None:
        """A topic whose beginning retention took is read from what is left of it."""
        topic = await world.topic(2)
        await world.outbox.send_all(records(topic, 20, 2))
        first = await world.join(topic)
        await fetched(first, 20)
        await first.commit({Partition(topic, 0): 2})
        await world.leave(first)
        await world.forget(Partition(topic, 0), 6)
        await world.forget(Partition(topic, 1), 10)
        second = await world.join(topic)
        assert offsets(await fetched(second, 4)) == {0: [6, 7, 8, 9]}
        await world.outbox.send_all(records(topic, 2, 2))
        assert offsets(await fetched(second, 2)) == {0: [10], 1: [10]}

    @staticmethod
    async def _until_shared(
        world: World, members: list[DeliverySource], everything: set[Partition]
    ) -> None:
        """Wait until each partition has one of the members."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                shares = [world.held(one) for one in members]
                is_split = sum(map(len, shares)) == len(everything)
                if is_split and all(shares) and set.union(*shares) == everything:
                    return
                await members[-1].wait()


class OutboxContract:
    """What `services.stream.ports.Outbox` promises, and `Outgoing`."""

    async def test_acknowledged_means_readable(self, world: World) -> None:
        """After `send_all` returned, every record of the call can be read."""
        topic = await world.topic(3)
        reader = await world.reader(topic)
        places = [Partition(topic, number) for number in range(3)]
        for turn in range(1, 6):
            await world.outbox.send_all(records(topic, 30, 3))
            assert [await reader.end(one) for one in places] == [10 * turn] * 3
            for one in places:
                assert len(await reader.read(one, 10 * turn - 10, 10 * turn)) == 10

    async def test_a_partition_keeps_the_order_of_the_call(self, world: World) -> None:
        """Records of one partition stand in it as they stood in the call."""
        topic = await world.topic(2)
        sent = [Outgoing(topic, b"%d" % n + b"." * 200, key=b"one") for n in range(1_000)]
        await world.outbox.send_all(sent)
        reader, number = await world.reader(topic), partition_of(b"one", 2)
        got = await reader.read(Partition(topic, number), 0, 1_000)
        assert [one.value for one in got] == [one.value for one in sent]

    async def test_the_key_decides_unless_a_partition_is_named(self, world: World) -> None:
        """As in all of Kafka's clients. A record without either goes to some partition, once."""
        topic = await world.topic(5)
        keys = [b"key %d" % n for n in range(20)]
        await world.outbox.send_all([Outgoing(topic, b"by key", key) for key in keys])
        await world.outbox.send_all([Outgoing(topic, b"named", key, 3) for key in keys])
        await world.outbox.send_all([Outgoing(topic, b"anywhere")])
        got = await fetched(await world.join(topic), 41)
        assert len(got) == 41
        placed = {one.key: one.partition for one in got if one.value == b"by key"}
        assert placed == {key: partition_of(key, 5) for key in keys}
        assert {one.partition for one in got if one.value == b"named"} == {3}

    async def test_sending_nothing_is_done_at_once(self, world: World) -> None:
        """No records are acknowledged by nobody."""
        await world.outbox.send_all([])

    @pytest.mark.parametrize(
        "hopeless",
        [
            # a topic that nobody made
            Outgoing("test.nowhere", b"x", b"k"),
            # a partition beyond the last
            Outgoing("", b"x", b"k", 2),
            # a record of nothing
            Outgoing("", None),
        ],
        ids=["topic", "partition", "nothing"],
    )
    async def test_what_no_repetition_heals_is_fatal(
        self, world: World, hopeless: Outgoing
    ) -> None:
        """And the outbox works on afterwards."""
        topic = await world.topic(2)
        record = hopeless if hopeless.topic else hopeless._replace(topic=topic)
        with pytest.raises(Fatal):
            await world.outbox.send_all([record])
        await world.outbox.send_all(records(topic, 2, 2))
        reader = await world.reader(topic)
        assert [await reader.end(Partition(topic, n)) for n in (0, 1)] == [1, 1]


class ReaderContract:
    """What `services.stream.ports.Log` and `services.stream.gap_recovery.SideReader` promise."""

    async def test_every_client_of_a_log_calls_it_the_same(self, world: World) -> None:
        """The id is the log's, not the client's or the topic's."""
        ids = {(await world.reader(await world.topic())).id for _ in range(2)}
        assert len(ids) == 1
        assert "" not in ids

    async def test_bounds_of_an_empty_partition(self, world: World) -> None:
        """Nothing is there, and the first record will be number 0."""
        topic = await world.topic(2)
        reader = await world.reader(topic)
        await world.outbox.send_all([Outgoing(topic, b"x", partition=1)])
        assert await reader.bounds(Partition(topic, 0)) == (0, 0)
        assert await reader.end(Partition(topic, 0)) == 0
        assert await reader.read(Partition(topic, 0), 0, 0) == []
        assert await reader.bounds(Partition(topic, 1)) == (0, 1)

    async def test_a_read_gives_what_it_is_asked_for(self, world: World) -> None:
        """From the first on and before the last, whole records, as often as it is asked."""
        topic = await world.topic(2)
        await world.outbox.send_all(records(topic, 40, 2))
        reader, place = await world.reader(topic), Partition(topic, 1)
        delivered = by_partition(await fetched(await world.join(topic), 40))[1]
        for start, stop in ((0, 20), (3, 4), (5, 5), (19, 20), (0, 20)):
            assert await reader.read(place, start, stop) == delivered[start:stop]

    async def test_a_read_ends_where_the_log_ends(self, world: World) -> None:
        """What is asked for beyond it is not there; nobody waits for it to come."""
        topic = await world.topic()
        await world.outbox.send_all(records(topic, 5))
        reader, place = await world.reader(topic), Partition(topic, 0)
        async with asyncio.timeout(DEADLINE_S / 2):
            assert [one.offset for one in await reader.read(place, 3, 9)] == [3, 4]
            assert await reader.read(place, 7, 9) == []

    async def test_what_the_log_has_forgotten_is_skipped(self, world: World) -> None:
        """Bounds and reads begin with the oldest record there is; numbers go on."""
        topic = await world.topic()
        await world.outbox.send_all(records(topic, 10))
        reader, place = await world.reader(topic), Partition(topic, 0)
        await world.forget(place, 4)
        assert await reader.bounds(place) == (4, 10)
        assert [one.offset for one in await reader.read(place, 0, 6)] == [4, 5]
        assert [one.offset for one in await reader.read(place, 5, 7)] == [5, 6]
        assert await reader.read(place, 0, 4) == []
        await world.forget(place, 10)
        assert await reader.bounds(place) == (10, 10)
        assert await reader.read(place, 0, 10) == []
        await world.outbox.send_all(records(topic, 1))
        assert await reader.bounds(place) == (10, 11)
        assert [one.offset for one in await reader.read(place, 0, 11)] == [10]

    async def test_reading_beside_the_group_moves_nobody(self, world: World) -> None:
        """A member gets everything, and several may read at the same time."""
        topic = await world.topic(2)
        await world.outbox.send_all(records(topic, 40, 2))
        member, reader = await world.join(topic), await world.reader(topic)
        places = [Partition(topic, number) for number in (0, 1)]
        found = await asyncio.gather(
            *(reader.read(one, 0, 20) for one in places), *(reader.bounds(one) for one in places)
        )
        got = await fetched(member, 40)
        assert found == [*(by_partition(got)[number] for number in (0, 1)), (0, 20), (0, 20)]
        assert len(got) == 40


class SilenceContract:
    """While the log does not answer, everything that needs it raises Retry; then it works on."""

    async def test_a_commit_that_is_not_answered(self, world: World) -> None:
        """Said again, it counts."""
        topic = await world.topic()
        await world.outbox.send_all(records(topic, 3))
        source, place = await world.join(topic), Partition(topic, 0)
        await fetched(source, 3)
        with world.silence(), pytest.raises(Retry):
            await source.commit({place: 2})
        await self._until_done(source, place)
        await world.leave(source)
        assert offsets(await fetched(await world.join(topic), 1)) == {0: [2]}

    async def test_a_send_that_is_not_acknowledged(self, world: World) -> None:
        """All of it sent again, every record is there at least once, the last ones in order."""
        topic = await world.topic()
        await world.outbox.send_all(records(topic, 1))
        sent = records(topic, 5, first=10)
        with world.silence(), pytest.raises(Retry):
            await world.outbox.send_all(sent)
        await world.outbox.send_all(sent)
        reader, place = await world.reader(topic), Partition(topic, 0)
        end = await reader.end(place)
        assert end in range(6, 12)
        got = await reader.read(place, 0, end)
        assert [one.value for one in got[-5:]] == [one.value for one in sent]

    async def test_a_read_that_is_not_answered(self, world: World) -> None:
        """Bounds, ends and reads raise Retry, and the same reader answers later."""
        topic = await world.topic()
        await world.outbox.send_all(records(topic, 3))
        reader, place = await world.reader(topic), Partition(topic, 0)
        assert await reader.end(place) == 3
        with world.silence():
            with pytest.raises(Retry):
                await reader.end(place)
            with pytest.raises(Retry):
                await reader.bounds(place)
            with pytest.raises(Retry):
                await reader.read(place, 0, 3)
        assert [one.offset for one in await reader.read(place, 0, 3)] == [0, 1, 2]

    @staticmethod
    async def _until_done(source: DeliverySource, place: Partition) -> None:
        """Commit as a worker does: until it is taken."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    return await source.commit({place: 2})
                except Retry:
                    continue


class TestMemory(SourceContract, OutboxContract, ReaderContract, SilenceContract):
    """The log of the simulation keeps to the contract."""

    @pytest.fixture
    async def world(self) -> AsyncIterator[World]:
        """A log of its own for each test."""
        async with closing(MemoryWorld()) as world:
            yield world


class TestKafka(SourceContract, OutboxContract, ReaderContract):
    """The adapters that production uses keep to it on a real broker."""

    @pytest.fixture
    async def world(self, kafka: str) -> AsyncIterator[World]:
        """Topics and a group of its own for each test."""
        async with closing(KafkaWorld(kafka)) as world:
            yield world


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A broker that nobody else needs."""
    with Cluster() as cluster:
        yield cluster


class TestSilentKafka(SilenceContract):
    """The same with a broker that keeps its connections and says nothing."""

    @pytest.fixture
    async def world(self, own_cluster: Cluster) -> AsyncIterator[World]:
        """A log that can be silenced."""
        async with closing(KafkaWorld(own_cluster.bootstrap_servers, own_cluster)) as world:
            yield world

    async def test_another_log_has_another_id(self, world: World, kafka: str) -> None:
        """Its records are numbered anew, so workers must be able to tell."""
        async with closing(KafkaWorld(kafka)) as other:
            ids = [(await one.reader(await one.topic())).id for one in (world, other)]
        assert ids[0] != ids[1]
