"""Signatures of webhooks: whether the body came from who shares the secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from contextlib import suppress

from services.intake.format import Delivered


def is_signed_base64(delivery: Delivered, secret: str, header: str) -> bool:
    """Whether the header holds the HMAC-SHA-256 of the body in base64."""
    with suppress(binascii.Error, ValueError):
        stated = base64.b64decode(delivery.headers.get(header, ""), validate=True)
        return hmac.compare_digest(_signature(delivery, secret), stated)
    return False


def is_signed_hex(delivery: Delivered, secret: str, header: str) -> bool:
    """Whether the header holds the HMAC-SHA-256 of the body in hexadecimal digits."""
    with suppress(ValueError):
        stated = bytes.fromhex(delivery.headers.get(header, ""))
        return hmac.compare_digest(_signature(delivery, secret), stated)
    return False


def _signature(delivery: Delivered, secret: str) -> bytes:
    return hmac.digest(secret.encode(), delivery.body, hashlib.sha256)
