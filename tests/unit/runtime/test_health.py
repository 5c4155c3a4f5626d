"""Health pages: alive is who gets on, ready is who could."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest

from services.runtime.errors import ConfigurationError
from services.runtime.health import CONNECTIONS_MAX, HealthServer, Progress
from services.runtime.metrics import Metrics

DEADLINE_S = 10.0


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


async def connect(bench: Bench) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = bench.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def test_idle_connections_keep_nobody_out(bench: Bench) -> None:
    """Four times as many connections as may be open, with half a request each: the pages answer."""
    held = [await connect(bench) for _ in range(4 * CONNECTIONS_MAX)]
    for _, writer in held:
        writer.write(b"GET /livez HTTP/1.1\r\nHost:")
    assert (await bench.get("/livez"))[0] == 200
    assert "c360_http_connections_closed_total" in (await bench.get("/metrics"))[1]
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /livez HTTP/1.1\r\nX: " + b"x" * 100_000,
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5_000,
        b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    ],
)
async def test_what_is_no_small_request_ends_the_connection(bench: Bench, sent: bytes) -> None:
    """It is closed, with or without an answer, and the next one is served."""
    reader, writer = await connect(bench)
    writer.write(sent)
    async with asyncio.timeout(DEADLINE_S):
        with suppress(ConnectionError):
            while await reader.read(65_536):
                pass
    writer.close()
    assert (await bench.get("/livez"))[0] == 200


async def test_one_request_to_a_connection(bench: Bench) -> None:
    """Requests in a row on one connection get one answer: it is closed after the first."""
    reader, writer = await connect(bench)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    async with asyncio.timeout(DEADLINE_S):
        answer = b""
        with suppress(ConnectionError):
            while part := await reader.read(65_536):
                answer += part
    assert answer.count(b"HTTP/1.1 200") == 1
    writer.close()
