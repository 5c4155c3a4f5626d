"""API keys: what is stored of one, and what people and programs get to see.

A key is `c360_<id>_<secret>`. The id is no secret and names the key in lists and logs; of the
secret only a hash exists, so that nothing here ever holds a key that works.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from schemas.base import Contract, RealmName
from schemas.incident_action import Millisecond

KEY_NAME_CHARS_MAX = 100
ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
RATE_PER_S_MAX = 100_000.0
REVOKED = 1 << 63
"""Bit of a version. Revoking is final: whoever changes the key at the same moment comes second."""

KeyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{12}$")]
KeyName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=KEY_NAME_CHARS_MAX, strip_whitespace=True, pattern=ONE_LINE
    ),
]
ScopeName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(:[a-z_]+){0,2}$", max_length=40)]
Rate = Annotated[float, Field(gt=0, le=RATE_PER_S_MAX, allow_inf_nan=False)]


class KeyState(StrEnum):
    """Whether a key works."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyFields(Contract):
    """What may be shown of a key."""

    key_id: KeyId
    """The part of the key that is no secret; it names the key in lists and in the access log."""
    name: KeyName
    """The client that uses it."""
    realm: RealmName
    """The one realm that it reads and writes."""
    scopes: Annotated[tuple[ScopeName, ...], Field(min_length=1, max_length=40)]
    """What it may do, in alphabetical order."""
    rate_per_s: Rate | None = None
    """Requests a second; none for the rate of all keys (`C360_API_RATE_PER_S`)."""
    replaces: KeyId | None = None
    """The key that this one succeeds."""
    created_at: Millisecond
    """When it was created."""
    created_by: Annotated[str, Field(max_length=KEY_NAME_CHARS_MAX)] = ""
    """Who created it; empty if nobody said."""
    expires_at: Millisecond | None = None
    """From then on it does not work; none: it does not expire."""
    revoked_at: Millisecond | None = None
    """When it was revoked, for good; none: it was not."""

    def state_at(self, now: datetime) -> KeyState:
        """Whether it works at a time."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.ACTIVE


class ApiKey(KeyFields):
    """A key as it is stored."""

    secret_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the secret part, in hexadecimal."""
    version: Annotated[int, Field(ge=1, lt=2**64)]
    """Of two rows of a key the larger one counts."""


class ListedKey(KeyFields):
    """A key as `c360 keys list` prints it."""

    state: KeyState
    """`active`, `expired` or `revoked`."""

    @classmethod
    def of(cls, key: ApiKey, now: datetime) -> Self:
        """What is shown of a stored key."""
        shown = {name: getattr(key, name) for name in KeyFields.model_fields}
        return cls.model_validate({**shown, "state": key.state_at(now)})


class CreatedKey(ListedKey):
    """A new key. Nobody can see `key` again."""

    key: str
    """The key itself, to be sent as `Authorization: Bearer KEY`."""
