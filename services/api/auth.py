"""Which credential may do what: API keys, keys of the settings and the token of local commands.

Keys are compared in constant time. Every operation and route names the one scope it needs; nothing
here knows who owns a key.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

from pydantic import SecretStr


class Scope(StrEnum):
    """A permission."""

    EVENTS_WRITE = "events:write"
    """Send events as a trusted server."""
    EVENTS_WRITE_PUBLIC = "events:write:public"
    """Send events from an app or a web page, without verified identifiers."""
    EVENTS_READ = "events:read"
    """Read stored events with their content."""
    EVENTS_IMPORT = "events:import"
    """Send the lines of files."""
    PROFILES_READ = "profiles:read"
    """Read profiles, identifiers and why they belong together; values are masked."""
    PROFILES_PII = "profiles:pii"
    """See the values of identifiers and attributes, and search by them."""
    IDENTITY_WRITE = "identity:write"
    """Decide which identifiers are of one customer."""
    INSIGHTS_READ = "insights:read"
    """Read measures of groups of customers."""
    INSIGHTS_PERSON = "insights:person"
    """Read what measures say of single customers, with their reasons."""
    SEGMENTS_READ = "segments:read"
    """Read definitions and sizes of segments."""
    SEGMENTS_MEMBERS = "segments:members"
    """Read who belongs to segments, enters and leaves them."""
    INCIDENTS_READ = "incidents:read"
    """Read incidents."""
    INCIDENTS_WRITE = "incidents:write"
    """Acknowledge and mute incidents."""
    REJECTED_READ = "rejected:read"
    """Read rejected events with their content."""
    AUDIT_READ = "audit:read"
    """Read who read which profile, and why."""
    KEYS_WRITE = "keys:write"
    """Create, rotate and revoke API keys."""
    STORE_READ = "store:read"
    """Read what describes the store itself: digests, migrations, audits."""
    STORE_REPAIR = "store:repair"
    """Delete facts that are stored twice."""


LOCAL = frozenset(Scope) - {Scope.EVENTS_WRITE, Scope.EVENTS_WRITE_PUBLIC}
"""Scopes of a command on the same machine, which can read the data directory anyway."""
GRANTABLE = frozenset(Scope) - {
    Scope.EVENTS_IMPORT,
    Scope.KEYS_WRITE,
    Scope.STORE_READ,
    Scope.STORE_REPAIR,
}
"""Scopes that an API key may have; the others belong to whoever operates the service."""
LOCAL_KEY = "local"
"""Key id of the token of local commands."""


class Principal(NamedTuple):
    """Who asks: the owner of a credential."""

    key_id: str
    """Names the credential in logs; no secret."""
    name: str
    """What its owner is called."""
    realm: str | None
    """The one realm it may read and send events of; None for a key of the settings, which may send
    events of any realm and reads none."""
    scopes: frozenset[Scope]
    """What it may do."""
    rate_per_s: float | None = None
    """Requests a second, if not as many as everybody."""


class Authenticator(Protocol):
    """Knows credentials."""

    def principal(self, credential: str) -> Principal | None:
        """The owner of a credential; None for an unknown, expired or revoked one. Never blocks."""
        ...

    def refresh(self, credential: str) -> None:
        """Look whether a credential has become known meanwhile. Blocks; bounded in its rate. The
        last known state stays when the store does not answer."""
        ...


class Credentials:
    """The credentials of the settings, and the token of local commands. An `Authenticator`."""

    def __init__(
        self, api_keys: Iterable[SecretStr], public_write_keys: Iterable[SecretStr], token: str
    ) -> None:
        """`token` is that of local commands; empty where there are none."""
        public, trusted = {Scope.EVENTS_WRITE_PUBLIC}, {Scope.EVENTS_WRITE}
        self._known = {
            **{key.get_secret_value(): _of_settings("public", public) for key in public_write_keys},
            **{key.get_secret_value(): _of_settings("server", trusted) for key in api_keys},
        }
        if token:
            self._known[token] = Principal(LOCAL_KEY, LOCAL_KEY, None, LOCAL)

    def principal(self, credential: str) -> Principal | None:
        """See Authenticator."""
        given, found = credential.encode(), None
        for known, principal in self._known.items():
            if secrets.compare_digest(given, known.encode()):
                found = principal
        return found

    def refresh(self, credential: str) -> None:
        """See Authenticator. Settings never change while a process runs."""


def _of_settings(name: str, scopes: set[Scope]) -> Principal:
    return Principal(f"settings-{name}", f"settings-{name}", None, frozenset(scopes))
