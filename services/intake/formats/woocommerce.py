"""WooCommerce: a payload is the body of a webhook, a thing of its REST API (v3), or a list of them.

A body does not say its topic; it is recognised by its shape, or stands in an envelope, as for
Shopify. All that a body says of the site is in its links.
"""

from __future__ import annotations

from schemas.faults import Fault
from services.intake.format import Delivered, Format, Translated
from services.intake.shops.message import enveloped, translated
from services.intake.shops.signatures import is_signed_base64
from services.intake.woocommerce.payload import WOOCOMMERCE

PAYLOAD_BYTES_MAX = 4 * 1024 * 1024
SIGNATURE = "x-wc-webhook-signature"


def touchpoints(payload: bytes) -> Translated | Fault:
    """The touchpoints of each thing in the payload, or why it has none."""
    return translated(WOOCOMMERCE, payload)


def is_signed(delivery: Delivered, secret: str) -> bool:
    """Whether the body is signed with the secret of the webhook."""
    return is_signed_base64(delivery, secret, SIGNATURE)


def with_topic(delivery: Delivered) -> bytes:
    """The body and the topic of a delivery as one payload."""
    return enveloped(WOOCOMMERCE, delivery)


FORMAT = Format(
    "woocommerce", PAYLOAD_BYTES_MAX, touchpoints, is_signed=is_signed, enveloped=with_topic
)
"""Webhooks and exports of WooCommerce."""
