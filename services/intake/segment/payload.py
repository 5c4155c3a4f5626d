"""Payloads of the protocol: one message, or a body of `/v1/batch` with many.

Every message becomes its touchpoints or is refused alone. Only a text that is no JSON object, or
has a list that is none, is refused as a whole. Of a refused message bytes come out only where it
could be read whom they name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from typing import Any

import orjson

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import DEFAULT_REALM, EVENT_BYTES_MAX
from services.ingest.core.encoding import not_utf8
from services.intake.batch import STEPS, STRING
from services.intake.fields import Fields, NotTaken
from services.intake.format import Refused, Translated
from services.intake.segment import message as common
from services.intake.segment.message import Json, Sending, TrackedMessage
from services.intake.segment.persons import alias, former, group, identify
from services.intake.segment.tracks import page, track

TRANSLATORS: Mapping[str, Callable[[TrackedMessage], list[bytes]]] = {
    "identify": identify, "track": track, "page": page, "screen": page, "group": group,
    "alias": alias,
}  # fmt: skip


LEVELS_MAX, LEVELS_AROUND = 254, 2
"""Of objects within objects: of a message, as many as can be written; and of a body around it."""
TOO_DEEP = re.compile(b"\x01+")


class _NoValue:
    """What is written as a value and is none: `NaN` and the like, which some libraries write though
    JSON has none, numbers that no float reaches, and what is nested too deeply."""

    def __str__(self) -> str:
        return "NaN"


def parsed(payload: bytes) -> Json | Fault:
    """The object of a payload, with half characters and what is no value in it where there are
    some: they are the fault of the message that has them only."""
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            found = _leniently(payload)
        except (ValueError, RecursionError):
            return Fault(RejectReason.NOT_JSON, "", not_utf8(payload) or str(error))
    if not isinstance(found, dict):
        return Fault(RejectReason.NOT_JSON, "", "the payload must be a JSON object")
    return found


def _leniently(payload: bytes) -> Any:
    text = b"".join(_without_depths(payload)).decode()
    return json.loads(
        text, parse_int=_number, parse_float=_number, parse_constant=lambda _: _NoValue()
    )


def _number(digits: str) -> Any:
    """As the other parser reads it, so that the messages beside make no difference."""
    try:
        return orjson.loads(digits)
    except orjson.JSONDecodeError:
        return _NoValue()


def _without_depths(payload: bytes) -> Iterator[bytes]:
    """The text with `NaN` for all that is nested too deeply."""
    depth_max, copied = LEVELS_MAX + LEVELS_AROUND, 0
    if payload.count(b"[") + payload.count(b"{") > depth_max:
        bare = STRING.sub(lambda found: b" " * len(found[0]), payload)
        depths = accumulate(map(STEPS.__getitem__, bare))
        for found in TOO_DEEP.finditer(bytes(map(depth_max.__lt__, depths))):
            yield payload[copied : found.start()] + b"NaN"
            copied = found.end() + 1  # behind the bracket that leaves the depth
    yield payload[copied:]


def translated(body: Json, sending: Sending, messages_max: int | None = None) -> Translated | Fault:
    """The touchpoints of a body that `parsed` read."""
    if sending.call or "batch" not in body:
        return list(_of_message(body, sending))
    messages = body["batch"]
    if not isinstance(messages, list):
        return Fault(RejectReason.INVALID_FIELD, "batch", "must be a list")
    if messages_max is not None and len(messages) > messages_max:
        return Fault(RejectReason.INVALID_FIELD, "batch", f"at most {messages_max} messages")
    of_body = sending._replace(context=body.get("context"), sent_at=body.get("sentAt"))
    return [one for message in messages for one in _of_message(message, of_body)]


def _of_message(plain: Any, sending: Sending) -> Iterator[bytes | Refused]:
    if isinstance(plain, dict) and sending.realm:
        plain = {**plain, "realm": sending.realm}  # whose it is, once it is refused
    try:
        content = orjson.dumps(plain)
    except TypeError:
        content = json.dumps(_shallow(plain, LEVELS_MAX), default=str).encode()
        fault = Fault(RejectReason.NOT_JSON, "", common.UNWRITABLE)
    else:
        try:
            yield from _translated(plain, content, sending)
            return
        except NotTaken as refusal:
            fault = refusal.fault
        except Exception as error:  # a bug: it costs no other message
            message = f"{type(error).__name__}; please report it"
            fault = Fault(RejectReason.UNPROCESSABLE, "", message)
    if not isinstance(plain, dict):
        content = b""  # whom it names, nobody can tell
    yield Refused(content, fault, _named(plain, sending))


def _shallow(value: Any, levels: int) -> Any:
    """The value without what is nested further than so many levels."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return _NoValue()
    if isinstance(value, dict):
        return {key: _shallow(one, levels - 1) for key, one in value.items()}
    return [_shallow(one, levels - 1) for one in value]


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
    found["identifiers"] = [one for one in _persons(fields, sending) if _is_writable(one)]
    return orjson.dumps({name: one for name, one in found.items() if _is_writable(one)})


def _is_writable(value: Any) -> bool:
    """Half of a character is nobody's id."""
    with suppress(TypeError):
        return bool(orjson.dumps(value))
    return False


def _persons(fields: Fields, sending: Sending) -> Iterator[Json]:
    """Whom a message names, in every place that may; each may be wrong for itself."""
    nobody = Fields(None)
    for name in ("userId", "user_id", "anonymousId", "anonymous_id"):
        yield from _read(lambda one: common.identifiers(one, nobody), fields, name)
    for name in ("previousId", "previous_id"):
        yield from _read(former, fields, name)
    contexts = _within([fields, Fields({"context": sending.context})], "context")
    for device in _within(contexts, "device"):
        for name in ("id", "token"):
            yield from _read(_of_device, device, name, "type")
    for place in _within([fields, *contexts], "traits") + _within([fields], "properties"):
        for name in ("email", "phone"):
            yield from _read(common.addresses, place, name)


def _of_device(device: Fields) -> list[Json]:
    return common.identifiers(Fields(None), Fields({"device": device.plain}))


def _within(outer: Iterable[Fields], name: str) -> list[Fields]:
    """The objects of that name, as far as they are some."""
    values = [one.plain.get(name) for one in outer]
    return [Fields(value) for value in values if isinstance(value, dict)]


def _read(reader: Callable[[Fields], list[Json]], place: Fields, *names: str) -> list[Json]:
    """What these fields alone say."""
    given = {name: place.plain[name] for name in names if name in place.plain}
    with suppress(NotTaken):
        return reader(Fields(given)) if given else []
    return []
