"""Health pages: alive is who gets on, ready is who could."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from services.runtime.errors import ConfigurationError
from services.runtime.health import HealthServer, Progress
from services.runtime.metrics import Metrics


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.progress = Progress(30, self.clock)
        self.reasons: list[str] = []
        self.server = HealthServer(Metrics(), self.progress, self._ready, "127.0.0.1", 0)
        self.url = ""

    async def _ready(self) -> list[str]:
        return self.reasons

    async def get(self, page: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + page) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    made.url = await made.server.start()
    yield made
    await made.server.stop()


async def test_alive_while_it_gets_on(bench: Bench) -> None:
    """After the set time without progress a restart is called for, until something moves."""
    bench.clock.now = 29
    assert (await bench.get("/livez"))[0] == 200
    bench.clock.now = 31
    status, text = await bench.get("/livez")
    assert (status, "31 s" in text) == (503, True)
    bench.progress.moved()
    assert (await bench.get("/livez"))[0] == 200


async def test_ready_says_why_not(bench: Bench) -> None:
    """Every reason is reported."""
    assert (await bench.get("/readyz"))[0] == 200
    bench.reasons = ["no partitions are assigned yet", "the store cannot be reached"]
    status, text = await bench.get("/readyz")
    assert status == 503
    assert text.splitlines() == bench.reasons


async def test_metrics_and_nothing_else(bench: Bench) -> None:
    """The whole catalogue is there from the start; there are no other pages."""
    status, text = await bench.get("/metrics")
    assert status == 200
    assert "c360_dead_letters_total" in text
    for page in ("/", "/table/", "/router/", "/graph"):
        assert (await bench.get(page))[0] == 404


async def test_taken_port_is_a_setting_to_change(bench: Bench) -> None:
    """The message names the setting."""
    port = int(bench.url.rsplit(":", 1)[1])
    second = HealthServer(Metrics(), bench.progress, bench._ready, "127.0.0.1", port)
    with pytest.raises(ConfigurationError, match="C360_WORKER_HTTP_PORT"):
        await second.start()
    await asyncio.wait_for(second.stop(), 5)
