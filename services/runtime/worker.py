"""What the three workers have in common: a checked store, health pages, and an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from services.runtime.clickhouse import Database, open_server
from services.runtime.errors import ConfigurationError, Retry
from services.runtime.health import HealthServer, Progress
from services.runtime.life import Threads
from services.runtime.metrics import Metrics
from services.runtime.migrations import require_schema
from services.runtime.secret import register_secret
from services.runtime.settings import Settings

READY_TIMEOUT_S = 5.0
log = structlog.get_logger()


def open_store(settings: Settings) -> Database:
    """A connection to the server of the settings, its schema and secret checked.

    Raises:
        ConfigurationError: no server is set, its schema is behind, or it holds another secret.
        Retry: the server does not answer now.
    """
    secret = settings.secret()
    if settings.clickhouse_url is None:
        raise ConfigurationError(
            "C360_CLICKHOUSE_URL is not set: workers share a ClickHouse server, as "
            "'https://host:8443'; 'c360 dev clickhouse' serves one for development."
        )
    database = open_server(settings)
    require_schema(database)
    register_secret(database, secret, database.place)
    return database


async def opened(open_: Callable[[], Database]) -> Database:
    """Open the store, waiting while the server does not answer: a worker may start before it."""
    pause_s = 0.5
    while True:
        try:
            return await asyncio.to_thread(open_)
        except Retry as error:
            log.warning("waiting_for_store", error=str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 10.0)


@asynccontextmanager
async def health_pages(
    settings: Settings,
    metrics: Metrics,
    progress: Progress,
    probe: Database,
    assigned: Callable[[], bool],
) -> AsyncIterator[str]:
    """Serve the health pages. `probe` is a connection that nothing else waits for."""
    threads = Threads(1)

    async def ready() -> list[str]:
        reasons = [] if assigned() else ["no partitions are assigned yet"]
        return reasons + await _store_fault(threads, probe)

    server = HealthServer(
        metrics, progress, ready, settings.worker_http_host, settings.worker_http_port
    )
    url = await server.start()
    log.info("serving_health", url=url)
    try:
        yield url
    finally:
        await server.stop()
        threads.close()


async def _store_fault(offload: Callable[..., Awaitable[object]], probe: Database) -> list[str]:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await offload(probe.rows, "SELECT 1")
    except TimeoutError:
        return [f"the store does not answer within {READY_TIMEOUT_S:g} s"]
    except Exception as error:
        return [f"the store cannot be reached: {error}"]
    return []
