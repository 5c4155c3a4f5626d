"""Shopware 6: a payload is the body of a webhook of an app, an entity of its API, or a list."""

from __future__ import annotations

from schemas.faults import Fault
from services.intake.format import Delivered, Format, Translated
from services.intake.shops.message import translated
from services.intake.shops.signatures import is_signed_hex
from services.intake.shopware.payload import SHOPWARE

PAYLOAD_BYTES_MAX = 4 * 1024 * 1024
SIGNATURE = "shopware-shop-signature"


def touchpoints(payload: bytes) -> Translated | Fault:
    """The touchpoints of each thing in the payload, or why it has none."""
    return translated(SHOPWARE, payload)


def is_signed(delivery: Delivered, secret: str) -> bool:
    """Whether the body is signed with the secret of the shop."""
    return is_signed_hex(delivery, secret, SIGNATURE)


FORMAT = Format("shopware", PAYLOAD_BYTES_MAX, touchpoints, is_signed=is_signed)
"""Webhooks and exports of Shopware 6."""
