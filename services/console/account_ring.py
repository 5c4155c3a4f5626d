"""The accounts of the file as credentials of the API: who signs in gets one that lasts for hours.

A credential names the account and the hash of its password, sealed. So it stops to work as soon as
the account is taken out of the file or has another password, and a role that changes counts at
once. The file is read again when it has changed.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from services.api.auth import Principal
from services.api.roles import ROLE_SCOPES
from services.console.accounts import ConsoleAccount, is_password, read_accounts
from services.console.sealing import Seal
from services.runtime.errors import ConfigurationError

PREFIX = "c360account_"
LOOK_S = 2.0
"""How long a change of the file may go unnoticed."""
NOBODY = "scrypt$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
"""Compared with what comes under a name that nobody has: it takes as long as with another."""
log = structlog.get_logger()


class AccountRing:
    """An `Authenticator` of people. Any thread may use it."""

    def __init__(
        self,
        path: Path | None,
        seal: Seal,
        age_s_max: int,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads the file, if there is one. Raises ConfigurationError when it is wrong."""
        self._path = path
        self._seal = seal
        self._age_s_max = age_s_max
        self._monotonic_s = monotonic_s
        self._looking = threading.Lock()
        self._looked_s = monotonic_s()
        self._accounts: Mapping[str, ConsoleAccount] = {}
        self._changed: tuple[int, int] | None = None
        if path is not None:
            self._read(path)

    @property
    def has_accounts(self) -> bool:
        """Whether anybody can sign in by name."""
        return bool(self._current())

    def signed_in(self, name: str, password: str) -> str | None:
        """A credential for who knows the password of an account; None for anybody else. Takes
        about half a second of CPU, whether there is such an account or not."""
        account = self._current().get(name)
        hashed = NOBODY if account is None else account.password
        if not is_password(password, hashed) or account is None:
            return None
        return PREFIX + self._seal.seal([name, _mark(account)])

    def principal(self, credential: str) -> Principal | None:
        """See services.api.auth.Authenticator."""
        if not credential.startswith(PREFIX):
            return None
        known = self._seal.opened(credential.removeprefix(PREFIX), self._age_s_max)
        if known is None:
            return None
        name, mark = known
        account = self._current().get(name)
        if account is None or _mark(account) != mark:
            return None
        scopes = ROLE_SCOPES[account.role]
        return Principal(f"account-{name}", account.full_name, account.realm, scopes)

    def refresh(self, credential: str) -> None:
        """See services.api.auth.Authenticator. Nothing to wait for: a file is always there."""

    def _current(self) -> Mapping[str, ConsoleAccount]:
        now_s = self._monotonic_s()
        if self._path is not None and now_s - self._looked_s >= LOOK_S:
            with self._looking:
                self._looked_s = now_s
                try:
                    if self._changed != _state(self._path):
                        self._read(self._path)
                except (ConfigurationError, OSError) as error:  # nobody is locked out by a typo
                    log.warning("console_accounts_not_read", error=str(error))
        return self._accounts

    def _read(self, path: Path) -> None:
        try:
            state, content = _state(path), path.read_bytes()
        except OSError as error:
            text = f"C360_CONSOLE_ACCOUNTS_FILE: {path} cannot be read: {error.strerror}"
            raise ConfigurationError(f"{text}. Add an account by the command line") from error
        self._accounts, self._changed = read_accounts(content, str(path)), state


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _mark(account: ConsoleAccount) -> str:
    """Changes with the password and the realm; says nothing about them."""
    known = f"{account.password} {account.realm}".encode()
    return hashlib.sha256(known).hexdigest()[:16]
