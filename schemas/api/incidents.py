"""Incidents over HTTP: what a person does with one, how many there are, whom it concerns."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schemas.base import Contract, Instant
from schemas.descriptions import Described
from schemas.incident import Severity
from schemas.incident_action import ActionKind, Reason
from schemas.offer import Basis


class NewIncidentAction(Described, BaseModel):
    """An action on an incident."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: ActionKind
    """`ack`, `unack`, `mute` or `unmute`."""
    reason: Reason
    """Why, in one line."""
    until: Instant | None = None
    """When a mute ends, in event time; none: until it is withdrawn."""


class IncidentField(StrEnum):
    """What incidents are counted by. One feed that went wrong is one channel and one beginning."""

    KIND = "kind"
    STATE = "state"
    SEVERITY = "severity"
    CAUSE = "cause"
    CHANNEL = "channel"
    LOCATION = "location"
    SKU = "sku"
    SINCE = "since"
    FAULT = "fault"
    """What has one cause, as a price list that a channel missed."""


class IncidentExample(Contract):
    """One incident of several, in a few words."""

    incident_id: str
    """Its id."""
    kind: str
    """Its kind."""
    cause: str
    """Its likeliest cause."""
    subject: str
    """What it is about: of a product market and article number, else one id; no customer is
    named."""
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    in_words: str
    """The contradiction."""


class IncidentCount(Contract):
    """How many incidents have the same values."""

    group: dict[IncidentField, str]
    """The values by field, in the order asked for; an empty `location` is the whole channel."""
    incidents: int
    """How many there are."""
    subjects: int
    """How many products, stores or customers they are about."""
    places: int
    """At how many places they are; the whole channel is one."""
    severities: dict[Severity, int]
    """How many of each severity, the worst first."""
    first_since: datetime
    """When the first of them began."""
    latest_since: datetime
    """When the latest of them began."""
    example: IncidentExample
    """The worst of them; of equally severe ones the oldest."""


class IncidentCounts(Contract):
    """Numbers of incidents by the values of some fields, the worst first."""

    version: int = 1
    """Version of this form."""
    counts: list[IncidentCount]
    """By number of critical ones, then of high ones, and so on."""
    is_complete: bool
    """Whether these are all groups; else the worst of them."""


class AffectedItem(Contract):
    """A line of an order, or a page that was shown, with the deviating price or state."""

    profile_id: UUID | None
    """The customer, if a known one; null for an anonymous one and a receipt without a customer."""
    occurred_at: datetime
    """When it was shown or charged."""
    event_id: str
    """The event that says so."""
    basis: Basis
    """`displayed` or `charged`."""
    value: str
    """The price or the state that was met."""
    quantity: Decimal
    """How much was sold of it; 0 if nothing was."""
    order_id: str
    """Number of the order or receipt; empty if it has none."""
    order_issuer: str
    """Who assigned that number."""
    difference: Decimal | None
    """What was paid above the expected price, negative below it; null if nothing was paid, or if
    an earlier event reports the same order."""
    currency: str
    """Currency of the difference; empty if no money is involved."""
