"""The HTTP server of `c360 up`: uvicorn, with a bound on everything that a stranger may hold.

uvicorn has no deadline for heads and bodies, no bound on connections, and answers oversized heads
with 400. Its own protocol is extended here by what the table of connections needs; docs/adr/0029
says why. The routes are in services/intake/http.py.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import time
from collections.abc import Callable
from enum import Enum
from functools import partial
from types import FrameType
from typing import Any, NamedTuple, cast

import h11
import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from schemas.api.problem import ProblemCode
from services.api.http.local import LOCAL_CALLER
from services.api.http.streams import STOPS, STREAM
from services.intake.http import LEAVES
from services.intake.tls import Handshake
from services.runtime.connections import Connections, Unread, address_of, refuse, send_at_once

HEAD_BYTES_MAX = 16 * 1024
RECEIVE_BYTES_MAX = 64 * 1024
BODY_GRACE_S = 10.0
"""Seconds before a body must have come at the lowest rate; also how long it is safe from being
closed to make room."""
REST_S = 5.0
"""How long the rest of a body is read and dropped when the answer came first: closing at once would
take the answer from the sender."""
STREAM_END_S = 3.0
"""How long the end of a stream may take when the service stops."""
KEEP_ALIVE_S = 5
BACKLOG = 128
STOP_S = 30
EXHAUSTED_LOG_S = 10.0
log = structlog.get_logger()


class Deadlines(NamedTuple):
    """How long a sender may take."""

    head_s: float
    """From the connection, or the last answer, to the end of the next request's head."""
    body_s: float
    """For a whole body."""
    body_bytes_per_s: float
    """Lowest rate of a body, counted from its first byte, after a grace period."""


class _Phase(Enum):
    HEAD = "head"
    BODY = "body"
    WORK = "work"
    REST = "rest"
    """The request is answered, its body has not ended."""
    FLUSH = "flush"
    """Closed, but for what the sender has not read."""


class _OneLength(h11.Connection):
    """Refuses a request that states the length of its body in two ways: a proxy may believe the
    other one, and take for the next request what somebody wrote into the body of this one."""

    def next_event(self) -> Any:
        """See h11.Connection."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                raise h11.RemoteProtocolError("Content-Length and Transfer-Encoding in one request")
        return event


class GuardedHttp(H11Protocol):
    """One connection of uvicorn with deadlines; implements `HeldConnection`."""

    def __init__(
        self, table: Connections, deadlines: Deadlines, *arguments: Any, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self.conn = _OneLength(h11.SERVER, HEAD_BYTES_MAX)
        self.address = ""
        self._table = table
        self._deadlines = deadlines
        self._phase = _Phase.HEAD
        self._since_s = table.clock_s()
        self._received = 0
        self._unread = Unread()
        self._stops_since_s: float | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        stream = cast(asyncio.Transport, transport)
        if hasattr(stream, "max_size"):  # of one read; asyncio's default is 256 KiB
            stream.max_size = RECEIVE_BYTES_MAX
        super().connection_made(stream)
        self.address = address_of(stream)
        send_at_once(stream)
        if not self._table.admit(self):
            self._is_refused = True
            refuse(stream, ProblemCode.TOO_MANY_CONNECTIONS, "send it again later")

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol. In parts, because h11 bounds only what of a head is incomplete."""
        self._received += len(data)
        while data and not self._is_refused and not self.transport.is_closing():
            size = len(data)
            if self.conn.their_state is h11.IDLE:
                size = max(1, HEAD_BYTES_MAX + 1 - len(self.conn.trailing_data[0]))
            super().data_received(data[:size])
            data = data[size:]
        self._turn()

    def on_response_complete(self) -> None:
        """See H11Protocol."""
        super().on_response_complete()
        self._turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._table.gone(self)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """See H11Protocol. A problem document, as every other error."""
        if len(self.conn.trailing_data[0]) > HEAD_BYTES_MAX:
            detail = f"request line and headers may have {HEAD_BYTES_MAX} bytes"
            self._end("head", ProblemCode.HEAD_TOO_LARGE, detail)
        else:
            self._end("head", ProblemCode.NO_HTTP_REQUEST, msg)

    def waits_since(self) -> float | None:
        """See HeldConnection."""
        self._turn()
        if self._phase is _Phase.WORK:
            return None
        is_young = self._table.clock_s() - self._since_s < BODY_GRACE_S
        return None if self._phase is _Phase.BODY and is_young else self._since_s

    def look(self, now_s: float) -> None:
        """See HeldConnection."""
        self._turn()
        age_s, limits = now_s - self._since_s, self._deadlines
        if self._is_unread(now_s):
            self._table.closed("unread")
            self.abort()
        elif self._phase is _Phase.HEAD and age_s > limits.head_s:
            self._end("head", ProblemCode.REQUEST_TOO_SLOW, "its head did not come in time")
        elif self._phase is _Phase.BODY and (
            age_s > limits.body_s
            or (age_s > BODY_GRACE_S and self._received < age_s * limits.body_bytes_per_s)
        ):
            self._end("body", ProblemCode.REQUEST_TOO_SLOW, "its body did not come in time")
        elif self._phase is _Phase.REST and age_s > REST_S:
            self._table.closed("body")
            self.abort()

    def abort(self) -> None:
        """See HeldConnection."""
        self.transport.abort()

    def shutdown(self) -> None:
        """See H11Protocol. A stream has no end of its own."""
        super().shutdown()
        scope: Any = self.scope  # None before the first request
        if scope is not None:
            scope["state"][STOPS] = True
            if end_stream := scope["state"].get(STREAM):
                self._stops_since_s = self._table.clock_s()
                end_stream()

    def _is_unread(self, now_s: float) -> bool:
        """Whether the sender does not take what is for it, or not when it has to."""
        if self._stops_since_s is not None and now_s - self._stops_since_s > STREAM_END_S:
            return True
        return self._unread.is_overdue(self.transport, now_s) and not self._is_local()

    def _is_local(self) -> bool:
        """Whether a command of this machine asks: a pager may stop reading for as long as it likes.

        The route says so once it has seen the token (services/api/http/local.py).
        """
        scope: Any = self.scope  # None before the first request
        return scope is not None and bool(scope["state"].get(LOCAL_CALLER))

    def _turn(self) -> None:
        """Notice a new phase, and when it began."""
        phase = self._phase_now()
        if phase is not self._phase:
            self._phase, self._since_s, self._received = phase, self._table.clock_s(), 0

    def _phase_now(self) -> _Phase:
        theirs, ours = self.conn.their_state, self.conn.our_state
        if self.transport.is_closing():
            return _Phase.FLUSH
        if theirs is h11.IDLE:
            return _Phase.HEAD
        if theirs is h11.SEND_BODY:
            return _Phase.REST if ours in (h11.DONE, h11.MUST_CLOSE) else _Phase.BODY
        return _Phase.WORK

    def _end(self, why: str, code: ProblemCode, detail: str) -> None:
        """Answer, if nothing of an answer has been sent yet, and close."""
        self._table.closed(why)
        is_unanswered = self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE, h11.ERROR)
        # Nobody waits for an answer who has not begun to ask.
        if is_unanswered and (self._phase is not _Phase.HEAD or self._received):
            refuse(self.transport, code, detail)
        else:
            self.transport.close()


def _secured(
    http: Callable[..., asyncio.Protocol],
    tls: ssl.SSLContext,
    table: Connections,
    limit_s: float,
    **named: Any,
) -> asyncio.Protocol:
    """A connection that becomes one of HTTP once its handshake is over."""
    return Handshake(partial(http, **named), tls, table, limit_s)


class _DrainingServer(uvicorn.Server):
    """uvicorn that goes on answering for a while after SIGTERM, so that whoever balances load can
    notice /readyz first. Each answer then ends its connection: the next request goes elsewhere."""

    def __init__(self, config: uvicorn.Config, drain_s: float) -> None:
        super().__init__(config)
        self._drain_s = drain_s
        self._ends_s: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn.Server; a second signal ends at once."""
        if sig != signal.SIGTERM or not self._drain_s or self._ends_s is not None:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._ends_s = time.monotonic() + self._drain_s
        self.lifespan.state[LEAVES] = True
        self.config.encoded_headers = [*self.config.encoded_headers, (b"connection", b"close")]

    async def on_tick(self, counter: int) -> bool:
        """See uvicorn.Server."""
        if self._ends_s is not None and time.monotonic() >= self._ends_s:
            self.should_exit = True
        return await super().on_tick(counter)


class HttpServer:
    """uvicorn on one listener, until `stop` or a signal."""

    def __init__(
        self,
        app: Any,
        table: Connections,
        deadlines: Deadlines,
        tls: ssl.SSLContext | None = None,
        drain_s: float = 0,
    ) -> None:
        self._table = table
        protocol = cast(type[asyncio.Protocol], partial(GuardedHttp, table, deadlines))
        if tls is not None:
            protocol = cast(type[asyncio.Protocol], partial(_secured, protocol, tls, table,
                                                            deadlines.head_s))  # fmt: skip
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_level="error",  # what strangers send wrongly is counted, not logged
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
            backlog=BACKLOG,
        )
        self._uvicorn = _DrainingServer(config, drain_s)
        self._logged_s = -EXHAUSTED_LOG_S

    def stop(self) -> None:
        """Answer the requests in work, then end. Any thread may call it."""
        self._uvicorn.should_exit = True

    async def run(self, listener: socket.socket, started: Callable[[], None]) -> None:
        """Serve until stopped; `started` is called before the first connection."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_fault)
        watch = asyncio.create_task(self._table.watch())
        started()
        try:
            await self._uvicorn.serve(sockets=[listener])
        finally:
            watch.cancel()

    def _on_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """asyncio accepts again after a second when the process is out of files or memory."""
        if "out of system resource" not in context.get("message", ""):
            loop.default_exception_handler(context)
            return
        now_s = self._table.clock_s()
        if now_s - self._logged_s >= EXHAUSTED_LOG_S:
            self._logged_s = now_s
            log.error("out_of_resources", error=str(context.get("exception")),
                      connections=len(self._table))  # fmt: skip
        self._table.shed()
