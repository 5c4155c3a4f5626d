"""`c360 profile`: one customer, all customers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from schemas.profile import ProfileScalars
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import RealmRequest, plain
from services.api.queries.profiles import (
    PROFILE_GET,
    PROFILE_LIST,
    PROFILE_TIMELINE,
    ProfileRequest,
    TimelineRequest,
)
from services.cli.output import ROWS_SHOWN, out, print_csv, print_json, print_table
from services.cli.state import AsJson, Realm, state_of

SCALARS = ("profile_id", *(name for name in ProfileScalars.model_fields if name != "profile_id"))
IdOption = Annotated[
    str, typer.Option("--id", metavar="UUID", help="Any profile id or node id it ever had.")
]
IdentifierOption = Annotated[
    str,
    typer.Option(
        "--identifier", metavar="TYPE[@ISSUER]=VALUE", help="For example email=anna@example.com."
    ),
]
app = typer.Typer(help="Look at customers.", no_args_is_help=True)


class TableFormat(StrEnum):
    """How lists are printed."""

    CSV = "csv"
    JSON = "json"
    TABLE = "table"


def _handle(handle: str, identifier: str) -> dict[str, str]:
    if bool(handle) == bool(identifier):
        raise typer.BadParameter("give either --id or --identifier")
    return {"handle": handle, "identifier": identifier}


@app.command()
def get(
    context: typer.Context,
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """One profile: golden record, identifiers, consents, orders; always exact."""
    with state_of(context).session() as session:
        asked = ProfileRequest(realm=realm, **_handle(handle, identifier))
        profile = plain(next(session.run(PROFILE_GET, asked)))
    if as_json:
        print_json(profile)
    else:
        print_profile(profile)


def print_profile(profile: dict[str, Any]) -> None:
    """Print a profile as text."""
    money = f"{profile['revenue']} {profile['currency']}"
    out.print(f"[bold]Profile {profile['profile_id']}[/] ({profile['kind']})")
    if profile["requested_id"] != profile["profile_id"]:
        out.print(f"  asked for as {profile['requested_id']}")
    out.print(
        f"  {profile['orders']} orders, {profile['returns']} returns, "
        f"{profile['cancellations']} cancellations, revenue {money}"
    )
    out.print(f"  known since {profile['first_contact']}, last contact {profile['last_contact']}")
    channels = ", ".join(profile["channels"])
    out.print(f"  last active {profile['last_active'] or 'never'}, on {channels}")
    identifiers = ("type", "issuer", "value", "last_seen")
    print_table("Identifiers", profile["identifiers"], identifiers, ROWS_SHOWN)
    attributes = [
        {"attribute": name, **one}
        for name, value in (profile["attributes"] | profile["preferences"]).items()
        for one in (value if isinstance(value, list) else [value])
    ]
    names = ("attribute", "value", "source", "channel", "occurred_at", "rule")
    print_table("Golden record", attributes, names)
    consents = ("channel", "purpose", "allowed", "reason", "occurred_at")
    print_table("Contact permission", profile["consents"], consents)


@app.command("list")
def list_(
    context: typer.Context,
    format_: Annotated[TableFormat, typer.Option("--format")] = TableFormat.TABLE,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """All profiles with their figures, from totals that are refreshed first."""
    with state_of(context).session() as session:
        rows = map(plain, session.run(PROFILE_LIST, RealmRequest(realm=realm)))
        if as_json or format_ is TableFormat.JSON:
            print_json(list(rows))
        elif format_ is TableFormat.CSV:
            print_csv(rows, SCALARS)
        else:
            names = ("profile_id", "identifiers_count", "orders", "returns", "revenue", "channels")
            print_table("Profiles", list(rows), names)


@app.command()
def timeline(
    context: typer.Context,
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    cursor: Annotated[str, typer.Option(help="Cursor printed by the previous page.")] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """All touchpoints of a customer, newest first, page by page."""
    with state_of(context).session() as session:
        customer = _handle(handle, identifier)
        asked = TimelineRequest(realm=realm, **customer, limit=limit, cursor=cursor)
        page = next(session.run(PROFILE_TIMELINE, asked))
    rows, following = [plain(one) for one in page.entries], page.next_cursor
    if as_json:
        print_json({"version": 1, "entries": rows, "next_cursor": following})
        return
    print_table("Timeline", rows, ("occurred_at", "channel", "type", "source", "summary"))
    if following:
        out.print(f"older ones: --cursor {following}")
