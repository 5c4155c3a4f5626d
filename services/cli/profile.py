"""`c360 profile`: one customer, all customers."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Annotated, Any

import typer

from schemas.api.profiles import SEARCH_ENTRIES_MAX, IdentityTime
from schemas.profile import ProfileScalars
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import part_of, plain
from services.api.queries.decisions import IDENTITY_DECISIONS, DecisionsRequest
from services.api.queries.profiles import (
    PROFILE_GET,
    PROFILE_LIST,
    PROFILE_SEARCH,
    ProfileGetRequest,
    ProfilesRequest,
    SearchRequest,
    fields_of,
)
from services.api.queries.timeline import PROFILE_TIMELINE, TIMELINE_ENTRIES_MAX, TimelineRequest
from services.cli import evidence
from services.cli.decisions import print_decisions
from services.cli.output import (
    ROWS_SHOWN,
    TableFormat,
    bold,
    local_time,
    out,
    print_csv,
    print_json,
    print_table,
)
from services.cli.personal_data import erase, erased, export
from services.cli.profile_consents import consents
from services.cli.profile_options import IdentifierOption, IdOption, Who, customer
from services.cli.session import Session
from services.cli.state import AsJson, Realm, state_of
from services.cli.suppressions import suppress, suppressed, unsuppress
from services.cli.times import beginning_of, instant_of

SCALARS = ("profile_id", *(name for name in ProfileScalars.model_fields if name != "profile_id"))
LIST_LIMIT = 50
ACCOUNTS = (
    "account_id", "name", "roles", "job_title", "current", "since", "until", "source", "event_id",
)  # fmt: skip
HOUSEHOLDS = ("household_id", "relation", "current", "since", "until", "source", "event_id")
UNREAD = " (not read)"
"""Behind a value that has no form of its type."""
app = typer.Typer(help="Look at customers.", no_args_is_help=True)
for command in (
    export, evidence.identity, consents, erase, erased, suppress, unsuppress, suppressed,
):  # fmt: skip
    app.command()(command)


@app.command()
def get(
    context: typer.Context,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what occurred up to then counts.")
    ] = None,
    identity: Annotated[
        IdentityTime, typer.Option(help="With --as-of: whose identifiers make the profile.")
    ] = IdentityTime.NOW,
    fields: Annotated[
        str, typer.Option(metavar="A,B", help="With --json: only these fields of it.")
    ] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """One profile: golden record, identifiers, consents, orders; always exact."""
    if fields and not as_json:
        raise typer.BadParameter("--fields needs --json")
    wanted = fields_of(fields)
    asked = ProfileGetRequest(
        realm=realm,
        **customer(who, handle, identifier),
        as_of=instant_of(as_of) if as_of else None,
        identity=identity,
    )
    with state_of(context).session() as session:
        profile = plain(next(session.run(PROFILE_GET, asked)))
        decided = [] if as_json or as_of else _decided(session, realm, profile["profile_id"])
    if as_json:
        print_json(part_of(profile, wanted))
        return
    print_profile(profile, state_of(context).zone(realm))
    if decided:
        print_decisions(decided, state_of(context).zone(realm))


def _decided(session: Session, realm: str, profile_id: str) -> list[dict[str, Any]]:
    """What people decided about the identifiers of a profile, the latest first."""
    asked = DecisionsRequest(realm=realm, node=profile_id, whole_profile=True)
    return list(map(plain, next(session.run(IDENTITY_DECISIONS, asked)).entries))


def print_profile(profile: dict[str, Any], zone: tzinfo) -> None:
    """Print a profile as text, with times in the zone."""
    out.print(bold(f"Profile {profile['profile_id']}") + f" ({profile['kind']})")
    revenue = _amounts(profile, "revenue", "other_currencies")
    if profile["requested_id"] != profile["profile_id"]:
        out.print(f"  asked for as {profile['requested_id']}")
    out.print(
        f"  {profile['orders']} orders, {profile['returns']} returns, "
        f"{profile['cancellations']} cancellations, revenue {revenue}"
    )
    if profile["returns"]:
        returned = _amounts(profile, "returned", "returned_other_currencies")
        out.print(f"  goods returned for {returned}")
    known, last, active = (
        local_time(profile[name] or "never", zone)
        for name in ("first_contact", "last_contact", "last_active")
    )
    out.print(f"  known since {known}, last contact {last}")
    out.print(f"  last active {active}, on {', '.join(profile['channels'])}")
    identifiers = ("type", "issuer", "value", "last_seen")
    print_table("Identifiers", profile["identifiers"], identifiers, ROWS_SHOWN, zone=zone)
    attributes = [
        {"attribute": name, **one, "value": one["value"] + ("" if one["valid"] else UNREAD)}
        for name, value in (profile["attributes"] | profile["preferences"]).items()
        for one in (value if isinstance(value, list) else [value])
    ]
    names = ("attribute", "value", "source", "channel", "occurred_at", "rule")
    spare = ("rule", "channel", "source")
    print_table("Golden record", attributes, names, zone=zone, spare=spare)
    consents = ("channel", "purpose", "allowed", "reason", "occurred_at")
    print_table("Contact permission", profile["consents"], consents, zone=zone)
    if profile["accounts"]:
        print_table("Business accounts", membership_rows(profile["accounts"]), ACCOUNTS, zone=zone)
    if profile["households"]:
        print_table("Households", membership_rows(profile["households"]), HOUSEHOLDS, zone=zone)


def membership_rows(memberships: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Memberships as rows of a table."""
    yes = {True: "yes", False: ""}
    return [
        {**one, "roles": ", ".join(one.get("roles", ())), "current": yes[one["current"]]}
        for one in memberships
    ]


def _amounts(profile: dict[str, Any], figure: str, others: str) -> str:
    """A figure in the realm's currency, and beside it in others."""
    amounts = {profile["currency"]: profile[figure], **profile[others]}
    return ", ".join(f"{amount} {currency}" for currency, amount in amounts.items())


@app.command("list")
def list_(
    context: typer.Context,
    format_: Annotated[TableFormat, typer.Option("--format")] = TableFormat.TABLE,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most rows; 50 for a table, else all.")
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="With names in CSV and JSON, too; slower.")
    ] = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """All profiles with their figures, from totals that are refreshed first."""
    is_table = format_ is TableFormat.TABLE and not as_json
    asked = ProfilesRequest(
        realm=realm,
        limit=(limit or LIST_LIMIT) + 1 if is_table else limit,
        names=names or is_table,
    )
    with state_of(context).session() as session:
        rows = map(plain, session.run(PROFILE_LIST, asked))
        if as_json or format_ is TableFormat.JSON:
            print_json(list(rows))
        elif format_ is TableFormat.CSV:
            print_csv(rows, (*SCALARS, "name") if names else SCALARS)
        else:
            _print_profiles(list(rows), limit or LIST_LIMIT)


def _print_profiles(rows: list[dict[str, Any]], limit: int) -> None:
    columns = (
        "profile_id",
        "name",
        "orders",
        "revenue",
        "identifiers_count",
        "returns",
        "channels",
    )
    spare = ("returns", "channels", "identifiers_count")
    print_table("Profiles", rows[:limit], columns, spare=spare)
    if len(rows) > limit:
        out.print(f"… and more: --limit {10 * limit}, or --format csv for all")


@app.command()
def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="Part of a name, address, number …")] = "",
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Has this value in the golden record."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=SEARCH_ENTRIES_MAX, help="Most rows.")] = 20,
    cursor: Annotated[str, typer.Option(help="Cursor printed by the previous page.")] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Customers of whom an identifier or an attribute contains a text, in any letter case, or who
    have the values of attributes; exact matches first."""
    if not text and not attribute:
        raise typer.BadParameter("name a text, or an attribute: --attribute city=Ulm")
    asked = SearchRequest(
        realm=realm,
        text=text,
        attributes=dict(map(_pair, attribute or ())),
        limit=limit,
        cursor=cursor,
    )
    with state_of(context).session() as session:
        page = next(session.run(PROFILE_SEARCH, asked))
    rows = list(map(plain, page.entries))
    if as_json:
        print_json(rows)
    elif rows:
        columns = ("profile_id", "name", "matches", "orders", "last_contact", "kind")
        spare = ("kind", "last_contact", "orders")
        zone = state_of(context).zone(realm)
        print_table(f"{len(rows)} found", rows, columns, zone=zone, spare=spare)
    else:
        out.print(f"nobody is known with {text!r}" if text else "nobody is known")
    if page.next_cursor and not as_json:
        out.print(f"more: --cursor {page.next_cursor}", soft_wrap=True)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


@app.command()
def timeline(
    context: typer.Context,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only of this event type; may be repeated.")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="Only on this channel; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DAY|TIME", help="Only what happened at it or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DAY|TIME", help="Only what happened before it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=TIMELINE_ENTRIES_MAX)] = 50,
    cursor: Annotated[str, typer.Option(help="Cursor printed by the previous page.")] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """The touchpoints of a customer, newest first, page by page."""
    asked = TimelineRequest(
        realm=realm,
        **customer(who, handle, identifier),
        type=tuple(type_ or ()),
        channel=tuple(channel or ()),
        since=_instant(context, realm, since),
        until=_instant(context, realm, until),
        limit=limit,
        cursor=cursor,
    )
    with state_of(context).session() as session:
        page = next(session.run(PROFILE_TIMELINE, asked))
    rows, following = [plain(one) for one in page.entries], page.next_cursor
    if as_json:
        print_json({"version": 1, "entries": rows, "next_cursor": following})
        return
    print_table(
        "Timeline",
        rows,
        ("occurred_at", "channel", "type", "source", "summary"),
        zone=state_of(context).zone(realm),
        spare=("source",),
    )
    if following:
        out.print(f"older ones: --cursor {following}")


def _instant(context: typer.Context, realm: str, text: str | None) -> datetime | None:
    return beginning_of(text, state_of(context).zone(realm)) if text else None
