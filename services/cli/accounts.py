"""`c360 account` and `c360 household`: companies with their contacts, and who lives together."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.api.groups import MembershipStatus
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.groups import (
    ACCOUNT_CONTACTS,
    ACCOUNT_GET,
    ACCOUNT_LIST,
    CONTACTS_PER_PAGE_MAX,
    HOUSEHOLD_GET,
    AccountsRequest,
    ContactsRequest,
    GroupRequest,
)
from services.cli.output import out, print_json, print_table
from services.cli.state import AsJson, Realm, state_of

Number = Annotated[str, typer.Argument(metavar="ID", help="Number, as its source sends it.")]
Issuer = Annotated[
    str, typer.Option(help="Who assigned the number, - for nobody; needed where several did.")
]
LISTED = ("account_id", "issuer", "name", "contacts", "former_contacts")
CONTACT_COLUMNS = ("profile_id", "name", "roles", "current", "job_title", "since", "until")
MEMBER_COLUMNS = (
    "profile_id", "name", "relation", "current", "since", "until", "orders", "revenue",
)  # fmt: skip
LIMIT = 50
accounts = typer.Typer(help="Look at companies and their contacts.", no_args_is_help=True)
households = typer.Typer(help="Look at who lives together.", no_args_is_help=True)


@accounts.command()
def get(
    context: typer.Context,
    number: Number,
    issuer: Issuer = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """One account: master data with their sources, and how many contacts in which roles."""
    asked = GroupRequest(realm=realm, number=number, issuer=issuer)
    with state_of(context).session() as session:
        found = plain(next(session.run(ACCOUNT_GET, asked)))
    if as_json:
        print_json(found)
        return
    out.print(f"Account {found['account_id']} of {found['issuer'] or 'no issuer'}")
    if found["requested_id"] != found["account_id"]:
        out.print(f"  asked for as {found['requested_id']}, which was merged into it")
    elif found["replaces"]:
        out.print(f"  replaces {', '.join(found['replaces'])}")
    roles = ", ".join(f"{count} {role}" for role, count in found["roles"].items())
    out.print(f"  {found['contacts']} contacts{f' ({roles})' if roles else ''}")
    out.print(f"  {found['former_contacts']} who were, or are yet to be")
    values = [{"field": name, **one} for name, one in found["values"].items()]
    columns = ("field", "value", "source", "event_id", "occurred_at")
    zone = state_of(context).zone(realm)
    print_table("Master data", values, columns, zone=zone, spare=("event_id", "source"))


@accounts.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most rows; 50 for a table, else all.")
    ] = None,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """All accounts by number, but for those that were merged into another one."""
    asked = AccountsRequest(realm=realm, limit=limit if as_json else (limit or LIMIT) + 1)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(ACCOUNT_LIST, asked)))
    if as_json:
        print_json(found)
        return
    print_table("Accounts", found[: limit or LIMIT], LISTED)
    if len(found) > (limit or LIMIT):
        out.print(f"… and more: --limit {10 * (limit or LIMIT)}, or --json for all")


@accounts.command()
def contacts(
    context: typer.Context,
    number: Number,
    issuer: Issuer = "",
    status: Annotated[MembershipStatus, typer.Option(help="Of whom.")] = MembershipStatus.CURRENT,
    limit: Annotated[int, typer.Option(min=1, max=CONTACTS_PER_PAGE_MAX)] = LIMIT,
    cursor: Annotated[str, typer.Option(help="Cursor printed by the previous page.")] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """The contacts of an account, with their roles now and before."""
    asked = ContactsRequest(
        realm=realm, number=number, issuer=issuer, status=status, limit=limit, cursor=cursor
    )
    with state_of(context).session() as session:
        page = plain(next(session.run(ACCOUNT_CONTACTS, asked)))
    if as_json:
        print_json(page)
        return
    rows = [
        _row(contact, period) | {"roles": ", ".join(period["roles"])}
        for contact in page["entries"]
        for period in contact["periods"]
    ]
    title = f"Contacts of account {page['account_id']}"
    zone = state_of(context).zone(realm)
    print_table(title, rows, CONTACT_COLUMNS, zone=zone, spare=("job_title", "until"))
    if page["next_cursor"]:
        out.print(f"more: --cursor {page['next_cursor']}", soft_wrap=True)


def _row(one: dict[str, Any], period: dict[str, Any]) -> dict[str, Any]:
    """A time of a contact or member, as a row of a table."""
    return one | period | {"current": "yes" if period["current"] else ""}


@households.callback()
def household() -> None:
    """Keep 'get' a command of its own."""


@households.command("get")
def get_household(
    context: typer.Context,
    number: Number,
    issuer: Issuer = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """The members of a household, each with figures of their own, and the sums of these.

    A view: nobody is merged, and no consent of one member is that of another.
    """
    asked = GroupRequest(realm=realm, number=number, issuer=issuer)
    with state_of(context).session() as session:
        found = plain(next(session.run(HOUSEHOLD_GET, asked)))
    if as_json:
        print_json(found)
        return
    rows = [_row(member, period) for member in found["members"] for period in member["periods"]]
    zone = state_of(context).zone(realm)
    title = f"Household {found['household_id']}"
    print_table(title, rows, MEMBER_COLUMNS, zone=zone, spare=("until", "relation"))
    sums = found["sums"]
    out.print(
        f"{sums['persons']} {sums['population']}: {sums['orders']} orders, "
        f"revenue {sums['revenue']} {sums['currency']}",
        soft_wrap=True,
    )
