"""Which credential may do what: keys of the intake and the token of local commands, by scope.

Keys are compared in constant time. Every operation and route names the one scope it needs; nothing
here knows who owns a key.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from enum import StrEnum

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
    """Read profiles, identifiers and why they belong together."""
    INSIGHTS_READ = "insights:read"
    """Read measures of groups of customers."""
    INCIDENTS_READ = "incidents:read"
    """Read incidents."""
    INCIDENTS_ACT = "incidents:act"
    """Acknowledge and mute incidents."""
    REJECTED_READ = "rejected:read"
    """Read rejected events with their content."""
    STORE_READ = "store:read"
    """Read what describes the store itself: digests, migrations, audits."""
    STORE_REPAIR = "store:repair"
    """Delete facts that are stored twice."""


LOCAL = frozenset(Scope) - {Scope.EVENTS_WRITE, Scope.EVENTS_WRITE_PUBLIC}
"""Scopes of a command on the same machine, which can read the data directory anyway."""


class Credentials:
    """The credentials that a running service knows."""

    def __init__(
        self, api_keys: Iterable[SecretStr], public_write_keys: Iterable[SecretStr], token: str
    ) -> None:
        """`token` is that of local commands."""
        self._scopes = {
            **{
                key.get_secret_value(): frozenset({Scope.EVENTS_WRITE_PUBLIC})
                for key in public_write_keys
            },
            **{key.get_secret_value(): frozenset({Scope.EVENTS_WRITE}) for key in api_keys},
            token: LOCAL,
        }

    def scopes_of(self, credential: str) -> frozenset[Scope]:
        """Scopes of a key or token; none for one that is not known."""
        given, found = credential.encode(), frozenset[Scope]()
        for known, scopes in self._scopes.items():
            if secrets.compare_digest(given, known.encode()):
                found = scopes
        return found
