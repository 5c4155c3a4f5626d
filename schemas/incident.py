"""An incident: channels contradict each other, from when to when, with evidence and exposure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from schemas.base import Contract, WrittenMoney

INCIDENT_VERSION = 1


class IncidentKind(StrEnum):
    """What is wrong."""

    PRICE_MISMATCH = "price_mismatch"


class IncidentState(StrEnum):
    """Life of an incident.

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
    """An overcharge is worse than an undercharge; a gross error is worst."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class MismatchCause(StrEnum):
    """The likeliest cause of a price mismatch, from the prices around it."""

    PROMOTION_NOT_ENDED = "promotion_not_ended"
    PROMOTION_NOT_STARTED = "promotion_not_started"
    STALE_PRICE = "stale_price"
    WRONG_PRICE = "wrong_price"


class Incident(Contract):
    """The decision part of an incident: a function of the claims and the time of the last tick."""

    incident_id: str
    """Stable: made of realm, kind, market, sku, channel, location and since."""
    realm: str
    """Brand or tenant."""
    kind: IncidentKind
    """What is wrong."""
    cause: MismatchCause
    """The likeliest cause."""
    state: IncidentState
    """Where in its life it is."""
    severity: Severity
    """How bad it is."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin where there is none."""
    channel: str
    """The channel that deviates."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""
    expected: WrittenMoney
    """The right price."""
    observed: WrittenMoney
    """The deviating price when the incident opened; before that, the latest one."""
    currency: str
    """Currency of both prices."""
    since: datetime
    """When the deviation began, in event time."""
    due_at: datetime
    """When the grace ends and the incident opens."""
    until: datetime | None = None
    """When the deviation ended; empty while it lasts."""
    opened_at: datetime | None = None
    """When it became an alarm, in event time."""
    resolved_at: datetime | None = None
    """When it was over, in event time."""
    evidence: list[list[str]] = Field(default=[])
    """Event ids: first those of the deviating side, then those of the expected side."""


class Exposure(Contract):
    """Who met the deviating price while it stood, counted over deduplicated facts at read.

    `customers` are known customers (profiles with a personal identifier) who saw or paid it.
    """

    touchpoints: int = 0
    """Touchpoints that showed or charged it."""
    customers: int = 0
    """Known customers who saw or paid it."""
    orders: int = 0
    """Orders and receipts that charged it."""
    overcharged: WrittenMoney = Decimal("0.00")
    """Money that customers paid above the expected price."""
    undercharged: WrittenMoney = Decimal("0.00")
    """Money that customers paid below it."""


class IncidentView(Incident):
    """What `c360 incidents list|show --json` prints for each incident (Interface 1)."""

    version: int = INCIDENT_VERSION
    """Version of this output."""
    exposure: Exposure = Exposure()
    """Who met the deviating price."""
