"""CloudEvents 1.0 whose data are touchpoints: one, or a list (services/stream/cloud_events.py)."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec
import orjson

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.format import MESSAGES_MAX, TOO_MANY, Delivered, Format, Refused
from services.stream.cloud_events import BATCHED, STRUCTURED, Unreadable, structured

PAYLOAD_BYTES_MAX = 4 * 1024 * 1024
PREFIX = "ce-"
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def touchpoints(payload: bytes) -> list[bytes | Refused] | Fault:
    """The touchpoint of each CloudEvent; of a list, one that has none is refused alone."""
    if payload.lstrip()[:1] != b"[":
        found = structured(payload)
        return found.fault if isinstance(found, Unreadable) else [_on_one_line(found)]
    try:
        events = [bytes(one) for one in _LIST.decode(payload)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Fault(RejectReason.NOT_JSON, "", "a batch of CloudEvents must be a JSON list")
    return TOO_MANY if len(events) > MESSAGES_MAX else [_event(one) for one in events]


def _event(event: bytes) -> bytes | Refused:
    found = structured(event)
    if isinstance(found, Unreadable):
        return (
            Refused(event, found.fault, found.named) if found.named else Refused(b"", found.fault)
        )
    return _on_one_line(found)


def _on_one_line(touchpoint: bytes) -> bytes:
    """Line breaks stand between values only, for in a text JSON escapes them."""
    return touchpoint.replace(b"\r", b" ").replace(b"\n", b" ")


def enveloped(delivery: Delivered) -> bytes:
    """The JSON format of what was delivered in it, or with its attributes as headers."""
    media = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in (STRUCTURED, BATCHED) or f"{PREFIX}specversion" not in delivery.headers:
        return delivery.body
    attributes = {
        name.removeprefix(PREFIX): unquote(value)
        for name, value in delivery.headers.items()
        if name.startswith(PREFIX)
    }
    return orjson.dumps({**attributes, "data": orjson.Fragment(delivery.body or b"null")})


FORMAT = Format("cloudevents", PAYLOAD_BYTES_MAX, touchpoints, enveloped=enveloped)
"""CloudEvents around touchpoints."""
