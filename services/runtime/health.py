"""The health pages of a worker over HTTP: `/livez`, `/readyz`, `/metrics`; nothing else.

A worker is alive while it makes progress or has nothing to do. It is ready when it holds its share
of the partitions and its store is reachable.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics

log = structlog.get_logger()


class Progress:
    """When the worker last made progress. `moved` is called for every batch and every idle poll."""

    def __init__(self, stalled_after_s: float, clock_s: Callable[[], float] = time.monotonic):
        self._stalled_after_s = stalled_after_s
        self._clock_s = clock_s
        self._moved_at = clock_s()

    def moved(self) -> None:
        """The position advanced, or there is nothing to do."""
        self._moved_at = self._clock_s()

    def stalled_s(self) -> float:
        """Seconds since the last progress."""
        return self._clock_s() - self._moved_at

    def is_live(self) -> bool:
        """Whether the worker needs no restart."""
        return self.stalled_s() < self._stalled_after_s


class HealthServer:
    """Serves the three pages. `ready` lists the reasons against it; an empty list means ready."""

    def __init__(
        self,
        metrics: Metrics,
        progress: Progress,
        ready: Callable[[], Awaitable[list[str]]],
        host: str,
        port: int,
    ) -> None:
        self._metrics = metrics
        self._progress = progress
        self._ready = ready
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Start serving; returns the base URL. Raises ConfigurationError when the port is taken."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._scrape),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}. Choose another "
                "with C360_WORKER_HTTP_PORT (0 picks a free one)."
            ) from error
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        stalled_s = round(self._progress.stalled_s())
        if self._progress.is_live():
            return web.Response(text=f"ok; last progress {stalled_s} s ago\n")
        return web.Response(status=503, text=f"no progress for {stalled_s} s\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        reasons = await self._ready()
        if not reasons:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="".join(f"{reason}\n" for reason in reasons))

    async def _scrape(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._metrics.registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )
