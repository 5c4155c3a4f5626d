"""The topic catalogue: what it must refuse, and what may never change in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.instants import DAY_MS
from schemas.records import ProfileChangeRecord, RejectedHeaders, TickRecord
from schemas.topics import CATALOGUE, Catalogue, Cleanup, Party, Topic
from schemas.touchpoint import EVENT_BYTES_MAX
from services.runtime.settings import CHANNELS

PARTITIONS = {
    "touchpoints.shop": 12,
    "touchpoints.app": 12,
    "touchpoints.pos": 12,
    "touchpoints.email": 12,
    "touchpoints.outbound": 6,
    "touchpoints.service": 6,
    "touchpoints.marketplace": 6,
    "touchpoints.social": 6,
    "touchpoints.media": 6,
    "touchpoints.sales": 3,
    "touchpoints.other": 3,
    "c360.edges": 12,
    "c360.offers": 12,
    "c360.rejected": 6,
    "c360.profile-changes": 12,
    "c360.alerts": 6,
}
"""Fixed for ever. A topic that must grow gets a successor under a new name."""
ROW: dict[str, Any] = {
    "name": "c360.example",
    "description": "A topic that is there to be wrong.",
    "key": ("realm",),
    "key_reason": "One realm, one order.",
    "partitions": 6,
    "retention_days": 7,
    "records": (ProfileChangeRecord,),
    "produced_by": (Party.INGEST,),
    "consumed_by": (Party.QUERY,),
}
WRONG = [
    # what is wrong, changed fields, what the message says
    ("compacted without key", {"cleanup": "compact", "key": (), "key_reason": "",
                               "retention_days": None}, "needs a key"),
    ("compacted with retention", {"cleanup": "compact"}, "no retention"),
    ("neither compacted nor kept for a time", {"retention_days": None}, "needs a retention"),
    ("a key nobody explains", {"key_reason": ""}, "needs its reason"),
    ("a reason without a key", {"key": ()}, "a reason its key"),
    ("a key the record does not have", {"key": ("realm", "sku")}, "no key field sku"),
    ("a first key field that another record lacks",
     {"key": ("profile_id",), "records": (ProfileChangeRecord, TickRecord)}, "TickRecord"),
    ("no contract at all", {"records": ()}, "needs headers"),
    ("no partition", {"partitions": 0}, "partitions"),
    ("a name Kafka refuses", {"name": "c360 example"}, "name"),
    ("a retention of nothing", {"retention_days": 0}, "retention_days"),
    ("nobody writes it", {"produced_by": ()}, "produced_by"),
    ("nobody reads it", {"consumed_by": ()}, "consumed_by"),
    ("a misspelt field", {"partition": 3}, "partition"),
]  # fmt: skip


def test_partitions_are_fixed_for_ever() -> None:
    """Another number would send the keys of running systems to other workers."""
    assert {topic.name: topic.partitions for topic in CATALOGUE.topics} == PARTITIONS


@pytest.mark.parametrize(("what", "changes", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_row_is_refused(what: str, changes: dict[str, Any], message: str) -> None:
    """A row that contradicts itself never gets into the catalogue."""
    Topic.model_validate(ROW)
    with pytest.raises(ValidationError, match=message):
        Topic.model_validate(ROW | changes)


def test_opaque_topic_is_described_by_its_headers() -> None:
    """Bytes as they came need no record contract, but headers that say what they are."""
    row = ROW | {"records": (), "headers": RejectedHeaders, "key": (), "key_reason": ""}
    assert Topic.model_validate(row).headers is RejectedHeaders


def test_names_and_channels_are_unique() -> None:
    """Two rows of one topic, or two topics of one channel, are refused."""
    topics = CATALOGUE.topics
    with pytest.raises(ValidationError, match="listed twice"):
        Catalogue(topics=(*topics, topics[0]))
    twin = topics[0].model_copy(update={"name": "touchpoints.twin"})
    with pytest.raises(ValidationError, match="channel 'shop' is listed twice"):
        Catalogue(topics=(*topics, twin))


def test_unlisted_channels_have_somewhere_to_go() -> None:
    """Without a topic for the rest the catalogue is refused; with it, no channel is lost."""
    rest = tuple(topic for topic in CATALOGUE.topics if topic.name != "touchpoints.other")
    with pytest.raises(ValidationError, match=r"touchpoints\.other"):
        Catalogue(topics=rest)
    assert CATALOGUE.of_channel("carrier_pigeon").name == "touchpoints.other"


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_configured_channel_has_its_topic(channel: str) -> None:
    """A channel that is configured out of the box belongs to a family by name."""
    topic = CATALOGUE.of_channel(channel)
    assert channel in topic.channels
    assert topic in CATALOGUE.touchpoints


def test_channels_of_topics_are_configured_channels() -> None:
    """No topic waits for a channel that no event may name."""
    listed = [channel for topic in CATALOGUE.topics for channel in topic.channels]
    assert sorted(listed) == sorted(CHANNELS)


def test_touchpoint_topics_take_the_largest_event() -> None:
    """An event at its limit fits, with its headers and the record around it."""
    assert all(topic.record_bytes_max >= 2 * EVENT_BYTES_MAX for topic in CATALOGUE.touchpoints)


def test_followers_find_the_latest_state() -> None:
    """What others follow is compacted by realm and id; what is worked off is deleted by age."""
    compacted = {t.name: t.key for t in CATALOGUE.topics if t.cleanup is Cleanup.COMPACT}
    assert compacted == {
        "c360.profile-changes": ("realm", "profile_id"),
        "c360.alerts": ("realm", "incident_id"),
    }


def test_one_order_for_everything_that_changes_the_map() -> None:
    """Edges, decisions, rules, erasures and age limits of a realm share one topic and one key."""
    topic = CATALOGUE.by_name["c360.edges"]
    assert topic.key == ("realm",)
    kinds = [str(model.model_fields["kind"].default) for model in topic.records]
    assert kinds == ["edges", "decision", "rules", "erasure", "retention"]


def test_configuration_is_written_as_kafka_reads_it() -> None:
    """Texts under Kafka's own names; a compacted topic names no retention, and how long it may keep
    what was replaced."""
    assert CATALOGUE.by_name["c360.rejected"].config == {
        "cleanup.policy": "delete",
        "max.message.bytes": str(2 * 1024 * 1024),
        "retention.ms": str(14 * DAY_MS),
        "segment.ms": str(DAY_MS),
        "message.timestamp.type": "LogAppendTime",
    }
    assert CATALOGUE.by_name["c360.alerts"].config == {
        "cleanup.policy": "compact",
        "max.message.bytes": str(1024 * 1024),
        "max.compaction.lag.ms": str(DAY_MS),
        "message.timestamp.type": "LogAppendTime",
    }


def test_every_record_is_stamped_by_the_broker() -> None:
    """Its time is no sender's to set."""
    types = {topic.config["message.timestamp.type"] for topic in CATALOGUE.topics}
    assert types == {"LogAppendTime"}


def test_names_follow_one_pattern() -> None:
    """Touchpoints by family, everything else under the product's name."""
    pattern = re.compile(r"(touchpoints\.[a-z]+|c360\.[a-z]+(-[a-z]+)*)")
    assert all(pattern.fullmatch(topic.name) for topic in CATALOGUE.topics)
