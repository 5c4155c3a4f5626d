"""Incidents over HTTP: what a person does with one, and how many there are of a sort."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from schemas.base import Contract, Instant
from schemas.incident import Severity
from schemas.incident_action import ActionKind, Reason


class NewIncidentAction(BaseModel):
    """An action on an incident."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

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


class IncidentCount(Contract):
    """How many incidents have the same values."""

    group: dict[IncidentField, str]
    """The values by field, in the order asked for; an empty `location` is the whole channel."""
    incidents: int
    """How many there are."""
    subjects: int
    """How many products, stores or customers they are about."""
    severities: dict[Severity, int]
    """How many of each severity, the worst first."""
    first_since: datetime
    """When the first of them began."""
    latest_since: datetime
    """When the latest of them began."""


class IncidentCounts(Contract):
    """Numbers of incidents by the values of some fields, the worst first."""

    version: int = 1
    """Version of this form."""
    counts: list[IncidentCount]
    """By number of critical ones, then of high ones, and so on."""
    is_complete: bool
    """Whether these are all groups; else the worst of them."""
