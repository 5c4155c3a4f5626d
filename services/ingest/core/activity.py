"""Signs of life: which events the customer did, and which only happened to the customer.

A mail that was sent, a balance that a system corrected and a proxy that loads the pictures of every
mail say nothing about the customer. What is not clearly the customer's own act does not count.
"""

from __future__ import annotations

from schemas.events.custom import CustomTracked
from schemas.events.dialogue import MessageExchanged, Side, SupportExchanged
from schemas.events.master_data import IdentityLinked, LinkReason
from schemas.events.messages import MessageReaction
from schemas.events.orders import OrderPlaced, ReceiptKind
from schemas.touchpoint import EVENT_TYPES, Touchpoint

ACTS = frozenset(name for name, row in EVENT_TYPES.items() if row.acts)


def is_activity(event: Touchpoint) -> bool:
    """Whether the customer did what the event reports."""
    if event.type not in ACTS:
        return False
    body = event.body
    if isinstance(body, MessageReaction):
        return not body.is_automated
    if isinstance(body, MessageExchanged):
        return body.author == "customer"
    if isinstance(body, SupportExchanged):
        return body.direction is not Side.US
    if isinstance(body, OrderPlaced):
        return body.receipt_kind is ReceiptKind.SALE
    if isinstance(body, IdentityLinked):
        return body.reason is not LinkReason.OTHER
    if isinstance(body, CustomTracked):
        return body.by_customer
    return True
