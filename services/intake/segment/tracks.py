"""What happened: the calls `track`, `page` and `screen`.

Names of events that the specifications reserve become our types; every other name is a
`custom.tracked` with its properties. Spelling (case, blanks, `_`) makes no difference to a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from schemas.events.custom import PROPERTIES_MAX
from services.intake.fields import (
    TEXT_CHARS_MAX,
    TITLE_CHARS_MAX,
    URL_CHARS_MAX,
    Fields,
    NotTaken,
)
from services.intake.segment import purchases
from services.intake.segment.message import Json, TrackedMessage, addresses
from services.intake.segment.persons import traits_of

CUSTOM = "custom.tracked"


class EventMapping(NamedTuple):
    """What an event becomes."""

    type: str
    body: Callable[[TrackedMessage, Fields], Json]
    channel: str = ""
    """Where it always happens; empty: where the message says."""
    is_mailed: bool = False
    """It happens to an address."""


def page(message: TrackedMessage) -> list[bytes]:
    """The calls `page` and `screen`."""
    properties, shown = message.fields.object("properties"), message.context.object("page")
    name = message.fields.text("name", chars_max=TITLE_CHARS_MAX)
    body = {
        "url": _first(properties, shown, "url", URL_CHARS_MAX),
        "title": properties.text("title", chars_max=TITLE_CHARS_MAX)
        or name
        or shown.text("title", chars_max=TITLE_CHARS_MAX),
        "referrer": _first(properties, shown, "referrer", URL_CHARS_MAX),
    }
    given = {name: text for name, text in body.items() if text}
    return [message.touchpoint("page.viewed", given, message.identifiers)]


def track(message: TrackedMessage) -> list[bytes]:
    """The call `track`."""
    name = message.fields.required("event", chars_max=TITLE_CHARS_MAX)
    properties = message.fields.object("properties")
    mapping = MAPPINGS.get(spelt(name))
    found = message.identifiers
    if mapping is None:
        channel = "app" if spelt(name).startswith(OF_AN_APP) else ""
        return [message.touchpoint(CUSTOM, _custom(message, name, properties), found, channel)]
    if mapping.is_mailed:
        found = [*found, *_address(message, properties)]
    body = mapping.body(message, properties)
    return [message.touchpoint(mapping.type, body, found, mapping.channel)]


def spelt(name: str) -> str:
    """The name as it is looked up."""
    return re.sub(r"[\W_]+", "", name).lower()


def _first(properties: Fields, shown: Fields, name: str, chars_max: int) -> str:
    return properties.text(name, chars_max=chars_max) or shown.text(name, chars_max=chars_max)


def _custom(message: TrackedMessage, name: str, properties: Fields) -> Json:
    leaves = list(properties.leaves())
    if len(leaves) > PROPERTIES_MAX:
        raise NotTaken(properties.path, f"at most {PROPERTIES_MAX} properties")
    named = [{"name": path, "value": value} for path, value in leaves if value is not None]
    if any(not 0 < len(one["name"]) <= TITLE_CHARS_MAX for one in named):
        raise NotTaken(properties.path, f"a property needs a name, of {TITLE_CHARS_MAX} characters")
    if any(len(one["value"]) > TEXT_CHARS_MAX for one in named):
        raise NotTaken(properties.path, f"a property has more than {TEXT_CHARS_MAX} characters")
    acts = message.is_from_device and spelt(name) not in HAPPENS
    return {"name": name, "properties": named, **({"by_customer": True} if acts else {})}


def _searched(_: TrackedMessage, properties: Fields) -> Json:
    return {"query": properties.required("query", chars_max=TITLE_CHARS_MAX)}


def _reviewed(_: TrackedMessage, properties: Fields) -> Json:
    rating = properties.amount("rating")
    return {
        "sku": purchases.sku_of(properties),
        **({} if rating is None else {"rating": f"{rating:f}"}),
        "text": properties.text("review_body", "reviewBody", chars_max=TEXT_CHARS_MAX),
    }


def _reaction(message: TrackedMessage, properties: Fields) -> Json:
    """What somebody, or a mailbox, did with a mail."""
    context = message.context
    found = {
        "address": next((one["value"] for one in _address(message, properties)), ""),
        "campaign": properties.text("campaign_id", "campaignId", "campaign_name", "campaignName"),
        "message_id": properties.text("email_id", "emailId"),
        "url": properties.text("link_url", "linkUrl", chars_max=URL_CHARS_MAX),
        "user_agent": context.text("userAgent", "user_agent", chars_max=URL_CHARS_MAX),
    }
    return {name: value for name, value in found.items() if value}


def _address(message: TrackedMessage, properties: Fields) -> list[Json]:
    """The address of a mail, which proves nothing of who holds it."""
    named = properties if properties.plain.get("email") else traits_of(message)
    return [one | {"verified": False} for one in addresses(named) if one["type"] == "email"]


def _said(author: str) -> Callable[[TrackedMessage, Fields], Json]:
    def body(_: TrackedMessage, properties: Fields) -> Json:
        return {
            "conversation_id": properties.required("conversation_id", "conversationId"),
            "author": author,
            "text": properties.text("message_body", "messageBody", chars_max=TEXT_CHARS_MAX),
        }

    return body


def _of(body: Callable[[Fields], Json]) -> Callable[[TrackedMessage, Fields], Json]:
    return lambda _, properties: body(properties)


PLACED = EventMapping("order.placed", _of(purchases.placed))
VIEWED = EventMapping("product.viewed", _of(purchases.viewed))
SEARCHED = EventMapping("search.performed", _searched)
NAMES: dict[str, EventMapping] = {
    "Products Searched": SEARCHED,
    "Searched Products": SEARCHED,
    "Product Viewed": VIEWED,
    "Viewed Product": VIEWED,
    "Product Reviewed": EventMapping("review.posted", _reviewed),
    "Cart Viewed": EventMapping("cart.updated", _of(purchases.cart)),
    "Checkout Started": EventMapping("cart.updated", _of(purchases.cart)),
    "Order Completed": PLACED,
    "Completed Order": PLACED,
    "Order Cancelled": EventMapping("order.cancelled", _of(purchases.cancelled)),
    "Order Refunded": EventMapping("order.returned", _of(purchases.returned)),
    "Email Delivered": EventMapping("email.delivered", _reaction, "email", is_mailed=True),
    "Email Opened": EventMapping("email.opened", _reaction, "email", is_mailed=True),
    "Email Link Clicked": EventMapping("email.clicked", _reaction, "email", is_mailed=True),
    "Email Bounced": EventMapping("email.bounced", _reaction, "email", is_mailed=True),
    "Email Marked as Spam": EventMapping("email.complained", _reaction, "email", is_mailed=True),
    "Unsubscribed": EventMapping("email.unsubscribed", _reaction, "email", is_mailed=True),
    "Live Chat Message Sent": EventMapping("message.exchanged", _said("customer"), "chat"),
    "Live Chat Message Received": EventMapping("message.exchanged", _said("agent"), "chat"),
}
"""Names of the specifications that have a type of ours."""
MAPPINGS = {spelt(name): mapping for name, mapping in NAMES.items()}
HAPPENING_NAMES = (
    "Application Backgrounded", "Application Crashed", "Application Uninstalled",
    "Application Updated", "Install Attributed", "Push Notification Received",
    "Push Notification Bounced",
)  # fmt: skip
HAPPENS = frozenset(map(spelt, HAPPENING_NAMES))
"""What a device reports of its own accord: no sign of life."""
OF_AN_APP = ("application", "pushnotification", "deeplink", "installattributed")
"""Begin the names of the mobile specification, which happen in an app whatever sent them."""
