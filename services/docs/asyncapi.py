"""The AsyncAPI 3.0 document: the topic catalogue with its records, for tools and other teams."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.examples import EXAMPLES
from schemas.incident import Details
from schemas.records import AlertRecord
from schemas.topics import CATALOGUE, Party, Topic
from schemas.touchpoint import Touchpoint
from services.consistency.kinds import KINDS
from services.docs.json_schema import ContractSchema, Json, reflow, unwrapped

CONTRACTS_VERSION = "1"
BINDING_VERSION = "0.5.0"
SCHEMAS = "#/components/schemas/"
BYTES: Json = {
    "type": "string",
    "contentMediaType": "application/octet-stream",
    "description": "Bytes as they were received.",
}
OUTSIDE = frozenset({Party.SOURCES, Party.SUBSCRIBERS})


def asyncapi_document() -> Json:
    """The document; external `$ref`s name the JSON Schema files in the same directory."""
    topics = CATALOGUE.topics
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "customer360 topics",
            "version": CONTRACTS_VERSION,
            "description": "What the services of customer360 exchange over Kafka, and what others "
            "may write and follow. Delivery is at least once; every record may come again.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {"messages": _messages(), "schemas": record_schemas()},
    }


def _channel(topic: Topic) -> Json:
    names = [_message_name(model) for model in topic.records] or [_bytes_name(topic)]
    binding = {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": _configuration(topic),
        "bindingVersion": BINDING_VERSION,
    }
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": binding},
    }


def _configuration(topic: Topic) -> Json:
    """Kafka's own names, with the types that the binding asks for."""
    plain = topic.config
    return {
        "cleanup.policy": [plain.pop("cleanup.policy")],
        **{name: int(value) if value.isdigit() else value for name, value in sorted(plain.items())},
    }


def _operations(topic: Topic) -> list[tuple[str, Json]]:
    """The operations of the product's services on a topic."""
    parties = [(party, "send") for party in topic.produced_by]
    parties += [(party, "receive") for party in topic.consumed_by]
    return [
        (
            f"{party.value}.{action}.{topic.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "title": f"{party.value} {action}s {topic.name}",
            },
        )
        for party, action in parties
        if party not in OUTSIDE
    ]


def _message_name(model: type[BaseModel]) -> str:
    return model.__name__.removesuffix("Record")


def _bytes_name(topic: Topic) -> str:
    assert topic.headers is not None  # the catalogue allows no topic without any contract
    return topic.headers.__name__.removesuffix("Headers")


def _messages() -> Json:
    messages: Json = {}
    for topic in CATALOGUE.topics:
        for model in topic.records:
            messages[_message_name(model)] = _message(topic, model)
        if not topic.records:
            messages[_bytes_name(topic)] = _bytes_message(topic)
    return messages


def _message(topic: Topic, model: type[BaseModel]) -> Json:
    name = _message_name(model)
    message: Json = {"name": name, "summary": reflow(model.__doc__ or ""), **_key(topic, model)}
    if model is Touchpoint:
        message["payload"] = {"$ref": "touchpoint.schema.json"}
        event = EXAMPLES["order.placed"]
        message["examples"] = [{"name": event["type"], "payload": event}]
    else:
        message["payload"] = {"$ref": f"{SCHEMAS}{model.__name__}"}
    return message


def _bytes_message(topic: Topic) -> Json:
    assert topic.headers is not None
    return {
        "name": _bytes_name(topic),
        "summary": topic.description,
        "contentType": "application/octet-stream",
        "headers": {"$ref": f"{SCHEMAS}{topic.headers.__name__}"},
        "payload": BYTES,
    }


def _key(topic: Topic, model: type[BaseModel]) -> Json:
    fields = [name for name in topic.key if name in model.model_fields]
    if not fields:
        return {}
    described = f"{' U+001F '.join(fields)}. {topic.key_reason}"
    key = {"type": "string", "description": described}
    return {"bindings": {"kafka": {"key": key, "bindingVersion": BINDING_VERSION}}}


def record_schemas() -> Json:
    """Every record except touchpoints, as it is written, with all its parts."""
    models: list[type[BaseModel]] = []
    for topic in CATALOGUE.topics:
        models += [model for model in topic.records if model is not Touchpoint]
        models += [topic.headers] if topic.headers else []
    details = [kind.details for kind in KINDS.values()]
    pairs: Any = [(model, "serialization") for model in (*models, *details)]
    _, document = models_json_schema(
        pairs, schema_generator=ContractSchema, ref_template=SCHEMAS + "{model}"
    )
    schemas: Json = unwrapped(document["$defs"])
    # The contract leaves the details of an incident open; these are those of the kinds there are.
    del schemas[Details.__name__]
    schemas[AlertRecord.__name__]["properties"]["details"] = {
        "description": "What is particular to the kind.",
        "anyOf": [{"$ref": f"{SCHEMAS}{model.__name__}"} for model in details],
    }
    return dict(sorted(schemas.items()))
