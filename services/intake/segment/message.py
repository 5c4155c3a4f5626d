"""What all messages of the protocol have in common: ids, times, persons, and where it happened.

`TrackedMessage` is read once; what its call says is read by the modules beside this one.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_TYPES
from services.intake.fields import REQUIRED, Fields, NotTaken
from services.intake.json_text import UNWRITABLE

CALLS = ("identify", "track", "page", "screen", "group", "alias")
SYSTEM = "segment"
"""`source.system` of every touchpoint: its issuer and its trust are settings of this name."""
CHANNEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
PLATFORMS = frozenset({"", "browser", "web", "client", "server", "mobile"})
"""What libraries call a channel: the sort of device that sent the message."""
MOBILE = frozenset({"ios", "android", "ipados", "watchos", "tvos"})
MOBILE_LIBRARY = re.compile(r"ios|android|kotlin|swift|react-native|flutter", re.IGNORECASE)
EVENT_ID_CHARS_MAX = 100
DERIVED_CHARS = 40
Json = dict[str, Any]


class Sending(NamedTuple):
    """What the body of a request, and whoever received it, say of its messages."""

    call: str = ""
    """The call of the path; a message may name its own."""
    context: Any = None
    """Of all messages, as the body has it; each may say more."""
    sent_at: Any = None
    """`sentAt` of the body."""
    received_at: str = ""
    """When it came, as RFC 3339; empty if nobody noted it, as in a file."""
    realm: str = ""
    """The realm of the sender's key; empty for any."""
    is_history: bool = False
    """An import: its times are right, whenever it is sent."""


class TrackedMessage:
    """One message, as far as it is the same for every call. Raises NotTaken."""

    def __init__(self, fields: Fields, sending: Sending) -> None:
        self.fields = fields
        self.realm = sending.realm
        self.call = fields.text("type", "action") or sending.call
        if self.call not in CALLS:
            # `action` is how the first messages of the protocol named the call.
            raise NotTaken("type", f"must be one of {', '.join(CALLS)}", RejectReason.UNKNOWN_TYPE)
        self.context = context_of(fields, sending)
        self.occurred_at, self.sent_at = _times(fields, sending)
        self.event_id = event_id(fields, sending, self.occurred_at)
        self.user = fields.text("userId", "user_id", chars_max=500)
        self.device = self.context.object("device")

    @property
    def identifiers(self) -> list[Json]:
        """The person who acts, without what traits say."""
        return identifiers(self.fields, self.context)

    @property
    def is_from_device(self) -> bool:
        """Whether a browser, an app or the request of one says it, and not a system on its own."""
        names = ("page", "screen", "device", "userAgent", "user_agent")
        return any(self.context.plain.get(name) for name in names)

    def touchpoint(
        self, type_name: str, body: Json, found: list[Json], channel: str = "", part: str = ""
    ) -> bytes:
        """The line of a touchpoint. `part` tells the further touchpoints of one message apart.

        Raises NotTaken if somebody has to be named, and nobody is, or for half a character in what
        the body says of all messages.
        """
        if not found and not EVENT_TYPES[type_name].anonymous:
            message = "userId or anonymousId must name the person"
            raise NotTaken("userId", message, RejectReason.NO_USABLE_IDENTIFIER)
        line: Json = {
            "event_id": part_id(self.event_id, part) if part else self.event_id,
            "occurred_at": self.occurred_at,
            "channel": channel or self._channel(),
            "type": type_name,
            "identifiers": found,
            "source": self._source(),
            "body": body,
        }
        if self.sent_at:
            line["sent_at"] = self.sent_at
        if self.realm:
            line["realm"] = self.realm
        return _written(line, "context")

    def _channel(self) -> str:
        stated = self.context.text("channel")
        if stated not in PLATFORMS and CHANNEL_NAME.fullmatch(stated):
            return stated
        library = self.context.object("library").text("name", chars_max=500)
        is_mobile = (
            self.call == "screen"
            or "mobile" in (stated, self.fields.plain.get("channel"))
            or self.device.text("type").lower() in MOBILE
            or MOBILE_LIBRARY.search(library) is not None
        )
        return "app" if is_mobile else "shop"

    def _source(self) -> Json:
        model, campaign = self.device.text("model"), self.context.object("campaign").text("name")
        return {
            "system": SYSTEM,
            **({"device": model} if model else {}),
            **({"campaign": campaign} if campaign else {}),
        }


def context_of(fields: Fields, sending: Sending) -> Fields:
    """What the body says of all its messages, and the message of itself."""
    of_all = Fields(sending.context, "context").plain
    return Fields({**of_all, **fields.object("context").plain}, "context")


def identifiers(fields: Fields, context: Fields) -> list[Json]:
    """Who is meant, by every number that the message has for the person.

    A user id is proven, for a server knows it from a login or its own records; of what pages send
    nothing is believed (docs/trust.md).
    """
    found: list[Json] = []
    if user := fields.text("userId", "user_id", chars_max=500):
        found.append({"type": _type_of(user), "value": user, "verified": True})
    if anonymous := fields.text("anonymousId", "anonymous_id", chars_max=500):
        found.append({"type": "cookie", "value": anonymous})
    device = context.object("device")
    for type_name, field in (("device_id", "id"), ("push_token", "token")):
        if value := device.text(field, chars_max=500):
            issuer = device.text("type", chars_max=64).lower()
            found.append({"type": type_name, "issuer": issuer, "value": value})
    return found


def _type_of(user_id: str) -> str:
    """Shops that have no customer numbers use the address."""
    return "email" if "@" in user_id else "customer_number"


def addresses(traits: Fields) -> list[Json]:
    """E-mail and telephone of traits: stated, unless the address was confirmed."""
    found: list[Json] = []
    if email := traits.text("email", chars_max=320):
        is_proven = traits.plain.get("email_verified") is True
        found.append({"type": "email", "value": email, "verified": is_proven})
    if phone := traits.text("phone", chars_max=320):
        found.append({"type": "phone", "value": phone})
    return found


def event_id(fields: Fields, sending: Sending, occurred_at: str) -> str:
    """`messageId`; without one, derived from the message. A message that states no time of its own
    is a new one whenever it comes, or of two clicks one would be lost."""
    if stated := fields.text("messageId", "message_id", chars_max=EVENT_ID_CHARS_MAX):
        return stated
    text = _written([sending.call, fields.plain, occurred_at], "", orjson.OPT_SORT_KEYS)
    return "segment-" + hashlib.sha256(text).hexdigest()[:DERIVED_CHARS]


def part_id(whole: str, part: str) -> str:
    """The id of a further touchpoint of a message."""
    found = f"{whole}:{part}"
    if len(found) <= EVENT_ID_CHARS_MAX:
        return found
    return f"segment-{hashlib.sha256(whole.encode()).hexdigest()[:DERIVED_CHARS]}:{part}"


def _times(fields: Fields, sending: Sending) -> tuple[str, str]:
    """When it happened by the clock of the source, and when that clock sent it; empty for the
    second where the first is corrected already, or right."""
    stated = fields.time("timestamp")
    original = fields.time("originalTimestamp") or stated
    sent = fields.time("sentAt") or Fields({"sentAt": sending.sent_at}).time("sentAt")
    received = fields.time("receivedAt")
    if received and original and sent and not stated:
        stated = _corrected(received, sent, original)
    if received and stated:  # another server has corrected it
        return stated, ""
    if sending.is_history:
        return _required(stated or original), ""
    if original:
        return original, sent
    return _required(sent or received or sending.received_at), ""


def _required(time: str) -> str:
    if not time:
        raise NotTaken("timestamp", REQUIRED)
    return time


def _corrected(received: str, sent: str, original: str) -> str:
    """`receivedAt - (sentAt - originalTimestamp)`: the difference is between times of one clock."""
    try:
        moments = [datetime.fromisoformat(one.upper()) for one in (received, sent, original)]
        return (moments[0] - (moments[1] - moments[2])).isoformat()
    except (OverflowError, ValueError):
        raise NotTaken("sentAt", "too far from originalTimestamp") from None


def _written(value: Any, path: str, option: int = 0) -> bytes:
    """As JSON. Raises NotTaken where it is none: messages are looked at before, but what the body
    says of all of them is not."""
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        raise NotTaken(path, UNWRITABLE, RejectReason.NOT_JSON) from None
