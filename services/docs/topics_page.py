"""docs/reference/topics.md: the topic catalogue for operators and other teams."""

from __future__ import annotations

from schemas.examples import EXAMPLES
from schemas.topics import CATALOGUE, OTHER_FAMILY, TOUCHPOINTS, Topic
from schemas.touchpoint import Touchpoint
from services.docs.asyncapi import record_schemas
from services.docs.json_schema import Json
from services.docs.markdown import (
    anchor,
    code,
    codes,
    field_table,
    page,
    parts_of,
    table,
)

INTRODUCTION = """
All records are JSON in UTF-8, delivered at least once: a record may be delivered again, and every
reader must tolerate that. A key consists of the named fields as text, joined by U+001F. The same
catalogue in machine-readable form: [asyncapi.json](../../schemas/generated/asyncapi.json).

**The number of partitions never changes.** With another number the keys of a running system would
go to other workers, and map versions made of offsets would lose their order. A topic that has to
grow gets a successor under a new name.
""".strip()
COLUMNS = ("Topic", "Key", "Partitions", "Cleanup", "Retention", "Largest record", "Records")
KIB = 1024


def topics_page() -> str:
    """The whole page."""
    schemas = record_schemas()
    derived = [topic for topic in CATALOGUE.topics if topic not in CATALOGUE.touchpoints]
    return page(
        "Kafka topics",
        INTRODUCTION,
        table(COLUMNS, map(_row, CATALOGUE.topics)),
        "## Touchpoint topics",
        f"One topic for each family of channels. The value is one touchpoint "
        f"([reference](touchpoints.md), {len(EXAMPLES)} event types). A channel that is added to "
        f"`C360_CHANNELS` and belongs to no family goes to `{TOUCHPOINTS}.{OTHER_FAMILY}`.",
        "`received_at` of an event is the time at which the broker appended its record: the same "
        "in every delivery, and not set by the sender.",
        f"Configuration: {codes(f'{name}={value}' for name, value in _touchpoint_config())}",
        table(("Topic", "Channels", "Description"), map(_family, CATALOGUE.touchpoints)),
        *(block for topic in derived for block in _topic(topic, schemas)),
        "## Parts of records",
        *_parts(schemas),
    )


def _row(topic: Topic) -> tuple[str, ...]:
    days = topic.retention_days
    return (
        code(topic.name),
        codes(topic.key),
        str(topic.partitions),
        topic.cleanup.value,
        f"{days} days" if days else "latest of each key, unlimited",
        f"{topic.record_bytes_max // KIB:,} KiB",
        ", ".join(model.__name__ for model in topic.records) or "bytes",
    )


def _family(topic: Topic) -> tuple[str, ...]:
    return (code(topic.name), codes(topic.channels), topic.description)


def _touchpoint_config() -> list[tuple[str, str]]:
    """All families have the same."""
    (config,) = {tuple(topic.config.items()) for topic in CATALOGUE.touchpoints}
    return list(config)


def _topic(topic: Topic, schemas: Json) -> list[str]:
    written = ", ".join(party.value for party in topic.produced_by)
    read = ", ".join(party.value for party in topic.consumed_by)
    keyed = f"Keyed by {codes(topic.key)}: {topic.key_reason}" if topic.key else "No key."
    blocks = [
        f"## {topic.name}",
        topic.description,
        f"Written by: {written}. Read by: {read}. {keyed}",
        f"Configuration: {codes(f'{name}={value}' for name, value in topic.config.items())}",
    ]
    for model in topic.records:
        blocks += _record(model.__name__, schemas)
    if topic.headers is not None:
        blocks += _record(topic.headers.__name__, schemas)
    return blocks


def _record(name: str, schemas: Json) -> list[str]:
    schema = schemas[name]
    return [f"### {name}", schema.get("description", ""), field_table(schema, schemas)]


def _parts(schemas: Json) -> list[str]:
    """The objects within records, once each."""
    records = {
        model.__name__
        for topic in CATALOGUE.topics
        for model in (*topic.records, *((topic.headers,) if topic.headers else ()))
    }
    names = {
        part
        for name in records - {Touchpoint.__name__}
        for part in parts_of(schemas[name], schemas)
    }
    return [
        block for name in sorted(names - records, key=anchor) for block in _record(name, schemas)
    ]
