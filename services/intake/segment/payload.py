"""Payloads of the protocol: one message, or a body of `/v1/batch` with many.

Every message becomes its touchpoints or is refused alone. Only a text that is no JSON object, or
has a list that is none, is refused as a whole. Of a refused message bytes come out only where it
could be read whom they name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import DEFAULT_REALM, EVENT_BYTES_MAX
from services.intake.fields import Fields, NotTaken
from services.intake.format import Refused, Translated
from services.intake.json_text import read_json, written
from services.intake.segment import message as common
from services.intake.segment.message import Json, Sending, TrackedMessage
from services.intake.segment.persons import alias, former, group, identify
from services.intake.segment.tracks import page, track

TRANSLATORS: Mapping[str, Callable[[TrackedMessage], list[bytes]]] = {
    "identify": identify, "track": track, "page": page, "screen": page, "group": group,
    "alias": alias,
}  # fmt: skip


def parsed(payload: bytes) -> Json | Fault:
    """The object of a payload, with half characters and what is no value in it where there are
    some: they are the fault of the message that has them only."""
    found = read_json(payload)
    if not isinstance(found, dict | Fault):
        return Fault(RejectReason.NOT_JSON, "", "the payload must be a JSON object")
    return found


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
    content, fault = written(plain)
    if fault is None:
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
