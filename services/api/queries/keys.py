"""Operations on API keys: create, list, rotate, revoke. Only who operates the service may ask.

A rotation makes a successor and lets the key before it expire after a while, so that clients move
one by one and the access log shows which have not. Revoking is final.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from schemas.api.api_key import (
    KEY_NAME_CHARS_MAX,
    ONE_LINE,
    RATE_PER_S_MAX,
    ApiKey,
    CreatedKey,
    KeyState,
    ListedKey,
)
from schemas.instants import from_ms, to_ms, written
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.keys import KEYS_MAX, DrawnKey, checked_scopes, draw_key, next_version
from services.api.operation import Operation, Request
from services.api.ports import Access
from services.runtime.errors import InvalidInput, InvalidState, NotFound

GRACE_S_MAX = 366 * 24 * 3600
YEARS_MAX = 100
"""A key expires within this time, or never."""


class KeysRequest(Request):
    """The keys of a store."""

    realm: str = ""
    """Only of this realm; empty for all."""


class KeyCreation(Request):
    """A new key."""

    realm: str
    """The one realm that it reads and writes."""
    name: str = Field(min_length=1, max_length=KEY_NAME_CHARS_MAX, pattern=ONE_LINE)
    """The client that uses it."""
    scopes: tuple[str, ...]
    """What it may do."""
    expires_at: datetime | None = None
    """From then on it does not work; none: it does not expire."""
    rate_per_s: float | None = Field(default=None, gt=0, le=RATE_PER_S_MAX, allow_inf_nan=False)
    """Requests a second; none for the rate of all keys."""
    created_by: str = Field(default="", max_length=KEY_NAME_CHARS_MAX)
    """Who creates it."""


class KeyRequest(Request):
    """One key."""

    key_id: str
    """Its id, or the beginning of it."""


class KeyRotation(KeyRequest):
    """A successor of a key."""

    grace_s: int = Field(ge=0, le=GRACE_S_MAX)
    """Seconds that the key before it goes on working."""
    expires_at: datetime | None = None
    """When the successor expires; none: after as long as its predecessor was made for."""
    created_by: str = Field(default="", max_length=KEY_NAME_CHARS_MAX)
    """Who rotates it."""


def _create(access: Access, asked: KeyCreation) -> Iterator[CreatedKey]:
    require_realm(access.reads, asked.realm)
    now, drawn = _now(), draw_key()
    scopes, ends = checked_scopes(asked.scopes), _checked_end(asked.expires_at, now)
    working = access.reads.keys.working(now)
    if len(working) >= KEYS_MAX:
        raise InvalidState(f"{len(working)} API keys work already, and at most {KEYS_MAX} may")
    if not asked.name.strip():
        raise InvalidInput("name: it is blank")
    new = ApiKey(
        key_id=drawn.key_id,
        name=asked.name,
        realm=asked.realm,
        scopes=scopes,
        secret_hash=drawn.secret_hash,
        rate_per_s=asked.rate_per_s,
        created_at=now,
        created_by=asked.created_by,
        expires_at=ends,
        version=next_version(now),
    )
    access.writes.put_keys([new])
    yield _created(new, drawn, now)


def _list(access: Access, asked: KeysRequest) -> Iterator[ListedKey]:
    if asked.realm:
        require_realm(access.reads, asked.realm)
    now = _now()
    for key in access.reads.keys.all():
        if asked.realm in ("", key.realm):
            yield ListedKey.of(key, now)


def _rotate(access: Access, asked: KeyRotation) -> Iterator[CreatedKey]:
    now, drawn = _now(), draw_key()
    keys = access.reads.keys.all()
    old = _only_one(keys, asked.key_id)
    _require_rotatable(old, keys, now)
    given, ends = _checked_end(asked.expires_at, now), None
    if given is not None:
        ends = given
    elif old.expires_at is not None:
        ends = now + (old.expires_at - old.created_at)
    renewed = {
        "key_id": drawn.key_id,
        "secret_hash": drawn.secret_hash,
        "replaces": old.key_id,
        "created_at": now,
        "created_by": asked.created_by,
        "expires_at": ends,
        "version": next_version(now),
    }
    new = ApiKey.model_validate({**dict(old), **renewed})
    last = now + timedelta(seconds=asked.grace_s)
    until = last if old.expires_at is None else min(last, old.expires_at)
    left = old.model_copy(update={"expires_at": until, "version": next_version(now, old)})
    access.writes.put_keys([new, left])
    yield _created(new, drawn, now)


def _revoke(access: Access, asked: KeyRequest) -> Iterator[ListedKey]:
    now, old = _now(), _only_one(access.reads.keys.all(), asked.key_id)
    if old.revoked_at is None:
        version = next_version(now, old, is_revoked=True)
        old = old.model_copy(update={"revoked_at": now, "version": version})
        access.writes.put_keys([old])
    yield ListedKey.of(old, now)


def _now() -> datetime:
    """In whole milliseconds, as it is stored."""
    return from_ms(to_ms(datetime.now(UTC)))


def _checked_end(ends: datetime | None, now: datetime) -> datetime | None:
    if ends is None:
        return None
    if ends.tzinfo is None:
        raise InvalidInput("expires_at: a time needs its zone")
    if not now < ends < now + timedelta(days=YEARS_MAX * 365):
        raise InvalidInput(f"expires_at: {written(ends)} is not within the next {YEARS_MAX} years")
    return ends


def _only_one(keys: Sequence[ApiKey], prefix: str) -> ApiKey:
    found = [key for key in keys if prefix and key.key_id.startswith(prefix)]
    if len(found) != 1:
        problem = "several API keys begin with" if found else "there is no API key"
        raise NotFound(f"{problem} {prefix!r}")
    return found[0]


def _require_rotatable(key: ApiKey, keys: Sequence[ApiKey], now: datetime) -> None:
    state = key.state_at(now)
    if state is not KeyState.ACTIVE:
        since = key.revoked_at or key.expires_at
        assert since is not None
        raise InvalidState(
            f"API key {key.key_id} is {state} since {written(since)}: a successor of it would give "
            "access back; create a new key instead"
        )
    for one in keys:
        if one.replaces == key.key_id and one.state_at(now) is KeyState.ACTIVE:
            raise InvalidState(f"API key {key.key_id} has a successor already: {one.key_id}")


def _created(key: ApiKey, drawn: DrawnKey, now: datetime) -> CreatedKey:
    return CreatedKey(**dict(ListedKey.of(key, now)), key=drawn.key)


KEYS_CREATE = Operation("keys_create", Scope.KEYS_WRITE, KeyCreation, CreatedKey, _create)
"""A new API key; the only answer that holds it."""
KEYS_LIST = Operation("keys_list", Scope.KEYS_WRITE, KeysRequest, ListedKey, _list)
"""All API keys, also those that work no more, in the order of their creation."""
KEYS_ROTATE = Operation("keys_rotate", Scope.KEYS_WRITE, KeyRotation, CreatedKey, _rotate)
"""A successor of an API key, which works beside it for a while."""
KEYS_REVOKE = Operation("keys_revoke", Scope.KEYS_WRITE, KeyRequest, ListedKey, _revoke)
"""End an API key for good."""
OPERATIONS = (KEYS_CREATE, KEYS_LIST, KEYS_ROTATE, KEYS_REVOKE)
