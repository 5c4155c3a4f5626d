"""Bytes to a validated touchpoint, or to a reject."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.faults import fault_of
from schemas.reject import RejectReason
from schemas.touchpoint import (
    DEFAULT_REALM,
    EVENT_BYTES_MAX,
    PUBLIC_MARK,
    Touchpoint,
    TouchpointAdapter,
)
from services.ingest.core.encoding import not_utf8
from services.ingest.core.outcome import Reject
from services.ingest.core.structs import is_read_alike, read_event

UNHASHED = ("sent_at", "received_at", "revision", "from_public_key")
"""Fields that may differ when the same event is sent again."""


def decode(line: bytes) -> tuple[Touchpoint, int] | Reject:
    """Parse and validate one line; also returns the hash of its body, 32 bits over the
    canonical JSON, whatever its key order or time of sending.

    Most lines are read with structs; what these leave to pydantic, and every reject, is its alone.
    """
    if not fits(line, len(line)):
        return Reject(RejectReason.TOO_LARGE, message=too_large(len(line)))
    try:
        plain = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _no_json(line, error)
    event = read_event(plain, line)
    if event is not None and is_read_alike(canonical := _canonical(plain)):
        return event, _hash_of(canonical)
    try:
        event = TouchpointAdapter.validate_json(line)
    except ValidationError as invalid:
        return explain(invalid, line)
    return event, _hash_of(_canonical(plain))


def _no_json(line: bytes, error: orjson.JSONDecodeError) -> Reject:
    """What is wrong with a line that the parser refuses, for the validator may say more of it."""
    try:
        TouchpointAdapter.validate_json(line)
    except ValidationError as invalid:
        return explain(invalid, line)
    return Reject(RejectReason.NOT_JSON, message=str(error))


def fits(line: bytes, size: int) -> bool:
    """Whether a line of this size may be an event."""
    return size <= EVENT_BYTES_MAX + (len(PUBLIC_MARK) if line.endswith(PUBLIC_MARK) else 0)


def marked(line: bytes) -> bytes:
    """The line, with the mark of a public write key if it may be an event at all.

    At its end: of a name that is there twice, the last one counts.
    """
    bare = line.rstrip()
    if bare.endswith(PUBLIC_MARK) or not bare.endswith(b"}"):
        return line
    return bare[:-1] + PUBLIC_MARK


def names_other_realm(line: bytes, realm: str) -> bool:
    """Whether a line that is no valid event would be one of another realm."""
    try:
        plain = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(plain, dict) and plain.get("realm", DEFAULT_REALM) != realm


def too_large(size: int) -> str:
    """The message for an oversized line."""
    return f"{size} bytes, at most {EVENT_BYTES_MAX}"


def _canonical(plain: dict[str, Any]) -> bytes:
    """The canonical JSON; takes the fields that are no part of it out of `plain`."""
    for name in UNHASHED:
        plain.pop(name, None)
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def _hash_of(canonical: bytes) -> int:
    return int.from_bytes(blake2b(canonical, digest_size=4).digest())


def event_hash(event_id: str) -> int:
    """64 bits of the event id, the key of look-ups by event id."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest())


def explain(error: ValidationError, line: bytes) -> Reject:
    """The first fault of a line as a Reject, with the path of the field and no value."""
    fault = fault_of(error, "type", "no such event type")
    if fault.reason is RejectReason.NOT_JSON:
        return Reject(fault.reason, fault.path, not_utf8(line) or fault.message)
    return Reject(*fault, event_id_of(line))


def event_id_of(line: bytes) -> str:
    """The event id of a line that failed validation, as far as there is one."""
    try:
        plain = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    value = plain.get("event_id") if isinstance(plain, dict) else None
    return str(value)[:100] if type(value) in (str, int) else ""
