"""The logs that the contract of the log ports is tested on: the simulation's, and Kafka.

Each makes topics, members of a consumer group and a client of its own, and ends them all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import fields
from random import Random
from typing import Protocol
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from devtools.kafka import Cluster
from services.ingest.adapters.kafka import KafkaSource
from services.ingest.worker import DeliverySource
from services.runtime.health import Progress
from services.runtime.metrics import Metrics
from services.stream.gap_recovery import SideReader
from services.stream.log_reader import KafkaLog
from services.stream.ports import Log, Outbox, Partition
from services.stream.producer import Producer
from tests.kafka import DEADLINE_S, admin_of, kafka_settings, make_topic
from tests.simulation.broker import Broker, BrokerClient, Group, Member
from tests.simulation.chance import Chance, Options
from tests.simulation.process import Process

SEND_TIMEOUT_S = 3.0
SESSION_S = 6
SILENT_TIMEOUT_S = 2.0
DEADLINES = (
    "services.ingest.adapters.kafka.COMMIT_TIMEOUT_S",
    "services.stream.log_reader.TIMEOUT_S",
)


class Reader(SideReader, Log, Protocol):
    """What one client reads beside the group."""


class World(Protocol):
    """A log with everything that a test needs of it."""

    @property
    def outbox(self) -> Outbox:
        """Sends to the log."""
        ...

    async def topic(self, partitions: int = 1) -> str:
        """A new topic."""
        ...

    async def reader(self, topic: str) -> Reader:
        """A new client that reads beside the group."""
        ...

    async def join(self, topic: str) -> DeliverySource:
        """A new member of the one group that reads the topic; it has its share on return."""
        ...

    async def leave(self, source: DeliverySource) -> None:
        """End a member. What it has not committed is another's."""
        ...

    def held(self, source: DeliverySource) -> set[Partition]:
        """The partitions that a member thinks it holds."""
        ...

    async def forget(self, partition: Partition, before: int) -> None:
        """Delete the records before an offset, as retention does."""
        ...

    def silence(self) -> AbstractContextManager[None]:
        """Inside it the log does not answer."""
        ...

    async def close(self) -> None:
        """End what is left."""
        ...


def quiet(rng: Random) -> Chance:
    """The simulation's chance, by which nothing fails."""
    kinds = {one.name: False for one in fields(Options) if one.type == "bool"}
    return Chance(rng, Options(**kinds), are_faults_on=False)


class MemoryWorld:
    """The simulation's broker, without faults and with real time."""

    def __init__(self, name: str = Broker.id) -> None:
        self._chance = quiet(Random(1))
        self._broker = Broker(self._chance, lambda: int(time.time() * 1000), {})
        self._broker.id = name
        self._groups: dict[str, Group] = {}
        self.outbox = self._client()

    def _process(self) -> Process:
        return Process("test", self._chance, lambda _who, _what: None)

    def _client(self) -> BrokerClient:
        return BrokerClient(self._broker, self._process(), self._chance)

    async def topic(self, partitions: int = 1) -> str:
        """See `World`."""
        name = f"test.{len(self._broker.topics)}"
        self._broker.topics[name] = partitions
        for number in range(partitions):
            self._broker.records[Partition(name, number)] = []
            self._broker.begins[Partition(name, number)] = 0
        self._groups[name] = Group(self._broker, self._chance, name, [name])
        return name

    async def reader(self, topic: str) -> Reader:
        """See `World`."""
        return self._client()

    async def join(self, topic: str) -> DeliverySource:
        """See `World`."""
        member = Member(self._groups[topic], self._process(), self._chance)
        member.join()
        return member

    async def leave(self, source: DeliverySource) -> None:
        """See `World`."""
        assert isinstance(source, Member)
        source.leave()

    def held(self, source: DeliverySource) -> set[Partition]:
        """See `World`."""
        assert isinstance(source, Member)
        return set(source.positions)

    async def forget(self, partition: Partition, before: int) -> None:
        """See `World`."""
        self._broker.forget(partition, before)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """See `World`."""
        self._broker.is_down = True
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.simulation.broker.TIMEOUT_S", 0.1)
            yield
        self._broker.is_down = False

    async def close(self) -> None:
        """See `World`."""


class KafkaWorld:
    """Real brokers; with a cluster of our own they can be silenced."""

    def __init__(self, servers: str, cluster: Cluster | None = None) -> None:
        self._servers = servers
        self._cluster = cluster
        self._settings = kafka_settings(
            servers, kafka_group_prefix=f"t{uuid4().hex[:12]}", kafka_session_timeout_s=SESSION_S
        )
        self.outbox = Producer(self._settings, SEND_TIMEOUT_S)
        self._sources: list[KafkaSource] = []
        self._logs: list[KafkaLog] = []

    async def topic(self, partitions: int = 1) -> str:
        """See `World`."""
        return await make_topic(self._servers, partitions=partitions)

    async def reader(self, topic: str) -> Reader:
        """See `World`."""
        log = KafkaLog(self._settings, topic)
        self._logs.append(log)
        await log.start()
        return log

    async def join(self, topic: str) -> DeliverySource:
        """See `World`."""
        source = KafkaSource(self._settings, [topic], Metrics(), Progress(60))
        self._sources.append(source)
        await source.start()
        async with asyncio.timeout(DEADLINE_S):
            while not source.is_assigned():
                await source.wait()
        return source

    async def leave(self, source: DeliverySource) -> None:
        """See `World`."""
        assert isinstance(source, KafkaSource)
        self._sources.remove(source)
        await source.stop()

    def held(self, source: DeliverySource) -> set[Partition]:
        """See `World`."""
        assert isinstance(source, KafkaSource)
        return {Partition(*one) for one in source._consumer.assignment()}

    async def forget(self, partition: Partition, before: int) -> None:
        """See `World`."""
        async with admin_of(self._servers) as admin:
            await admin.delete_records({TopicPartition(*partition): RecordsToDelete(before)})

    @contextmanager
    def silence(self) -> Iterator[None]:
        """See `World`: connections stay open, and nobody answers on them.

        Deadlines are short meanwhile, for whoever asks waits for all of them.
        """
        assert self._cluster is not None
        with pytest.MonkeyPatch.context() as patch, self._cluster.silence():
            for deadline in DEADLINES:
                patch.setattr(deadline, SILENT_TIMEOUT_S)
            yield

    async def close(self) -> None:
        """See `World`."""
        for source in self._sources:
            await source.stop()
        for log in self._logs:
            await log.stop()
        await self.outbox.stop()


@asynccontextmanager
async def closing(world: World) -> AsyncIterator[World]:
    """The world, which is closed at the end."""
    try:
        yield world
    finally:
        await world.close()
