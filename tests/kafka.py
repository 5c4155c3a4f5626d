"""What tests do with real brokers: topics of their own, and looking at what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.topics import CATALOGUE, Catalogue
from services.runtime.settings import Settings
from services.stream.topics import apply_topics

DEADLINE_S = 30


def kafka_settings(servers: str, **more: Any) -> Settings:
    """Settings for brokers of a test, with one copy of each topic unless said otherwise."""
    return Settings(**{"kafka_bootstrap_servers": servers, "kafka_replication": 1, **more})


@asynccontextmanager
async def admin_of(servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def make_topic(
    servers: str, name: str = "test", partitions: int = 1, copies: int = 1, **config: str
) -> str:
    """A new topic under a name nobody else has; settings are written with _ for the dots."""
    unique = f"{name}.{uuid4().hex[:12]}"
    texts = {option.replace("_", "."): value for option, value in config.items()}
    async with admin_of(servers) as admin:
        answer = await admin.create_topics(
            [NewTopic(unique, partitions, copies, topic_configs=texts)]
        )
        assert [error[1] for error in answer.topic_errors] == [0], answer
        async with asyncio.timeout(DEADLINE_S):
            while unique not in await admin.list_topics():
                pass
    return unique


async def delete_topics(servers: str, names: Iterable[str]) -> None:
    """Delete those of the topics that are there; returns when they are gone."""
    async with admin_of(servers) as admin, asyncio.timeout(DEADLINE_S):
        while doomed := sorted(set(names) & set(await admin.list_topics())):
            await admin.delete_topics(doomed)


async def renew_catalogue(servers: str, catalogue: Catalogue = CATALOGUE) -> None:
    """Every topic of the catalogue, empty. Takes about a second."""
    await delete_topics(servers, catalogue.by_name)
    await apply_topics(kafka_settings(servers), catalogue)


async def read_all(servers: str, topic: str) -> list[ConsumerRecord[bytes | None, bytes | None]]:
    """All records that are in a topic now, by partition and offset."""
    found: list[ConsumerRecord[bytes | None, bytes | None]] = []
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(DEADLINE_S):
            # A consumer of no group knows the partitions of a topic once it has asked for them.
            await consumer._client._wait_on_metadata(topic)
            partitions = [
                TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)
            ]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            while [one for one in partitions if await consumer.position(one) < ends[one]]:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
    finally:
        await consumer.stop()
    return sorted(found, key=lambda one: (one.partition, one.offset))
