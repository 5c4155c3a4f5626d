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


async def server_sent(
    lines: AsyncIterable[str], last_id: str = ""
) -> AsyncIterator[ServerSentEvent]:
    """The events of a stream, heartbeats among them. Data are of one line, as this API writes."""
    name = data = ""
    async for line in lines:
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
