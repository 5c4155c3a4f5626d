"""`c360 profile suppress|unsuppress|suppressed`: who must not be processed at all."""

from __future__ import annotations

from typing import Annotated

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import Operation, RealmRequest, plain
from services.api.queries.suppressions import (
    PROFILE_SUPPRESS,
    PROFILE_UNSUPPRESS,
    PROFILES_SUPPRESSED,
    SuppressionEntry,
    SuppressionRequest,
)
from services.cli.decisions import DryRun
from services.cli.output import out, print_json, print_table
from services.cli.profile_options import IdentifierOption, IdOption, Who, customer
from services.cli.state import AsJson, Realm, state_of

COLUMNS = ("suppression_id", "decided_at", "author", "identifiers", "reason")
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides so.")]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, without naming the customer.")
]


def suppress(
    context: typer.Context,
    by: By,
    reason: Reason,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    dry_run: DryRun = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Process nothing of a customer any more: events with one of the identifiers are rejected."""
    asked = SuppressionRequest(
        realm=realm, author=by, reason=reason, dry_run=dry_run,
        **customer(who, handle, identifier),
    )  # fmt: skip
    _run(context, PROFILE_SUPPRESS, asked, as_json, "would be rejected", "are rejected from now on")


def unsuppress(
    context: typer.Context,
    by: By,
    reason: Reason,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    dry_run: DryRun = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Accept events of a suppressed customer again; what was rejected until then is not kept."""
    asked = SuppressionRequest(
        realm=realm, author=by, reason=reason, dry_run=dry_run,
        **customer(who, handle, identifier),
    )  # fmt: skip
    _run(
        context, PROFILE_UNSUPPRESS, asked, as_json, "would be accepted again", "are accepted again"
    )


def suppressed(
    context: typer.Context, realm: Realm = DEFAULT_REALM, as_json: AsJson = False
) -> None:
    """Who is suppressed: by whom, when and why."""
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(PROFILES_SUPPRESSED, RealmRequest(realm=realm))))
    if as_json:
        print_json(rows)
    else:
        print_table("Suppressed", rows, COLUMNS, zone=state_of(context).zone(realm))


def _run(
    context: typer.Context,
    operation: Operation[SuppressionRequest, SuppressionEntry],
    asked: SuppressionRequest,
    as_json: bool,
    planned: str,
    done: str,
) -> None:
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(operation, asked)))
    if as_json:
        print_json(rows)
        return
    for one in rows:
        said = f"events with one of {one['identifiers']} identifiers "
        if asked.dry_run:  # a new suppression would get another id
            out.print(said + planned, soft_wrap=True)
        else:
            out.print(f"{said}{done} (suppression {one['suppression_id']})", soft_wrap=True)
