"""Reads a topic outside its consumer group: identity of the log, its bounds, skipped records.

A group's committed offset says where its client library believes it is. It can run ahead of what
was processed (a record skipped in a rebalance is acknowledged all the same), so workers keep their
own positions, and the records between the two are read here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from services.runtime.errors import ConfigurationError, Retry
from services.runtime.settings import KafkaSettings
from services.stream.connection import connection
from services.stream.ports import Delivery, Partition

TIMEOUT_S = 30.0
STOP_S = 5.0
FETCH_MS = 1_000


class KafkaLog:
    """Implements `services.stream.ports.Log` over a consumer without a group."""

    def __init__(self, settings: KafkaSettings, *topics: str) -> None:
        """`topics` must exist when it starts."""
        self._settings = settings
        self._topics = topics
        self.id = ""
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Connect and learn the id of the cluster.

        Raises:
            Retry: no broker answers; call it again.
            ConfigurationError: a topic is missing.
        """
        settings = connection(self._settings)
        async with _translated():
            admin = AIOKafkaAdminClient(**settings)
            try:
                await admin.start()
                self.id = (await admin.describe_cluster())["cluster_id"]
            finally:
                await admin.close()
            self._consumer = AIOKafkaConsumer(
                **settings, enable_auto_commit=False, auto_offset_reset="earliest"
            )
            try:
                await start_consumer(self._consumer)
                require_topics(self._topics, await self._consumer.topics())
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Disconnect, within a bounded time."""
        if self._consumer is not None:
            await stop_consumer(self._consumer)

    async def bounds(self, partition: Partition) -> tuple[int, int]:
        """Offset of the oldest record, and of the next record to be appended. Raises Retry."""
        consumer, place = self._reader(), TopicPartition(*partition)
        async with self._turn, _translated():
            begin = (await consumer.beginning_offsets([place]))[place]
            end = (await consumer.end_offsets([place]))[place]
            return begin, end

    async def end(self, partition: Partition) -> int:
        """Offset of the next record to be appended. Raises Retry."""
        return (await self.bounds(partition))[1]

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Offset of the next record to be appended, by partition. Raises Retry."""
        places = {TopicPartition(*partition): partition for partition in partitions}
        async with self._turn, _translated():
            found = await self._reader().end_offsets(list(places)) if places else {}
            return {places[place]: end for place, end in found.items()}

    async def first(self, partition: Partition, start: int, stop: int) -> int:
        """Offset of the first record from `start` to before `stop`, else `stop`. Raises Retry.

        Not every offset has a record: the marker that ends a transaction takes one, too, and
        compaction leaves holes.
        """
        consumer, place = self._reader(), TopicPartition(*partition)
        async with self._turn, _translated():
            position = max(start, (await consumer.beginning_offsets([place]))[place])
            consumer.assign([place])
            try:
                consumer.seek(place, position)
                while position < stop:
                    got = await consumer.getmany(place, timeout_ms=FETCH_MS, max_records=1)
                    for record in got.get(place, ()):
                        return min(int(record.offset), stop)
                    position = await consumer.position(place)
            finally:
                consumer.assign([])  # as in `read`
        return stop

    async def read(self, partition: Partition, start: int, stop: int) -> list[Delivery]:
        """The records from `start` to before `stop` that the log still has. Raises Retry."""
        consumer, place = self._reader(), TopicPartition(*partition)
        found: list[Delivery] = []
        async with self._turn, _translated():
            position = max(start, (await consumer.beginning_offsets([place]))[place])
            stop = min(stop, (await consumer.end_offsets([place]))[place])
            consumer.assign([place])
            try:
                consumer.seek(place, position)
                while position < stop:
                    got = await consumer.getmany(place, timeout_ms=FETCH_MS)
                    for record in got.get(place, ()):
                        if record.offset < stop:
                            found.append(delivery(record))
                    position = await consumer.position(place)
            finally:
                # Not `unsubscribe`: if a fetch follows at once, aiokafka stops fetching for good.
                consumer.assign([])
        return found

    def _reader(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("start the log before reading it")
        return self._consumer


async def start_consumer(consumer: AIOKafkaConsumer) -> None:
    """Start it; whoever is cancelled meanwhile waits for the outcome, within a bounded time.

    aiokafka forgets the connection that it asks for the brokers on when it is cancelled there.
    """
    starting = asyncio.ensure_future(consumer.start())
    try:
        await asyncio.shield(starting)
    finally:
        if not starting.done():
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(starting, STOP_S)


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Disconnect, within a bounded time."""
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(STOP_S):
            await consumer.stop()


def require_topics(wanted: Collection[str], known: Collection[str]) -> None:
    """Raises ConfigurationError when a topic is missing."""
    missing = sorted(set(wanted) - set(known))
    if missing:
        raise ConfigurationError(
            f"Kafka has no topic {missing[0]} ({len(missing)} are missing): run 'c360 topics "
            "apply', or allow our user to describe the topics"
        )


def delivery(record: Any) -> Delivery:
    """A record of aiokafka as the workers see it."""
    headers = tuple((str(name), bytes(value or b"")) for name, value in record.headers or ())
    return Delivery(
        record.topic, record.partition, record.offset, record.timestamp, record.value, record.key,
        headers,
    )  # fmt: skip


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield
    except (KafkaError, TimeoutError, OSError) as error:
        raise Retry(
            f"Kafka does not answer: {error!r}. Is the broker of C360_KAFKA_BOOTSTRAP_SERVERS up?"
        ) from error
