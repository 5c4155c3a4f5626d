"""API keys on a store: create, list, rotate, revoke, as the operations do it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.api.api_key import CreatedKey, ListedKey
from services.api.auth import Scope
from services.api.key_ring import KeyRing
from services.api.keys import ApiKeyStore, read_key
from services.api.ports import Access
from services.api.queries.keys import (
    KEYS_CREATE,
    KEYS_LIST,
    KEYS_REVOKE,
    KEYS_ROTATE,
    KeyCreation,
    KeyRequest,
    KeyRotation,
    KeysRequest,
)
from services.api.read_store import access_to
from services.api.server import prepare_server
from services.runtime.errors import InvalidInput, InvalidState, NotFound
from services.runtime.settings import Settings, load_settings
from services.store.database import Database, open_server
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.runs import wait_for
from tests.events import SECRET

pytestmark = pytest.mark.any_store
REALMS: dict[str, Any] = {"default": {}, "other": {}}


@pytest.fixture
def access(database: Database) -> Access:
    """What operations work with."""
    settings = load_settings(identity_secret=SECRET.decode(), realms=REALMS)
    return access_to(settings, database, lambda _record: None)


def created(access: Access, **given: Any) -> CreatedKey:
    """A new key."""
    fields: dict[str, Any] = {"realm": "default", "name": "desk", "scopes": ("profiles:read",)}
    [made] = KEYS_CREATE.run(access, KeyCreation(**{**fields, **given}))
    return made


def listed(access: Access, realm: str = "") -> dict[str, ListedKey]:
    """All keys by id."""
    return {key.key_id: key for key in KEYS_LIST.run(access, KeysRequest(realm=realm))}


def ring_of(database: Database) -> KeyRing:
    """A ring on the store, which has read its keys."""
    ring = KeyRing(ApiKeyStore(database), [])
    ring.refresh("c360_000000000000_" + "a" * 43)
    return ring


def test_created_keys_are_stored_as_hashes(database: Database, access: Access) -> None:
    """What was given is kept, with times and rate; no column holds the key or its secret."""
    ends = datetime.now(UTC) + timedelta(days=90)
    made = created(access, expires_at=ends, rate_per_s=2.5, created_by="anna", realm="other",
                   scopes=("profiles:read", "audit:read"))  # fmt: skip
    part = read_key(made.key)
    assert part is not None
    assert part.key_id == made.key_id
    [kept] = listed(access).values()
    assert kept == ListedKey.model_validate(dict(made))
    assert (kept.scopes, kept.rate_per_s) == (("audit:read", "profiles:read"), 2.5)
    assert (kept.realm, kept.created_by, kept.state) == ("other", "anna", "active")
    assert kept.expires_at is not None
    assert abs(kept.expires_at - ends) < timedelta(milliseconds=1)
    text = database.raw("SELECT * FROM api_keys", "JSONEachRow").decode()
    assert part.secret not in text
    found = ring_of(database).principal(made.key)
    assert found is not None
    assert (found.key_id, found.realm, found.rate_per_s) == (made.key_id, "other", 2.5)
    assert found.scopes == {Scope.PROFILES_READ, Scope.AUDIT_READ}


def test_lists_are_by_realm(access: Access) -> None:
    """Or of all realms, in the order of creation."""
    first, second = created(access), created(access, realm="other")
    assert list(listed(access)) == [first.key_id, second.key_id]
    assert list(listed(access, "other")) == [second.key_id]
    with pytest.raises(NotFound, match="not configured"):
        listed(access, "none")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"realm": "none"}, NotFound),
        ({"scopes": ()}, InvalidInput),
        ({"scopes": ("store:repair",)}, InvalidInput),
        ({"scopes": ("keys:write",)}, InvalidInput),
        ({"name": ""}, InvalidInput),
        ({"name": "   "}, InvalidInput),
        ({"name": "a\nb"}, InvalidInput),
        ({"rate_per_s": 0}, InvalidInput),
        ({"rate_per_s": float("inf")}, InvalidInput),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, InvalidInput),
        ({"expires_at": datetime(2020, 1, 1)}, InvalidInput),  # noqa: DTZ001
        ({"expires_at": datetime(9999, 1, 1, tzinfo=UTC)}, InvalidInput),
    ],
)
def test_wrong_keys_are_not_made(
    access: Access, given: dict[str, Any], error: type[Exception]
) -> None:
    """A key is refused as a whole, and nothing is stored."""
    with pytest.raises(error):
        created(access, **given)
    assert not listed(access)


def test_a_rotated_key_works_beside_its_successor_for_a_while(
    database: Database, access: Access
) -> None:
    """The successor has the same rights; the old key expires after the grace, never later than
    before."""
    old = created(access, scopes=("profiles:pii", "profiles:read"), rate_per_s=3)
    [new] = KEYS_ROTATE.run(access, KeyRotation(key_id=old.key_id[:8], grace_s=3600))
    for name in ("name", "realm", "scopes", "rate_per_s", "expires_at"):
        assert getattr(new, name) == getattr(old, name)
    assert new.replaces == old.key_id
    assert new.key_id != old.key_id
    ends = listed(access)[old.key_id].expires_at
    assert ends is not None
    assert ends == new.created_at + timedelta(hours=1)
    ring = ring_of(database)
    assert ring.principal(old.key) is not None
    assert ring.principal(new.key) is not None
    with pytest.raises(InvalidState, match=f"successor already: {new.key_id}"):
        list(KEYS_ROTATE.run(access, KeyRotation(key_id=old.key_id, grace_s=1)))


def test_a_rotation_without_grace_ends_the_old_key(database: Database, access: Access) -> None:
    """As for a key that is known to others; the successor lives as long as the old one was meant
    to."""
    ends = datetime.now(UTC) + timedelta(days=10)
    old = created(access, expires_at=ends)
    [new] = KEYS_ROTATE.run(access, KeyRotation(key_id=old.key_id, grace_s=0))
    assert new.expires_at is not None
    assert old.expires_at is not None
    assert new.expires_at - new.created_at == old.expires_at - old.created_at
    ring = ring_of(database)
    assert ring.principal(old.key) is None
    assert ring.principal(new.key) is not None
    with pytest.raises(InvalidState, match="expired"):
        list(KEYS_ROTATE.run(access, KeyRotation(key_id=old.key_id, grace_s=0)))


def test_revoking_is_final(database: Database, access: Access) -> None:
    """It may be repeated, and no change that was under way brings the key back."""
    key = created(access)
    [before] = ApiKeyStore(database).all()
    [first] = KEYS_REVOKE.run(access, KeyRequest(key_id=key.key_id))
    [again] = KEYS_REVOKE.run(access, KeyRequest(key_id=key.key_id))
    assert first.state == "revoked"
    assert again.revoked_at == first.revoked_at
    late = before.model_copy(update={"version": before.version + 10**9})
    ApiKeyStore(database).put([late])
    assert listed(access)[key.key_id].state == "revoked"
    assert ring_of(database).principal(key.key) is None
    with pytest.raises(InvalidState, match="revoked"):
        list(KEYS_ROTATE.run(access, KeyRotation(key_id=key.key_id, grace_s=0)))


@pytest.mark.parametrize("prefix", ["", "nothing", "'; DROP TABLE api_keys"])
def test_an_unknown_id_is_not_found(access: Access, prefix: str) -> None:
    """Nor is an empty one taken for the only key."""
    created(access)
    with pytest.raises(NotFound):
        list(KEYS_REVOKE.run(access, KeyRequest(key_id=prefix)))
    assert [key.state for key in listed(access).values()] == ["active"]


def test_keys_made_at_once_are_all_kept(access: Access) -> None:
    """Two that create keys at the same moment do not lose each other's."""
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: created(access, name=f"n{number}"), range(24)))
    assert set(listed(access)) == {key.key_id for key in made}


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """A server that a test may kill."""
    with ClickHouseEndpoint(tmp_path_factory.mktemp("frail") / "data") as endpoint:
        yield endpoint


def test_keys_outlast_a_dead_server(frail: ClickHouseEndpoint, tmp_path: Path) -> None:
    """A running service knows its keys while the server is away, and sees changes when it is
    back."""
    settings: Settings = load_settings(
        tmp_path, clickhouse_url=frail.url, identity_secret=SECRET.decode(), clickhouse_timeout_s=2
    )
    prepare_server(settings)
    database = open_server(settings)
    access = access_to(settings, database, lambda _record: None)
    made = created(access)
    ring = ring_of(database)
    assert ring.principal(made.key) is not None
    frail.kill()
    ring.refresh("c360_000000000000_" + "a" * 43)
    assert ring.principal(made.key) is not None
    frail.start()
    list(KEYS_REVOKE.run(access, KeyRequest(key_id=made.key_id)))

    def is_refused() -> bool:
        ring.refresh(made.key)
        return ring.principal(made.key) is None

    wait_for(is_refused)
    database.close()
