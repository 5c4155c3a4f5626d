"""`c360 events` and `c360 stats`: what is stored, as it was sent."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated

import typer

from schemas.instants import to_ms
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.events import (
    EVENTS_EXPORT,
    EVENTS_LIST,
    EVENTS_STATS,
    EventsRequest,
    ExportRequest,
    StatsRequest,
)
from services.cli.output import print_json, print_line, print_table
from services.cli.state import AsJson, Realm, state_of
from services.cli.times import beginning_of

Type = Annotated[str, typer.Option("--type", help="Only of this type, as order.placed.")]
Channel = Annotated[str, typer.Option(help="Only on this channel.")]
Since = Annotated[
    str,
    typer.Option(metavar="TIME", help="Only from it on: 2026-11-20, or a time with its zone."),
]
app = typer.Typer(help="Look at stored events.", no_args_is_help=True)


def _since_ms(text: str, zone: tzinfo) -> int:
    """Unix milliseconds of `--since`; nothing is before 1970. Raises BadParameter."""
    return max(to_ms(beginning_of(text, zone)), 0) if text else 0


@app.command("list")
def list_(
    context: typer.Context,
    type_name: Type = "",
    channel: Channel = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most rows.")] = 20,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """The latest events, without their content."""
    zone = state_of(context).zone(realm)
    asked = EventsRequest(
        realm=realm,
        type=type_name,
        channel=channel,
        since_ms=_since_ms(since, zone),
        limit=limit,
    )
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(EVENTS_LIST, asked)))
    if as_json:
        print_json(rows)
    else:
        names = ("occurred_at", "channel", "type", "event_id", "source")
        print_table("Events", rows, names, zone=zone, spare=("source",))


@app.command()
def export(
    context: typer.Context,
    type_name: Type = "",
    channel: Channel = "",
    since: Since = "",
    realm: Realm = DEFAULT_REALM,
) -> None:
    """Events as they were sent, as JSON lines in the order of their times: 'c360 ingest' takes
    them again, those of public keys (they are marked) with their rights only."""
    since_ms = _since_ms(since, state_of(context).zone(realm))
    asked = ExportRequest(realm=realm, type=type_name, channel=channel, since_ms=since_ms)
    with state_of(context).session() as session:
        for one in session.run(EVENTS_EXPORT, asked):
            print_line(one.payload.replace("\n", " "))


def stats(
    context: typer.Context,
    since: Since = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Number of events by channel and day, the latest day first."""
    asked = StatsRequest(realm=realm, since_ms=_since_ms(since, state_of(context).zone(realm)))
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(EVENTS_STATS, asked)))
    if as_json:
        print_json(rows)
    else:
        print_table("Events by day", rows, ("day", "channel", "events"))
