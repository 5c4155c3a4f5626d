"""One message of a shop system: its topic and payload, and the touchpoints that it becomes.

A webhook says its topic in a header, which `enveloped` puts beside the body; a line of a file may
have the same envelope, or is recognised by its shape. A message is taken as a whole or refused
alone, but for parts of it with a number of their own, which are refused by themselves.
Numbers, times and amounts are those of the shop; nothing here knows which shop it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import orjson

from schemas.faults import Fault
from schemas.instants import written
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_TYPES, IDENTIFIERS_MAX
from services.ingest.core.encoding import not_utf8
from services.intake.fields import REQUIRED, Fields, NotTaken, text_of
from services.intake.format import MESSAGES_MAX, TOO_MANY, Delivered, Refused, Translated

Json = dict[str, Any]
REVISION_MAX = 2**31 - 1
DERIVED_CHARS = 32
UNWRITABLE = "is nested too deeply"
ENVELOPE = frozenset({"topic", "payload"})
ADDRESS_NAMES = {
    "email": "email", "contact_email": "email", "email_address": "email", "phone": "phone",
    "phonenumber": "phone",
}  # fmt: skip
"""Fields that name a person wherever they stand, in lower case."""
NUMBER = "customer_number"
ACCOUNTS = frozenset({"verified_email", "is_paying_customer"})
"""Fields that only an account has: its own number is that of a customer."""
PERSON_NAMES = ("customer_id", "customerId", "customerNumber")


class ShopMessage(NamedTuple):
    """What a shop says of one thing."""

    topic: str
    """As the header of a webhook has it; of a line of a file the kind of thing alone."""
    fields: Fields
    at: str = ""
    """When the webhook was sent; empty if nobody noted it."""
    shop: str = ""
    """The shop's own name or address, if the webhook says it."""


class ShopReader(NamedTuple):
    """How one kind of thing is read."""

    read: Callable[[ShopMessage], Iterable[bytes | NotTaken]]
    """Its touchpoints, and why parts of it become none. Raises NotTaken."""
    becomes: tuple[str, ...]
    """The types of these touchpoints."""


class ShopSystem(NamedTuple):
    """How one shop system is read."""

    name: str
    """`source.system` of every touchpoint: its issuer and trust are settings of this name."""
    messages: Callable[[Any], Iterator[tuple[str, Any]]]
    """Topic and plain object of each message that a payload without an envelope holds."""
    read: Callable[[ShopMessage], Iterable[bytes | NotTaken]]
    """The touchpoints of one message, and why parts of it become none. Raises NotTaken."""
    issuer: Callable[[Json], str]
    """Who assigned the customer numbers of a message; empty means as configured for the source."""
    headers: Mapping[str, str]
    """Header by the name of its field in the envelope."""
    readers: Mapping[str, ShopReader]
    """By topic, or by the part of it that is the kind of thing."""
    not_taken: Mapping[str, str]
    """Why things are not read, by the same; for the reference page, too."""


def enveloped(system: ShopSystem, delivery: Delivered) -> bytes:
    """The payload of a delivery: its body, and what its headers say of it. A body that is no JSON
    stays as it is, so that it is refused as such."""
    head = {
        name: delivery.headers[header]
        for name, header in system.headers.items()
        if delivery.headers.get(header)
    }
    try:
        payload = orjson.loads(delivery.body)
        head["triggered_at"] = _sent_at(head.get("triggered_at", ""), delivery.received_at)
        return orjson.dumps({**head, "payload": payload} if "topic" in head else payload)
    except (orjson.JSONDecodeError, TypeError):
        return delivery.body


def _sent_at(stated: str, received_at: datetime) -> str:
    """Not after it was received: a header is not signed."""
    if not stated:
        return written(received_at)
    with suppress(ValueError, TypeError):  # what is no time is refused where it is read
        if _instant(stated) > received_at:
            return written(received_at)
    return stated


def translated(system: ShopSystem, payload: bytes) -> Translated | Fault:
    """The touchpoints of a payload, message by message."""
    try:
        plain = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return Fault(RejectReason.NOT_JSON, "", not_utf8(payload) or str(error))
    if not isinstance(plain, dict | list):
        return Fault(RejectReason.NOT_JSON, "", "the payload must be a JSON object")
    if isinstance(plain, dict) and plain.keys() >= ENVELOPE:
        if isinstance(plain["payload"], list) and len(plain["payload"]) > MESSAGES_MAX:
            return TOO_MANY
        return list(_of_envelope(system, plain))
    messages = list(islice(system.messages(plain), MESSAGES_MAX + 1))
    if len(messages) > MESSAGES_MAX:
        return TOO_MANY
    found: list[bytes | Refused] = []
    for topic, one in messages:
        found += _of_message(system, one, one, {"topic": topic})
    return found


def _of_envelope(system: ShopSystem, envelope: Json) -> Iterator[bytes | Refused]:
    payload = envelope["payload"]
    several = payload if isinstance(payload, list) else [payload]
    for one in several:
        yield from _of_message(system, one, {**envelope, "payload": one}, envelope)


def _of_message(
    system: ShopSystem, plain: Any, whole: Any, envelope: Json
) -> Iterator[bytes | Refused]:
    faults: list[Fault] = []
    try:
        content = orjson.dumps(whole)
        if not isinstance(plain, dict):
            raise NotTaken("", "must be an object", RejectReason.NOT_JSON)
        for one in list(system.read(_message(plain, envelope))):
            if isinstance(one, NotTaken):
                faults.append(one.fault)
            else:
                yield one
    except NotTaken as refusal:
        faults = [refusal.fault]
    except TypeError:
        content, faults = b"", [Fault(RejectReason.NOT_JSON, "", UNWRITABLE)]
    except Exception as error:  # a bug: it costs no other message
        message = f"{type(error).__name__}; please report it"
        faults = [Fault(RejectReason.UNPROCESSABLE, "", message)]
    if not faults:
        return
    named = named_by(system, plain, envelope.get("triggered_at"))
    if named is None:
        content, named = b"", b""  # whom it names, nobody can tell
    yield from (Refused(content, fault, named) for fault in faults)


def _message(plain: Json, envelope: Json) -> ShopMessage:
    head = Fields(envelope)
    return ShopMessage(
        head.text("topic"), Fields(plain), head.time("triggered_at"), head.text("shop_domain")
    )


def touchpoint(
    type_name: str,
    event_id: str,
    occurred_at: str,
    body: Json,
    identifiers: Sequence[Json] = (),
    *,
    system: str,
    channel: str = "shop",
    revision: int = 0,
    **source: str,
) -> bytes:
    """The line of a touchpoint. Raises NotTaken if somebody has to be named, and nobody is."""
    if not identifiers and not EVENT_TYPES[type_name].anonymous:
        raise NotTaken("customer", "must name a person", RejectReason.NO_USABLE_IDENTIFIER)
    line: Json = {
        "event_id": event_id,
        "occurred_at": occurred_at,
        "channel": channel,
        "type": type_name,
        "identifiers": list(identifiers),
        "source": {"system": system, **{name: one for name, one in source.items() if one}},
        "body": body,
    }
    if revision:
        line["revision"] = revision
    return orjson.dumps(line)


def later(first: str, state: str) -> int:
    """A revision that rises with the time of a state: of several states the latest counts."""
    if not first or not state:
        return 0
    seconds = (_instant(state) - _instant(first)).total_seconds()
    return min(max(0, int(seconds)), REVISION_MAX)


def earlier(first: str, state: str) -> int:
    """A revision that falls with the time of a state: of what many states repeat, the first time
    counts."""
    return REVISION_MAX - later(first, state)


def digest(*parts: Any) -> str:
    """What tells two states apart whose numbers are the same."""
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:DERIVED_CHARS]


def moment(fields: Fields, *names: str) -> str:
    """A time without which there is no touchpoint."""
    found = fields.time(*names)
    if not found:
        raise NotTaken(fields.path_of(names[0]), REQUIRED)
    return found


def identifier(type_name: str, value: str, issuer: str = "", *, verified: bool = False) -> Json:
    """One identifier."""
    found: Json = {"type": type_name, "value": value}
    if issuer:
        found["issuer"] = issuer
    if verified:
        found["verified"] = True
    return found


def given(**values: str) -> Json:
    """Those that say something."""
    return {name: value for name, value in values.items() if value}


def named_by(system: ShopSystem, plain: Any, at: Any = None) -> bytes | None:
    """Whom a message names that becomes no touchpoint, wherever it does: whether its bytes may be
    kept is decided by them. None if they are more than anybody looks up, or not to be read."""
    if not isinstance(plain, dict):
        return None
    found: dict[tuple[str, str], Json] = {}
    waiting: list[tuple[str, Any]] = [("", plain)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
            if name == "customer" or not ACCOUNTS.isdisjoint(value):
                waiting.append(("customer_id", value.get("id")))
        elif isinstance(value, list):
            waiting += ((name, one) for one in value)
        elif kind := _kind_of(name):
            with suppress(NotTaken):
                if text := text_of(value, name).strip():
                    issuer = system.issuer(plain) if kind == NUMBER else ""
                    found[kind, text] = identifier(kind, text, issuer)
    if len(found) > IDENTIFIERS_MAX:
        return None
    line: Json = {
        "source": {"system": system.name},
        "identifiers": list(found.values()),
    }
    with suppress(NotTaken):
        line["occurred_at"] = Fields({**plain, "at": at}).time("updated_at", "created_at", "at")
    return orjson.dumps({name: one for name, one in line.items() if one})


def _kind_of(name: str) -> str:
    return NUMBER if name in PERSON_NAMES else ADDRESS_NAMES.get(name.lower(), "")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.upper().replace(" ", "T"))
