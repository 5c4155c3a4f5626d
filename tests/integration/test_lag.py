"""Lag behind transactional producers, on a real broker: what will be delivered, and nothing else.

The markers that end transactions take offsets, and so do records of aborted ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from aiokafka import AIOKafkaProducer

from services.ingest.adapters.kafka import KafkaSource
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from services.stream.log_reader import KafkaLog
from services.stream.ports import Delivery, Partition
from tests.integration.test_faust_host import Desk, hosting, new_prefix, numbered, until
from tests.kafka import kafka_settings, make_topic

DEADLINE_S = 60
PARTITIONS = 2


async def transactions(
    servers: str, topic: str, batches: Iterable[Sequence[bytes]], *, abort_last: bool = False
) -> None:
    """One transaction for each batch, in every partition; the last one may be given up."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"tx-{topic}")
    await producer.start()
    every = list(batches)
    for number, batch in enumerate(every, 1):
        await producer.begin_transaction()
        for partition in range(PARTITIONS):
            for value in batch:
                await producer.send_and_wait(topic, value, partition=partition)
        if abort_last and number == len(every):
            await producer.abort_transaction()
        else:
            await producer.commit_transaction()
    await producer.stop()


def lag(metrics: Metrics, topic: str) -> list[float | None]:
    """The lag of each partition."""
    return [
        metrics.registry.get_sample_value(
            "c360_lag_records", {"topic": topic, "partition": str(partition)}
        )
        for partition in range(PARTITIONS)
    ]


@pytest.mark.parametrize("abort_last", [False, True])
async def test_a_decision_worker_that_has_everything_has_no_lag(
    kafka: str, abort_last: bool
) -> None:
    """After the last record of a transaction its marker is no lag: the worker has nothing to do."""
    topic, desk = await make_topic(kafka, partitions=PARTITIONS), Desk()
    await transactions(kafka, topic, [[b"a"], numbered(3), [b"c"]], abort_last=abort_last)
    async with hosting(kafka, topic, new_prefix(), desk.process) as host:
        await until(lambda: lag(host._metrics, topic) == [0.0, 0.0])
        assert len(desk.finished) >= (4 if abort_last else 5) * PARTITIONS


async def test_a_decision_worker_behind_a_marker_has_lag(kafka: str) -> None:
    """Records in hand are lag as ever, whatever markers are between."""
    topic, desk = await make_topic(kafka, partitions=PARTITIONS), Desk(open_=False)
    await transactions(kafka, topic, [[b"a"], [b"b"]])
    async with hosting(kafka, topic, new_prefix(), desk.process) as host:
        await until(lambda: all(lag(host._metrics, topic)))
        desk.gate.set()
        await until(lambda: lag(host._metrics, topic) == [0.0, 0.0])


@pytest.mark.parametrize("abort_last", [False, True])
async def test_an_ingest_worker_that_has_everything_has_no_lag(
    kafka: str, abort_last: bool
) -> None:
    """The same for ingest; records of an aborted transaction are never delivered."""
    topic = await make_topic(kafka, partitions=PARTITIONS)
    await transactions(kafka, topic, [numbered(3), [b"b"]], abort_last=abort_last)
    metrics = Metrics()
    settings = kafka_settings(kafka, kafka_group_prefix=new_prefix(), kafka_session_timeout_s=6)
    source = KafkaSource(settings, [topic], metrics, Progress(60))
    await source.start()
    expected, got = (3 if abort_last else 4) * PARTITIONS, list[Delivery]()
    async with asyncio.timeout(DEADLINE_S):
        while len(got) < expected:
            got += await source.fetch(1, 0.2)
        assert await source.fetch(10, 0.2) == []
        await source.commit({one.source: one.offset for one in got})
        assert all(lag(metrics, topic)), "one record of each is not committed yet"
        await source.commit({one.source: one.offset + 1 for one in got})
        while lag(metrics, topic) != [0.0, 0.0]:
            assert await source.fetch(10, 0.2) == []
    await source.stop()


async def test_the_first_record_from_an_offset(kafka: str) -> None:
    """A side reader sees where the next record is, and that there is none behind a marker."""
    topic = await make_topic(kafka, partitions=PARTITIONS)
    await transactions(kafka, topic, [[b"a"], [b"b"]])  # record, marker, record, marker
    reader, place = KafkaLog(kafka_settings(kafka), topic), Partition(topic, 0)
    await reader.start()
    end = await reader.end(place)
    assert end == 4
    assert [await reader.first(place, start, end) for start in range(5)] == [0, 2, 2, 4, 4]
    await reader.stop()
