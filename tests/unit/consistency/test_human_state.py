"""What people do with an incident changes how it is shown, never what was decided."""

from __future__ import annotations

import pytest

from schemas.incident import AnyIncident, IncidentState
from services.consistency.core.human_state import Handling, as_handled

from .market import claim, hour, only


def incident(now: float) -> AnyIncident:
    """A wrong shop price from hour 10 to 50, as of an hour."""
    claims = [claim(channel, "10", 0) for channel in ("shop", "app", "pos")]
    return only([*claims, claim("shop", "12", 10), claim("shop", "10", 50)], now)


@pytest.mark.parametrize("state", [IncidentState.ACKNOWLEDGED, IncidentState.MUTED])
def test_an_open_incident_shows_what_people_did(state: IncidentState) -> None:
    """Only the state differs."""
    opened = incident(30)
    shown = as_handled(opened, Handling(opened.incident_id, state, "kim", hour(31)))
    assert shown == opened.model_copy(update={"state": state})


def test_a_resolved_incident_stays_resolved() -> None:
    """A mute does not outlive the deviation."""
    resolved = incident(60)
    muted = Handling(resolved.incident_id, IncidentState.MUTED, "kim", hour(31))
    assert as_handled(resolved, muted) is resolved
    assert as_handled(resolved, None) is resolved


@pytest.mark.parametrize(
    ("key", "state"), [(None, IncidentState.RESOLVED), ("other", IncidentState.MUTED)]
)
def test_a_handling_that_does_not_fit_is_refused(key: str | None, state: IncidentState) -> None:
    """People neither resolve incidents nor handle one by another's id."""
    opened = incident(30)
    with pytest.raises(ValueError, match="does not apply"):
        as_handled(opened, Handling(key or opened.incident_id, state, "kim", hour(31)))
