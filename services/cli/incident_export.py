"""`c360 incidents export`: all incidents that a filter selects, for spreadsheets and programs.

They are written as they are read, a few hundred at a time. No customer is named: as in every list,
an incident about one has the profile id.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from schemas.incident import AnyIncident
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.incidents import INCIDENTS_LIST, IncidentsRequest
from services.cli.incident_options import (
    Cause,
    Channel,
    FaultId,
    KindName,
    Location,
    Severities,
    Since,
    Sku,
    States,
    begins,
)
from services.cli.output import Row, err, one_line, write_csv, write_json_lines
from services.cli.state import Realm, state_of
from services.cli.whole_file import OutputFile, destination

EXPORTED = (
    "incident_id", "kind", "state", "severity", "cause", "fault_id", "realm", "subject_type",
    "subject", "market", "sku", "channel", "location", "contradiction", "expected", "observed",
    "currency", "since", "due_at", "opened_at", "until", "resolved_at", "flapping_since",
    "touchpoints", "customers", "orders", "overcharged", "undercharged", "last_action",
    "last_acted_at", "last_by", "last_reason",
)  # fmt: skip
"""Columns; those that a kind does not have are empty."""


class IncidentsFormat(StrEnum):
    """How incidents are exported."""

    CSV = "csv"
    JSONL = "jsonl"


def export(
    context: typer.Context,
    format_: Annotated[
        IncidentsFormat,
        typer.Option("--format", help="A row, or an object as in 'list --json', per incident."),
    ] = IncidentsFormat.CSV,
    output: OutputFile = None,
    state: States = None,
    severity: Severities = None,
    sku: Sku = "",
    channel: Channel = "",
    location: Location = "",
    cause: Cause = "",
    fault: FaultId = "",
    kind: KindName = "",
    since: Since = "",
    realm: Realm = DEFAULT_REALM,
) -> None:
    """All incidents that the options select, as CSV or JSON lines, the oldest first.

    With --output the file changes when all is written: an export that fails leaves it as it was.
    """
    asked = IncidentsRequest(
        realm=realm,
        states=tuple(state or ()),
        severities=tuple(severity or ()),
        sku=sku,
        channel=channel,
        location=location,
        cause=cause,
        fault=fault,
        kind=kind,
        since=begins(since, context, realm),
    )
    with state_of(context).session() as session, destination(output) as stream:
        found = session.run(INCIDENTS_LIST, asked)
        if format_ is IncidentsFormat.JSONL:
            count = write_json_lines(map(plain, found), stream)
        else:
            count = write_csv(map(incident_row, found), EXPORTED, stream)
    where = f" to {one_line(output)}" if output else ""
    text = f"exported {count} incident{'' if count == 1 else 's'}{where}"
    err.print(text, soft_wrap=True)


def incident_row(incident: AnyIncident) -> Row:
    """An incident, flat: with what it is about, the contradiction and the last action as text."""
    row = plain(incident)
    kind_of_subject, *parts = row["subject"].values()
    last = row["actions"][-1] if row["actions"] else {}
    return {
        **row,
        **row["exposure"],
        "subject_type": kind_of_subject,
        "subject": " ".join(parts),
        "contradiction": incident.details.in_words(),
        "last_action": last.get("action"),
        "last_acted_at": last.get("acted_at"),
        "last_by": last.get("by"),
        "last_reason": last.get("reason"),
    }
