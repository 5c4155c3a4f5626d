"""`c360 insights`: figures about groups of customers, and what they say of one."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Annotated, Any

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.insights import (
    INSIGHTS_BIAS,
    INSIGHTS_EXPLAIN,
    INSIGHTS_HISTORY,
    INSIGHTS_KEEP,
    INSIGHTS_LIST,
    INSIGHTS_SHOW,
    KEPT_SHOWN_MAX,
    BiasRequest,
    ExplainRequest,
    HistoryRequest,
    KeepRequest,
    MeasureRequest,
    MeasuresRequest,
)
from services.api.queries.person_insights import INSIGHTS_PROFILE
from services.api.queries.profiles import ProfileRequest
from services.cli.output import err, local_time, out, print_json, print_table
from services.cli.profile_options import IdentifierOption, IdOption, Who, customer
from services.cli.state import AsJson, Realm, state_of
from services.measures.catalogue import MEASURES
from services.runtime.errors import C360Error

DAY_FORMATS = ["%Y-%m-%d"]
app = typer.Typer(help="Measures of groups of customers.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """All measures."""
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(INSIGHTS_LIST, MeasuresRequest())))
    if as_json:
        print_json(rows)
    else:
        print_table("Measures", rows, ("measure", "population", "title"))


@app.command()
def show(
    context: typer.Context,
    measure: Annotated[str, typer.Argument(help="Its name, as 'c360 insights list' prints it.")],
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day of the window."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=DAY_FORMATS, metavar="DAY", help="First day after the window."),
    ] = None,
    segment: Annotated[
        str, typer.Option(metavar="ID", help="Of those who belong to this segment now.")
    ] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """One measure, by default over the 365 days up to yesterday."""
    days = {"first": _day(first), "until": _day(until)}
    asked = MeasureRequest(measure=measure, realm=realm, segment=segment, **days)
    with state_of(context).session() as session:
        [row] = session.run(INSIGHTS_SHOW, asked)
    result = plain(row)
    if as_json:
        print_json(result)
        return
    zone = state_of(context).zone(realm)
    begin, end = (local_time(result["window"][name], zone) for name in ("from", "until"))
    of_segment = f" of {segment}" if segment else ""
    out.print(f"{measure}, {result['population']}{of_segment}, {begin} to {end}")
    out.print(f"  {_value(result)}")
    for name, count in result["counts"].items():
        out.print(f"  {name}: {count:,}")
    if result["breakdown"]:
        cells = [{**cell, "value": _value(cell)} for cell in result["breakdown"]]
        print_table("Breakdown", cells, ("by", "key", "n", "value"))


@app.command()
def explain(
    context: typer.Context,
    measure: Annotated[str, typer.Argument(help="Its name, as 'c360 insights list' prints it.")],
    sql: Annotated[bool, typer.Option("--sql", help="Its statements, too.")] = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """What a measure is: its definition, who is counted, what it reads and goes by."""
    with state_of(context).session() as session:
        [row] = session.run(INSIGHTS_EXPLAIN, ExplainRequest(measure=measure, realm=realm))
    found = plain(row)
    if as_json:
        print_json(found)
        return
    kinds = " and ".join(found["kinds"])
    out.print(f"{found['definition']}, of {found['population']} (profiles of kind {kinds})")
    out.print(found["meaning"])
    if found["settings"]:
        rows = [{"setting": name, "value": value} for name, value in found["settings"].items()]
        print_table("Goes by", rows, ("setting", "value"))
    print_table("Reads", found["inputs"], ("name", "reads"))
    for one in found["inputs"] if sql else ():
        out.print(f"\n{one['name']}:\n{one['sql']}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def bias(
    context: typer.Context,
    measure: Annotated[str, typer.Argument(help="A measure that scores single customers.")],
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Whether a score chooses some groups of customers less often than others."""
    with state_of(context).session() as session:
        [row] = session.run(INSIGHTS_BIAS, BiasRequest(measure=measure, realm=realm))
    found = plain(row)
    if as_json:
        print_json(found)
        return
    shares = ", ".join(f"{level} {100 * part:.1f} %" for level, part in found["shares"].items())
    out.print(f"{found['definition']}, {found['n'] or 'too few'} customers: {shares}")
    rows = [
        {
            **one,
            "share": "" if one["share"] is None else f"{100 * one['share']:.1f} %",
            "ratio": _value({**one, "value": one["ratio"], "unit": ""}),
            "flags": ", ".join(one["flags"]),
        }
        for one in found["groups"]
    ]
    print_table("Groups", rows, ("by", "key", "level", "n", "share", "ratio", "flags"))


@app.command()
def keep(
    context: typer.Context,
    measures: Annotated[
        list[str] | None, typer.Argument(help="Their names; all if none is given.")
    ] = None,
    realm: Realm = DEFAULT_REALM,
    every_realm: Annotated[
        bool, typer.Option("--every-realm", help="Of all realms of C360_REALMS.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compute measures over the 365 days up to yesterday, and keep what they are for later.

    One that cannot be computed costs no other; the exit code is that of the last of these.
    """
    state, found, failed = state_of(context), list[dict[str, Any]](), None
    with state.session() as session:
        for one in state.settings().realms if every_realm else [realm]:
            kept = list[dict[str, Any]]()
            for name in measures or MEASURES:
                try:
                    asked = KeepRequest(realm=one, measures=(name,))
                    kept += map(plain, session.run(INSIGHTS_KEEP, asked))
                except C360Error as error:
                    err.print(f"{name} of realm {one} is not kept: {error}", soft_wrap=True)
                    failed = error
            found += kept
            if not as_json:
                _print_kept(f"Kept of {one}" if every_realm else "Kept", kept, state.zone(one))
    if as_json:
        print_json(found)
    if failed is not None:
        raise typer.Exit(failed.exit_code)


@app.command()
def history(
    context: typer.Context,
    measure: Annotated[str, typer.Argument(help="Its name, as 'c360 insights list' prints it.")],
    limit: Annotated[int, typer.Option(min=1, max=KEPT_SHOWN_MAX, help="Most rows.")] = 30,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """What a measure was each time it was kept, the latest first, by the identities of then."""
    asked = HistoryRequest(realm=realm, measure=measure, limit=limit)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(INSIGHTS_HISTORY, asked)))
    if as_json:
        print_json(found)
    else:
        _print_kept(measure, found, state_of(context).zone(realm))


def _print_kept(title: str, found: list[dict[str, Any]], zone: tzinfo) -> None:
    columns = ("as_of", "definition", "n", "value", "map_version")
    rows = [{**one, **one["result"], "value": _value(one["result"])} for one in found]
    print_table(title, rows, columns, zone=zone, spare=("map_version",))


@app.command()
def profile(
    context: typer.Context,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """What measures say of one customer, with the reasons; the objection alone of who objects."""
    asked = ProfileRequest(realm=realm, **customer(who, handle, identifier))
    with state_of(context).session() as session:
        [row] = session.run(INSIGHTS_PROFILE, asked)
    found = plain(row)
    if as_json:
        print_json(found)
        return
    zone = state_of(context).zone(realm)
    out.print(f"{found['profile_id']}, {local_time(found['as_of'], zone)}")
    if found["objection"]:
        since = local_time(found["objection"]["occurred_at"], zone)
        said = found["objection"]["reason"]
        words = "withdrew consent" if said == "withdrawn" else said
        out.print(f"no scores: {words} to profiling, {since}")
        return
    for score in found["scores"]:
        out.print(f"{score['score']}: {_scored(score, zone)}", soft_wrap=True)
        for reason in score["reasons"]:
            points = "" if reason["points"] is None else f"{reason['points']:g} points, "
            ids = ", ".join(reason["event_ids"])
            out.print(f"  {points}{reason['what']}{f' ({ids})' if ids else ''}", soft_wrap=True)


def _scored(score: dict[str, Any], zone: tzinfo) -> str:
    """A score as people read it."""
    if score["absent"]:
        return f"none, {score['absent']}"
    parts = [score["word"] or ""]
    if score["value"] is not None:
        parts.append(_value({**score, "interval": None, "flags": []}))
    if score["at"]:
        parts.append(local_time(score["at"], zone))
    if score["since"]:
        parts.append(f"since {local_time(score['since'], zone)}")
    if score["compared_with"]:
        parts.append(f"among customers of {local_time(score['compared_with'], zone)}")
    return ", ".join(filter(None, parts))


def _day(instant: datetime | None) -> date | None:
    return instant and instant.date()


def _value(figure: dict[str, Any]) -> str:
    """A value with its interval, as people read it."""
    value, interval, is_share = figure["value"], figure["interval"], figure["unit"] == "share"
    if value is None:
        return ", ".join(figure["flags"]) or "undefined: nobody to count"

    def written(number: float) -> str:
        return f"{100 * number:.1f} %" if is_share else f"{number:,.2f} {figure['unit']}"

    if interval is None:
        return written(value)
    low, high = written(interval["low"]), written(interval["high"])
    return f"{written(value)} ({interval['level']:.0%} interval {low} to {high})"
