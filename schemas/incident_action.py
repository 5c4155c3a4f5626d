"""Actions of people on an incident: acknowledge or mute it, and withdraw either.

Each action is a record of its own and is kept permanently, with author, reason and time. It never
changes the computed state; services/consistency/core/human_state.py applies it on top.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from schemas.base import Code, Contract, Instant
from schemas.instants import from_ms, to_ms

IncidentId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Millisecond = Annotated[Instant, AfterValidator(lambda instant: from_ms(to_ms(instant)))]
"""An instant in whole milliseconds, as it is stored."""


class ActionKind(StrEnum):
    """An action of a person on an incident."""

    ACK = "ack"
    UNACK = "unack"
    MUTE = "mute"
    UNMUTE = "unmute"


class IncidentAction(Contract):
    """One entry of the audit trail of an incident."""

    incident_id: IncidentId
    """The incident, by its whole id."""
    action: ActionKind
    """`ack`, `unack`, `mute` or `unmute`."""
    by: Code
    """The acting account, by name or number."""
    reason: Reason
    """Why, in one line."""
    until: Millisecond | None = None
    """When a mute ends, in event time; none: until it is withdrawn."""
    acted_at: Millisecond
    """When it was done, by the clock of the command."""

    @model_validator(mode="after")
    def _only_a_mute_ends(self) -> Self:
        if self.until is not None and self.action is not ActionKind.MUTE:
            raise ValueError("only a mute has an end")
        return self
