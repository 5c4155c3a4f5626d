"""Options that select incidents: every command that lists or counts them has the same."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from schemas.incident import IncidentState, Severity
from services.cli.state import state_of
from services.cli.times import beginning_of

States = Annotated[
    list[IncidentState] | None,
    typer.Option(help="Only these states; by default all but retracted."),
]
Severities = Annotated[list[Severity] | None, typer.Option(help="Only of these severities.")]
Sku = Annotated[str, typer.Option(help="Only of this product.")]
Channel = Annotated[str, typer.Option(help="Only on this channel.")]
Location = Annotated[str, typer.Option(help="Only at this store, or at zone:NAME.")]
Cause = Annotated[str, typer.Option(help="Only with this cause, as promotion_not_ended.")]
FaultId = Annotated[str, typer.Option(help="Only of this fault, by its whole id.")]
IncidentId = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]
KindName = Annotated[str, typer.Option("--kind", help="Only of this kind, as price_mismatch.")]
Since = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="Only those that began at this time or later: 2026-11-20, or a time with its zone.",
    ),
]


def begins(since: str, context: typer.Context, realm: str) -> datetime | None:
    """The instant of `--since`, a day in the realm's time zone; None without it.

    Raises BadParameter.
    """
    return beginning_of(since, state_of(context).zone(realm)) if since else None
