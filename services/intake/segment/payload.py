"""Payloads of the protocol: one message, or a body of `/v1/batch` with many.

Every message becomes its touchpoints or is refused alone. Only a text that is no JSON object, or
has a list that is none, is refused as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import DEFAULT_REALM, EVENT_BYTES_MAX
from services.ingest.core.encoding import not_utf8
from services.intake.fields import Fields, NotTaken
from services.intake.format import Refused, Translated
from services.intake.segment import message as common
from services.intake.segment.message import Json, Sending, TrackedMessage
from services.intake.segment.persons import alias, group, identify
from services.intake.segment.tracks import page, track

TRANSLATORS: Mapping[str, Callable[[TrackedMessage], list[bytes]]] = {
    "identify": identify, "track": track, "page": page, "screen": page, "group": group,
    "alias": alias,
}  # fmt: skip


class _NoNumber:
    """`NaN` and the like, which some libraries write though JSON has none."""

    def __str__(self) -> str:
        return "NaN"


def parsed(payload: bytes) -> Json | Fault:
    """The object of a payload, with half characters and `NaN` in it where there are some: they are
    the fault of the message that has them only."""
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            text = payload.decode()
            found = json.loads(text, parse_constant=lambda _: _NoNumber())
        except (ValueError, RecursionError):
            return Fault(RejectReason.NOT_JSON, "", not_utf8(payload) or str(error))
    if not isinstance(found, dict):
        return Fault(RejectReason.NOT_JSON, "", "the payload must be a JSON object")
    return found


def translated(body: Json, sending: Sending, messages_max: int | None = None) -> Translated | Fault:
    """The touchpoints of a body that `parsed` read."""
    if sending.call or "batch" not in body:
        return list(_of_message(body, sending))
    messages, context = body["batch"], body.get("context")
    if not isinstance(messages, list):
        return Fault(RejectReason.INVALID_FIELD, "batch", "must be a list")
    if messages_max is not None and len(messages) > messages_max:
        return Fault(RejectReason.INVALID_FIELD, "batch", f"at most {messages_max} messages")
    if context is not None and not isinstance(context, dict):
        return Fault(RejectReason.INVALID_FIELD, "context", "must be an object")
    of_body = sending._replace(context=context or {}, sent_at=body.get("sentAt"))
    return [one for message in messages for one in _of_message(message, of_body)]


def _of_message(plain: Any, sending: Sending) -> Iterator[bytes | Refused]:
    if isinstance(plain, dict) and sending.realm:
        plain = {**plain, "realm": sending.realm}  # whose it is, once it is refused
    try:
        content = orjson.dumps(plain)
    except TypeError:
        written = json.dumps(plain, default=str).encode()
        fault = Fault(RejectReason.NOT_JSON, "", "has a number or a character that none is")
        yield Refused(written, fault, _named(plain, sending))
        return
    try:
        yield from _translated(plain, content, sending)
    except NotTaken as refusal:
        yield Refused(content, refusal.fault, _named(plain, sending))


def _translated(plain: Any, content: bytes, sending: Sending) -> list[bytes]:
    if len(content) > EVENT_BYTES_MAX:
        message = f"{len(content)} bytes, at most {EVENT_BYTES_MAX}"
        raise NotTaken("", message, RejectReason.TOO_LARGE)
    read = TrackedMessage(Fields(plain), sending)
    return TRANSLATORS[read.call](read)


def _named(plain: Any, sending: Sending) -> bytes:
    """Whom a message names that becomes no touchpoint, as far as it can be read."""
    if not isinstance(plain, dict):
        return b""
    found: Json = {
        "realm": sending.realm or DEFAULT_REALM,
        "source": {"system": common.SYSTEM},
        "identifiers": [],
    }
    fields = Fields(plain)
    for name in ("messageId", "message_id"):
        if isinstance(plain.get(name), str):
            found["event_id"] = plain[name]
    with suppress(NotTaken):
        found["occurred_at"] = fields.time("originalTimestamp", "timestamp")
    for persons in _persons(fields):
        with suppress(NotTaken):
            found["identifiers"] += persons()
    with suppress(TypeError):  # half of a character is nobody's id
        return orjson.dumps(found)
    return b""


def _persons(fields: Fields) -> Iterator[Callable[[], list[Json]]]:
    """Every place that may name somebody; each may be wrong for itself."""
    for name in ("userId", "user_id", "anonymousId", "anonymous_id"):
        alone = Fields({name: fields.plain.get(name)})
        yield lambda alone=alone: common.identifiers(alone, Fields(None))  # type: ignore[misc]
    yield lambda: common.identifiers(Fields(None), fields.object("context"))
    yield lambda: common.addresses(fields.object("traits"))
    yield lambda: common.addresses(fields.object("context").object("traits"))
    yield lambda: common.addresses(fields.object("properties"))
