"""The profile as `c360 profile get --json` prints it (Interface 1)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from schemas.base import Contract, WrittenMoney

PROFILE_VERSION = 1


class ProfileIdentifier(Contract):
    """One identifier of a profile. `last_seen` is read from the facts it anchors or stands on."""

    type: str
    issuer: str
    value: str
    node_id: UUID
    last_seen: datetime | None = None


class AttributeValue(Contract):
    """The surviving value of one attribute, with the event that said it and the rule that chose."""

    value: str
    source: str
    channel: str
    event_id: str
    occurred_at: datetime
    rule: str


class ConsentState(Contract):
    """Whether one address may be contacted on one channel for one purpose, and why."""

    address: UUID
    channel: str
    purpose: str
    allowed: bool
    reason: str
    event_id: str
    occurred_at: datetime


class ProfileScalars(Contract):
    """The figures of a profile, over deduplicated facts."""

    profile_id: UUID
    realm: str
    identifiers_count: int
    orders: int
    returns: int
    cancellations: int
    revenue: WrittenMoney
    """Gross totals of own product and service lines after discounts, cancelled ones left out."""
    returned: WrittenMoney
    """Value of the goods that came back."""
    currency: str
    first_contact: datetime | None
    last_contact: datetime | None
    channels: list[str]


class Profile(ProfileScalars):
    """Everything known of one customer."""

    version: int = PROFILE_VERSION
    requested_id: UUID
    """The handle asked for; differs from `profile_id` where it was merged into that."""
    kind: str
    """person, anonymous or shared."""
    identifiers: list[ProfileIdentifier]
    attributes: dict[str, list[AttributeValue] | AttributeValue]
    """One value each; a list where the rule is `union`."""
    preferences: dict[str, AttributeValue]
    consents: list[ConsentState]
    other_currencies: dict[str, WrittenMoney]
    """Revenue in other currencies; listed, never added."""
    as_of: datetime


class TimelineEntry(Contract):
    """One touchpoint of a profile's timeline, newest first."""

    event_id: str
    occurred_at: datetime
    channel: str
    type: str
    phase: str
    source: str
    summary: str
