"""What is posted: CloudEvents in structured mode, signed as Standard Webhooks describes it.

Pure; the time of signing is an argument, and an event that is sent again has the same id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

TYPE, SEGMENT_TYPE = "c360.incident", "c360.segment"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
NAMES = {"open": "opened"}
"""Words for states that are none of an event; the others are participles already."""


class DeliveryOutcome(StrEnum):
    """How a request to a target ended."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """No answer, or one that asks for another try: it is repeated."""
    REFUSED = "refused"
    """It is repeated a few times."""
    GIVEN_UP = "given_up"
    """Refused for the last time."""


class Message(NamedTuple):
    """An event that is ready to be posted."""

    message_id: str
    body: bytes


def incident_message(name: str, record: Mapping[str, Any], labels: Any, number: int) -> Message:
    """The event of the change `number` (from 1) of an incident or fault that a target hears of."""
    state = record["state"]
    message_id = f"{name}.{number}.{state}"
    at = record.get("resolved_at") if state == "resolved" else record.get("opened_at")
    type_ = f"{TYPE}.{NAMES.get(state, state)}"
    return _message(message_id, type_, record["realm"], name, at, _data(record, labels))


def digest_message(entries: Sequence[tuple[str, Mapping[str, Any], Any, int]], due: str) -> Message:
    """One event for several incidents and faults, each with its name, record, labels and number;
    not empty."""
    names = "\n".join(sorted(f"{name}.{number}" for name, _, _, number in entries))
    message_id = f"digest.{hashlib.sha256(names.encode()).hexdigest()[:32]}"
    data = {"incidents": [_data(record, labels) for _, record, labels, _ in entries]}
    return _message(message_id, f"{TYPE}.digest", entries[0][1]["realm"], "digest", due, data)


def segment_message(change: Mapping[str, Any]) -> Message:
    """The event of a change of a customer and a segment (SegmentChangeRecord)."""
    segment, profile, at = change["segment"], change["profile_id"], change["at"]
    # After an erasure sequences begin anew, at a later time.
    message_id = f"{segment}.{profile}.{change['sequence']}.{at}"
    source = f"/c360/realms/{change['realm']}/segments/{segment}"
    return _posted(message_id, f"{SEGMENT_TYPE}.{change['change']}", source, profile, at, change)


def reset_message(last_id: str) -> Message:
    """The event that says that changes of segments are missing before a place of the stream."""
    return _posted(f"reset.{last_id}", f"{SEGMENT_TYPE}.reset", "/c360/segments", "reset", None, {})


def _data(record: Mapping[str, Any], labels: Any) -> dict[str, Any]:
    """The incident with its labels, and the fault that it stands for, if it does."""
    fault = {"fault": record["fault"]} if "fault" in record else {}
    incident = {name: value for name, value in record.items() if name != "fault"}
    return {"incident": incident, "labels": labels, **fault}


def _message(
    message_id: str, name: str, realm: str, subject: str, at: str | None, data: Any
) -> Message:
    return _posted(message_id, name, f"/c360/realms/{realm}/incidents", subject, at, data)


def _posted(
    message_id: str, name: str, source: str, subject: str, at: str | None, data: Any
) -> Message:
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": source,
        "type": name,
        "subject": subject,
        "datacontenttype": "application/json",
        "data": data,
    }
    if at:
        event["time"] = at
    return Message(message_id, orjson.dumps(event))


def signed(message: Message, secrets: Sequence[str], at_s: int) -> dict[str, str]:
    """The headers of a message, with a signature by each secret (`whsec_…`)."""
    content = b".".join((message.message_id.encode(), str(at_s).encode(), message.body))
    signatures = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, content, hashlib.sha256).digest()
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return {
        "Content-Type": CONTENT_TYPE,
        "webhook-id": message.message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signatures),
    }
