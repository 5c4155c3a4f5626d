"""`c360 segments`: groups of customers by definition."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import RealmRequest, plain
from services.api.queries.segment_changes import SEGMENTS_CHANGES, SegmentChangesRequest
from services.api.queries.segment_export import SEGMENTS_EXPORT, SegmentExportRequest
from services.api.queries.segment_members import (
    SEGMENTS_LIST,
    SEGMENTS_MEMBERS,
    SegmentRequest,
    SegmentsRequest,
)
from services.api.queries.segments import (
    SEGMENTS_APPLY,
    SEGMENTS_PREVIEW,
    SEGMENTS_REMOVE,
    SEGMENTS_VERIFY,
    DefinitionsRequest,
)
from services.cli.output import (
    Row,
    err,
    local_time,
    one_line,
    out,
    print_json,
    print_line,
    print_table,
    progress_bar,
    write_csv,
    write_json_lines,
)
from services.cli.session import find_running
from services.cli.state import AsJson, Realm, state_of
from services.cli.whole_file import OutputFile, destination
from services.ingest.lines import InputError, InputMissing
from services.runtime.errors import StoreUnavailable

EXPORTED = ("profile_id", "address_type", "address", "basis", "permitted_since", "since")
LISTED = ("segment", "title", "members", "purpose", "channel", "number", "applied_at")
APPLIED = ("segment", "number", "change", "members", "entered", "left")
VERIFIED = ("segment", "members", "missing", "wrong")
MEMBERS = ("profile_id", "since", "because")
FOLLOW_S = 1.0
DIFFERS = 1
"""Exit code of a check that found a difference."""
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Definitions (TOML); docs/segments.md.", readable=False),
]
SegmentId = Annotated[str, typer.Argument(metavar="SEGMENT", help="Id of a segment.")]
app = typer.Typer(help="Groups of customers by definition.", no_args_is_help=True)


class SegmentFormat(StrEnum):
    """How members are exported."""

    CSV = "csv"
    JSONL = "jsonl"


@app.command()
def preview(
    context: typer.Context, file: File, realm: Realm = DEFAULT_REALM, as_json: AsJson = False
) -> None:
    """What definitions would make: sizes, who would enter and leave, samples, cost. Writes nothing.

    Values of the samples are replaced by hints.
    """
    asked = DefinitionsRequest(realm=realm, definitions=_text_of(file))
    with state_of(context).session() as session:
        *found, cost = _without_progress(map(plain, session.run(SEGMENTS_PREVIEW, asked)))
    if as_json:
        print_json({"version": 1, "segments": found, "cost": cost})
        return
    for one in found:
        out.print(
            f"{one['segment']}: {one['members']:,} members, {one['enters']:,} would enter, "
            f"{one['leaves']:,} would leave"
        )
        print_table("", list(map(_sample, one["samples"])), ("profile_id", "orders", "hints"))
    _print_cost(cost, context, realm)


@app.command()
def apply(
    context: typer.Context, file: File, realm: Realm = DEFAULT_REALM, as_json: AsJson = False
) -> None:
    """Put definitions in force: everybody is evaluated as of the latest tick, and written.

    On a data directory memberships follow events from then on; on a server until the next run they
    are as of that tick.
    """
    asked = DefinitionsRequest(realm=realm, definitions=_text_of(file))
    with state_of(context).session() as session:
        *found, cost = _without_progress(map(plain, session.run(SEGMENTS_APPLY, asked)))
    if as_json:
        print_json({"version": 1, "segments": found, "cost": cost})
        return
    print_table("Segments", found, APPLIED)
    _print_cost(cost, context, realm)
    if state_of(context).settings().clickhouse_url is not None:
        out.print("Members are as of this tick until 'c360 segments apply' runs again.")


@app.command()
def remove(
    context: typer.Context,
    segment: SegmentId,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Put a segment out of force: its members leave, and readers do not find it any more.

    Refused while another segment names it.
    """
    asked = SegmentRequest(realm=realm, segment=segment)
    with state_of(context).session() as session:
        [removed] = _without_progress(map(plain, session.run(SEGMENTS_REMOVE, asked)))
    if as_json:
        print_json({"version": 1, **removed})
        return
    out.print(f"{segment} is removed; {removed['left']:,} members left")


@app.command("list")
def list_(context: typer.Context, realm: Realm = DEFAULT_REALM, as_json: AsJson = False) -> None:
    """The segments of a realm, with their sizes."""
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(SEGMENTS_LIST, SegmentsRequest(realm=realm))))
    if as_json:
        print_json(rows)
    else:
        zone = state_of(context).zone(realm)
        print_table("Segments", rows, LISTED, zone=zone, spare=("applied_at", "purpose"))


@app.command()
def members(
    context: typer.Context,
    segment: SegmentId,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Who belongs to a segment, since when, and by which events."""
    asked = SegmentRequest(realm=realm, segment=segment)
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(SEGMENTS_MEMBERS, asked)))
    if as_json:
        print_json(rows)
        return
    cells = [row | {"because": ", ".join(row["because"])} for row in rows]
    print_table(f"Members of {segment}", cells, MEMBERS, zone=state_of(context).zone(realm))
    out.print(f"{len(rows):,} members")


@app.command()
def changes(
    context: typer.Context,
    segment: Annotated[str, typer.Option(help="Only of this segment.")] = "",
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is found from now on.")
    ] = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Who entered and left segments, the earliest first, a line each; also with --json.

    To follow, 'c360 up' must be running: nothing changes without it.
    """
    state = state_of(context)
    zone = state.zone(realm)
    with state.session() as session:
        if follow and find_running(state.settings()) is None:
            raise StoreUnavailable("no 'c360 up' runs on the data directory, so nothing changes")
        cursor = ""
        while True:
            asked = SegmentChangesRequest(realm=realm, segment=segment, cursor=cursor)
            [page] = session.run(SEGMENTS_CHANGES, asked)
            for one in map(plain, page.entries):
                print_line(orjson.dumps(one).decode() if as_json else _in_words(one, zone))
            cursor = page.next_cursor or ""
            if not page.has_more and not follow:
                return
            if not page.has_more:
                sys.stdout.flush()
                time.sleep(FOLLOW_S)


@app.command()
def verify(context: typer.Context, realm: Realm = DEFAULT_REALM, as_json: AsJson = False) -> None:
    """Evaluate everybody as of the latest tick, and compare with the stored memberships.

    Exit code 1 if they differ.
    """
    with state_of(context).session() as session:
        rows = map(plain, session.run(SEGMENTS_VERIFY, RealmRequest(realm=realm)))
        *found, cost = _without_progress(rows)
    if as_json:
        print_json({"version": 1, "segments": found, "cost": cost})
    else:
        print_table("Stored memberships and the facts", found, VERIFIED)
        _print_cost(cost, context, realm)
    if any(one["missing"] or one["wrong"] for one in found):
        err.print("memberships differ from the facts; 'c360 segments apply' writes them anew")
        raise typer.Exit(DIFFERS)


@app.command()
def export(
    context: typer.Context,
    segment: SegmentId,
    format_: Annotated[
        SegmentFormat, typer.Option("--format", help="A row, or an object, for each member.")
    ] = SegmentFormat.CSV,
    channel: Annotated[
        str | None, typer.Option(help="On which to contact, if not as the definition says.")
    ] = None,
    output: OutputFile = None,
    realm: Realm = DEFAULT_REALM,
) -> None:
    """The members who may be contacted at this moment, each with one address.

    Those who may not are counted by reason. With --output the file changes when all is written.
    """
    asked = SegmentExportRequest(realm=realm, segment=segment, channel=channel)
    summary = Row()

    def exported(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if row.pop("row") == "summary":
                summary.update(row)
            else:
                yield row

    with state_of(context).session() as session, destination(output) as stream:
        rows = exported(map(plain, session.run(SEGMENTS_EXPORT, asked)))
        if format_ is SegmentFormat.JSONL:
            write_json_lines(rows, stream)
        else:
            write_csv(rows, EXPORTED, stream)
    where = f" to {one_line(output)}" if output else ""
    err.print(
        f"exported {summary['permitted']:,} of {summary['members']:,} members{where} "
        f"for {summary['purpose']} on {summary['channel']}",
        soft_wrap=True,
    )
    for reason, count in summary["not_permitted"].items():
        err.print(f"  not permitted, {reason}: {count:,}")


def _text_of(path: Path) -> str:
    """The text of a file. Raises InputError."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise InputMissing(f"cannot read segments file {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"segments file {path}: {error}") from error


def _without_progress(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows without those of progress, which is shown on a terminal."""
    with progress_bar("profiles looked at") as bar:
        for row in rows:
            if row.pop("row") == "progress":
                bar.set(row["profiles"])
            else:
                yield row


def _sample(one: Row) -> Row:
    hints = [*one["identifiers"], *(f"{name} {value}" for name, value in one["attributes"].items())]
    return {**one, "hints": ", ".join(hints)}


def _in_words(one: Row, zone: tzinfo) -> str:
    """A change as a line of text."""
    into = f" into {one['into']}" if one["into"] else ""
    late = " late" if one["late"] else ""
    said = f"{one['segment']}  {one['change']} by {one['reason']}{late}"
    return f"{local_time(one['at'], zone)}  {said}  {one['profile_id']}{into}"


def _print_cost(cost: Row, context: typer.Context, realm: str) -> None:
    at = local_time(cost["tick"], state_of(context).zone(realm))
    out.print(f"{cost['profiles']:,} profiles as of {at} in {cost['took_s']:.1f} s")
    for name, fields in cost["reads"].items():
        out.print(f"  reads {name}" + (f": {', '.join(fields)}" if fields else ""))
