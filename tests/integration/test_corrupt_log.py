"""A bit that flips on a broker's disk: nothing of the healthy partitions is passed over.

aiokafka has moved on in other partitions when it finds a corrupt batch, and drops what it had
taken from them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from devtools.kafka import Cluster
from services.ingest.adapters.kafka import KafkaSource
from services.runtime.errors import Fatal
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from tests.kafka import kafka_settings, make_topic

PARTITIONS, RECORDS = 4, 400


async def fill(servers: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=2000)
    await producer.start()
    try:
        for number in range(RECORDS):
            for partition in range(PARTITIONS):
                value = b"mark%d-%05d" % (partition, number) + b"v" * 100
                await producer.send(topic, value, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()


def flip_a_bit(directory: Path, topic: str) -> None:
    """In the middle of partition 1."""
    (file,) = directory.rglob(f"{topic}-1/*.log")
    place = file.read_bytes().index(b"mark1-00200")
    with file.open("r+b") as segment:
        segment.seek(place + 20)
        segment.write(b"X")


async def read_on(source: KafkaSource, handed_out: dict[int, set[int]]) -> None:
    for _ in range(1000):
        got = await source.fetch(100, 0.5)
        for one in got:
            handed_out[one.partition].add(one.offset)
        await source.commit({one.source: one.offset + 1 for one in got})


async def test_corrupt_batch_ends_the_worker_and_loses_nothing() -> None:
    """The source raises Fatal, and everything below each commit had been handed out."""
    with Cluster() as cluster:
        servers = cluster.bootstrap_servers
        topic = await make_topic(servers, "touchpoints.shop", PARTITIONS)
        await fill(servers, topic)
        assert cluster.directory is not None
        flip_a_bit(cluster.directory, topic)
        source = KafkaSource(kafka_settings(servers), [topic], Metrics(), Progress(120))
        await source.start()
        handed_out: dict[int, set[int]] = {number: set() for number in range(PARTITIONS)}
        try:
            with pytest.raises(Fatal, match="records cannot be read"):
                await read_on(source, handed_out)
            for number, seen in handed_out.items():
                committed = await source._consumer.committed(TopicPartition(topic, number)) or 0
                assert set(range(committed)) <= seen
        finally:
            await source.stop()
