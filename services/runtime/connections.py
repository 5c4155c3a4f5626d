"""Connections that strangers hold: a bounded table, deadlines, and room made for the next one.

A server admits each connection here and is asked once a second whether it is overdue. When the
table is full, a connection that waits for its sender makes room: first of the address that holds
most of them, then the one that has waited longest. So whoever only holds connections open keeps
nobody out. Nothing here reads HTTP; a request in work is never cut off.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol, cast

from schemas.api.problem import ProblemCode, problem_body
from services.runtime.metrics import Metrics

LOOK_S = 1.0
UNREAD_S = 30.0
"""How long a sender may leave an answer unread."""
FILES_SHARE = 2
"""One in so many of the files that the process may open may be a connection."""


class HeldConnection(Protocol):
    """What the table asks of a connection."""

    address: str
    """Where it comes from."""

    def waits_since(self) -> float | None:
        """Since when it waits for its sender, by the table's clock; None while the sender waits for
        us."""
        ...

    def look(self, now_s: float) -> None:
        """Close it if it is overdue."""
        ...

    def abort(self) -> None:
        """Close it at once, without an answer."""
        ...


class Connections:
    """The open connections of a server, `limit` at most. Used on the server's event loop."""

    def __init__(
        self, limit: int, metrics: Metrics, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self.clock_s = clock_s
        self._metrics = metrics
        self._open: set[HeldConnection] = set()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: HeldConnection) -> bool:
        """Whether there is room for it, made if need be."""
        if len(self._open) >= self.limit and not self._make_room():
            self.closed("full")
            return False
        self._open.add(connection)
        self._metrics.connections.set(len(self._open))
        return True

    def gone(self, connection: HeldConnection) -> None:
        """It is closed; may be called again."""
        self._open.discard(connection)
        self._metrics.connections.set(len(self._open))

    def closed(self, why: str) -> None:
        """Count a connection that was not closed by its sender."""
        self._metrics.connections_closed.labels(why).inc()

    def look(self) -> None:
        """Close what is overdue."""
        now_s = self.clock_s()
        for connection in list(self._open):
            connection.look(now_s)

    def shed(self) -> None:
        """Close all that wait for their senders: the process is out of files."""
        for connection in list(self._open):
            if connection.waits_since() is not None:
                self._close(connection)

    async def watch(self) -> None:
        """Look once a second, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def _make_room(self) -> bool:
        held = Counter(one.address for one in self._open)
        waiting = [
            (-held[one.address], since, one)
            for one in self._open
            if (since := one.waits_since()) is not None
        ]
        if not waiting:
            return False
        self._close(min(waiting, key=lambda found: found[:2])[2])
        return True

    def _close(self, connection: HeldConnection) -> None:
        self.closed("full")
        self.gone(connection)
        connection.abort()


class Unread:
    """Notices an answer that its receiver does not read."""

    def __init__(self) -> None:
        self._left = 0
        self._since_s = 0.0

    def is_overdue(self, transport: asyncio.Transport, now_s: float) -> bool:
        """Whether nothing of what is left has been taken for UNREAD_S."""
        left = transport.get_write_buffer_size()
        if not left or left < self._left or not self._left:
            self._since_s = now_s
        self._left = left
        return left > 0 and now_s - self._since_s > UNREAD_S


class OneRequest(asyncio.Protocol):
    """A connection for one small request without a body, before any server's own protocol.

    Its whole life is bounded, in seconds and in bytes received.
    """

    def __init__(
        self, inner: asyncio.Protocol, table: Connections, life_s: float, bytes_max: int
    ) -> None:
        self.address = ""
        self._inner = inner
        self._table = table
        self._life_s = life_s
        self._bytes_max = bytes_max
        self._began_s = table.clock_s()
        self._head = b""
        self._asked = False
        self._is_refused = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self.address = address_of(self._transport)
        if self._table.admit(self):
            self._inner.connection_made(transport)
        else:
            self._is_refused = True
            refuse(self._transport, ProblemCode.TOO_MANY_CONNECTIONS, "send it again later")

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._is_refused:
            return
        self._head = (self._head + data)[: self._bytes_max + 1]
        self._asked = b"\r\n\r\n" in self._head
        if len(self._head) > self._bytes_max:
            self._end("head")
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """See asyncio.Protocol."""
        return None if self._is_refused else self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._table.gone(self)
        if not self._is_refused:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._is_refused:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._is_refused:
            self._inner.resume_writing()

    def waits_since(self) -> float | None:
        """See HeldConnection."""
        return None if self._asked else self._began_s

    def look(self, now_s: float) -> None:
        """See HeldConnection."""
        if now_s - self._began_s > self._life_s:
            self._end("unread" if self._asked else "head")

    def abort(self) -> None:
        """See HeldConnection."""
        self._transport.abort()

    def _end(self, why: str) -> None:
        self._table.closed(why)
        self._transport.abort()


def refuse(transport: asyncio.Transport, code: ProblemCode, detail: str) -> None:
    """Answer with a problem document (RFC 9457), below any server, and close."""
    body = problem_body(code, detail).model_dump_json().encode()
    retry = "Retry-After: 1\r\n" if code.status == 503 else ""
    head = (
        f"HTTP/1.1 {code.status} {code.words}\r\nContent-Type: application/problem+json\r\n{retry}"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    transport.write(head.encode() + body)
    transport.close()


def address_of(transport: asyncio.Transport) -> str:
    """The sender's address, empty when it is gone already."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


def send_at_once(transport: asyncio.Transport) -> None:
    """Do not let the kernel hold back the end of an answer until its beginning is acknowledged.

    asyncio asks for this itself, but not on connections of a listener that was made elsewhere; a
    client that delays acknowledgements waits 40 ms for every body then.
    """
    held = transport.get_extra_info("socket")
    if held is not None and held.family in (socket.AF_INET, socket.AF_INET6):
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def connections_that_fit(wanted: int) -> int:
    """As many connections as the process may have open files for, beside its own.

    Raises the process's own limit of open files if that is too low and it may be raised.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    aim = files_for(wanted, soft, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
    except (ValueError, OSError):  # not allowed here: work with what there is
        aim = soft
    return wanted if aim == resource.RLIM_INFINITY else max(1, min(wanted, aim // FILES_SHARE))


def files_for(connections: int, soft: int, hard: int) -> int:
    """The limit of open files to set: that of now, or more if it must be and may be."""
    needed = FILES_SHARE * connections
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return soft
    return needed if hard == resource.RLIM_INFINITY else min(needed, hard)
