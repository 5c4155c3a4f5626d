"""What people did with an incident, laid over what the prices say.

The stored decision stays untouched, so it remains a function of the claims alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from schemas.incident import AnyIncident, IncidentState

HANDLED_STATES = frozenset({IncidentState.ACKNOWLEDGED, IncidentState.MUTED})


class Handling(NamedTuple):
    """A person acknowledged or muted an incident."""

    incident_id: str
    state: IncidentState
    author: str
    at: datetime


def as_handled(incident: AnyIncident, handling: Handling | None) -> AnyIncident:
    """The incident as people see it: an open one takes the state its handling gave it.

    Raises:
        ValueError: the handling is of another incident, or is no state people can give.
    """
    if handling is None:
        return incident
    if handling.incident_id != incident.incident_id or handling.state not in HANDLED_STATES:
        raise ValueError(f"{handling} does not apply to incident {incident.incident_id}")
    if incident.state is not IncidentState.OPEN:
        return incident
    return incident.model_copy(update={"state": handling.state})
