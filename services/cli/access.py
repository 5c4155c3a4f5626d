"""`c360 access`: who read whose profile over the query API, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.access import ACCESS_LIST, PAGE_ENTRIES_MAX, AccessRequest
from services.cli.output import out, print_json, print_table
from services.cli.state import AsJson, Realm, state_of
from services.cli.times import beginning_of

app = typer.Typer(help="Look at who read whose profile over the API.", no_args_is_help=True)
SHOWN = (
    "at", "key_name", "key_id", "operation", "purpose", "count", "profile_ids", "status",
    "request_id",
)  # fmt: skip
SPARE = ("request_id", "profile_ids", "status", "key_id", "count")


@app.command("list")
def list_(
    context: typer.Context,
    profile: Annotated[
        str,
        typer.Argument(help="Only reads of this customer: any id, e-mail address or number."),
    ] = "",
    key: Annotated[str, typer.Option(help="Only with this API key, by its whole id.")] = "",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not before this time, as 2026-11-20.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Before this time, as 2026-11-21.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=PAGE_ENTRIES_MAX, help="Most entries of the page.")
    ] = 50,
    cursor: Annotated[str, typer.Option(help="The cursor that the page before ended with.")] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """The latest reads of profiles with an API key, with the purpose that was given."""
    zone = state_of(context).zone(realm)

    def begins(text: str | None) -> datetime | None:
        return None if text is None else beginning_of(text, zone)

    asked = AccessRequest(
        realm=realm,
        profile=profile,
        key_id=key,
        since=begins(since),
        until=begins(until),
        limit=limit,
        cursor=cursor,
    )
    with state_of(context).session() as session:
        page = plain(next(session.run(ACCESS_LIST, asked)))
    if as_json:
        print_json(page)
        return
    print_table("Access log", page["entries"], SHOWN, zone=zone, spare=SPARE)
    if page["next_cursor"]:
        out.print(f"more: --cursor {page['next_cursor']}", soft_wrap=True)
