"""The Kafka topics of the product as data: contents, readers, key and retention of each.

The AsyncAPI document and docs/reference/topics.md are generated from `CATALOGUE`, and operators
create topics from it. A row never changes its partitions: another number would send the keys of a
running system to other workers, so a topic that has to grow gets a successor under a new name.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas import records
from schemas.descriptions import Described
from schemas.instants import DAY_MS
from schemas.touchpoint import EVENT_BYTES_MAX, Touchpoint

TOUCHPOINTS = "touchpoints"
OTHER_FAMILY = "other"
MIB = 1024 * 1024


class Party(StrEnum):
    """Who writes or reads a topic: a service of the product, or systems around it."""

    SOURCES = "sources"
    """Systems of the retailer that report touchpoints: shop, tills, mailer …"""
    INGEST = "ingest"
    IDENTITY = "identity"
    CONSISTENCY = "consistency"
    QUERY = "query"
    """Commands and the API: they read dead letters and alerts, and write what people decide. The
    API passes on the touchpoints that come over HTTP, too."""
    SUBSCRIBERS = "subscribers"
    """Systems of the retailer that follow profiles or alerts, and operators."""


class Cleanup(StrEnum):
    """What Kafka does with old records: by age, or all but the latest of each key."""

    DELETE = "delete"
    COMPACT = "compact"


class Topic(Described, BaseModel):
    """One row of the catalogue.

    A compacted topic needs a key and keeps the latest record of each key for ever; every other
    topic needs a retention.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
    description: Annotated[str, Field(min_length=20)]
    key: tuple[str, ...] = ()
    """Fields whose texts, joined by U+001F, are the record's key; empty for records without key."""
    key_reason: str = ""
    """Why it is keyed so."""
    partitions: Annotated[int, Field(ge=1, le=1000)]
    """Never changes."""
    cleanup: Cleanup = Cleanup.DELETE
    retention_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """How long records stay; None in compacted topics."""
    record_bytes_max: Annotated[int, Field(ge=1024, le=10 * MIB)] = MIB
    """Largest record the broker accepts (`max.message.bytes`), and its producers send."""
    records: tuple[type[BaseModel], ...] = ()
    """Contracts of the value, the usual one first; none where the value is opaque bytes.
    `Touchpoint` stands for the union of all event types."""
    headers: type[BaseModel] | None = None
    """Contract of the headers, if they carry data of their own."""
    produced_by: Annotated[tuple[Party, ...], Field(min_length=1)]
    consumed_by: Annotated[tuple[Party, ...], Field(min_length=1)]
    channels: tuple[str, ...] = ()
    """Channels whose events it carries (touchpoint topics)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.cleanup is Cleanup.COMPACT and not self.key:
            raise ValueError(f"{self.name}: a compacted topic needs a key")
        if self.cleanup is Cleanup.COMPACT and self.retention_days is not None:
            raise ValueError(f"{self.name}: a compacted topic keeps its records; no retention")
        if self.cleanup is Cleanup.DELETE and self.retention_days is None:
            raise ValueError(f"{self.name}: a topic that is not compacted needs a retention")
        if bool(self.key) != bool(self.key_reason):
            raise ValueError(f"{self.name}: a key needs its reason, and a reason its key")
        if not self.records and self.headers is None:
            raise ValueError(f"{self.name}: a topic without a record contract needs headers")
        return self

    @model_validator(mode="after")
    def _check_key_fields(self) -> Self:
        """The usual record holds the whole key; others may be keyed by the first field alone."""
        for position, model in enumerate(self.records):
            for name in self.key if position == 0 else self.key[:1]:
                if name not in model.model_fields:
                    raise ValueError(f"{self.name}: {model.__name__} has no key field {name}")
        return self

    @property
    def config(self) -> dict[str, str]:
        """The topic's configuration as Kafka names and writes it.

        The broker stamps each record when it appends it: no sender's clock counts, and one that is
        ahead does not have its records refused.
        """
        config = {
            "cleanup.policy": self.cleanup.value,
            "max.message.bytes": str(self.record_bytes_max),
            "message.timestamp.type": "LogAppendTime",
        }
        if self.retention_days is not None:
            config["retention.ms"] = str(self.retention_days * DAY_MS)
            # Only whole segments are deleted, once their latest record is old enough.
            config["segment.ms"] = str(DAY_MS)
        else:
            # A record that was replaced may be about somebody who was erased: without this limit
            # Kafka keeps it until half of a partition is such records.
            config["max.compaction.lag.ms"] = str(DAY_MS)
        return config


class Catalogue(BaseModel):
    """All topics; names and channels are unique, and there is a topic for unlisted channels."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    topics: tuple[Topic, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [topic.name for topic in self.topics]
        channels = [channel for topic in self.topics for channel in topic.channels]
        for kind, values in (("topic", names), ("channel", channels)):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"{kind} {twice[0]!r} is listed twice")
        if f"{TOUCHPOINTS}.{OTHER_FAMILY}" not in names:
            raise ValueError(f"a topic {TOUCHPOINTS}.{OTHER_FAMILY} must take unlisted channels")
        return self

    @cached_property
    def by_name(self) -> dict[str, Topic]:
        """Topics by name."""
        return {topic.name: topic for topic in self.topics}

    @cached_property
    def touchpoints(self) -> tuple[Topic, ...]:
        """The topics that carry touchpoints."""
        return tuple(topic for topic in self.topics if topic.name.startswith(f"{TOUCHPOINTS}."))

    @cached_property
    def _by_channel(self) -> dict[str, Topic]:
        return {channel: topic for topic in self.topics for channel in topic.channels}

    def of_channel(self, channel: str) -> Topic:
        """The topic for the events of a channel; channels an operator adds go to `other`."""
        return self._by_channel.get(channel) or self.by_name[f"{TOUCHPOINTS}.{OTHER_FAMILY}"]


def _touchpoints(family: str, channels: tuple[str, ...], partitions: int, what: str) -> Topic:
    """A touchpoint topic. Retention is long enough to survive an outage over holidays.

    The broker's clock sets `received_at`: it is the same in every delivery, and no sender sets it.
    """
    return Topic(
        name=f"{TOUCHPOINTS}.{family}",
        description=f"Touchpoints of {what}, as their systems report them.",
        key=("event_id",),
        key_reason="A repeated event follows its first copy; events need no other order.",
        partitions=partitions,
        retention_days=7,
        record_bytes_max=2 * EVENT_BYTES_MAX,
        records=(Touchpoint,),
        produced_by=(Party.SOURCES, Party.QUERY),
        consumed_by=(Party.INGEST,),
        channels=channels,
    )


TOUCHPOINT_TOPICS = (
    _touchpoints("shop", ("shop",), 12, "the web shop"),
    _touchpoints("app", ("app",), 12, "the app"),
    _touchpoints("pos", ("pos", "kiosk"), 12, "tills and kiosks in stores"),
    _touchpoints("email", ("email",), 12, "e-mail: mailings and reactions to them"),
    _touchpoints(
        "outbound",
        ("sms", "push", "letter", "parcel_insert"),
        6,
        "short messages, pushes, letters and parcel inserts",
    ),
    _touchpoints(
        "service",
        ("phone", "chat", "messenger", "voice", "video", "contact_form"),
        6,
        "service by phone, chat, voice, video and contact form",
    ),
    _touchpoints("marketplace", ("marketplace",), 6, "marketplaces"),
    _touchpoints("social", ("social", "community"), 6, "social media and communities"),
    _touchpoints("media", ("ads", "tv", "print", "radio"), 6, "advertising, television and print"),
    _touchpoints(
        "sales", ("fair", "field_sales", "event"), 3, "trade fairs, field sales and events"
    ),
    _touchpoints(OTHER_FAMILY, (), 3, "channels that a retailer adds to the list"),
)

CATALOGUE = Catalogue(
    topics=(
        *TOUCHPOINT_TOPICS,
        Topic(
            name="c360.edges",
            description="Everything that changes the profile map of a realm, in one order: new "
            "edges (one record per ingest batch and realm), decisions, rules, erasures.",
            key=("realm",),
            key_reason="A realm has one writer, and its map rows carry the offset as version.",
            partitions=12,
            retention_days=7,
            record_bytes_max=3 * MIB,
            records=(
                records.EdgesRecord,
                records.DecisionRecord,
                records.RulesRecord,
                records.ErasureRecord,
                records.RetentionRecord,
            ),
            produced_by=(Party.INGEST, Party.IDENTITY, Party.QUERY),
            consumed_by=(Party.IDENTITY,),
        ),
        Topic(
            name="c360.offers",
            description="Price claims extracted from events, packed by partition, and ticks, which "
            "advance event time. A tick is written to every partition; what a person does with an "
            "incident to that of the incident's subject; which profiles changed to theirs.",
            key=("realm",),
            key_reason="The partition of a claim is that of its realm, market and sku (murmur2 of "
            "their texts joined by U+001F), so all claims of one product in one market are in one "
            "price book. A record packs the claims of a batch for one partition.",
            partitions=12,
            retention_days=7,
            record_bytes_max=3 * MIB,
            records=(
                records.ClaimsRecord,
                records.TickRecord,
                records.ActionRecord,
                records.CustomersRecord,
            ),
            produced_by=(Party.INGEST, Party.IDENTITY, Party.CONSISTENCY, Party.QUERY),
            consumed_by=(Party.CONSISTENCY,),
        ),
        Topic(
            name="c360.rejected",
            description="Dead letters: each value is a rejected line, byte for byte as received; "
            "the headers say why it was rejected and where it came from.",
            partitions=6,
            retention_days=14,
            record_bytes_max=2 * MIB,
            headers=records.RejectedHeaders,
            produced_by=(Party.INGEST, Party.IDENTITY, Party.CONSISTENCY, Party.QUERY),
            consumed_by=(Party.QUERY, Party.SUBSCRIBERS),
        ),
        Topic(
            name="c360.profile-changes",
            description="The state of each profile after a change of the map. A record without a "
            "value (tombstone) removes an erased profile id.",
            key=("realm", "profile_id"),
            key_reason="The latest record of a profile is its complete state.",
            partitions=12,
            cleanup=Cleanup.COMPACT,
            records=(records.ProfileChangeRecord,),
            produced_by=(Party.IDENTITY,),
            consumed_by=(Party.QUERY, Party.SUBSCRIBERS),
        ),
        Topic(
            name="c360.alerts",
            description="The state of each incident after a change of its life cycle. A record "
            "without a value (tombstone) removes an incident about a customer who was erased.",
            key=("realm", "incident_id"),
            key_reason="The latest record of an incident is its current state.",
            partitions=6,
            cleanup=Cleanup.COMPACT,
            records=(records.AlertRecord,),
            produced_by=(Party.CONSISTENCY, Party.IDENTITY),
            consumed_by=(Party.QUERY, Party.SUBSCRIBERS),
        ),
    )
)
