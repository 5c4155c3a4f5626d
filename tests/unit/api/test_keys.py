"""API keys: their form, what is kept of them, and which scopes they may have."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from schemas.api.api_key import REVOKED, ApiKey, KeyState, ListedKey
from services.api.auth import GRANTABLE, Scope
from services.api.keys import checked_scopes, draw_key, hash_of, next_version, read_key
from services.runtime.errors import InvalidInput

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def key(**given: object) -> ApiKey:
    """A key as it is stored."""
    drawn = draw_key()
    fields = {
        "key_id": drawn.key_id,
        "name": "desk",
        "realm": "default",
        "scopes": ("profiles:read",),
        "secret_hash": drawn.secret_hash,
        "created_at": NOW,
        "version": next_version(NOW),
    }
    return ApiKey.model_validate({**fields, **given})


def test_a_key_has_an_id_and_a_secret_of_256_bits() -> None:
    """Both are read back from the key; of the secret only its SHA-256 is kept."""
    drawn = draw_key()
    assert re.fullmatch(r"c360_[a-z0-9]{12}_[A-Za-z0-9]{43}", drawn.key)
    read = read_key(drawn.key)
    assert read is not None
    assert read.key_id == drawn.key_id
    assert hash_of(read.secret) == drawn.secret_hash
    assert 62**43 > 2**256


def test_no_two_keys_are_alike() -> None:
    """Neither by id nor by secret."""
    drawn = [draw_key() for _ in range(500)]
    for name in ("key_id", "key", "secret_hash"):
        assert len({getattr(one, name) for one in drawn}) == len(drawn)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text.replace("c360", "C360"),
        lambda text: text.replace("_", "-"),
        lambda text: text + "\n",
        lambda text: "é" + text[1:],
        lambda text: "",
    ],
)
def test_another_form_is_no_key(damage: object) -> None:
    """No text but the exact form is looked up."""
    assert callable(damage)
    assert read_key(damage(draw_key().key)) is None


def test_a_key_has_scopes_that_exist_and_may_be_given() -> None:
    """Once each, in one order; those of the operator are refused, and so is a wrong name."""
    assert checked_scopes(["profiles:read", "audit:read", "profiles:read"]) == (
        "audit:read",
        "profiles:read",
    )
    for scope in GRANTABLE:
        assert checked_scopes([scope]) == (scope,)
    for scope in set(Scope) - GRANTABLE:
        with pytest.raises(InvalidInput, match="no key may have"):
            checked_scopes([scope])
    for names in ((), ("profiles:everything",), ("",)):
        with pytest.raises(InvalidInput, match="scopes"):
            checked_scopes(names)


def test_what_anybody_can_read_may_do_nothing_else() -> None:
    """The key of a web page has no second scope."""
    with pytest.raises(InvalidInput, match="no other scope"):
        checked_scopes([Scope.EVENTS_WRITE_PUBLIC, Scope.PROFILES_READ])


def test_operator_scopes_are_not_grantable() -> None:
    """Keys, the store and imports belong to who operates the service."""
    assert not GRANTABLE & {
        Scope.KEYS_WRITE, Scope.STORE_READ, Scope.STORE_REPAIR, Scope.EVENTS_IMPORT,
    }  # fmt: skip


def test_versions_grow_even_with_a_clock_behind() -> None:
    """A change is never lost to the row before it, and nothing outranks a revocation."""
    first = key()
    behind = next_version(NOW - timedelta(days=1), first)
    assert behind == first.version + 1
    revoked = key(version=next_version(NOW, first, is_revoked=True), revoked_at=NOW)
    assert revoked.version > next_version(NOW + timedelta(days=36_500), first)
    again = next_version(NOW, revoked)
    assert again < REVOKED < revoked.version


def test_the_state_of_a_key_follows_the_clock() -> None:
    """From the very moment that it names, it does not work."""
    one = key(expires_at=NOW + timedelta(hours=1))
    assert one.state_at(NOW) is KeyState.ACTIVE
    assert one.state_at(NOW + timedelta(hours=1)) is KeyState.EXPIRED
    assert key(revoked_at=NOW, expires_at=NOW).state_at(NOW) is KeyState.REVOKED


def test_what_is_listed_holds_nothing_of_the_secret() -> None:
    """Neither the hash nor the version."""
    one = key()
    shown = ListedKey.of(one, NOW).model_dump_json()
    assert one.secret_hash not in shown
    assert '"state":"active"' in shown


@pytest.mark.parametrize(
    "fault",
    [
        {"key_id": "short"},
        {"name": ""},
        {"name": "two\nlines"},
        {"name": "x" * 101},
        {"realm": "No Realm"},
        {"scopes": ()},
        {"scopes": ("DROP TABLE",)},
        {"secret_hash": "not hashed"},
        {"rate_per_s": 0},
        {"rate_per_s": float("nan")},
        {"version": 0},
    ],
)
def test_a_stored_key_is_checked(fault: dict[str, object]) -> None:
    """A damaged row is no key."""
    with pytest.raises(ValidationError):
        key(**fault)
