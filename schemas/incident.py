"""An incident: channels contradict each other, from when to when, with evidence and exposure.

The envelope is the same for every kind. Everything else is in `details`, whose model is part of the
kind itself (services/consistency/kinds/).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import ConfigDict, Field

from schemas.base import Contract
from schemas.subject import Subject, SubjectRecord, subject_of

INCIDENT_VERSION = 2


class IncidentState(StrEnum):
    """State of an incident.

    `upcoming` (from a future validity window) or `pending` (inside its grace) → `open` →
    `acknowledged` or `muted` by people → `resolved`. `retracted` incidents were disproved by late
    evidence; they are kept for the record and listed only on demand.
    """

    UPCOMING = "upcoming"
    PENDING = "pending"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    RESOLVED = "resolved"
    RETRACTED = "retracted"


class Severity(StrEnum):
    """Severity, in ascending order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place in this order."""
        return RANKS[self]


RANKS = {one: rank for rank, one in enumerate(Severity)}


class Details(Contract):
    """The details of the incidents of one kind; fields of unknown kinds are kept."""

    model_config = ConfigDict(extra="allow")

    def in_words(self) -> str:
        """The contradiction in a few words, as a list shows it."""
        return ", ".join(f"{name} {value}" for name, value in self.model_dump().items())


D = TypeVar("D", bound=Details, covariant=True)


class Incident(Contract, Generic[D]):
    """The computed part of an incident: a function of the claims and the time of the last tick."""

    incident_id: str
    """Stable: made of realm, kind, subject, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: str
    """Kind of the incident."""
    subject: SubjectRecord
    """Subject of the incident."""
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    fault_id: str = ""
    """The same for all incidents of one cause, as a price list that a channel missed; empty of what
    was stored before incidents had one."""
    state: IncidentState
    """Its state."""
    severity: Severity
    """Its severity."""
    cause: str
    """The likeliest cause; each kind has its own."""
    since: datetime
    """When the deviation started, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None = None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None = None
    """When it opened, in event time."""
    resolved_at: datetime | None = None
    """When it was resolved, in event time."""
    flapping_since: datetime | None = None
    """When it had opened again too often; it stays open until it has been quiet for a while."""
    evidence: list[list[str]] = Field(default=[])
    """Event ids: first those of the deviating side, then those of the expected side."""
    details: D
    """The part that depends on the kind."""

    @property
    def about(self) -> Subject:
        """The subject as the cores use it."""
        return subject_of(self.subject)


AnyIncident = Incident[Details]


class Exposure(Contract):
    """Who saw or paid the deviating price while it lasted, counted over deduplicated facts at read.

    `customers` are known customers (profiles with a personal identifier) who saw or paid it.
    """

    touchpoints: int = 0
    """Touchpoints that showed or charged it."""
    customers: int = 0
    """Known customers who saw or paid it."""
    orders: int = 0
    """Orders and receipts that charged it, each once by its issuer and number."""
    overcharged: Decimal = Decimal("0.00")
    """Money that customers paid above the expected price; of an order that several events report,
    what the earliest says."""
    undercharged: Decimal = Decimal("0.00")
    """Money that customers paid below it."""
