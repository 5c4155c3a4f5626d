"""Server-sent events of the API as clients read them (WHATWG HTML, 9.2)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import NamedTuple


class ServerSentEvent(NamedTuple):
    """What came up to a blank line."""

    last_id: str
    """Where a reader that is done with it resumes; empty before the first id."""
    name: str
    data: str
    """Empty for a heartbeat or a mere id."""


async def _lines(parts: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """Lines end at a line feed only: what else separates lines in Unicode stands within texts."""
    begun = b""
    async for part in parts:
        *whole, begun = (begun + part).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()


async def server_sent(
    parts: AsyncIterable[bytes], last_id: str = ""
) -> AsyncIterator[ServerSentEvent]:
    """The events of a stream, heartbeats among them. Data are of one line, as this API writes."""
    name = data = ""
    async for line in _lines(parts):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            last_id = value
        elif field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line:
            yield ServerSentEvent(last_id, name, data)
            name = data = ""
