"""`c360 worker ingest|identity|consistency`: one member of a group; start any number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

import typer

from services.cli.state import state_of
from services.runtime.settings import Settings
from services.runtime.tracing import traced

worker = typer.Typer(
    help="Run a worker of the distributed runtime (Kafka and a ClickHouse server).",
    no_args_is_help=True,
)
OFFSETS = {"ingest": 0, "identity": 1, "consistency": 2}
"""One worker of each kind runs on a machine without any port being set."""
MAINS = {
    "ingest": "services.ingest.main",
    "identity": "services.erasure.main",
    "consistency": "services.consistency.main",
}
Run = Callable[[Settings], Coroutine[Any, Any, None]]


def _run(context: typer.Context, service: str) -> None:
    settings = state_of(context).settings()
    port = settings.health_port(OFFSETS[service])
    settings = settings.model_copy(update={"worker_http_port": port})
    run: Run = import_module(MAINS[service]).run  # Faust takes a second to load
    with traced(settings, f"c360-{service}"):
        asyncio.run(run(settings))


@worker.command("ingest")
def ingest(context: typer.Context) -> None:
    """Touchpoint topics to facts, edges, claims and dead letters."""
    _run(context, "ingest")


@worker.command("identity")
def identity(context: typer.Context) -> None:
    """Edges to the profile map and profile changes; one writer per realm, others stand by."""
    _run(context, "identity")


@worker.command("consistency")
def consistency(context: typer.Context) -> None:
    """Claims and ticks to incidents and alerts."""
    _run(context, "consistency")
