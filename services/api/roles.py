"""What the people who use the console may do: one role each, which stands for scopes of the API."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from services.api.auth import GRANTABLE, Scope


class Role(StrEnum):
    """A person's work."""

    SERVICE = "service"
    """Talks to customers, and sees who they are."""
    STORE = "store"
    """Runs a store: incidents and figures, customers with masked values."""
    MERCHANDISING = "merchandising"
    """Answers for prices and availability."""
    MARKETING = "marketing"
    """Decides by measures and segments; customers with masked values."""
    PRIVACY = "privacy"
    """Answers customers who ask what is stored, and looks who looked at them."""
    ADMIN = "admin"
    """Everything that a key may be granted, but sending events."""


ROLE_SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.SERVICE: frozenset(
        {
            Scope.PROFILES_READ,
            Scope.PROFILES_PII,
            Scope.EVENTS_READ,
            Scope.IDENTITY_WRITE,
            Scope.INSIGHTS_READ,
            Scope.INSIGHTS_PERSON,
            Scope.SEGMENTS_READ,
            Scope.SEGMENTS_MEMBERS,
            Scope.INCIDENTS_READ,
        }
    ),
    Role.STORE: frozenset(
        {
            Scope.PROFILES_READ,
            Scope.INSIGHTS_READ,
            Scope.SEGMENTS_READ,
            Scope.INCIDENTS_READ,
            Scope.INCIDENTS_WRITE,
            Scope.REJECTED_READ,
        }
    ),
    Role.MERCHANDISING: frozenset(
        {Scope.INSIGHTS_READ, Scope.INCIDENTS_READ, Scope.INCIDENTS_WRITE}
    ),
    Role.MARKETING: frozenset(
        {
            Scope.PROFILES_READ,
            Scope.INSIGHTS_READ,
            Scope.INSIGHTS_PERSON,
            Scope.SEGMENTS_READ,
            Scope.SEGMENTS_MEMBERS,
            Scope.INCIDENTS_READ,
        }
    ),
    Role.PRIVACY: frozenset(
        {
            Scope.PROFILES_READ,
            Scope.PROFILES_PII,
            Scope.EVENTS_READ,
            Scope.IDENTITY_WRITE,
            Scope.REJECTED_READ,
            Scope.AUDIT_READ,
        }
    ),
    Role.ADMIN: GRANTABLE - {Scope.EVENTS_WRITE, Scope.EVENTS_WRITE_PUBLIC},
}
"""Scopes of each role; the API decides by them, and masks values without `profiles:pii`."""
