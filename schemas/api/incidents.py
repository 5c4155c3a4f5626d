"""What a person does with an incident over HTTP; who does it follows from the key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.base import Instant
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
