"""The catalogue on a broker: `apply` makes it, `check` sees every way in which it is not so."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.topics import CATALOGUE, Catalogue
from services.runtime.errors import Fatal, Retry
from services.stream.topics import Difference, apply_topics, check_topics, expected_config
from tests.e2e.runs import c360
from tests.kafka import DEADLINE_S, admin_of, delete_topics, kafka_settings, renew_catalogue

NAMES = ("touchpoints.sales", "touchpoints.other", "c360.alerts")


@pytest.fixture
async def catalogue(kafka: str) -> Catalogue:
    """Three topics of the catalogue, on the broker as they should be."""
    few = Catalogue(topics=tuple(CATALOGUE.by_name[name] for name in NAMES))
    await renew_catalogue(kafka, few)
    return few


async def config_of(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str]:
    """A topic's settings in effect."""
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def set_config(servers: str, topic: str, config: dict[str, str]) -> None:
    """Set a topic's settings to just these; returns when the broker has them."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, config)
    async with admin_of(servers) as admin, asyncio.timeout(DEADLINE_S):
        await admin.alter_configs([resource])
        while not (await config_of(admin, topic)).items() >= config.items():
            pass


async def test_apply_makes_what_check_wants(kafka: str) -> None:
    """On a new broker all is missing; then nothing is, and applying again does nothing."""
    settings = kafka_settings(kafka)
    await delete_topics(kafka, CATALOGUE.by_name)
    missing = await check_topics(settings)
    assert missing == [
        Difference(topic.name, "topic", "there", "missing") for topic in CATALOGUE.topics
    ]
    assert await apply_topics(settings) == (missing, [])
    assert await check_topics(settings) == []
    assert await apply_topics(settings) == ([], [])


async def test_topics_are_what_the_catalogue_says(kafka: str, catalogue: Catalogue) -> None:
    """The broker itself reports the partitions and settings of the catalogue."""
    async with admin_of(kafka) as admin:
        described = {one["topic"]: one for one in await admin.describe_topics(list(NAMES))}
        for topic in catalogue.topics:
            assert len(described[topic.name]["partitions"]) == topic.partitions
            config = await config_of(admin, topic.name)
            assert config.items() >= expected_config(topic, 1).items()
    assert expected_config(catalogue.by_name["c360.alerts"], 3)["min.insync.replicas"] == "2"


@pytest.mark.parametrize(
    ("topic", "setting", "wrong"),
    [
        ("touchpoints.other", "retention.ms", "3600000"),
        ("touchpoints.other", "max.message.bytes", "1000"),
        ("touchpoints.other", "message.timestamp.type", "CreateTime"),
        ("touchpoints.other", "cleanup.policy", "compact"),
        ("touchpoints.other", "min.insync.replicas", "3"),
        ("c360.alerts", "cleanup.policy", "delete"),
    ],
)
async def test_changed_setting_is_found_and_set(
    kafka: str, catalogue: Catalogue, topic: str, setting: str, wrong: str
) -> None:
    """A setting that somebody changed is listed with both values, and applying restores it; what
    the catalogue does not name stays."""
    settings = kafka_settings(kafka)
    good = expected_config(catalogue.by_name[topic], 1)
    await set_config(kafka, topic, {**good, setting: wrong, "segment.bytes": "2097152"})
    difference = Difference(topic, setting, good[setting], wrong)
    assert await check_topics(settings, catalogue) == [difference]
    assert await apply_topics(settings, catalogue) == ([difference], [])
    assert await check_topics(settings, catalogue) == []
    async with admin_of(kafka) as admin:
        assert (await config_of(admin, topic))["segment.bytes"] == "2097152"


async def test_other_partition_count_is_refused(kafka: str, catalogue: Catalogue) -> None:
    """A topic that was given more partitions is reported and left alone; the rest is applied."""
    settings = kafka_settings(kafka)
    async with admin_of(kafka) as admin:
        await admin.create_partitions({"touchpoints.sales": NewPartitions(5)})
    await delete_topics(kafka, ["c360.alerts"])
    applied = await apply_topics(settings, catalogue)
    assert [one.topic for one in applied.changed] == ["c360.alerts"]
    assert applied.refused == [Difference("touchpoints.sales", "partitions", "3", "5")]
    assert "successor under a new name" in applied.refused[0].advice
    assert await check_topics(settings, catalogue) == applied.refused


async def test_other_replication_is_refused(kafka: str, catalogue: Catalogue) -> None:
    """Copies are not moved; and no minimum in sync is set that one copy could not reach."""
    settings = kafka_settings(kafka, kafka_replication=3)
    applied = await apply_topics(settings, catalogue)
    assert applied.changed == []
    assert applied.refused == [Difference(name, "replication", "3", "1") for name in NAMES]


async def test_more_copies_than_brokers(kafka: str) -> None:
    """The broker's refusal names the setting to change."""
    few = Catalogue(topics=tuple(CATALOGUE.by_name[name] for name in NAMES))
    await delete_topics(kafka, NAMES)
    with pytest.raises(Fatal, match="C360_KAFKA_REPLICATION"):
        await apply_topics(kafka_settings(kafka, kafka_replication=7), few)


async def test_brokers_that_are_away() -> None:
    """No broker at the address is a Retry that names it."""
    with pytest.raises(Retry, match=r"127\.0\.0\.1:1 does not answer"):
        await check_topics(kafka_settings("127.0.0.1:1"))


async def test_command_line(kafka: str) -> None:
    """`check` exits 1 until `apply` has run; both print JSON."""
    await delete_topics(kafka, CATALOGUE.by_name)
    env: dict[str, Any] = {"C360_KAFKA_BOOTSTRAP_SERVERS": kafka, "C360_KAFKA_REPLICATION": "1"}

    def run(*arguments: str, code: int = 0) -> Any:
        return json.loads(c360(None, "topics", *arguments, "--json", code=code, **env).stdout)

    missing = run("check", code=1)
    assert {"topic": "c360.edges", "what": "topic", "expected": "there", "found": "missing"} in (
        missing
    )
    assert [one["changed"] for one in run("apply")] == [True] * len(CATALOGUE.topics)
    assert run("apply") == []
    assert run("check") == []
    async with admin_of(kafka) as admin:
        await admin.create_partitions({"c360.edges": NewPartitions(24)})
        async with asyncio.timeout(DEADLINE_S):
            while len((await admin.describe_topics(["c360.edges"]))[0]["partitions"]) < 24:
                pass
    told = c360(None, "topics", "apply", code=1, **env)
    assert "not changed: c360.edges has partitions 24, the catalogue 12" in told.stderr
    await renew_catalogue(kafka)
