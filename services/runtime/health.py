"""The health pages of a worker over HTTP: `/livez`, `/readyz`, `/metrics`; nothing else.

A worker is alive while it makes progress or has nothing to do. It is ready when it holds its share
of the partitions and its store is reachable. A connection is for one request, and bounded in time,
size and number: a worker has other use for its memory and files.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.runtime.connections import Connections, OneRequest, connections_that_fit
from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics

CONNECTIONS_MAX = 64
CONNECTION_S = 15.0
"""From its beginning to the end of the answer; /readyz waits 5 seconds for the store."""
REQUEST_BYTES_MAX = 8 * 1024
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
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

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
        app.on_response_prepare.append(_close_after)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        handlers, table = (
            self._runner.server,
            Connections(connections_that_fit(CONNECTIONS_MAX), self._metrics),
        )
        assert handlers is not None

        def connection() -> OneRequest:
            return OneRequest(handlers(), table, CONNECTION_S, REQUEST_BYTES_MAX)

        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(connection, self._host, self._port)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}. Choose another "
                "with C360_WORKER_HTTP_PORT (0 picks a free one)."
            ) from error
        self._watch = asyncio.create_task(table.watch())
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
        if self._watch is not None:
            self._watch.cancel()
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


async def _close_after(_request: web.Request, response: web.StreamResponse) -> None:
    """One connection, one request."""
    response.force_close()
