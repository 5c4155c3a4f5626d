"""`c360 incidents`: where channels contradict each other."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated

import typer

from schemas.api.incidents import AffectedItem, IncidentField
from schemas.incident import Severity
from schemas.instants import written
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.incidents import (
    INCIDENTS_AFFECTED,
    INCIDENTS_COUNTS,
    INCIDENTS_LIST,
    INCIDENTS_SHOW,
    AffectedRequest,
    IncidentCountsRequest,
    IncidentRequest,
    IncidentsRequest,
)
from services.cli.incident_actions import ack, mute, unack, unmute
from services.cli.incident_export import export
from services.cli.incident_options import (
    Cause,
    Channel,
    FaultId,
    IncidentId,
    KindName,
    Location,
    Severities,
    Since,
    Sku,
    States,
    begins,
)
from services.cli.output import (
    Row,
    TableFormat,
    bold,
    local_time,
    out,
    print_csv,
    print_json,
    print_record,
    print_table,
)
from services.cli.simulation import simulate
from services.cli.state import AsJson, Realm, state_of
from services.cli.times import instant_of
from services.consistency.scenario import check_scenario
from services.ingest.lines import InputError, InputMissing
from services.runtime.errors import ConfigurationError, NotFound
from services.runtime.settings import Settings
from services.store.database import open_server
from services.stream.watermarks import ClickHouseWatermarks

SHOWN = (
    "incident_id", "state", "severity", "cause", "sku", "channel", "location", "expected",
    "observed", "since", "until", "customers", "overcharged",
)  # fmt: skip
SPARE = ("customers", "until", "location", "state", "overcharged", "cause", "since")
AFFECTED = (
    "occurred_at", "profile_id", "order_id", "value", "quantity", "difference", "currency",
    "basis", "event_id",
)  # fmt: skip
SPARE_OF_AFFECTED = ("event_id", "basis", "currency", "quantity")
FAULTS = (
    "fault", "worst", "kind", "cause", "channel", "subjects", "places", "incidents", "first_since",
    "example",
)  # fmt: skip
SPARE_OF_FAULTS = ("places", "kind", "subjects", "first_since")
app = typer.Typer(
    help="Look at contradictions between channels, and say who takes care.", no_args_is_help=True
)
for command in (ack, unack, mute, unmute, export, simulate):
    app.command()(command)


@app.command("list")
def list_(
    context: typer.Context,
    state: States = None,
    severity: Severities = None,
    sku: Sku = "",
    channel: Channel = "",
    location: Location = "",
    cause: Cause = "",
    fault: FaultId = "",
    kind: KindName = "",
    since: Since = "",
    worst_first: Annotated[
        bool, typer.Option("--worst-first", help="By severity, then by exposure.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Most rows; by default all.")] = None,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Incidents with their exposure, the oldest first."""
    with state_of(context).session() as session:
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
            worst_first=worst_first,
            limit=limit,
        )
        rows = list(map(plain, session.run(INCIDENTS_LIST, asked)))
    if as_json:
        print_json(rows)
    else:
        print_incidents("Incidents", rows, state_of(context).zone(realm))


def print_incidents(title: str, rows: list[dict[str, object]], zone: tzinfo) -> None:
    """Print incidents as a table, with times in the zone."""
    flat = []
    for row in rows:
        exposure = row["exposure"]
        assert isinstance(exposure, dict)
        flat.append({**row, **exposure, "incident_id": str(row["incident_id"])[:8]})
    print_table(title, flat, SHOWN, zone=zone, spare=SPARE)


@app.command()
def count(
    context: typer.Context,
    by: Annotated[
        list[IncidentField] | None,
        typer.Option(help="What to count by, up to three; by default the cause."),
    ] = None,
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
    as_json: AsJson = False,
) -> None:
    """How many incidents there are by cause, place or other fields, the worst first.

    One price list that went wrong is one row of --by fault.
    """
    asked = IncidentCountsRequest(
        realm=realm,
        by=tuple(by or [IncidentField.CAUSE]),
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
    found = _counted(context, asked)
    if as_json:
        print_json(found)
        return
    rows = [{**one, **one["group"], **one["severities"]} for one in found["counts"]]
    names = (*asked.by, "incidents", "subjects", *reversed(Severity))
    print_table("Incidents", rows, names, zone=state_of(context).zone(realm))
    _say_if_cut(found)


def _counted(context: typer.Context, asked: IncidentCountsRequest) -> Row:
    with state_of(context).session() as session:
        return plain(next(session.run(INCIDENTS_COUNTS, asked)))


def _say_if_cut(found: Row) -> None:
    if not found["is_complete"]:
        out.print(f"and more: these are the worst {len(found['counts'])}")


@app.command()
def faults(
    context: typer.Context,
    state: States = None,
    severity: Severities = None,
    channel: Channel = "",
    location: Location = "",
    cause: Cause = "",
    kind: KindName = "",
    since: Since = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """What went wrong, the worst first: one row for a price list that a channel missed.

    The incidents of a fault: c360 incidents list --fault ID.
    """
    asked = IncidentCountsRequest(
        realm=realm,
        by=(IncidentField.FAULT,),
        states=tuple(state or ()),
        severities=tuple(severity or ()),
        channel=channel,
        location=location,
        cause=cause,
        kind=kind,
        since=begins(since, context, realm),
    )
    found = _counted(context, asked)
    if as_json:
        print_json(found)
        return
    rows = [
        {
            **one["example"],
            **one,
            "fault": one["group"]["fault"],
            "worst": next(name for name, number in one["severities"].items() if number),
            "example": " ".join((one["example"]["subject"], one["example"]["in_words"])).strip(),
        }
        for one in found["counts"]
    ]
    print_table("Faults", rows, FAULTS, zone=state_of(context).zone(realm), spare=SPARE_OF_FAULTS)
    _say_if_cut(found)


@app.command()
def show(
    context: typer.Context,
    incident_id: IncidentId,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """One incident with its evidence and its audit trail."""
    with state_of(context).session() as session:
        asked = IncidentRequest(realm=realm, incident_id=incident_id)
        row = plain(next(session.run(INCIDENTS_SHOW, asked)))
    if as_json:
        print_json(row)
        return
    actions = row.pop("actions")
    zone = state_of(context).zone(realm)
    print_record(row, zone)
    if actions:
        print_table("Actions", actions, ("acted_at", "action", "by", "reason", "until"), zone=zone)


@app.command()
def affected(
    context: typer.Context,
    incident_id: IncidentId,
    paid: Annotated[
        bool,
        typer.Option("--paid", help="Only what was paid, each order as its first event says."),
    ] = False,
    format_: Annotated[TableFormat, typer.Option("--format")] = TableFormat.TABLE,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Who saw or paid the deviating price: customers to make good, receipts without a customer."""
    asked = AffectedRequest(realm=realm, incident_id=incident_id, is_paid=paid)
    with state_of(context).session() as session:
        rows = map(plain, session.run(INCIDENTS_AFFECTED, asked))
        if as_json or format_ is TableFormat.JSON:
            print_json(list(rows))
        elif format_ is TableFormat.CSV:
            print_csv(rows, tuple(AffectedItem.model_fields))
        else:
            zone = state_of(context).zone(realm)
            print_table("Affected", list(rows), AFFECTED, zone=zone, spare=SPARE_OF_AFFECTED)


@app.command()
def check(
    scenario: Annotated[
        Path, typer.Argument(help="Scenario file (TOML); see docs/consistency.md.", readable=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Run one scenario of offers and ticks, and compare the incidents with what it expects."""
    try:
        report = check_scenario(scenario.read_text("utf-8-sig"))
    except OSError as error:
        raise InputMissing(f"cannot read {scenario}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{scenario}: {error}") from error
    if as_json:
        differences = list(report.differences)
        print_json({"version": 1, "passed": report.passed, "differences": differences})
    else:
        for difference in report.differences:
            out.print(difference)
        out.print("pass" if report.passed else bold("the scenario fails", "bold red"))
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def tick(
    context: typer.Context,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Event time to judge up to, as 2026-03-08T04:00:00Z; without it, the time of the "
            "realm's latest event. It never goes back.",
        ),
    ] = None,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Judge the prices of a realm up to a time (Kafka only).

    For imports of old data, when the workers have caught up: the channels are silent afterwards, so
    whatever is due at the end would wait until they are idle, and then be judged as of today.
    Without Kafka this is not needed: 'c360 ingest' ends with the same tick.
    """
    settings = state_of(context).settings()
    if not settings.kafka_bootstrap_servers:
        raise ConfigurationError(
            "C360_KAFKA_BOOTSTRAP_SERVERS is not set. A tick is a record for the workers; without "
            "Kafka none is needed: 'c360 ingest' judges up to the latest event itself."
        )
    if realm not in settings.realms:
        raise NotFound(f"no realm {realm!r}; C360_REALMS lists {', '.join(settings.realms)}")
    reached_at = _past(until) if until else _latest_event(settings, realm)
    asyncio.run(_send_tick(settings, realm, reached_at))
    if as_json:
        print_json({"version": 1, "realm": realm, "reached_at": written(reached_at)})
    else:
        now = local_time(written(reached_at), state_of(context).zone(realm))
        out.print(f"{realm}: event time is now {now}")


def _past(text: str) -> datetime:
    instant = instant_of(text)
    if instant > datetime.now(UTC):
        raise typer.BadParameter(f"{text} is in the future, and a tick cannot be taken back")
    return instant


def _latest_event(settings: Settings, realm: str) -> datetime:
    if settings.clickhouse_url is None:
        raise ConfigurationError(
            "C360_CLICKHOUSE_URL is not set, so the realm's latest event is unknown. Set it as "
            "for the workers, or give --until TIME."
        )
    with closing(open_server(settings)) as database:
        watermarks = ClickHouseWatermarks(database).latest()
    reached = [one.occurred_at for one in watermarks if one.realm == realm]
    if not reached:
        raise NotFound(f"no ingest worker has processed an event of realm {realm!r} yet")
    return max(reached)


async def _send_tick(settings: Settings, realm: str, reached_at: datetime) -> None:
    from services.consistency.ticker import tick_records  # aiokafka takes a while to load
    from services.stream.producer import send_once

    await send_once(settings, tick_records(realm, reached_at))
