"""The file of accounts: what it says, what is wrong with it, and what its hashes hold."""

from __future__ import annotations

import pytest

from services.api.auth import GRANTABLE, Scope
from services.api.roles import ROLE_SCOPES, Role
from services.console import accounts
from services.console.accounts import (
    ConsoleAccount,
    hash_password,
    is_password,
    read_accounts,
    written_accounts,
)
from services.runtime.errors import ConfigurationError

PASSWORD = 'a "password" with\tall\\ kinds: ß 😀'


def test_what_is_written_is_read() -> None:
    """Whatever a name holds."""
    name = 'Änne "Q" \\ Ürün\n\x7f'
    known = {
        "a.b-c_1": ConsoleAccount(full_name=name, role=Role.STORE, password=hash_password(PASSWORD))
    }
    assert read_accounts(written_accounts(known).encode(), "file") == known


def test_a_hash_fits_its_password_alone() -> None:
    """And has a salt of its own."""
    one, other = hash_password(PASSWORD), hash_password(PASSWORD)
    assert one != other
    assert is_password(PASSWORD, one)
    assert not is_password(PASSWORD + " ", one)
    assert PASSWORD not in one


def test_the_cost_is_that_of_the_recommendation(monkeypatch: pytest.MonkeyPatch) -> None:
    """scrypt with N = 2^17, r = 8, p = 1: 128 MiB."""
    monkeypatch.undo()
    assert (accounts.COST, accounts.BLOCK, accounts.PARALLEL) == (2**17, 8, 1)
    assert is_password(PASSWORD, hash_password(PASSWORD))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"accounts = 1", "accounts"),
        (b"[accounts.anna]\nfull_name = 'A'\nrole = 'boss'\npassword = 'x'", "accounts.anna.role"),
        (b"[accounts.anna]\nfull_name = 'A'\nrole = 'store'\npassword = 'secret'", "password"),
        (b"[accounts.'An na']\nfull_name = 'A'", "An na"),
        (b"[accounts", "is no TOML file"),
        (b"\xff", "is no TOML file"),
        (b"[other]", "other"),
    ],
)
def test_a_wrong_file_says_where(content: bytes, says: str) -> None:
    """With the place of the file, and without what stands there as a password."""
    with pytest.raises(ConfigurationError) as caught:
        read_accounts(content, "/etc/accounts.toml")
    assert says in str(caught.value)
    assert str(caught.value).startswith("/etc/accounts.toml")
    assert "secret" not in str(caught.value)


def test_roles_are_grantable_scopes() -> None:
    """Nobody signs in with more than a key may have, and only those see who customers are whose
    work it is."""
    for role in Role:
        assert ROLE_SCOPES[role] <= GRANTABLE
        assert not ROLE_SCOPES[role] & {Scope.EVENTS_WRITE, Scope.EVENTS_WRITE_PUBLIC}
    seeing = {role for role in Role if Scope.PROFILES_PII in ROLE_SCOPES[role]}
    assert seeing == {Role.SERVICE, Role.PRIVACY, Role.ADMIN}
