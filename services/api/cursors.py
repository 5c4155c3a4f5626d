"""Cursors of pages: where the next one begins, sealed so that only the service can have made it.

A cursor belongs to one operation and one realm. It holds no secret, but names and numbers of rows;
whoever changes a character of it, or uses it elsewhere, is told that it is none.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson

from services.runtime.errors import InvalidInput

SEAL_BYTES = 12
CURSOR_CHARS_MAX = 2_000
INVALID = "cursor: it is not one that a page of this list gave"


def seal(secret: bytes, operation: str, realm: str, values: list[Any]) -> str:
    """A cursor that holds JSON values."""
    content = orjson.dumps(values)
    return (
        urlsafe_b64encode(_seal(secret, operation, realm, content) + content).decode().rstrip("=")
    )


def unseal(secret: bytes, operation: str, realm: str, cursor: str) -> list[Any]:
    """The values of a cursor. Raises InvalidInput for any other text."""
    if len(cursor) > CURSOR_CHARS_MAX or not cursor.isascii():
        raise InvalidInput(INVALID)
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidInput(INVALID) from error
    content = sealed[SEAL_BYTES:]
    is_ours = hmac.compare_digest(sealed[:SEAL_BYTES], _seal(secret, operation, realm, content))
    # Base64 ignores foreign characters and spare bits: only the one spelling counts.
    if not is_ours or urlsafe_b64encode(sealed).decode().rstrip("=") != cursor:
        raise InvalidInput(INVALID)
    values: list[Any] = orjson.loads(content)
    return values


def _seal(secret: bytes, operation: str, realm: str, content: bytes) -> bytes:
    key = hashlib.sha256(b"customer360 cursor\x1f" + secret).digest()
    bound = b"\x1f".join((operation.encode(), realm.encode(), content))
    return hmac.new(key, bound, hashlib.sha256).digest()[:SEAL_BYTES]
