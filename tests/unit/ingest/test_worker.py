"""The ingest worker's loop where the simulation does not look: odd settings, odd moments, odd
events. Its order of effects is tested in tests/simulation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pytest

from schemas.instants import to_ms
from services.consistency.adapters.memory import MemoryStore
from services.ingest.core.limiter import RejectLimiter
from services.ingest.stage import IngestStage
from services.ingest.worker import IngestWorker, Limits
from services.runtime.errors import Fatal
from services.runtime.metrics import Metrics
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.watermarks import MemoryWatermarks
from tests.events import RECEIVED_AT, core, event, line
from tests.simulation.stores import FactRows, Facts

T = TypeVar("T")
PLACE = Partition("touchpoints.shop", 0)


class Source:
    """Hands out what it is given, once, then waits as Kafka does."""

    def __init__(self, *values: bytes) -> None:
        self.left = [
            Delivery(*PLACE, n, to_ms(RECEIVED_AT), value) for n, value in enumerate(values)
        ]
        self.committed: list[int] = []

    async def fetch(self, records_max: int, timeout_s: float) -> list[Delivery]:
        got, self.left = self.left[:records_max], self.left[records_max:]
        if not got:
            await asyncio.sleep(timeout_s)
        return got

    async def wait(self) -> None:
        await asyncio.sleep(0.01)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committed += offsets.values()


class Outbox:
    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        self.sent += records


async def inline(work: Callable[..., T], /, *arguments: Any) -> T:
    return work(*arguments)


class Bench:
    """A worker on memory adapters."""

    def __init__(self, *values: bytes, limits: Limits, consecutive_max: int = 1000) -> None:
        self.source, self.outbox, self.metrics = Source(*values), Outbox(), Metrics()
        self.core = core()
        self.worker = IngestWorker(
            self.core,
            IngestStage(self.core, Facts(FactRows(MemoryStore()), None), from_log=True),
            self.source,
            self.outbox,
            MemoryWatermarks(),
            RejectLimiter(consecutive_max, 1.0),
            inline,
            self.metrics,
            lambda: RECEIVED_AT,
            limits,
        )

    async def run_until(self, condition: Callable[[], bool]) -> None:
        running = asyncio.create_task(self.worker.run())
        async with asyncio.timeout(10):
            while not condition() and not running.done():
                await asyncio.wait({running}, timeout=0.01)
        self.worker.stop()
        await running


def sent(**changes: Any) -> bytes:
    return line(event(**changes))


async def test_fatal_on_a_quiet_topic_ends_the_worker_at_once() -> None:
    """A fault of a batch is raised without waiting for the next event."""
    bench = Bench(*[b"garbage"] * 3, limits=Limits(linger_s=0.05), consecutive_max=2)
    with pytest.raises(Fatal, match="3 events in a row were refused"):
        await asyncio.wait_for(bench.worker.run(), 5)
    assert bench.source.committed == []
    assert bench.outbox.sent == []


async def test_no_linger_is_no_spin() -> None:
    """With a linger of zero every fetch is a batch, and the rest of the process still runs."""
    bench = Bench(*[sent(event_id=f"e{n}") for n in range(5)], limits=Limits(2, linger_s=0))
    await bench.run_until(lambda: bench.source.committed[-1:] == [5])
    assert bench.source.committed[-1] == 5
    assert bench.metrics.events.labels("accepted")._value.get() == 5


async def test_event_that_we_fail_on_is_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one event stops neither the others nor the worker; its text, which may
    quote the event, is kept nowhere."""
    bench = Bench(*[sent(event_id=f"e{n}") for n in range(3)], limits=Limits(linger_s=0.05))
    process = bench.core.process

    def failing(line: bytes, *rest: Any) -> Any:
        if b"e1" in line:
            raise KeyError("anna@example.com")
        return process(line, *rest)

    monkeypatch.setattr(bench.core, "process", failing)
    await bench.run_until(lambda: bool(bench.source.committed))
    (letter,) = [one for one in bench.outbox.sent if one.topic == "c360.rejected"]
    headers = dict(letter.headers)
    assert headers["c360-reason"] == b"unprocessable"
    assert headers["c360-source-offset"] == b"1"
    assert letter.value == sent(event_id="e1")
    assert all(b"anna" not in value for value in headers.values())
    assert bench.metrics.events.labels("accepted")._value.get() == 2


async def test_stop_finishes_what_is_in_hand() -> None:
    """A worker that is stopped before its batch is full processes and commits it."""
    bench = Bench(sent(), limits=Limits(linger_s=30))
    await bench.run_until(lambda: not bench.source.left)
    assert bench.source.committed == [1]
