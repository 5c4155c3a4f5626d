"""Answers about the interface itself."""

from __future__ import annotations

from schemas.base import Contract


class KeyOwner(Contract):
    """Whom a key belongs to."""

    key_id: str
    """Names the key; no secret."""
    name: str
    """What its owner is called."""
    realm: str | None
    """The realm it may read; null for a key of the settings, which reads none."""
    scopes: list[str]
    """What it may do."""
