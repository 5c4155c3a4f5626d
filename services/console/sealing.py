"""Texts that browsers keep for us and can neither read nor change (Fernet: AES-128-CBC and
HMAC-SHA256), under a key of their own that is derived from the identity secret (HKDF, RFC 5869).

Every process with the same secret opens them, so any number of `c360 api` serve the same people.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


class Seal:
    """Seals values for one use; what is sealed for another one does not open."""

    def __init__(self, secret: bytes, use: str) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, None, f"customer360 console: {use}".encode()).derive(
            secret
        )
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, value: Any) -> str:
        """A JSON value as text for cookies and headers."""
        return self._fernet.encrypt(orjson.dumps(value)).decode()

    def opened(self, text: str, age_s_max: int) -> Any:
        """The value; None for what this seal did not make, or longer ago."""
        try:
            return orjson.loads(self._fernet.decrypt(text.encode(), ttl=age_s_max))
        except (InvalidToken, ValueError):
            return None
