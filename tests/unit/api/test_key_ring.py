"""The credentials of a running service: what is accepted, when a change is seen, what outlasts the
store."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from schemas.api.api_key import ApiKey
from services.api import key_ring
from services.api.auth import LOCAL, Credentials, Principal, Scope
from services.api.key_ring import STALE_MAX_S, KeyRing
from services.api.keys import draw_key, next_version
from services.runtime.errors import Retry

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TOKEN = "token-of-local-commands"
SETTINGS = Credentials([SecretStr("a" * 16)], [SecretStr("b" * 16)], TOKEN)


class StoredKeys:
    """Keys of a store that may be away."""

    def __init__(self) -> None:
        self.keys: list[ApiKey] = []
        self.is_away = False
        self.reads = 0
        self.was_read = threading.Semaphore(0)

    def add(self, **given: object) -> str:
        """A new key, as its owner sends it."""
        drawn = draw_key()
        fields = {
            "key_id": drawn.key_id,
            "name": "desk",
            "realm": "shop",
            "scopes": ("profiles:read",),
            "secret_hash": drawn.secret_hash,
            "created_at": NOW,
            "version": next_version(NOW),
        }
        self.keys.append(ApiKey.model_validate({**fields, **given}))
        return drawn.key

    def working(self, now: datetime) -> Sequence[ApiKey]:
        """See WorkingKeys."""
        self.reads += 1
        self.was_read.release()
        if self.is_away:
            raise Retry("away")
        return [key for key in self.keys if key.state_at(now) == "active"]


class Clocks:
    """A wall clock and a monotonic one that go together."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        return self.passed_s


@pytest.fixture
def stored() -> StoredKeys:
    """A store without keys."""
    return StoredKeys()


@pytest.fixture
def clocks() -> Clocks:
    """Clocks that only a test moves."""
    return Clocks()


@pytest.fixture
def ring(stored: StoredKeys, clocks: Clocks) -> KeyRing:
    """A ring that has read nothing yet."""
    return KeyRing(stored, [SETTINGS], clocks.now, clocks.monotonic_s)


def asked(ring: KeyRing, credential: str) -> Principal | None:
    """What a request does: look, and once more after a refresh."""
    found = ring.principal(credential)
    if found is None:
        ring.refresh(credential)
        found = ring.principal(credential)
    return found


def test_a_stored_key_has_its_realm_scopes_and_rate(ring: KeyRing, stored: StoredKeys) -> None:
    """As they are stored; scopes that no key may have, or that do not exist, are none."""
    key = stored.add(scopes=("profiles:read", "store:repair", "made:up"), rate_per_s=2.5)
    found = asked(ring, key)
    assert found == Principal(
        key.split("_")[1], "desk", "shop", frozenset({Scope.PROFILES_READ}), 2.5
    )


def test_keys_of_the_settings_and_the_token_work_as_before(ring: KeyRing) -> None:
    """They need no store at all."""
    server, public, local = (asked(ring, one) for one in ("a" * 16, "b" * 16, TOKEN))
    assert server is not None
    assert server.realm is None
    assert server.scopes == {Scope.EVENTS_WRITE}
    assert public is not None
    assert public.scopes == {Scope.EVENTS_WRITE_PUBLIC}
    assert local is not None
    assert local.scopes == LOCAL


def test_what_is_almost_a_key_is_none(ring: KeyRing, stored: StoredKeys) -> None:
    """A wrong secret, an unknown id, another case, the hash instead of the secret."""
    key = stored.add()
    prefix, key_id, secret = key.split("_")
    flipped = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    other = draw_key().key
    for wrong in (
        f"{prefix}_{key_id}_{flipped}",
        f"{prefix}_{key_id}_{other.split('_')[2]}",
        f"{prefix}_{other.split('_')[1]}_{secret}",
        f"{prefix}_{key_id}_{stored.keys[0].secret_hash[:43]}",
        key.upper(),
        key[:-1],
        key + "é",
        "",
    ):
        assert asked(ring, wrong) is None, wrong
    assert asked(ring, key) is not None


def test_a_new_key_works_at_once(ring: KeyRing, stored: StoredKeys) -> None:
    """The first request with it has the store looked at."""
    assert asked(ring, draw_key().key) is None
    key = stored.add()
    assert asked(ring, key) is not None


def test_expired_keys_stop_without_a_look(
    ring: KeyRing, stored: StoredKeys, clocks: Clocks
) -> None:
    """At the moment that they name, also while the store is away."""
    key = stored.add(expires_at=NOW + timedelta(seconds=60))
    assert asked(ring, key) is not None
    stored.is_away = True
    clocks.passed_s = 59.9
    assert ring.principal(key) is not None
    clocks.passed_s = 60
    assert asked(ring, key) is None


def test_the_last_copy_serves_for_a_bounded_time(
    ring: KeyRing, stored: StoredKeys, clocks: Clocks
) -> None:
    """While the store is away known keys go on working; later nobody can say, and no key does."""
    key = stored.add()
    assert asked(ring, key) is not None
    stored.is_away = True
    clocks.passed_s = STALE_MAX_S
    assert asked(ring, key) is not None
    clocks.passed_s = STALE_MAX_S + 1
    assert ring.principal(key) is None
    with pytest.raises(Retry, match="cannot be checked"):
        ring.refresh(key)
    assert asked(ring, "a" * 16) is not None
    stored.is_away = False
    assert asked(ring, key) is not None


def test_a_store_that_was_never_there_refuses_nobody_for_good(
    ring: KeyRing, stored: StoredKeys, clocks: Clocks
) -> None:
    """Without any copy a key is neither accepted nor called wrong."""
    key = stored.add()
    stored.is_away = True
    for _ in range(2):
        with pytest.raises(Retry):
            asked(ring, key)
    stored.is_away = False
    assert asked(ring, key) is not None


def test_a_revoked_key_is_gone_after_a_refresh(
    stored: StoredKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread of the ring reads the keys again by itself."""
    monkeypatch.setattr(key_ring, "REFRESH_S", 0.01)
    ring = KeyRing(stored, [])
    key = stored.add()
    ring.start()
    try:
        assert ring.principal(key) is not None
        stored.keys.clear()
        for _ in range(4):  # one may have been counted, and one begun before; the last is complete
            assert stored.was_read.acquire(timeout=30)
        assert ring.principal(key) is None
    finally:
        ring.stop()


def test_the_next_expiry_is_of_a_key_that_nothing_replaces(
    ring: KeyRing, stored: StoredKeys, clocks: Clocks
) -> None:
    """Keys without an end, rotated ones, and those that have ended need nobody's care."""
    asked(ring, stored.add())
    assert math.isnan(ring.next_expiry_s())
    soon, later = (NOW + timedelta(seconds=seconds) for seconds in (10, 20))
    stored.add(expires_at=soon)
    stored.add(expires_at=later)
    ring.refresh(draw_key().key)
    assert ring.next_expiry_s() == soon.timestamp()
    stored.add(replaces=stored.keys[1].key_id)
    ring.refresh(draw_key().key)
    assert ring.next_expiry_s() == later.timestamp()
    clocks.passed_s = 20
    assert math.isnan(ring.next_expiry_s())
