"""CloudEvents around touchpoints, and what serializers put in front of them.

`data` is a touchpoint. What it does not say itself, the attributes of the CloudEvent do: `id` is
its event id, `time` when it occurred, the end of `type` its type, `source` the system that reports
it, and the extensions `channel` and `realm` these. Bytes of `data` are kept as they are.

Sources: CloudEvents 1.0.2, JSON event format, Kafka and HTTP protocol bindings; wire format of the
Confluent schema registry.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_TYPES
from services.stream.ports import Headers

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
VERSIONS = ("1.0",)
REGISTRY_PREFIX: Final = 5
"""Bytes that a serializer with a schema registry writes in front of the JSON: zero, and the number
of the schema. No JSON begins with a zero byte."""
ATTRIBUTES = {"event_id": "id", "occurred_at": "time", "channel": "channel", "realm": "realm"}
"""Fields of a touchpoint, and the attributes that stand for them as they are."""
OF_ADDRESSES = str.maketrans("-_", "+/")
"""The alphabet of Base64 in addresses: it is read, too."""
DATA = re.compile(rb'"data"[ \t\r\n]*:')
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Unreadable(NamedTuple):
    """A CloudEvent that has no touchpoint."""

    fault: Fault
    named: bytes
    """What of it may name a person, as a touchpoint does."""


def record_value(value: bytes, headers: Headers) -> bytes | Unreadable:
    """The touchpoint of a record as it is, behind a prefix, or in a CloudEvent; or why a CloudEvent
    has none. What its headers do not say is a CloudEvent is none."""
    if value[:1] == b"\0" and len(value) > REGISTRY_PREFIX:
        value = value[REGISTRY_PREFIX:]
    if not headers:
        return value
    texts = {name.lower(): content for name, content in headers}
    if texts.get("content-type", b"").lower().startswith(STRUCTURED.encode()):
        return structured(value)
    if "ce_specversion" not in texts:
        return value
    try:
        attributes = {
            name[3:]: content.decode() for name, content in texts.items() if name.startswith("ce_")
        }
    except UnicodeDecodeError:
        return _unreadable("", "attributes of a CloudEvent must be UTF-8", value)
    return binary(attributes, value)


def structured(event: bytes) -> bytes | Unreadable:
    """The touchpoint in a CloudEvent of the JSON event format."""
    members = _members(event)
    if members is None:
        inner = event[found.end() :] if (found := DATA.search(event)) else event
        fault = Fault(RejectReason.NOT_JSON, "", "a CloudEvent must be a JSON object")
        return Unreadable(fault, inner)
    texts = {name: _text(raw) for name, raw in members.items() if name != "data"}
    attributes = {name: text for name, text in texts.items() if text}
    if "data" in members:
        return binary(attributes, members["data"])
    try:
        data = attributes["data_base64"].translate(OF_ADDRESSES)
        return binary(attributes, base64.b64decode(data, validate=True))
    except (KeyError, ValueError):
        return _unreadable("data", "must be a touchpoint", b"")


def binary(attributes: Mapping[str, str], data: bytes) -> bytes | Unreadable:
    """The touchpoint that attributes and data make."""
    if attributes.get("specversion") not in VERSIONS:
        return _unreadable("specversion", "must be 1.0", data)
    for name in ("id", "source", "type"):
        if not attributes.get(name):
            return _unreadable(name, "Field required", data)
    fields = _members(data)
    if fields is None:
        return _unreadable("data", "must be a touchpoint", _text(data).encode() or data)
    wanted: dict[str, Any] = {
        name: attributes[of] for name, of in ATTRIBUTES.items() if attributes.get(of)
    }
    wanted["type"] = type_of(attributes["type"])
    wanted["source"] = {"system": attributes["source"]}
    missing = {name: one for name, one in wanted.items() if name not in fields}
    if not missing:
        return data
    comma = b"," if fields else b""
    return orjson.dumps(missing)[:-1] + comma + data.strip()[1:]


def _unreadable(path: str, message: str, named: bytes) -> Unreadable:
    return Unreadable(Fault(RejectReason.INVALID_FIELD, path, message), named)


def _members(text: bytes) -> dict[str, bytes] | None:
    """The members of a JSON object, each as it is written; None for what is none."""
    try:
        return {name: bytes(raw) for name, raw in _OBJECT.decode(text).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def type_of(type_name: str) -> str:
    """The event type that ends the type of a CloudEvent, as `com.example.order.placed`; the whole
    of it if it ends in none."""
    parts = type_name.split(".")
    ends = (".".join(parts[start:]) for start in range(len(parts)))
    return next((end for end in ends if end in EVENT_TYPES), type_name)


def _text(value: bytes) -> str:
    """A text, as attributes are; empty for anything else."""
    try:
        return str(msgspec.json.decode(value, type=str))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
