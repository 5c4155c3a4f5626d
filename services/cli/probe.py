"""`c360 probe`: synthetic journeys through a running service, every minute or so many."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated

import httpx
import orjson
import typer

from schemas.touchpoint import DEFAULT_REALM
from services.cli.output import err, out, print_line
from services.cli.state import AsJson, Realm, state_of
from services.probe.core.journey import CHANNELS
from services.probe.core.outcome import JourneyFinding, JourneyOutcome
from services.probe.walk import Walker, longest_s
from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings

PORT_OFFSET = 3
"""After the health pages of the three workers."""
EXIT = {JourneyOutcome.OK: 0, JourneyOutcome.UNREACHABLE: 75, JourneyOutcome.REFUSED: 78}
"""Of the last journey; of all other outcomes 1."""


def probe(
    context: typer.Context,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many journeys; serve no /metrics.")
    ] = None,
    every_s: Annotated[
        float, typer.Option(min=0, help="Seconds from the beginning of one to the next.")
    ] = 60,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Walk shop, app, till and mail as an invented customer: how soon is it one profile?"""
    settings = state_of(context).settings()
    if settings.probe_key is None:
        raise ConfigurationError(
            "C360_PROBE_KEY is not set: 'c360 keys create --name probe --scope events:write "
            "--scope profiles:read' makes a key"
        )
    raise typer.Exit(asyncio.run(_run(settings, count, every_s, realm, as_json)))


async def _run(
    settings: Settings, count: int | None, every_s: float, realm: str, as_json: bool
) -> int:
    """Walk until the count is reached or SIGTERM comes; the exit code of the last journey."""
    walking = asyncio.current_task()
    assert walking is not None
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, walking.cancel)
    code = 0
    with suppress(asyncio.CancelledError):
        async with _client(settings) as client, _pages(settings, every_s, count) as note:
            walker = Walker(client, realm, settings.probe_deadline_s)
            for number in itertools.count(1):
                began = time.monotonic()
                finding = await walker.walk()
                note(finding)
                _print(finding, as_json)
                code = EXIT.get(finding.outcome, 1)
                if number == count:
                    break
                await asyncio.sleep(began + every_s - time.monotonic())
    return code


@asynccontextmanager
async def _pages(
    settings: Settings, every_s: float, count: int | None
) -> AsyncIterator[Callable[[JourneyFinding], None]]:
    """Serve the pages of a probe that runs on; what is noted is in its metrics."""
    from services.runtime.health import HealthServer, Progress  # aiohttp takes long to load

    metrics = Metrics()
    for outcome in JourneyOutcome:  # 0, not unknown: alerts ask how much they grow
        metrics.probe_journeys.labels(outcome)
    for channel in CHANNELS:
        metrics.probe_freshness.labels(channel)
    progress = Progress(every_s + longest_s(settings.probe_deadline_s))

    def note(finding: JourneyFinding) -> None:
        progress.moved()
        metrics.probe_journeys.labels(finding.outcome).inc()
        for channel, seconds in finding.freshness_s.items():
            metrics.probe_freshness.labels(channel).observe(seconds)

    if count is not None:
        yield note
        return
    port = settings.health_port(PORT_OFFSET)
    server = HealthServer(metrics, progress, _ready, settings.worker_http_host, port)
    err.print(f"c360 probe: metrics at {await server.start()}/metrics (stop with Ctrl-C)")
    try:
        yield note
    finally:
        await server.stop()


def _client(settings: Settings) -> httpx.AsyncClient:
    assert settings.probe_key is not None
    authorization = f"Bearer {settings.probe_key.get_secret_value()}"
    try:
        return httpx.AsyncClient(
            base_url=settings.probe_url, headers={"Authorization": authorization}
        )
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"C360_PROBE_URL: {error}") from error


async def _ready() -> list[str]:
    return []


def _print(finding: JourneyFinding, as_json: bool) -> None:
    if as_json:
        print_line(orjson.dumps(finding._asdict()).decode())
        return
    times = ", ".join(f"{name} {value:.2f} s" for name, value in finding.freshness_s.items())
    text = " · ".join(one for one in (finding.outcome, finding.detail, times) if one)
    out.print(text, soft_wrap=True)
