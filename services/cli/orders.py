"""`c360 orders`: orders whose reports contradict each other."""

from __future__ import annotations

from typing import Annotated

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.orders import ORDER_CONFLICTS, OrderConflictsRequest
from services.cli.output import out, print_json, print_table
from services.cli.state import AsJson, Realm, state_of

COLUMNS = (
    "issuer", "order_id", "differs", "action", "occurred_at", "channel", "store", "amount",
    "currency",
)  # fmt: skip
SPARE = ("issuer", "currency", "store", "channel")
app = typer.Typer(help="Orders whose reports contradict each other.", no_args_is_help=True)


@app.callback()
def orders() -> None:
    """Keep 'conflicts' a command of its own."""


@app.command()
def conflicts(
    context: typer.Context,
    realm: Realm = DEFAULT_REALM,
    limit: Annotated[int, typer.Option(min=1, help="Most orders.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Orders whose reports contradict each other.

    Several events report one with another customer, store, amount or day: usually different orders
    under one number, of which only the first report counts. Give such numbers an issuer: in the
    events, or by C360_SOURCE_ISSUERS. Or more is cancelled than the order was worth (its revenue
    is zero), or in another currency (nothing is taken off): send a correction. Or a cancellation or
    return names an order that only other issuers have: send it again with that issuer. Or one
    number is that of several returns, of which only one counts.
    """
    asked = OrderConflictsRequest(realm=realm, limit=limit)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(ORDER_CONFLICTS, asked)))
    if as_json:
        print_json(found)
        return
    rows = [
        report if number else {**one, **report}
        for one in found
        for number, report in enumerate(one["reports"])
    ]
    title = "Contradicting reports; the first one of each order counts"
    print_table(title, rows, COLUMNS, zone=state_of(context).zone(realm), spare=SPARE)
    out.print(f"{len(found):,} orders" + (", and possibly more" if len(found) == limit else ""))
