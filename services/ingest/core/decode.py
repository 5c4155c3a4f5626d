"""Bytes to a validated touchpoint, or to a reject."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.faults import fault_of
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_BYTES_MAX, Touchpoint, TouchpointAdapter
from services.ingest.core.encoding import not_utf8
from services.ingest.core.outcome import Reject

UNHASHED = ("sent_at", "received_at", "revision", "from_public_key")
"""Fields that may differ when the same event is sent again."""


def decode(line: bytes) -> tuple[Touchpoint, dict[str, Any]] | Reject:
    """Parse and validate one line; also returns the plain JSON object."""
    if len(line) > EVENT_BYTES_MAX:
        return Reject(RejectReason.TOO_LARGE, message=too_large(len(line)))
    try:
        event = TouchpointAdapter.validate_json(line)
        return event, orjson.loads(line)
    except ValidationError as error:
        return explain(error, line)
    except orjson.JSONDecodeError as error:
        return Reject(RejectReason.NOT_JSON, message=str(error))


def too_large(size: int) -> str:
    """The message for an oversized line."""
    return f"{size} bytes, at most {EVENT_BYTES_MAX}"


def body_hash(plain: dict[str, Any]) -> int:
    """32 bits over the canonical JSON of the event, whatever its key order or time of sending."""
    for name in UNHASHED:
        plain.pop(name, None)
    canonical = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(blake2b(canonical, digest_size=4).digest())


def event_hash(event_id: str) -> int:
    """64 bits of the event id, the key of look-ups by event id."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest())


def explain(error: ValidationError, line: bytes) -> Reject:
    """The first fault of a line as a Reject, with the path of the field and no value."""
    fault = fault_of(error, "type", "no such event type")
    if fault.reason is RejectReason.NOT_JSON:
        return Reject(fault.reason, fault.path, not_utf8(line) or fault.message)
    return Reject(*fault, _event_id(line))


def _event_id(line: bytes) -> str:
    """The event id of a line that failed validation, as far as there is one."""
    try:
        plain = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    value = plain.get("event_id") if isinstance(plain, dict) else None
    return str(value)[:100] if type(value) in (str, int) else ""
