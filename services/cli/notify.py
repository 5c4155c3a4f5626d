"""`c360 notify`: incidents to webhooks and Alertmanager, changes of segments to webhooks."""

from __future__ import annotations

import asyncio
import math
import signal
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.output import err, print_json, print_table
from services.cli.state import AsJson, state_of
from services.consistency.config import configured_rules
from services.notify.outbox import NotifyOutbox
from services.notify.targets import read_targets
from services.runtime.errors import C360Error
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings

if TYPE_CHECKING:  # takes long to load
    from services.notify.notifier import Notifier

PORT_OFFSET = 4
"""After the health pages of the three workers and the probe."""
NAMES = ("target", "message_id", "status", "at")


def notify(
    context: typer.Context,
    targets: Annotated[
        Path, typer.Argument(help="Source and targets (TOML); see docs/notifications.md.")
    ],
    state: Annotated[
        Path, typer.Option(help="File of what was sent and is to be sent; for one process.")
    ] = Path("c360-notify.sqlite"),
    given_up: Annotated[
        bool, typer.Option("--given-up", help="Only list the events that targets refused.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send incidents and changes of segments to webhooks as they come, until it is stopped."""
    settings = state_of(context).settings()
    read = read_targets(targets)
    rules = configured_rules(settings)
    with closing(NotifyOutbox(state)) as outbox:
        if given_up:
            _list(outbox, as_json)
            return
        from services.notify.notifier import Notifier

        metrics = Metrics()
        err.print(f"c360 notify: {len(read.all)} targets (stop with Ctrl-C)")
        notifier = Notifier(read, rules, outbox, metrics)
        asyncio.run(_until_stopped(notifier, metrics, settings))


async def _until_stopped(notifier: Notifier, metrics: Metrics, settings: Settings) -> None:
    from services.runtime.health import HealthServer, Progress  # aiohttp takes long to load

    working = asyncio.current_task()
    assert working is not None
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, working.cancel)

    async def ready() -> list[str]:
        return notifier.against()

    port = settings.health_port(PORT_OFFSET)
    server = HealthServer(metrics, Progress(math.inf), ready, settings.worker_http_host, port)
    err.print(f"c360 notify: metrics at {await server.start()}/metrics")
    with suppress(asyncio.CancelledError):
        try:
            await notifier.run()
        except BaseExceptionGroup as group:
            known = group.subgroup(C360Error)
            if known is None:
                raise
            raise known.exceptions[0] from group
        finally:
            await server.stop()


def _list(outbox: NotifyOutbox, as_json: bool) -> None:
    rows = [
        {
            "target": target,
            "message_id": message_id,
            "status": status,
            "at": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
        }
        for target, message_id, status, at in outbox.given_up()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("Given up", rows, NAMES)
