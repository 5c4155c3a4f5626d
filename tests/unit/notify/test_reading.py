"""Whether a notifier knows that it hears of incidents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from services.consistency.rules import consistency_rules
from services.notify import notifier as notifier_module
from services.notify.notifier import Notifier
from services.notify.outbox import NotifyOutbox
from services.notify.server_sent import ServerSentEvent, server_sent
from services.notify.targets import NotifyTargets
from services.runtime.metrics import Metrics

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
HEARTBEAT = b": still here\n\n"
SILENT_S = 0.3
TARGET = {
    "name": "pager",
    "url": "http://127.0.0.1:9",
    "secrets": ["whsec_REPLACE0REPLACE0REPLACE0REPLACE0"],
}


class Stream:
    """An API whose stream has heartbeats until it is told to be silent."""

    def __init__(self) -> None:
        self.is_silent = False

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if self.is_silent:
            writer.close()
            return
        writer.write(HEAD)
        with suppress(ConnectionError):
            while not self.is_silent:
                writer.write(HEARTBEAT)
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing tells when it becomes true
            await asyncio.sleep(0.01)


def test_a_silent_stream_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not ready before the stream is open, ready while it has heartbeats, and not once it is gone;
    the metric grows meanwhile."""
    monkeypatch.setattr(notifier_module, "SILENT_S", SILENT_S)
    monkeypatch.setattr(notifier_module, "MEASURE_S", 0.01)

    async def watch() -> None:
        stream, metrics = Stream(), Metrics()
        server = await asyncio.start_server(stream.answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        targets = NotifyTargets.model_validate(
            {"source": {"url": url, "key": "key"}, "webhook": [TARGET]}
        )

        def silent_s() -> float:
            found = metrics.registry.get_sample_value("c360_notify_silent_seconds")
            assert found is not None
            return found

        with closing(NotifyOutbox(tmp_path / "state.sqlite")) as outbox:
            notifier = Notifier(targets, consistency_rules(), outbox, metrics)
            assert notifier.against() == ["incidents have not been read yet"]
            running = asyncio.create_task(notifier.run())
            await _until(lambda: notifier.against() == [])
            await asyncio.sleep(2 * SILENT_S)
            await _until(lambda: notifier.against() == [])  # a busy machine may pause for so long
            await _until(lambda: silent_s() < SILENT_S)
            stream.is_silent = True
            await _until(lambda: silent_s() > SILENT_S)
            [why] = notifier.against()
            assert why.startswith("incidents were last heard of")
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        server.close()

    asyncio.run(watch())


async def test_lines_end_where_the_stream_says() -> None:
    """At a line feed, also in the middle of a part; what else separates lines in Unicode stands in
    texts of senders, as in ids of events."""
    text = "a\u2028data: 1\u2029id: x\x85b"
    sent = f"id: 7\r\nevent: segment\ndata: {text}\n\n: still here\nid: 8\n\n".encode()

    async def parts() -> AsyncIterator[bytes]:
        for place in range(0, len(sent), 3):
            yield sent[place : place + 3]

    found = [one async for one in server_sent(parts())]
    assert found == [ServerSentEvent("7", "segment", text), ServerSentEvent("8", "", "")]
