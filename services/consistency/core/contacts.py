"""Marketing contacts: messages that the retailer sends and that need permission.

Surveys and cart reminders are marketing; service and transactional messages never are. Kinds about
messages read them here, so that all mean the same contacts.
"""

from __future__ import annotations

import hashlib

from schemas.events.messages import MessageSent, Purpose
from schemas.identifiers import NodeId, as_uuid
from schemas.touchpoint import Touchpoint

MARKETING_PURPOSES = frozenset({Purpose.MARKETING, Purpose.SURVEY, Purpose.CART_REMINDER})


def marketing_message(event: Touchpoint) -> MessageSent | None:
    """The message, if the event says that a marketing message was sent."""
    body = event.body
    if isinstance(body, MessageSent) and body.purpose in MARKETING_PURPOSES:
        return body
    return None


def contact_key(event: Touchpoint, body: MessageSent) -> str:
    """What is the same for all reports of one contact: two systems may report one message."""
    name = body.message_id or f"event {event.event_id}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def contact_channel(event: Touchpoint) -> str:
    """The channel on which a message was sent."""
    return "email" if event.type == "email.sent" else event.channel


def written(node: NodeId) -> str:
    """A node in a statement."""
    return as_uuid(node).hex


def read_node(text: str) -> NodeId:
    """The node in a statement, by what `written` made of it."""
    return int(text, 16)
