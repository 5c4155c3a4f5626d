"""The traps of Faust and aiokafka that our hosts must not fall into, each on a real broker.

Every test names its trap. They also tell when an upgrade changes one of them.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from faust.contrib.asgi import faust_app_running

from devtools.kafka import Cluster
from schemas.edge import Edge, Node
from schemas.records import EdgesRecord
from services.ingest.adapters.kafka import KafkaSource
from services.runtime.errors import Fatal, Retry
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from services.stream.faust_host import FaustHost
from services.stream.log_reader import KafkaLog
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.producer import Producer
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.distributed import Distributed
from tests.kafka import admin_of, kafka_settings, make_topic, renew_catalogue
from tests.tiers import always

DEADLINE_S = 60
SERVICE = "hosted"
Process = Callable[[Sequence[Delivery]], Awaitable[None]]
HOST = """
import asyncio, sys
from tests.integration.test_faust_host import hosting

async def main(servers, topic, prefix):
    async def process(deliveries):
        print(f"processing {len(deliveries)}", flush=True)
        raise ZeroDivisionError("in mid-batch")
    async with hosting(servers, topic, prefix, process):
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


def new_prefix() -> str:
    """A consumer group of nobody else."""
    return f"t-{uuid4().hex[:12]}"


class _Stateless:
    """A worker that does nothing but `process`; gaps are another module's affair."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """As it was told."""
        await self._process(deliveries)

    def reassigned(self) -> None:
        """Nothing is cached."""

    async def catch_up(self, acknowledged: Mapping[Partition, int]) -> None:
        """Nothing was skipped."""


@asynccontextmanager
async def hosting(
    servers: str, topic: str, prefix: str, process: Process, worker_id: str = ""
) -> AsyncIterator[FaustHost]:
    """A host that runs `process`."""
    settings = kafka_settings(
        servers, kafka_group_prefix=prefix, worker_id=worker_id, kafka_session_timeout_s=6
    )
    log, metrics = KafkaLog(settings), Metrics()
    await log.start()

    host = FaustHost(settings, SERVICE, topic, _Stateless(process), log, Progress(60), metrics)
    async with faust_app_running(host.app, discover=False):
        yield host
    await log.stop()


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.02)


async def send(servers: str, topic: str, values: Sequence[bytes], partition: int = 0) -> None:
    """Records in one partition, acknowledged."""
    outbox = Producer(kafka_settings(servers))
    await outbox.send_all([Outgoing(topic, value, b"key", partition) for value in values])
    await outbox.stop()


async def committed(servers: str, prefix: str, topic: str, service: str = SERVICE) -> int:
    """What a group has committed of all partitions of a topic, together."""
    async with admin_of(servers) as admin:
        found = await admin.list_consumer_group_offsets(f"{prefix}-{service}")
    return sum(one.offset for place, one in found.items() if place.topic == topic)


async def until_committed(servers: str, prefix: str, topic: str, offset: int) -> None:
    """Wait until a group has committed so much of a topic."""
    async with asyncio.timeout(DEADLINE_S):
        while await committed(servers, prefix, topic) < offset:
            pass


class Desk:
    """A process that keeps what it was handed, and finishes when it may."""

    def __init__(self, *, open_: bool = True) -> None:
        self.begun: list[Delivery] = []
        self.finished: list[Delivery] = []
        self.gate = asyncio.Event()
        if open_:
            self.gate.set()

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """See FaustHost."""
        self.begun += deliveries
        await self.gate.wait()
        self.finished += deliveries

    @property
    def offsets(self) -> list[int]:
        """Of what was finished."""
        return [one.offset for one in self.finished]


def numbered(count: int) -> list[bytes]:
    """Values to tell apart."""
    return [b"%d" % number for number in range(count)]


async def test_an_exception_ends_the_process_and_commits_nothing(kafka: str) -> None:
    """Trap: an exception that leaves an agent's body acknowledges the event, or the whole batch,
    and whatever is queued behind it (streams.py, `take`)."""
    topic, prefix = await make_topic(kafka), new_prefix()
    await send(kafka, topic, numbered(300))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, kafka, topic, prefix,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == Fatal.exit_code, told.decode()
    assert re.search(rb"processing \d+", told)
    assert b"ZeroDivisionError" in told
    assert await committed(kafka, prefix, topic) == 0
    desk = Desk()
    async with hosting(kafka, topic, prefix, desk.process):
        await until(lambda: len(desk.finished) == 300)
    assert desk.offsets == list(range(300))


async def test_retry_holds_the_offset_and_tries_the_same_again(kafka: str) -> None:
    """Trap: a transient fault must neither commit nor skip, nor kill the agent."""
    topic, prefix = await make_topic(kafka), new_prefix()
    await send(kafka, topic, numbered(10))
    attempts: list[list[int]] = []
    seen: list[int] = []

    async def process(deliveries: Sequence[Delivery]) -> None:
        attempts.append([one.offset for one in deliveries])
        if len(attempts) < 4:
            await host.app.consumer.commit()
            seen.append(await committed(kafka, prefix, topic))
            raise Retry("not now")

    async with hosting(kafka, topic, prefix, process) as host:
        await until_committed(kafka, prefix, topic, 10)
    assert attempts[0] == attempts[1] == attempts[2] == attempts[3]
    assert seen == [0, 0, 0]
    assert [offset for batch in attempts[3:] for offset in batch] == list(range(10))


async def test_nothing_is_committed_past_the_batch_in_hand(kafka: str) -> None:
    """Trap: a fresh group commits past low offsets that are in flight (faust#606)."""
    topic, prefix = await make_topic(kafka), new_prefix()
    await send(kafka, topic, numbered(15))
    desk = Desk(open_=False)
    async with hosting(kafka, topic, prefix, desk.process) as host:
        await until(lambda: desk.begun)
        await send(kafka, topic, numbered(200))
        await host.app.consumer.commit()
        assert await committed(kafka, prefix, topic) == 0
        desk.gate.set()
        await until_committed(kafka, prefix, topic, 215)
    assert desk.offsets == list(range(215))


async def test_commits_follow_what_is_finished(kafka: str) -> None:
    """Trap: acknowledgements out of order let the commit run ahead (consumer.py, `_new_offset`).
    At every commit, whenever it comes, all below it is finished."""
    topic, prefix = await make_topic(kafka), new_prefix()
    await send(kafka, topic, numbered(500))
    desk, ahead = Desk(), list[tuple[int, int]]()

    async def process(deliveries: Sequence[Delivery]) -> None:
        await host.app.consumer.commit()
        offset = await committed(kafka, prefix, topic)
        if offset > len(desk.finished):
            ahead.append((offset, len(desk.finished)))
        await desk.process(deliveries)

    async with hosting(kafka, topic, prefix, process) as host:
        await until_committed(kafka, prefix, topic, 500)
    assert ahead == []
    assert desk.offsets == list(range(500))


async def test_garbage_and_nothing_reach_the_body(kafka: str) -> None:
    """Trap: a decoder of Faust acknowledges what it cannot read before anybody sees it
    (conductor.py); and records without key or value once stalled the stream (robinhood#401)."""
    topic, prefix = await make_topic(kafka), new_prefix()
    records = [(None, b"\xff\xfe{"), (b"\xff", None), (None, None), (b"k", b""), (b"k", b"good")]
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    batch = producer.create_batch()
    for key, value in records:
        batch.append(key=key, value=value, timestamp=None)
    await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()
    desk = Desk()
    async with hosting(kafka, topic, prefix, desk.process):
        await until_committed(kafka, prefix, topic, len(records))
    assert [(one.key, one.value) for one in desk.finished] == records


async def test_a_stop_in_mid_batch_loses_nothing(kafka: str) -> None:
    """Trap: on a graceful stop Faust drains its queue and acknowledges what was never processed
    (streams.py, `_passive_drainer`). What one host does not finish the next one gets."""
    topic, prefix = await make_topic(kafka), new_prefix()
    await send(kafka, topic, numbered(450))
    first = Desk(open_=False)
    async with hosting(kafka, topic, prefix, first.process):
        await until(lambda: first.begun)
        asyncio.get_running_loop().call_later(0.5, first.gate.set)  # while it stops
    assert await committed(kafka, prefix, topic) <= len(first.finished)
    second = Desk()
    async with hosting(kafka, topic, prefix, second.process):
        await until_committed(kafka, prefix, topic, 450)
    assert set(first.offsets) | set(second.offsets) == set(range(450))


async def test_a_rebalance_in_mid_batch_loses_nothing(kafka: str) -> None:
    """Trap: batches in hand when partitions move are acknowledged, or hang the rebalance
    (robinhood#402); after it, stale events of the old generation must not be processed as new."""
    topic, prefix = await make_topic(kafka, partitions=2), new_prefix()
    for partition in range(2):
        await send(kafka, topic, numbered(250), partition)
    one, other = Desk(open_=False), Desk()
    async with hosting(kafka, topic, prefix, one.process) as first:
        await until(lambda: one.begun)
        joining = asyncio.create_task(_hosted_until(kafka, topic, prefix, other, 500))
        await until(lambda: first.app.rebalancing)
        one.gate.set()
        await joining
    finished = {(each.partition, each.offset) for each in one.finished + other.finished}
    assert finished == {(number, offset) for number in range(2) for offset in range(250)}
    assert other.finished, "the second host got a share"


async def test_what_is_stale_holds_up_nobody(kafka: str) -> None:
    """Trap: Faust waits for ever, uncancellable, for what it handed out and nobody acknowledged
    (consumer.py, `wait_empty`; robinhood#402): also for records of a generation that is over,
    which are not processed because they come again."""
    topic, prefix = await make_topic(kafka), new_prefix()
    desk = Desk(open_=False)
    async with hosting(kafka, topic, prefix, desk.process) as host:
        await send(kafka, topic, numbered(3))
        await until(lambda: desk.begun)
        unacked = host.app.consumer.unacked
        try:
            await send(kafka, topic, numbered(4))
            await until(lambda: len(unacked) > 3)
            host.app.consumer_generation_id += 1  # as a rebalance does, with a batch in hand
            desk.gate.set()
            await until(lambda: not unacked)
        finally:
            unacked.clear()  # or this test would never end, the trap being what it is
    assert desk.offsets == [0, 1, 2]
    assert await committed(kafka, prefix, topic) == 3


async def test_a_share_of_nothing_heals(kafka: str) -> None:
    """Trap: a broker that just came back may not know its topics yet. Whoever joins then is given
    no partitions, and would sit there, alive and idle, until the metadata expire (five minutes)."""
    topic, prefix = f"late.{uuid4().hex[:12]}", new_prefix()
    desk = Desk()
    async with hosting(kafka, topic, prefix, desk.process) as host:
        await until(host.is_settled)
        assert host.assigned() == set()
        async with admin_of(kafka) as admin:
            await admin.create_topics([NewTopic(topic, 2, 1)])
        await send(kafka, topic, numbered(5))
        await until(lambda: len(desk.finished) == 5)


async def _hosted_until(kafka: str, topic: str, prefix: str, desk: Desk, total: int) -> None:
    async with hosting(kafka, topic, prefix, desk.process) as host:
        await until(lambda: len(host.assigned()) == 1)
        await until_committed(kafka, prefix, topic, total)


async def test_a_named_worker_comes_back_without_a_rebalance(kafka: str) -> None:
    """Trap: every rolling restart stops the whole group, twice (aiokafka rebalances eagerly).
    Static membership: within the session timeout the others notice nothing."""
    topic, prefix = await make_topic(kafka, partitions=2), new_prefix()
    stays, goes = Desk(), Desk()
    async with hosting(kafka, topic, prefix, stays.process, "stays") as staying:
        async with hosting(kafka, topic, prefix, goes.process, "goes") as going:
            await until(lambda: len(staying.assigned()) == len(going.assigned()) == 1)
            held = going.assigned()
            rebalances = _rebalances(staying)
        again = Desk()
        async with hosting(kafka, topic, prefix, again.process, "goes") as returned:
            await until(lambda: returned.assigned() == held)
            for partition in range(2):
                await send(kafka, topic, numbered(5), partition)
            await until(lambda: len(again.finished) == len(stays.finished) == 5)
        assert _rebalances(staying) == rebalances


def _rebalances(host: FaustHost) -> float:
    value = host._metrics.registry.get_sample_value("c360_rebalances_total")
    assert value is not None
    return value


async def _source(servers: str, topic: str, prefix: str) -> KafkaSource:
    settings = kafka_settings(servers, kafka_group_prefix=prefix, kafka_session_timeout_s=6)
    source = KafkaSource(settings, [topic], Metrics(), Progress(60))
    await source.start()
    return source


async def _fetched(source: KafkaSource, count: int) -> list[Delivery]:
    """At least so many records, each of them once."""
    found: dict[tuple[int, int], Delivery] = {}
    async with asyncio.timeout(DEADLINE_S):
        while len(found) < count:
            for one in await source.fetch(500, 0.5):
                found[one.partition, one.offset] = one
    return list(found.values())


async def test_ingest_goes_on_after_a_broker_restart() -> None:
    """Trap: a consumer may sit still for ever after its broker came back (aiokafka#1154)."""
    with Cluster() as cluster:
        servers, prefix = cluster.bootstrap_servers, new_prefix()
        topic = await make_topic(servers, partitions=3)
        source = await _source(servers, topic, prefix)
        for how in (cluster.kill, cluster.stop):
            await send(servers, topic, numbered(10))
            got = await _fetched(source, 10)
            await source.commit({got[-1].source: got[-1].offset + 1})
            how(0)
            cluster.start(0)
        await send(servers, topic, numbered(10))
        assert len(await _fetched(source, 10)) == 10
        await source.stop()


async def test_a_commit_that_a_rebalance_refuses_is_no_fault(kafka: str) -> None:
    """Trap: a rebalance in the background makes the commit after a batch fail (aiokafka#929):
    the records come again to whoever holds them, so the worker just goes on."""
    topic, prefix = await make_topic(kafka, partitions=2), new_prefix()
    for partition in range(2):
        await send(kafka, topic, numbered(20), partition)
    first = await _source(kafka, topic, prefix)
    got = await _fetched(first, 40)
    ends = {one.source: 20 for one in got}
    second = await _source(kafka, topic, prefix)
    joined = asyncio.create_task(_fetched(second, 20))
    async with asyncio.timeout(DEADLINE_S):
        while not joined.done():  # before, while and after partitions move
            await first.commit(ends)
            await first.fetch(1, 0.05)
            if await committed(kafka, prefix, topic, "ingest") == 40:
                break
    joined.cancel()
    await first.commit(ends)
    assert await committed(kafka, prefix, topic, "ingest") in (20, 40)
    await first.stop()
    await second.stop()


@pytest.fixture(scope="module")
def run(
    kafka: str, clickhouse_endpoint: ClickHouseEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Distributed]:
    """Topics and a database for real identity workers."""
    asyncio.run(renew_catalogue(kafka))
    directory = tmp_path_factory.mktemp("identity")
    with Distributed(
        directory, kafka, clickhouse_endpoint, C360_WORKER_SHUTDOWN_GRACE_S="2"
    ) as run:
        run.prepare()
        yield run
    run.drop()


def _edge(number: int) -> bytes:
    """A record of one edge between two identifiers of nobody else."""
    ends = [Node(uuid4().int, "cookie", ""), Node(uuid4().int, "session", "")]
    a, b = sorted(ends, key=lambda node: node.id)
    edge = Edge(a, b, 1_700_000_000_000, f"event-{number}", True)
    return EdgesRecord.of("default", [edge]).model_dump_json().encode()


def _edges(run: Distributed) -> int:
    return int(run.rows("SELECT count() FROM edges FINAL")[0][0])


def test_sigterm_while_the_store_hangs(run: Distributed) -> None:
    """Trap: waiting for a batch in hand may hang for ever, uncancellable (consumer.py,
    `wait_empty`). The grace period ends it; nothing is committed, and the next start has it all."""
    asyncio.run(send(run.servers, "c360.edges", [_edge(1)]))
    run.endpoint.fault(
        delay_s=120, match=f"INSERT INTO .*{run.database}.*edges|INSERT INTO .*edges"
    )
    before = run.injected("delay")
    worker = run.add("identity")
    run.wait(lambda: run.injected("delay") > before, "in mid-batch", DEADLINE_S)
    assert worker.stop(deadline_s=20) == Retry.exit_code
    assert "grace_period_over" in worker.said()
    assert run.lag("identity") == 1
    run.endpoint.heal()
    worker.start()
    run.wait_drained()
    assert _edges(run) == 1
    assert run.stop_all() == [0]


@pytest.mark.parametrize(
    "follows", always({False}, [False, True]), ids=["nothing follows", "more follows"]
)
def test_what_the_group_skipped_is_read_again(run: Distributed, follows: bool) -> None:
    """Trap: in a rebalance a group may commit past records that nobody processed. The worker's own
    position says so: it reads the gap beside the group."""
    before = _edges(run)
    worker = run.add("identity")
    run.wait_ready()
    run.wait_drained()
    assert worker.stop() == 0
    asyncio.run(send(run.servers, "c360.edges", [_edge(number) for number in range(3)]))
    asyncio.run(_commit_end(run, "c360.edges"))
    assert run.lag("identity") == 0
    if follows:
        asyncio.run(send(run.servers, "c360.edges", [_edge(3)]))
    worker.start()
    expected = before + 3 + follows
    run.wait(lambda: _edges(run) == expected, "reading skipped records", DEADLINE_S)
    run.wait_ready()
    skipped = re.search(r"^c360_records_skipped_total (\S+)", worker.get("/metrics").text, re.M)
    assert skipped is not None
    assert float(skipped[1]) == 3, worker.told()
    assert run.stop_all() == [0]


async def _commit_end(run: Distributed, topic: str) -> None:
    """Commit the identity group to the end of the first partition, as nobody should."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=run.servers, group_id=f"{run.prefix}-identity", enable_auto_commit=False
    )
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    await consumer.commit(await consumer.end_offsets([place]))
    await consumer.stop()
