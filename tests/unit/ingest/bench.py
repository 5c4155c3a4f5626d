"""An ingest worker on memory adapters and a virtual clock, with a log that hands out what a test
gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from schemas.instants import to_ms
from services.consistency.adapters.memory import MemoryStore
from services.ingest.core.limiter import RejectLimiter
from services.ingest.stage import IngestStage
from services.ingest.worker import IngestPorts, IngestWorker, Limits, Timing
from services.runtime.metrics import Metrics
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.watermarks import MemoryWatermarks
from tests.events import RECEIVED_AT, core
from tests.simulation.clock import VirtualLoop
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
    """A worker on memory adapters. Its waits cost no time."""

    def __init__(self, *values: bytes, limits: Limits, consecutive_max: int = 1000) -> None:
        self.source, self.outbox, self.metrics = Source(*values), Outbox(), Metrics()
        self.core = core()
        self.worker = IngestWorker(
            IngestStage(self.core, Facts(FactRows(MemoryStore()), None), from_log=True),
            IngestPorts(self.source, self.outbox, MemoryWatermarks(), inline),
            RejectLimiter(consecutive_max, 1.0),
            self.metrics,
            Timing(lambda: RECEIVED_AT, lambda: asyncio.get_running_loop().time()),
            limits,
        )

    def run_until(self, condition: Callable[[], bool]) -> None:
        """Run the worker, stop it once the condition holds, and wait until it has ended.

        Raises what the worker raises, or TimeoutError after ten virtual seconds.
        """
        loop = VirtualLoop()
        try:
            loop.run_until_complete(self._run_until(condition))
        finally:
            loop.close()

    async def _run_until(self, condition: Callable[[], bool]) -> None:
        running = asyncio.create_task(self.worker.run())
        async with asyncio.timeout(10):
            while not condition() and not running.done():
                await asyncio.wait({running}, timeout=0.01)
        self.worker.stop()
        await running
