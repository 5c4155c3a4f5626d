"""One guarded connection without a network: who may leave an answer unread, and for how long."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from services.api.http.local import LOCAL_CALLER
from services.intake.server import Deadlines, GuardedHttp
from services.runtime.connections import UNREAD_S, Connections
from services.runtime.metrics import Metrics

REQUEST = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection whose receiver has stopped reading."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        names = {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}
        super().__init__({**names, "socket": self.socket})
        self.is_open = True

    def write(self, data: Any) -> None:
        """Nobody takes it."""

    def get_write_buffer_size(self) -> int:
        return 1_000

    def is_closing(self) -> bool:
        return not self.is_open

    def abort(self) -> None:
        self.is_open = False


async def _never(_scope: Any, _receive: Any, _send: Any) -> None:
    await asyncio.Event().wait()


def guarded_on(table: Connections, **app_state: Any) -> tuple[GuardedHttp, ServerState]:
    """A connection of an application that never answers."""
    config = uvicorn.Config(
        _never, ws="none", lifespan="off", log_config=None, log_level="critical"
    )
    config.load()
    state = ServerState()
    guarded = GuardedHttp(
        table, Deadlines(5, 5, 0), config=config, server_state=state, app_state=app_state
    )
    return guarded, state


async def test_answers_are_sent_at_once() -> None:
    """The kernel does not hold a body back until the head of the answer is acknowledged."""
    wire = Wire()
    guarded, _ = guarded_on(Connections(5, Metrics()))
    with wire.socket:
        assert not wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        guarded.connection_made(wire)
        assert wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(("is_local", "is_open"), [(False, False), (True, True)])
async def test_answers_nobody_reads(is_local: bool, is_open: bool) -> None:
    """A stranger's connection is closed after a while; a command's, behind a pager, is not."""
    now_s = [0.0]
    table = Connections(5, Metrics(), lambda: now_s[0])
    wire = Wire()
    guarded, state = guarded_on(table, **({LOCAL_CALLER: True} if is_local else {}))
    guarded.connection_made(wire)
    guarded.data_received(REQUEST)
    for now_s[0] in (0.0, UNREAD_S / 2, UNREAD_S + 1, 100 * UNREAD_S):
        table.look()
        if now_s[0] <= UNREAD_S:
            assert wire.is_open
    assert wire.is_open == is_open
    guarded.connection_lost(ConnectionAbortedError())
    for task in state.tasks:
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    wire.socket.close()
