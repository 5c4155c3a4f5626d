"""`c360 incidents ack|unack|mute|unmute`: actions of people on an incident.

Each command adds one entry to the incident's audit trail. On a data directory it is effective when
the command returns; with Kafka it is a record on `c360.offers` that the consistency worker applies.
"""

from __future__ import annotations

from typing import Annotated

import typer

from schemas.incident_action import ActionKind
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.incidents import INCIDENTS_ACT, ActionRequest
from services.cli.output import out, print_json
from services.cli.state import AsJson, Realm, state_of
from services.cli.times import instant_of

IncidentId = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]
FaultId = Annotated[
    str, typer.Option(help="Instead of one incident: all of this fault that are not over.")
]
By = Annotated[str, typer.Option(help="The acting account, by name or number.")]
Reason = Annotated[str, typer.Option(help="Why, in one line of at most 300 characters.")]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="When the mute ends, in event time, as 2026-03-08T04:00:00Z; without it, somebody has "
        "to unmute the incident.",
    ),
]
DONE = {
    ActionKind.ACK: "acknowledged",
    ActionKind.UNACK: "no longer acknowledged",
    ActionKind.MUTE: "muted",
    ActionKind.UNMUTE: "no longer muted",
}


def ack(
    context: typer.Context,
    by: By,
    reason: Reason,
    incident_id: IncidentId = "",
    fault: FaultId = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Acknowledge an incident: somebody takes care of it."""
    _act(context, ActionKind.ACK, (incident_id, fault), by, reason, realm, as_json)


def unack(
    context: typer.Context,
    by: By,
    reason: Reason,
    incident_id: IncidentId = "",
    fault: FaultId = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Withdraw an acknowledgement."""
    _act(context, ActionKind.UNACK, (incident_id, fault), by, reason, realm, as_json)


def mute(
    context: typer.Context,
    by: By,
    reason: Reason,
    incident_id: IncidentId = "",
    fault: FaultId = "",
    until: Until = None,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Mute an incident: it stays listed, but needs no attention."""
    ends = instant_of(until).isoformat() if until else ""
    _act(context, ActionKind.MUTE, (incident_id, fault), by, reason, realm, as_json, until=ends)


def unmute(
    context: typer.Context,
    by: By,
    reason: Reason,
    incident_id: IncidentId = "",
    fault: FaultId = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Withdraw a mute."""
    _act(context, ActionKind.UNMUTE, (incident_id, fault), by, reason, realm, as_json)


def _act(
    context: typer.Context,
    action: ActionKind,
    which: tuple[str, str],
    by: str,
    reason: str,
    realm: str,
    as_json: bool,
    until: str = "",
) -> None:
    incident_id, fault = which
    asked = ActionRequest(
        realm=realm,
        incident_id=incident_id,
        fault=fault,
        action=action.value,
        by=by,
        reason=reason,
        until=until,
    )
    with state_of(context).session() as session:
        done = list(map(plain, session.run(INCIDENTS_ACT, asked)))
    if as_json:
        print_json(done if fault else done[0])
        return
    entry = done[0]["entry"]
    end = f" until {entry['until']}" if entry["until"] else ""
    what = f"{len(done)} of fault {fault}: each" if fault else entry["incident_id"]
    out.print(f"{what} is {DONE[action]}{end} ({entry['by']})")
