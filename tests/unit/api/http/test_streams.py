"""Streams over HTTP: who may open one, what it is sent as, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any, cast

import orjson
import pytest

from services.api.auth import Principal, Scope
from services.api.http import streams
from services.api.http.streams import STOPS, STREAM, Streams
from services.api.memory_feed import MemoryFeed
from services.intake.application import create_app
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from tests.api_parts import api_parts_of
from tests.sse import EventReader

DEADLINE_S = 20
READS = frozenset({Scope.INCIDENTS_READ, Scope.PROFILES_READ})
KEYS = {
    "desk": Principal("k1", "desk", "one", READS),
    "other": Principal("k2", "other", "two", READS),
    "pager": Principal("k3", "pager", "one", frozenset({Scope.INCIDENTS_READ})),
    "shop": Principal("k4", "shop", None, frozenset({Scope.EVENTS_WRITE})),
}
INCIDENTS, PROFILES = "/v1/incidents/stream", "/v1/profiles/stream"


class Ring:
    """Knows keys by their names."""

    def __init__(self) -> None:
        self.known = dict(KEYS)

    def principal(self, credential: str) -> Principal | None:
        return self.known.get(credential)

    def refresh(self, credential: str) -> None:
        """Nothing else becomes known."""


class Service:
    """The application over feeds in memory."""

    def __init__(self) -> None:
        self.ring = Ring()
        self.metrics = Metrics()
        self.incidents, self.profiles = MemoryFeed(), MemoryFeed()
        feeds = {"incidents": self.incidents, "profiles": self.profiles}
        self.streams = Streams(feeds, 3, 2, self.metrics)
        parts = api_parts_of(self.ring, self.metrics)
        self.app = create_app(cast(Any, None), parts, feeds=self.streams)

    def get(self, path: str, key: str = "desk", method: str = "GET", **headers: str) -> Exchange:
        """A request that is being answered."""
        return Exchange(self, path, key, method, headers)


class Exchange:
    """One request, as a server hands it to the application."""

    def __init__(
        self, service: Service, path: str, key: str, method: str, headers: dict[str, str]
    ) -> None:
        path, _, query = path.partition("?")
        given = {"authorization": f"Bearer {key}", **headers}
        self.state: dict[str, Any] = {}
        self.status = 0
        self.headers: dict[str, str] = {}
        self.reader, self.body = EventReader(), b""
        self.is_whole = False
        self._changed = asyncio.Event()
        self._left = asyncio.Event()
        self._requests = [{"type": "http.request", "body": b"", "more_body": False}]
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "scheme": "http", "http_version": "1.1",
            "headers": [(name.replace("_", "-").encode(), text.encode("latin-1"))
                        for name, text in given.items()],
            "state": self.state, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.3"},
        }  # fmt: skip
        app = cast(Any, service.app)
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> Any:
        if self._requests:
            return self._requests.pop()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {n.decode(): text.decode() for n, text in message["headers"]}
        else:
            self.body += message.get("body", b"")
            self.reader.feed(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
        self._changed.set()

    async def until(self, condition: Any) -> None:
        """Until a condition holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def opened(self) -> Exchange:
        """Once the stream has begun."""
        await self.until(lambda: bool(self.reader.last_id))
        return self

    async def problem(self) -> tuple[int, str]:
        """The status and code of an error answer."""
        async with asyncio.timeout(DEADLINE_S):
            await self._task
        assert self.headers["content-type"] == "application/problem+json"
        return self.status, orjson.loads(self.body)["code"]

    async def leave(self) -> None:
        """Close the connection, and wait until the application knows."""
        self._left.set()
        await self.ended()

    async def ended(self) -> None:
        """Until the answer is whole."""
        async with asyncio.timeout(DEADLINE_S):
            await self._task


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service; its streams are closed at the end."""
    made = Service()
    yield made
    await made.streams.close()


async def test_a_stream_is_sent_as_it_comes(service: Service) -> None:
    """Plain, kept by nobody, held back by nobody."""
    stream = await service.get(INCIDENTS, accept_encoding="gzip, zstd").opened()
    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    assert not {"content-encoding", "content-length"} & stream.headers.keys()
    assert stream.body.startswith(b"retry: ")
    service.incidents.append("one", b'{"n":1}')
    service.incidents.append("two", b'{"n":2}')
    service.profiles.append("one", b'{"n":3}')
    await stream.until(lambda: bool(stream.reader.events))
    assert [one.data for one in stream.reader.events] == [{"n": 1}]
    await stream.leave()


@pytest.mark.parametrize("by_header", [True, False])
async def test_resumed_by_header_or_query(by_header: bool, service: Service) -> None:
    """The header, which browsers send when they connect again, comes first."""
    first = await service.get(PROFILES).opened()
    for number in range(3):
        service.profiles.append("one", b"%d" % number)
    await first.until(lambda: len(first.reader.events) == 3)
    await first.leave()
    ids = [one.id for one in first.reader.events]
    path = f"{PROFILES}?last_event_id={ids[0] if by_header else ids[1]}"
    again = service.get(path, **({"last_event_id": ids[1]} if by_header else {}))
    await again.until(lambda: bool(again.reader.events))
    assert [one.data for one in again.reader.events] == [2]
    await again.leave()


@pytest.mark.parametrize(("key", "path", "answer"), [
    ("", INCIDENTS, (401, "no-valid-key")),
    ("shop", INCIDENTS, (403, "not-allowed")),
    ("pager", PROFILES, (403, "not-allowed")),
    ("desk", f"{INCIDENTS}?last_event_id=x", (400, "invalid-request")),
    ("desk", f"{INCIDENTS}?last_event_id={'1' * 3_000}", (400, "invalid-request")),
])  # fmt: skip
async def test_refused_before_it_begins(
    key: str, path: str, answer: tuple[int, str], service: Service
) -> None:
    """With a problem; no stream is counted."""
    assert await service.get(path, key).problem() == answer
    assert open_streams(service) == 0


async def test_no_stream_while_the_source_is_away(service: Service) -> None:
    """503 says when to try again."""
    service.incidents.fault = Retry("away")
    stream = service.get(INCIDENTS)
    assert await stream.problem() == (503, "unavailable")
    assert stream.headers["retry-after"]
    assert open_streams(service) == 0


async def test_streams_are_counted(service: Service) -> None:
    """By key, and all together; one that is left makes room."""
    mine = [await service.get(path).opened() for path in (INCIDENTS, PROFILES)]
    assert await service.get(INCIDENTS).problem() == (429, "too-many-streams")
    other = await service.get(INCIDENTS, "other").opened()
    assert await service.get(INCIDENTS, "other").problem() == (429, "too-many-streams")
    assert open_streams(service) == 3
    await mine[0].leave()
    again = await service.get(INCIDENTS).opened()
    for stream in (mine[1], other, again):
        await stream.leave()
    assert open_streams(service) == 0


async def test_a_key_that_is_revoked_reads_no_further(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its streams end with a comment."""
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0)
    stream = await service.get(INCIDENTS).opened()
    del service.ring.known["desk"]
    await stream.ended()
    assert stream.is_whole
    assert "no longer" in stream.reader.comments[-1]


async def test_a_head_request_has_no_stream(service: Service) -> None:
    """The answer ends at once, with the headers of the stream."""
    stream = service.get(INCIDENTS, method="HEAD")
    await stream.ended()
    assert (stream.status, stream.body, stream.is_whole) == (200, b"", True)


@pytest.mark.parametrize("is_open", [True, False])
async def test_the_server_ends_streams_when_it_stops(is_open: bool, service: Service) -> None:
    """Those that are open, and those that are about to."""
    stream = service.get(INCIDENTS)
    if is_open:
        await stream.opened()
        stream.state[STREAM]()
    else:
        stream.state[STOPS] = True
    await stream.ended()
    assert stream.is_whole
    assert "stops" in stream.reader.comments[-1]
    assert STREAM not in stream.state


def open_streams(service: Service) -> float:
    """How many streams the metrics tell."""
    found = [
        sample.value
        for family in service.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "c360_http_streams"
    ]
    return sum(found)
