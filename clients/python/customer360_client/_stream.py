"""Server-sent events: what a stream's bytes say, and how it goes on after it broke.

Parsing is that of the HTML standard (section 9.2.6): lines end with CR, LF or both and nothing
else, so that data may hold every other character. Nothing here does I/O or waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx

from customer360_client._call import Call, Retries, error_of, pause_of
from customer360_client.errors import NoAnswer

SILENCE_S = 60.0
"""A stream that says nothing for so long, not even that it is alive, is taken up anew."""
EVENT_BYTES_MAX = 16 * 1024 * 1024


class ServerEvent(NamedTuple):
    """An event of a stream."""

    id: str
    """Where the stream goes on: pass it as `last_event_id` to get what came after it."""
    type: str
    """What happened; `message` if the stream does not say."""
    data: str
    """The data, as text."""

    def json(self) -> Any:
        """The data as JSON values."""
        return json.loads(self.data)


class EventReader:
    """Reads events from the bytes of a stream, however they are cut."""

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self.retry_s: float | None = None
        """Pause before the stream is taken up, as it says."""
        self.begin()

    def begin(self) -> None:
        """Another connection begins: what came of an event so far is forgotten."""
        self._rest = b""
        self._type, self._data = "", list[str]()
        self._id = self.last_event_id

    def feed(self, part: bytes) -> Iterator[ServerEvent]:
        """The events that this part completes. Raises ValueError for an endless line."""
        pending = self._rest + part
        ends_in_return = pending.endswith(b"\r")  # a line feed may follow, which is no line
        lines = (pending[:-1] if ends_in_return else pending).replace(b"\r\n", b"\n")
        *whole, rest = lines.replace(b"\r", b"\n").split(b"\n")
        self._rest = rest + (b"\r" if ends_in_return else b"")
        if len(self._rest) > EVENT_BYTES_MAX:
            raise ValueError("the stream has a line without end")
        for line in whole:
            if event := self._line(line.decode("utf-8", "replace").removeprefix("\ufeff")):
                yield event

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatched()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry_s = int(value) / 1000
        return None

    def _dispatched(self) -> ServerEvent | None:
        kind, data = self._type or "message", self._data
        self._type, self._data = "", []
        self.last_event_id = self._id
        return ServerEvent(self.last_event_id, kind, "\n".join(data)) if data else None


class Stream:
    """A stream over all its connections."""

    def __init__(self, call: Call[Any], retries: Retries) -> None:
        self._call = call
        self._retries = retries
        self._failures = 0
        self.reader = EventReader(str(call.headers.get("Last-Event-ID") or ""))

    def request(self, client: httpx.AsyncClient | httpx.Client) -> httpx.Request:
        """The request of the next connection: it goes on after the last event that came."""
        self.reader.begin()
        request = self._call.request(client)
        request.headers["Accept"] = "text/event-stream"
        request.headers["Accept-Encoding"] = "identity"
        if self.reader.last_event_id:
            request.headers["Last-Event-ID"] = self.reader.last_event_id
        request.extensions["timeout"] = {**client.timeout.as_dict(), "read": SILENCE_S}
        return request

    def feed(self, part: bytes) -> Iterator[ServerEvent]:
        """The events that this part completes."""
        self._failures = 0
        yield from self.reader.feed(part)

    def pause_s(self, came: httpx.Response | httpx.RequestError | None) -> float:
        """Seconds until the next connection, after one that ended (None) or failed.

        Raises CallError if another would not help, or after as many failures as a call may have.
        """
        if came is None:
            return self.reader.retry_s or 0.0
        self._failures += 1
        pause_s = pause_of(came, self._failures)
        if pause_s is None or self._failures >= self._retries.attempts:
            if isinstance(came, httpx.RequestError):
                raise NoAnswer(f"{type(came).__name__}: {came}") from came
            raise error_of(came)
        return max(pause_s, self.reader.retry_s or 0.0)
