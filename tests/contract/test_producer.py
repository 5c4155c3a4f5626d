"""The producer's promise on a real broker: it returns when all is there, or raises in time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from opentelemetry.sdk.trace import TracerProvider

from devtools.kafka import Cluster
from schemas.topics import CATALOGUE, Catalogue
from services.intake.publish import size_of
from services.runtime import tracing
from services.runtime.errors import Fatal, Retry
from services.runtime.otel_spans import OtelSpans
from services.stream.connection import key_of, partition_of
from services.stream.ports import Outgoing
from services.stream.producer import CARRIER_RECORD_BYTES, CLOSE_TIMEOUT_S, Producer
from tests.kafka import kafka_settings, make_topic, read_all

TIMEOUT_S = 3.0
RETURNS_WITHIN_S = TIMEOUT_S + CLOSE_TIMEOUT_S + 2


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A broker that these tests stop, freeze and start."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
async def producer(cluster: Cluster) -> AsyncIterator[Producer]:
    """A producer with the deadline that it has in use."""
    producer = Producer(kafka_settings(cluster.bootstrap_servers))
    yield producer
    await producer.stop()


@pytest.fixture
async def hasty(cluster: Cluster) -> AsyncIterator[Producer]:
    """A producer with a short deadline."""
    producer = Producer(kafka_settings(cluster.bootstrap_servers), TIMEOUT_S)
    yield producer
    await producer.stop()


def records(topic: str, count: int) -> list[Outgoing]:
    """Records with keys of their own."""
    return [Outgoing(topic, f"value {n}".encode(), key=key_of("r", str(n))) for n in range(count)]


async def fails_in_time(producer: Producer, sent: list[Outgoing]) -> None:
    """Sending raises Retry before its deadline and the time to close have passed."""
    begun = time.monotonic()
    with pytest.raises(Retry):
        await producer.send_all(sent)
    assert time.monotonic() - begun < RETURNS_WITHIN_S


async def sends_at_last(producer: Producer, sent: list[Outgoing]) -> None:
    """Send again on Retry, as callers do: a broker that has just started may take longer than a
    short deadline."""
    async with asyncio.timeout(60):
        while True:
            with suppress(Retry):
                return await producer.send_all(sent)


async def test_all_is_there_on_return(cluster: Cluster, producer: Producer) -> None:
    """Every record stands in the partition of its key, whole, when send_all returns."""
    topic = await make_topic(cluster.bootstrap_servers, partitions=5)
    sent = records(topic, 2_000)
    sent.append(Outgoing(topic, None, key=b"gone"))
    sent.append(Outgoing(topic, b"to one", partition=4, headers=(("why", b"test"),)))
    await producer.send_all(sent)
    found = await read_all(cluster.bootstrap_servers, topic)
    assert len(found) == len(sent)
    by_value = {record.value: record for record in found}
    for record in sent[:-1]:
        there = by_value[record.value]
        assert record.key is not None
        assert (there.key, there.partition) == (record.key, partition_of(record.key, 5))
    last = by_value[b"to one"]
    assert (last.partition, last.key, last.headers) == (4, None, (("why", b"test"),))


@pytest.fixture
def recording() -> Iterator[None]:
    """A process that records spans."""
    tracing.switch(OtelSpans(TracerProvider(shutdown_on_exit=False)))
    yield
    tracing.switch(None)


@pytest.mark.usefixtures("recording")
async def test_records_name_their_span_where_there_is_room(cluster: Cluster) -> None:
    """The header stands beside others; a replayed record keeps the one it had; the largest record
    that may be sent without it still is. Without a span there is none."""
    topic = await make_topic(cluster.bootstrap_servers)
    own = {"name": topic, "channels": (), "record_bytes_max": 2_000}
    small = CATALOGUE.by_name["touchpoints.shop"].model_copy(update=own)
    catalogue = Catalogue(topics=(*CATALOGUE.topics, small))
    producer = Producer(kafka_settings(cluster.bootstrap_servers), TIMEOUT_S, catalogue)
    plain = Outgoing(topic, b"plain", key=b"k", headers=(("why", b"test"),))
    spare = 2_000 - size_of(Outgoing(topic, b"", key=b"k"))
    full = Outgoing(topic, b"x" * (spare - 3), key=b"k")
    assert 2_000 - CARRIER_RECORD_BYTES < size_of(full) <= 2_000
    replayed = Outgoing(topic, b"replayed", key=b"k", headers=((tracing.TRACEPARENT, b"old"),))
    with tracing.request("POST", None):
        await producer.send_all([plain, full, replayed])
    await producer.send_all([plain])
    await producer.stop()
    found = await read_all(cluster.bootstrap_servers, topic)
    first, *others = [record.headers for record in found]
    assert first[0] == ("why", b"test")
    name, carrier = first[1]
    assert name == tracing.TRACEPARENT
    assert len(carrier) == 55
    with tracing.received(topic, 1, [carrier]):
        assert tracing.trace_id().encode() == carrier.split(b"-")[1]
    assert others == [(), ((tracing.TRACEPARENT, b"old"),), (("why", b"test"),)]


async def test_order_of_a_partition_is_the_order_of_the_call(
    cluster: Cluster, producer: Producer
) -> None:
    """Records of one key come out as they went in, also over many requests."""
    topic = await make_topic(cluster.bootstrap_servers)
    sent = [Outgoing(topic, b"%06d" % n + b"." * 500, key=b"one") for n in range(3_000)]
    await producer.send_all(sent)
    found = await read_all(cluster.bootstrap_servers, topic)
    assert [record.value for record in found] == [record.value for record in sent]


async def test_it_waits_for_the_acknowledgement(cluster: Cluster, producer: Producer) -> None:
    """While the broker does not answer, send_all does not return; it does as soon as it answers."""
    topic = await make_topic(cluster.bootstrap_servers)
    await producer.send_all(records(topic, 1))
    with cluster.silence():
        sending = asyncio.create_task(producer.send_all(records(topic, 10)))
        done, _ = await asyncio.wait([sending], timeout=0.7)
        assert not done
    await sending
    assert len(await read_all(cluster.bootstrap_servers, topic)) == 11


async def test_silent_broker_is_given_up_in_time(cluster: Cluster, hasty: Producer) -> None:
    """aiokafka#1101: a broker that keeps its connections open and says nothing costs one deadline;
    the same producer works once it answers again."""
    topic = await make_topic(cluster.bootstrap_servers)
    await sends_at_last(hasty, records(topic, 1))
    with cluster.silence():
        await fails_in_time(hasty, records(topic, 10))
    await sends_at_last(hasty, records(topic, 10))
    assert len(await read_all(cluster.bootstrap_servers, topic)) >= 11


async def test_broker_killed_in_mid_send(cluster: Cluster, hasty: Producer) -> None:
    """Retry within the deadline, again while it is away, and work as before once it is back; what
    was acknowledged before the kill is still there."""
    topic = await make_topic(cluster.bootstrap_servers, partitions=3)
    sent = [
        Outgoing(topic, b"%06d" % number + os.urandom(1_000), key=b"%d" % number)
        for number in range(6_000)
    ]
    await sends_at_last(hasty, sent[:1_000])
    sending = asyncio.create_task(hasty.send_all(sent[1_000:]))
    await asyncio.wait([sending], timeout=0.02)
    assert not sending.done()
    cluster.kill(0)
    begun = time.monotonic()
    with pytest.raises(Retry):
        await sending
    assert time.monotonic() - begun < RETURNS_WITHIN_S
    await fails_in_time(hasty, sent[1_000:])
    cluster.start(0)
    await sends_at_last(hasty, sent[1_000:])
    values = {record.value for record in await read_all(cluster.bootstrap_servers, topic)}
    assert values == {record.value for record in sent}


async def test_start_and_stop_without_broker(cluster: Cluster) -> None:
    """Neither hangs: start raises Retry, stop returns."""
    cluster.stop(0)
    try:
        producer = Producer(kafka_settings(cluster.bootstrap_servers), TIMEOUT_S)
        begun = time.monotonic()
        with pytest.raises(Retry):
            await producer.start()
        await producer.stop()
        assert time.monotonic() - begun < RETURNS_WITHIN_S
    finally:
        cluster.start(0)


async def test_stop_while_the_broker_is_away(cluster: Cluster, producer: Producer) -> None:
    """aiokafka#1101: stop returns in time with a record under way; who sends is told."""
    topic = await make_topic(cluster.bootstrap_servers)
    await producer.send_all(records(topic, 1))
    cluster.kill(0)
    try:
        sending = asyncio.create_task(producer.send_all(records(topic, 10)))
        await asyncio.wait([sending], timeout=0.2)
        async with asyncio.timeout(CLOSE_TIMEOUT_S + 1):
            await producer.stop()
        with pytest.raises(Retry):
            await sending
    finally:
        cluster.start(0)


async def test_leader_failover_and_too_few_replicas() -> None:
    """With three copies a send outlives its leader; one that needs all three is a Retry until the
    third is back, with the same producer."""
    with Cluster(3) as cluster:
        servers = cluster.bootstrap_servers
        two = await make_topic(servers, partitions=3, copies=3, min_insync_replicas="2")
        all_three = await make_topic(servers, copies=3, min_insync_replicas="3")
        patient = Producer(kafka_settings(servers), timeout_s=30)
        strict = Producer(kafka_settings(servers), TIMEOUT_S)
        await patient.send_all(records(two, 30))
        await sends_at_last(strict, records(all_three, 1))
        cluster.kill(1)
        await patient.send_all(records(two, 30))
        await fails_in_time(strict, records(all_three, 1))
        cluster.start(1)
        await patient.send_all(records(all_three, 1))
        await sends_at_last(strict, records(all_three, 1))
        await patient.stop()
        await strict.stop()
        assert len(await read_all(servers, two)) >= 60


async def test_too_large_for_the_catalogue(cluster: Cluster, producer: Producer) -> None:
    """A record above the limit of its topic is Fatal before anything of its call is sent."""
    topic = await make_topic(cluster.bootstrap_servers)
    limit = CATALOGUE.by_name["touchpoints.shop"].record_bytes_max
    with pytest.raises(Fatal, match=rf"touchpoints\.shop has .* {limit:,} are allowed"):
        await producer.send_all([*records(topic, 1), Outgoing("touchpoints.shop", b"x" * limit)])
    assert await read_all(cluster.bootstrap_servers, topic) == []


async def test_too_large_for_the_broker(cluster: Cluster, producer: Producer) -> None:
    """A topic that takes less than the catalogue says is Fatal, and spoils no later call."""
    topic = await make_topic(cluster.bootstrap_servers, max_message_bytes="2000")
    with pytest.raises(Fatal, match="c360 topics apply"):
        await producer.send_all([Outgoing(topic, os.urandom(50_000), key=b"1")])
    await producer.send_all(records(topic, 3))
    assert len(await read_all(cluster.bootstrap_servers, topic)) == 3


@pytest.mark.parametrize(
    ("record", "message"),
    [
        # a topic that nobody made
        (Outgoing("test.nowhere", b"x"), "no topic test.nowhere: run 'c360 topics apply'"),
        # a record of nothing
        (Outgoing("test.nowhere", None), "neither key nor value"),
    ],
)
async def test_unsendable(producer: Producer, record: Outgoing, message: str) -> None:
    """A permanent error is Fatal and says what to do."""
    with pytest.raises(Fatal, match=message):
        await producer.send_all([record])


async def test_partition_that_is_not_there(cluster: Cluster, producer: Producer) -> None:
    """A partition beyond the topic's is Fatal."""
    topic = await make_topic(cluster.bootstrap_servers, partitions=2)
    with pytest.raises(Fatal, match="no partition 2, only 2"):
        await producer.send_all([Outgoing(topic, b"x", partition=2)])
