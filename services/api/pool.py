"""A bounded number of read connections for requests: each is used by one of them at a time.

Nobody waits for long: when too many wait, or the store did not answer a moment ago, a request is
refused at once. A statement that is given up keeps its connection until it ends, so a slow store
is never asked more than the connections allow. Used on the event loop; reads run in threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.runtime.settings import ApiSettings

A = TypeVar("A")
T = TypeVar("T")
AWAY_S = 1.0
"""How long nobody else asks a store that has not answered."""
BUSY, SLOW = "busy", "slow"
"""Reasons of a Retry: too many ask the store, or it takes too long."""


class PoolLimits(NamedTuple):
    """See the settings of the query API."""

    connections: int
    waiting_max: int
    wait_s: float
    limit_s: float


def limits_of(settings: ApiSettings) -> PoolLimits:
    """The limits that the settings give."""
    return PoolLimits(
        settings.api_connections,
        settings.api_waiting_max,
        settings.api_wait_s,
        settings.api_limit_s,
    )


class ReadPool(Generic[A]):
    """Runs reads. `open_reads` opens a connection; it may block and raise Retry or Fatal."""

    def __init__(
        self,
        open_reads: Callable[[], A],
        close_reads: Callable[[A], object],
        limits: PoolLimits,
        metrics: Metrics,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_reads = open_reads
        self._close_reads = close_reads
        self._limits = limits
        self._metrics = metrics
        self._clock_s = clock_s
        self._threads = ThreadPoolExecutor(limits.connections, thread_name_prefix="read")
        self._slots = asyncio.Semaphore(limits.connections)
        self._idle: list[A] = []
        self._waiting = 0
        self._away_until_s = 0.0
        self._away = ""

    async def run(self, work: Callable[[A], T]) -> T:
        """The result of the work on a connection.

        Raises:
            Retry: the store does not answer; by its reason, not in time (`SLOW`), or no connection
                became free in time (`BUSY`).
            C360Error: as the work does.
        """
        if self._clock_s() < self._away_until_s:
            raise Retry(self._away)
        await self._slot()
        reading = asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)
        reading.add_done_callback(self._ended)
        try:
            return await asyncio.wait_for(asyncio.shield(reading), self._limits.limit_s)
        except TimeoutError as error:
            limit_s = self._limits.limit_s
            raise Retry(f"the store has not answered within {limit_s:g} s", reason=SLOW) from error

    def close(self) -> None:
        """Close the connections that are idle, without waiting for the others."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        while (reads := self._taken()) is not None:
            self._close_reads(reads)

    def _taken(self) -> A | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _opened(self) -> A:
        """A new connection. A store that gives none is not asked by others for a moment."""
        try:
            return self._open_reads()
        except Retry as error:
            self._away, self._away_until_s = str(error), self._clock_s() + AWAY_S
            raise

    def _read(self, work: Callable[[A], T]) -> T:
        """In a thread. A connection on which something failed is not used again: opening the next
        one shows whether the store is there at all."""
        reads = self._taken()
        if reads is None:
            reads = self._opened()
        try:
            found = work(reads)
        except Retry:
            self._close_reads(reads)
            raise
        except BaseException:
            self._idle.append(reads)
            raise
        self._idle.append(reads)
        return found

    def _ended(self, reading: asyncio.Future[T]) -> None:
        self._slots.release()
        if not reading.cancelled():
            reading.exception()  # of one that nobody waits for any more

    async def _slot(self) -> None:
        limits = self._limits
        if self._slots.locked() and self._waiting >= limits.waiting_max:
            raise Retry(f"{self._waiting} requests wait to read already", reason=BUSY)
        self._waiting += 1
        self._metrics.reads_waiting.set(self._waiting)
        try:
            await asyncio.wait_for(self._slots.acquire(), limits.wait_s)
        except TimeoutError as error:
            detail = f"no connection to the store became free within {limits.wait_s:g} s"
            raise Retry(detail, reason=BUSY) from error
        finally:
            self._waiting -= 1
            self._metrics.reads_waiting.set(self._waiting)
