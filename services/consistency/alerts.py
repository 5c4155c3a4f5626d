"""The records of `c360.alerts`: an incident as it is after a change, and the row it stands in.

The worker publishes them; where no worker runs, the same ones are read from the stored incidents
(adapters/alerts.py). Both make them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.incident import AnyIncident
from schemas.records import AlertRecord
from services.stream.connection import key_of
from services.stream.ports import Outgoing

ALERTS_TOPIC = "c360.alerts"


def alert(incident: AnyIncident, row_version: int) -> Outgoing:
    """The record that publishes an incident; a retracted one is a state like the others."""
    return alert_of(incident.model_dump(mode="json"), row_version)


def alert_of(incident: Mapping[str, Any], row_version: int) -> Outgoing:
    """The same, of an incident in its JSON form, as it is stored."""
    record = AlertRecord.model_validate({**incident, "row_version": row_version})
    key = key_of(record.realm, record.incident_id)
    return Outgoing(ALERTS_TOPIC, record.model_dump_json().encode(), key)
