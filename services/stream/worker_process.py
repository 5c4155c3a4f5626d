"""Shared by the three workers: a checked store, health pages, and an orderly shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from services.runtime.clock import skew_s, utc_now
from services.runtime.errors import ConfigurationError
from services.runtime.health import HealthServer, Progress
from services.runtime.metrics import Metrics
from services.runtime.process import Threads
from services.runtime.retry import until_done
from services.runtime.settings import Settings
from services.store.database import Database, open_server
from services.store.migrations import require_schema
from services.store.secret import register_secret
from services.stream.watermarks import ClickHouseWatermarks

READY_TIMEOUT_S = 5.0
WATCH_S = 10.0
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


class Store:
    """The connections of a worker, opened while its health pages are served already."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        progress: Progress,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`now` is this worker's own clock; it is compared with the store's and decides nothing."""
        self._settings = settings
        self._metrics = metrics
        self._progress = progress
        self._threads = Threads(1)
        self._now = now
        self._probe: Database | None = None
        self._is_skewed = False

    async def opened(self) -> Database:
        """A connection, waiting while the server does not answer: a worker may start before it.

        Raises ConfigurationError as `open_store` does.
        """
        database = await self._open()
        if self._probe is None:
            self._probe = await self._open()
        return database

    async def _open(self) -> Database:
        return await until_done(
            lambda: asyncio.to_thread(open_store, self._settings),
            "store",
            self._metrics,
            waits=self._progress.moved,
        )

    async def fault(self) -> list[str]:
        """Why the store cannot be used now, on a connection that nothing else waits for, or why
        this worker's clock cannot be trusted."""
        if self._probe is None:
            return ["the store is not open yet"]
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                skew = await self._threads(self._skew_s, ClickHouseWatermarks(self._probe).clock)
        except TimeoutError:
            return [f"the store does not answer within {READY_TIMEOUT_S:g} s"]
        except Exception as error:
            return [f"the store cannot be reached: {error}"]
        return self._of_clock(skew)

    def _skew_s(self, clock: Callable[[], datetime]) -> float:
        before = self._now()
        return skew_s(before, clock(), self._now())

    def _of_clock(self, skew: float) -> list[str]:
        self._metrics.clock_skew_seconds.set(skew)
        is_skewed = abs(skew) > self._settings.worker_clock_skew_max_s
        if is_skewed != self._is_skewed:
            self._is_skewed = is_skewed
            report = log.error if is_skewed else log.info
            report("clock_is_wrong" if is_skewed else "clock_is_right", skew_s=round(skew, 3))
        if not is_skewed:
            return []
        side = "ahead of" if skew > 0 else "behind"
        return [f"this worker's clock is {abs(skew):.0f} s {side} the store's: correct it (NTP)"]


@asynccontextmanager
async def health_pages(
    settings: Settings,
    metrics: Metrics,
    progress: Progress,
    store: Store,
    is_settled: Callable[[], bool],
) -> AsyncIterator[str]:
    """Serve the health pages, and look at the store and the clock now and then.

    `is_settled` says whether the group has given this member its share.
    """

    async def ready() -> list[str]:
        reasons = [] if is_settled() else ["partitions are not assigned yet"]
        return reasons + await store.fault()

    server = HealthServer(
        metrics, progress, ready, settings.worker_http_host, settings.worker_http_port
    )
    url = await server.start()
    log.info("serving_health", url=url)
    watch = asyncio.create_task(_watch(store))
    try:
        yield url
    finally:
        watch.cancel()
        await server.stop()


async def _watch(store: Store) -> None:
    """Report a clock that goes wrong even if nobody asks for readiness."""
    while True:
        await store.fault()
        await asyncio.sleep(WATCH_S)
