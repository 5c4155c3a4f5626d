"""The life of a worker process: signals, the grace period, and blocking work off the event loop.

SIGTERM asks a worker to finish and commit its current batch. After the grace period it ends
anyway: what is not committed is delivered again, as after a SIGKILL.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import structlog

from services.runtime import tracing
from services.runtime.errors import Retry

GC_THRESHOLDS = (50_000, 20, 50)
COLLECTED_EVERY = 16
"""Batches of at most 20,000 events by default."""
T = TypeVar("T")
log = structlog.get_logger()


def tune_garbage_collector() -> None:
    """Fewer, larger collections: batches of long-lived models make the default 2–4 × slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class BatchCollections:
    """Garbage collection of a process that reads one large batch after the other.

    Nearly all that reading makes lives until the batch is stored, and goes without a collector. So
    none looks at it; what is left over in cycles is found every `every` batches.
    """

    def __init__(self, every: int = COLLECTED_EVERY) -> None:
        self._every = every
        self._batches = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read a batch. Other threads do without collections meanwhile."""
        gc.disable()
        try:
            yield
        finally:
            self._batches += 1
            if self._batches % self._every == 0:
                gc.unfreeze()
                gc.collect()
            gc.freeze()
            gc.enable()


class Threads:
    """Runs blocking work in its own threads; implements `services.stream.ports.Offload`."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="worker")

    def __call__(self, work: Callable[..., T], /, *arguments: object) -> Awaitable[T]:
        """See the port."""
        return asyncio.get_running_loop().run_in_executor(
            self._pool, tracing.carried(work), *arguments
        )

    def close(self) -> None:
        """Do not wait: what is still running is repeated after the next start."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def stop_signals(grace_s: float) -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets. After the grace period the process is ended."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            return
        log.info("stopping", grace_s=grace_s)
        stopping.set()
        loop.call_later(grace_s, _give_up, grace_s)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield stopping
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def unless_stopped(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work; None when the process is asked to stop first. Raises what it
    raises."""
    task, stop = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        stop.cancel()
        task.cancel()


def _give_up(grace_s: float) -> None:
    log.error("grace_period_over", grace_s=grace_s)
    os._exit(Retry.exit_code)
