"""The credentials that a running service accepts: keys of the store, of the settings, and tokens.

The keys of the store are a copy in memory, read again every few seconds by a thread of its own, so
that no request waits for it. While the store is away the last copy serves for a bounded time: a
revoked key may work for that long, and no longer. Nothing here writes.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog

from schemas.api.api_key import ApiKey, KeyState
from services.api.auth import GRANTABLE, Authenticator, Principal, Scope
from services.api.keys import hash_of, read_key
from services.runtime.clock import utc_now
from services.runtime.errors import Retry

REFRESH_S = 5.0
"""How long a key that was created or revoked may go unnoticed."""
LOOK_WAIT_S = 0.3
"""How long a request waits for a look that another one has begun."""
STALE_MAX_S = 3600.0
"""How long the last copy serves while the store does not answer."""
STOP_S = 5.0
UNKNOWN_HASH = "0" * 64
"""Compared with what comes under an id that nobody has: no request takes less work than another."""
log = structlog.get_logger()


class WorkingKeys(Protocol):
    """Where keys are stored."""

    def working(self, now: datetime) -> Sequence[ApiKey]:
        """The keys that work at a time. Blocks; raises Retry or Fatal."""
        ...


class _Copy(NamedTuple):
    keys: dict[str, tuple[ApiKey, Principal]]
    read_s: float
    """By the monotonic clock."""


class KeyRing:
    """An `Authenticator` of every kind of credential. Any thread may use it."""

    def __init__(
        self,
        store: WorkingKeys,
        others: Sequence[Authenticator],
        clock: Callable[[], datetime] = utc_now,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`others` know keys of the settings and tokens. Nothing is read before `start`."""
        self._store = store
        self._others = others
        self._clock = clock
        self._monotonic_s = monotonic_s
        self._copy = _Copy({}, -math.inf)
        self._reading = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="key-ring", daemon=True)

    def start(self) -> None:
        """Read the keys, and go on doing so. A store that is away now is asked again later."""
        with self._reading:
            self._read()
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def principal(self, credential: str) -> Principal | None:
        """See Authenticator."""
        found = None
        for one in self._others:
            found = one.principal(credential) or found
        part, copy = read_key(credential), self._copy
        if found is not None or part is None or not self._is_usable(copy):
            return found
        key, principal = copy.keys.get(part.key_id, (None, None))
        expected = UNKNOWN_HASH if key is None else key.secret_hash
        is_right = secrets.compare_digest(hash_of(part.secret), expected)
        if not is_right or key is None or key.state_at(self._clock()) is not KeyState.ACTIVE:
            return None
        return principal

    def refresh(self, credential: str) -> None:
        """See Authenticator. Raises Retry when the keys were not read for too long."""
        if read_key(credential) is None:
            for one in self._others:
                one.refresh(credential)
            return
        if self._reading.acquire(timeout=LOOK_WAIT_S):
            try:
                self._read()
            finally:
                self._reading.release()
        if not self._is_usable(self._copy):
            raise Retry("API keys cannot be checked: the store does not answer")

    def next_expiry_s(self) -> float:
        """Unix time of the next expiry of a stored key that works; NaN if none expires.

        A key that another one replaces is meant to expire.
        """
        now, keys = self._clock(), [key for key, _ in self._copy.keys.values()]
        replaced = {key.replaces for key in keys}
        expiries = [
            key.expires_at.timestamp()
            for key in keys
            if key.expires_at is not None and key.expires_at > now and key.key_id not in replaced
        ]
        return min(expiries, default=math.nan)

    def _is_usable(self, copy: _Copy) -> bool:
        return self._monotonic_s() - copy.read_s <= STALE_MAX_S

    def _run(self) -> None:
        while not self._stopping.wait(REFRESH_S):
            with self._reading:
                self._read()

    def _read(self) -> None:
        """Replace the copy, or keep it when the store does not answer. One thread at a time."""
        began_s = self._monotonic_s()
        try:
            keys = self._store.working(self._clock())
        except Exception as error:  # also a row of a newer release: the thread must go on
            log.warning("api_keys_not_read", error=f"{type(error).__name__}: {error}")
            return
        self._copy = _Copy({key.key_id: (key, _principal_of(key)) for key in keys}, began_s)


def _principal_of(key: ApiKey) -> Principal:
    """Scopes that this release does not know, or that no key may have, are none."""
    scopes = frozenset(Scope(name) for name in key.scopes if name in GRANTABLE)
    return Principal(key.key_id, key.name, key.realm, scopes, key.rate_per_s)
