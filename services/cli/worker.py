"""`c360 worker intake|ingest|identity|consistency`: start any number of each.

All but the intake are members of a group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from services.cli.state import Host, Port, state_of
from services.runtime.tracing import traced

if TYPE_CHECKING:
    from schemas.rules.identity import IdentityRules
    from services.store.database import Database

worker = typer.Typer(
    help="Run a worker of the distributed runtime (Kafka and a ClickHouse server).",
    no_args_is_help=True,
)
OFFSETS = {"ingest": 0, "identity": 1, "consistency": 2}
"""One worker of each kind runs on a machine without any port being set."""
MAINS = {
    "ingest": "services.ingest.main",
    "identity": "services.retention.main",
    "consistency": "services.consistency.main",
}
Run = Callable[..., Coroutine[Any, Any, None]]


def _run(context: typer.Context, service: str, **given: Any) -> None:
    settings = state_of(context).settings()
    port = settings.health_port(OFFSETS[service])
    settings = settings.model_copy(update={"worker_http_port": port})
    run: Run = import_module(MAINS[service]).run  # Faust takes a second to load
    with traced(settings, f"c360-{service}"):
        asyncio.run(run(settings, **given))


@worker.command("intake")
def intake(context: typer.Context, host: Host = None, port: Port = None) -> None:
    """Events over HTTP to the topics; answers no questions, and goes on without the store."""
    from services.cli.api import serve

    serve(context, host, port, "c360 worker intake", only_intake=True)


@worker.command("ingest")
def ingest(context: typer.Context) -> None:
    """Touchpoint topics to facts, edges, claims and dead letters."""
    _run(context, "ingest")


@worker.command("identity")
def identity(context: typer.Context) -> None:
    """Edges to the profile map and profile changes; one writer per realm, others stand by."""
    from services.profiles.adapters.clickhouse import personal_types
    from services.profiles.adapters.totals import register_realms

    realms = state_of(context).settings().realms

    def registered(database: Database, realm: str, rules: IdentityRules) -> None:
        """Figures of customers are of those with personal identifiers."""
        if realm in realms:
            register_realms(database, {realm: realms[realm]}, personal_types(rules))

    _run(context, "identity", registered=registered)


@worker.command("consistency")
def consistency(context: typer.Context) -> None:
    """Claims and ticks to incidents and alerts."""
    _run(context, "consistency")
