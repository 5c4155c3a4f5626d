"""The state of an incident with the actions of people applied to its computed state.

The result is a function of the computed incident, the set of actions and the latest tick: order and
repetition of actions have no effect, and no clock is read. Acknowledged and muted are independent;
the latest action counts for each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import ActionKind, IncidentAction

ACKNOWLEDGING = frozenset({ActionKind.ACK, ActionKind.UNACK})
MUTING = frozenset({ActionKind.MUTE, ActionKind.UNMUTE})


def overlaid(
    incident: AnyIncident, actions: Collection[IncidentAction], now: datetime
) -> AnyIncident:
    """The incident as people see it at the tick `now`; `actions` are those on this incident.

    Only an open incident takes a state of theirs. A mute that has not ended hides an
    acknowledgement; afterwards it shows again.
    """
    if incident.state is not IncidentState.OPEN or not actions:
        return incident
    mute = _latest(actions, MUTING)
    if mute is not None and mute.action is ActionKind.MUTE and _lasts(mute, now):
        return incident.model_copy(update={"state": IncidentState.MUTED})
    acknowledged = _latest(actions, ACKNOWLEDGING)
    if acknowledged is not None and acknowledged.action is ActionKind.ACK:
        return incident.model_copy(update={"state": IncidentState.ACKNOWLEDGED})
    return incident


def mute_ends(actions: Iterable[IncidentAction], now: datetime) -> datetime | None:
    """When the effective mute ends, if a tick later than `now` will end it."""
    mute = _latest(actions, MUTING)
    if mute is None or mute.until is None or mute.until <= now:
        return None
    return mute.until


def _lasts(mute: IncidentAction, now: datetime) -> bool:
    return mute.until is None or now < mute.until


def _latest(
    actions: Iterable[IncidentAction], switch: frozenset[ActionKind]
) -> IncidentAction | None:
    """The latest action of a pair; of several in one millisecond the withdrawal."""
    return max((one for one in actions if one.action in switch), key=_order, default=None)


def _order(action: IncidentAction) -> tuple[datetime, str, str, str, str]:
    """A total order over different actions: by time, withdrawals last, then by their text."""
    until = action.until.isoformat() if action.until else ""
    return action.acted_at, action.action, until, action.by, action.reason
