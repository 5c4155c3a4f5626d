"""Local accounts of the console: a TOML file of names, roles and hashes of passwords.

Pure. A password is hashed with scrypt (RFC 7914) at the cost that OWASP's password storage cheat
sheet names: N = 2^17, r = 8, p = 1.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import tomllib
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from schemas.touchpoint import DEFAULT_REALM
from services.api.roles import Role
from services.runtime.errors import ConfigurationError

PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 12, 200
SCHEME = "scrypt"
COST, BLOCK, PARALLEL = 2**17, 8, 1
MEMORY_MAX = 256 * 1024 * 1024
SALT_BYTES, HASH_BYTES = 16, 32
HASH_FORM = r"^scrypt\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}$"
ACCOUNT_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
AccountName = Annotated[str, StringConstraints(pattern=f"^{ACCOUNT_NAME.pattern}$")]


class ConsoleAccount(BaseModel):
    """One person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    full_name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    """As audit trails show it."""
    role: Role
    """What the person may do."""
    realm: str = DEFAULT_REALM
    """Of which brand or tenant."""
    password: Annotated[str, StringConstraints(pattern=HASH_FORM)]
    """Hash of the password."""


class AccountsFile(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: dict[AccountName, ConsoleAccount] = Field(default={})
    """By the name that a person signs in with."""


def read_accounts(content: bytes, place: str) -> Mapping[str, ConsoleAccount]:
    """The accounts of a file. Raises ConfigurationError naming the place and the field."""
    try:
        return AccountsFile.model_validate(tomllib.loads(content.decode())).accounts
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)
        raise ConfigurationError(f"{place}: {told}") from error
    except (ValueError, RecursionError) as error:  # of TOML and of UTF-8
        raise ConfigurationError(f"{place} is no TOML file: {error}") from error


def written_accounts(accounts: Mapping[str, ConsoleAccount]) -> str:
    """The file with these accounts, ordered by name."""
    parts = ["# Accounts of the console, made by the command line.\n"]
    for name, one in sorted(accounts.items()):
        fields = one.model_dump(mode="json")
        lines = [f"{field} = {_quoted(value)}\n" for field, value in fields.items()]
        parts.append(f"\n[accounts.{_quoted(name)}]\n{''.join(lines)}")
    return "".join(parts)


def hash_password(password: str) -> str:
    """A hash with a salt of its own. Takes about half a second of CPU and 128 MiB."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{SCHEME}${_text(salt)}${_text(_hash(password, salt))}"


def is_password(password: str, hashed: str) -> bool:
    """Whether a hash is that of a password, compared in constant time."""
    _, salt, expected = hashed.split("$")
    found = _hash(password, base64.b64decode(salt))
    return secrets.compare_digest(found, base64.b64decode(expected))


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=COST,
        r=BLOCK,
        p=PARALLEL,
        maxmem=MEMORY_MAX,
        dklen=HASH_BYTES,
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _quoted(text: str) -> str:
    """A basic string of TOML 1.0."""
    escaped = "".join(
        f"\\u{ord(one):04x}" if one < " " or one in '"\\\x7f' else one for one in text
    )
    return f'"{escaped}"'
