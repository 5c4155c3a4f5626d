"""Exposure of an incident: who met the deviating price while it stood, and what it cost them.

Counted at read over deduplicated facts, so late and repeated events change nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from schemas.identifiers import NodeId
from schemas.incident import Exposure, Incident
from schemas.offer import Basis
from schemas.rules.consistency import ConsistencyRules
from services.consistency.core.prices import agrees


class Observation(NamedTuple):
    """A price that a customer saw (`displayed`) or paid (`charged`)."""

    market: str
    sku: str
    channel: str
    location: str
    """A store id, `zone:NAME`, or empty: the label of the place, as incidents show it."""
    occurred_at: datetime
    basis: Basis
    price: Decimal
    currency: str
    quantity: Decimal
    node: NodeId
    event_id: str
    order_id: str


def exposure(
    incident: Incident,
    observations: Iterable[Observation],
    customers: Mapping[NodeId, NodeId],
    rules: ConsistencyRules,
) -> Exposure:
    """Count the observations that met the incident's deviation, within [since, until).

    `customers` maps anchor nodes to the profiles of known persons; other nodes are nobody known.
    """
    met = [one for one in observations if _meets(incident, one, rules)]
    paid = [one for one in met if one.basis is Basis.CHARGED]
    differences = [(one.price - incident.expected) * one.quantity for one in paid]
    return Exposure(
        touchpoints=len({one.event_id for one in met}),
        customers=len({customers[one.node] for one in met if one.node in customers}),
        orders=len({one.order_id or one.event_id for one in paid}),
        overcharged=sum((d for d in differences if d > 0), Decimal(0)),
        undercharged=-sum((d for d in differences if d < 0), Decimal(0)),
    )


def _meets(incident: Incident, seen: Observation, rules: ConsistencyRules) -> bool:
    return (
        (seen.market, seen.sku) == (incident.market, incident.sku)
        and (seen.channel, seen.location) == (incident.channel, incident.location)
        and seen.currency == incident.currency
        and incident.since <= seen.occurred_at
        and (incident.until is None or seen.occurred_at < incident.until)
        and not agrees(seen.price, incident.expected, rules)
    )
