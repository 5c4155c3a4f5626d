"""Shopify: a payload is the body of a webhook, an answer of its REST API, or either with its topic.

A body does not say its topic. As a line of a file it is recognised by its shape, or stands in
`{"topic": "orders/create", "payload": {…}}`, as a webhook that is received does.
"""

from __future__ import annotations

from schemas.faults import Fault
from services.intake.format import Delivered, Format, Translated
from services.intake.shopify.payload import SHOPIFY
from services.intake.shops.message import enveloped, translated
from services.intake.shops.signatures import is_signed_base64

PAYLOAD_BYTES_MAX = 4 * 1024 * 1024
SIGNATURE = "x-shopify-hmac-sha256"


def touchpoints(payload: bytes) -> Translated | Fault:
    """The touchpoints of each thing in the payload, or why it has none."""
    return translated(SHOPIFY, payload)


def is_signed(delivery: Delivered, secret: str) -> bool:
    """Whether the body is signed with the secret of the app."""
    return is_signed_base64(delivery, secret, SIGNATURE)


def with_topic(delivery: Delivered) -> bytes:
    """The body and the topic of a delivery as one payload."""
    return enveloped(SHOPIFY, delivery)


FORMAT = Format(
    "shopify", PAYLOAD_BYTES_MAX, touchpoints, is_signed=is_signed, enveloped=with_topic
)
"""Webhooks and exports of Shopify."""
