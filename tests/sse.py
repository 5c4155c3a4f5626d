"""Server-sent events as a browser reads them (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson


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
