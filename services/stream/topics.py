"""The topic catalogue on the brokers: compares the topics with it and applies it.

Partitions are never changed: keys would go to other workers, and positions would lose their
meaning. A topic that has to grow gets a successor under a new name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import errors as kafka_errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.admin import AlterConfigsResponse_v0
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Schema, String

from schemas.topics import CATALOGUE, Catalogue, Topic
from services.runtime.errors import C360Error, Fatal, Retry
from services.runtime.settings import KafkaSettings
from services.stream.connection import connection

MISSING = "topic"
PARTITIONS = "partitions"
REPLICATION = "replication"
REQUEST_TIMEOUT_S = 10
TIMEOUT_S = 60
POLL_S = 0.1
SET = 0
ADVICE = {
    PARTITIONS: "never changed: a topic that has to grow gets a successor under a new name; a new "
    "topic that nothing was written to can be deleted and applied again",
    REPLICATION: "moved by Kafka's own kafka-reassign-partitions, or C360_KAFKA_REPLICATION is "
    "wrong",
}


class Difference(NamedTuple):
    """One difference between a topic and the catalogue."""

    topic: str
    what: str
    """`topic` when it is missing, `partitions`, `replication`, or the name of a setting."""
    expected: str
    found: str

    @property
    def advice(self) -> str:
        """Why `apply` does not correct it; empty when it does."""
        return ADVICE.get(self.what, "")


class Applied(NamedTuple):
    """What `apply` did."""

    changed: list[Difference]
    refused: list[Difference]


async def check_topics(
    settings: KafkaSettings, catalogue: Catalogue = CATALOGUE
) -> list[Difference]:
    """Every difference between the brokers and the catalogue. Raises Retry or Fatal."""
    async with _admin(settings) as admin:
        return await _differences(admin, settings, catalogue)


async def apply_topics(settings: KafkaSettings, catalogue: Catalogue = CATALOGUE) -> Applied:
    """Create missing topics and correct settings that differ; returns when the brokers show it.

    May be repeated and run concurrently. Settings that the catalogue does not name are left alone.
    Raises Retry or Fatal.
    """
    async with _admin(settings) as admin:
        found = await _differences(admin, settings, catalogue)
        wanted = [one for one in found if not one.advice]
        await _create(admin, settings, [catalogue.by_name[name] for name in _missing(wanted)])
        await _alter(admin, [one for one in wanted if one.what != MISSING])
        refused = [one for one in found if one.advice]
        await _seen(admin, settings, catalogue, wanted)
        return Applied(wanted, refused)


def expected_config(topic: Topic, replication: int) -> dict[str, str]:
    """A topic's settings for a number of replicas."""
    return {**topic.config, "min.insync.replicas": str(max(1, replication - 1))}


async def _seen(
    admin: AIOKafkaAdminClient,
    settings: KafkaSettings,
    catalogue: Catalogue,
    done: list[Difference],
) -> None:
    """Changes reach the brokers one after the other; wait until the one asked has them."""
    while done:
        left = set(await _differences(admin, settings, catalogue))
        done = [one for one in done if one in left]
        await asyncio.sleep(POLL_S if done else 0)


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=REQUEST_TIMEOUT_S * 1000)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await admin.start()
            yield admin
    except (TimeoutError, OSError, kafka_errors.KafkaError) as error:
        raise _judged(error, settings) from error
    finally:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await admin.close()


def _judged(error: Exception, settings: KafkaSettings) -> C360Error:
    where = f"Kafka at {settings.kafka_bootstrap_servers}"
    if isinstance(error, TimeoutError | OSError) or getattr(error, "retriable", False):
        return Retry(f"{where} does not answer ({error!r}); are the brokers up?")
    if "Authorization" in type(error).__name__:
        return Fatal(
            f"{where} does not allow it ({error}): our user needs Create, Describe, "
            "DescribeConfigs and AlterConfigs on the topics"
        )
    return Fatal(f"{where} refuses: {error}")


async def _differences(
    admin: AIOKafkaAdminClient, settings: KafkaSettings, catalogue: Catalogue
) -> list[Difference]:
    described = {
        one["topic"]: one
        for one in await admin.describe_topics([topic.name for topic in catalogue.topics])
        if one["error_code"] == 0
    }
    configs = await _configs(admin, described)
    found: list[Difference] = []
    for topic in catalogue.topics:
        if topic.name in described and topic.name in configs:
            found += _compared(topic, described[topic.name], configs[topic.name], settings)
        else:
            found.append(Difference(topic.name, MISSING, "there", "missing"))
    return found


def _compared(
    topic: Topic, described: dict[str, Any], config: dict[str, str], settings: KafkaSettings
) -> list[Difference]:
    copies = {len(partition["replicas"]) for partition in described["partitions"]}
    wanted = {
        PARTITIONS: str(topic.partitions),
        REPLICATION: str(settings.kafka_replication),
        # By the actual replicas: brokers may refuse every write below the minimum.
        **expected_config(topic, min(copies)),
    }
    found = {
        **config,
        PARTITIONS: str(len(described["partitions"])),
        REPLICATION: ", ".join(map(str, sorted(copies))),
    }
    return [
        Difference(topic.name, what, value, found.get(what, "not set"))
        for what, value in wanted.items()
        if found.get(what) != value
    ]


async def _configs(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Effective settings by topic; a topic that has just been deleted is skipped."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    configs = {}
    for response in await admin.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            if code != kafka_errors.UnknownTopicOrPartitionError.errno:
                _raise_for(code, message, name)
                configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


def _missing(differences: Iterable[Difference]) -> list[str]:
    return [one.topic for one in differences if one.what == MISSING]


async def _create(
    admin: AIOKafkaAdminClient, settings: KafkaSettings, topics: Sequence[Topic]
) -> None:
    if not topics:
        return
    copies = settings.kafka_replication
    new = [
        NewTopic(one.name, one.partitions, copies, topic_configs=expected_config(one, copies))
        for one in topics
    ]
    response = await admin.create_topics(new, timeout_ms=REQUEST_TIMEOUT_S * 1000)
    for name, code, message in response.topic_errors:
        if code != kafka_errors.TopicAlreadyExistsError.errno:
            _raise_for(code, message, name)


async def _alter(admin: AIOKafkaAdminClient, differences: Sequence[Difference]) -> None:
    if not differences:
        return
    changes: dict[str, list[tuple[str, int, str]]] = {}
    for one in differences:
        changes.setdefault(one.topic, []).append((one.what, SET, one.expected))
    resources = [(ConfigResourceType.TOPIC, name, entries) for name, entries in changes.items()]
    response = await admin._send_request(IncrementalAlterConfigsRequest(resources))
    for code, message, _, name in response.resources:
        _raise_for(code, message, name)


def _raise_for(code: int, message: str | None, topic: str) -> None:
    kind = kafka_errors.for_code(code)
    if kind is not kafka_errors.NoError:
        if kind is kafka_errors.InvalidReplicationFactorError:
            message = f"{message} Set C360_KAFKA_REPLICATION to the copies that the brokers allow."
        raise kind(f"{topic}: {message}")


class IncrementalAlterConfigsResponse_v0(Response):  # type: ignore[misc]
    """A message of Kafka's protocol that aiokafka lacks, in aiokafka's notation."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = AlterConfigsResponse_v0.SCHEMA


class IncrementalAlterConfigsRequest_v0(RequestStruct):  # type: ignore[misc]
    """Sets some settings of a topic. The older AlterConfigs resets those that it does not name."""

    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = IncrementalAlterConfigsResponse_v0
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(
                        ("name", String("utf-8")),
                        ("config_operation", Int8),
                        ("value", String("utf-8")),
                    ),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class IncrementalAlterConfigsRequest(Request[IncrementalAlterConfigsRequest_v0]):  # type: ignore[misc]
    """See IncrementalAlterConfigsRequest_v0."""

    API_KEY = 44

    def __init__(self, resources: Sequence[Any]) -> None:
        self._resources = resources

    def build(
        self, request_struct_class: type[IncrementalAlterConfigsRequest_v0]
    ) -> IncrementalAlterConfigsRequest_v0:
        """The request on the wire."""
        return request_struct_class(self._resources, False)
