"""Server-sent events as a browser reads them (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import socket
import threading
from typing import Any, NamedTuple, Self

import httpx
import orjson

from tests.e2e.runs import wait_for

DEADLINE_S = 60


class SentEvent(NamedTuple):
    """An event that was told."""

    id: str
    """The id that the client shows when it connects again, if this is the last event."""
    name: str
    data: Any


class EventReader:
    """Takes the bytes of a stream as they come."""

    def __init__(self) -> None:
        self.last_id = ""
        self.comments: list[str] = []
        self.events: list[SentEvent] = []
        self._rest = b""

    def feed(self, data: bytes) -> list[SentEvent]:
        """The events that these bytes complete."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        found = [event for block in blocks if (event := self._read(block.decode())) is not None]
        self.events += found
        return found

    def _read(self, block: str) -> SentEvent | None:
        name, data = "message", list[str]()
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not field:
                self.comments.append(value)
            elif field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if not data:
            return None
        return SentEvent(self.last_id, name, orjson.loads("\n".join(data)))


class Follower:
    """A client of a stream, in a thread of its own."""

    def __init__(self, url: str, path: str, api_key: str, last_id: str = "") -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        self.reader = EventReader()
        self.fault = ""
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)
        request = self._client.build_request("GET", path, headers=headers)
        self._answer = self._client.send(request, stream=True)
        assert self._answer.status_code == 200, self._answer.read()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_for(lambda: self.reader.last_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def _read(self) -> None:
        try:
            for data in self._answer.iter_raw():
                self.reader.feed(data)
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            self.fault = repr(error)

    def got(self, count: int) -> list[SentEvent]:
        """So many events at least."""
        wait_for(lambda: len(self.reader.events) >= count)
        return self.reader.events

    def ended(self) -> None:
        """Until the service ends the stream."""
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        self._answer.close()
        self._client.close()

    def leave(self) -> str:
        """Break the connection; the id of the last event."""
        stream = self._answer.extensions["network_stream"].get_extra_info("socket")
        if stream is not None:
            _die(stream)
        self.ended()
        return self.reader.last_id


def _die(stream: socket.socket) -> None:
    """As a client that dies: nothing is said."""
    try:
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
