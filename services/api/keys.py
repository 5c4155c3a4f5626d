"""API keys: how one is written, what is kept of it, and where it is stored.

The secret part is 256 bits from the system's source of randomness, so its SHA-256 can be tried by
nobody, and needs no slow hash (docs/adr/0032). Only the answer to its creation holds it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from string import ascii_letters, ascii_lowercase, digits
from typing import Any, NamedTuple

from schemas.api.api_key import REVOKED, ApiKey
from schemas.instants import EPOCH, to_ms
from services.api.auth import GRANTABLE, Scope
from services.runtime.errors import InvalidInput
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
ALL_SQL = _STATEMENTS["all"]
WORKING_SQL = _STATEMENTS["working"]
PREFIX = "c360"
ID_CHARS = 12
SECRET_CHARS = 43
"""Of 62 letters and digits: more than 256 bits."""
KEYS_MAX = 10_000
"""Keys of one store that work: every process holds them in memory."""
WORKING_KEY = re.compile(rf"{PREFIX}_([a-z0-9]{{{ID_CHARS}}})_([A-Za-z0-9]{{{SECRET_CHARS}}})")
COLUMNS = (
    "key_id", "name", "realm", "scopes", "secret_hash", "rate_per_s", "replaces", "created_at",
    "created_by", "expires_at", "revoked_at", "version",
)  # fmt: skip


class ReadKey(NamedTuple):
    """The two parts of a key that a request carries."""

    key_id: str
    secret: str


class DrawnKey(NamedTuple):
    """A key that was drawn just now."""

    key_id: str
    key: str
    secret_hash: str


def draw_key() -> DrawnKey:
    """A new key. Letters and digits only, so that a double click selects all of a part."""
    key_id = _drawn(ascii_lowercase + digits, ID_CHARS)
    secret = _drawn(ascii_letters + digits, SECRET_CHARS)
    return DrawnKey(key_id, f"{PREFIX}_{key_id}_{secret}", hash_of(secret))


def _drawn(alphabet: str, chars: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(chars))


def read_key(credential: str) -> ReadKey | None:
    """The parts of a key; None for a text that is none."""
    found = WORKING_KEY.fullmatch(credential)
    return ReadKey(found[1], found[2]) if found else None


def hash_of(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def checked_scopes(names: Iterable[str]) -> tuple[str, ...]:
    """The scopes of a key, once each, in alphabetical order.

    Raises InvalidInput for none, one that does not exist or no key may have, or a key that would be
    readable in a web page and may do more than such a key.
    """
    wanted = sorted(set(names))
    grantable = sorted(GRANTABLE)
    for name in wanted:
        if name not in grantable:
            problem = "no key may have" if name in frozenset(Scope) else "there is no scope"
            raise InvalidInput(f"scopes: {problem} {name!r}; choose from {', '.join(grantable)}")
    if not wanted:
        raise InvalidInput(f"scopes: a key needs one at least of {', '.join(grantable)}")
    if Scope.EVENTS_WRITE_PUBLIC in wanted and len(wanted) > 1:
        raise InvalidInput(
            f"scopes: a key with {Scope.EVENTS_WRITE_PUBLIC} stands in apps and web pages, where "
            "anybody can read it; it may have no other scope"
        )
    return tuple(wanted)


def next_version(now: datetime, before: ApiKey | None = None, *, is_revoked: bool = False) -> int:
    """The version of a changed key: above that of the row before, also with a clock behind."""
    last = 0 if before is None else before.version & ~REVOKED
    return max(to_ms(now), last + 1) | (REVOKED if is_revoked else 0)


class ApiKeyStore:
    """The keys of a store. Methods block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[ApiKey]:
        """Every key, also those that work no more, in the order of their creation."""
        return [_key_of(row) for row in self._database.rows(ALL_SQL)]

    def working(self, now: datetime) -> list[ApiKey]:
        """The keys that are neither revoked nor expired at a time."""
        rows = self._database.rows(WORKING_SQL, {"now": to_ms(now)})
        return [_key_of(row) for row in rows]

    def put(self, keys: Sequence[ApiKey]) -> None:
        """Store new keys and new rows of known ones, in one block; durable when it returns."""
        self._database.insert_rows("api_keys", COLUMNS, [_row_of(key) for key in keys])


def _row_of(key: ApiKey) -> tuple[Any, ...]:
    plain = {**dict(key), "scopes": list(key.scopes), "rate_per_s": key.rate_per_s or 0.0}
    plain["replaces"] = key.replaces or ""
    for name in ("expires_at", "revoked_at"):
        plain[name] = plain[name] or EPOCH
    return tuple(plain[name] for name in COLUMNS)


def _key_of(row: tuple[Any, ...]) -> ApiKey:
    plain = dict(zip(COLUMNS, row, strict=True))
    for name, unset in (
        ("rate_per_s", 0.0),
        ("replaces", ""),
        ("expires_at", EPOCH),
        ("revoked_at", EPOCH),
    ):
        plain[name] = None if plain[name] == unset else plain[name]
    return ApiKey.model_validate(plain)
