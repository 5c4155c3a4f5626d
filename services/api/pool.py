"""A bounded number of read connections for requests: each is used by one of them at a time.

Nobody waits for long: when too many wait, when every connection is held by a statement that was
given up, or when the store did not answer a moment ago, a request is refused at once. A statement
that is given up keeps its connection until it ends, so a slow store is never asked more than the
connections allow. Used on the event loop; reads run in threads.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

import structlog

from services.runtime import tracing
from services.runtime.errors import InvalidInput, InvalidState, NotFound, Retry
from services.runtime.metrics import Metrics
from services.runtime.settings import ApiSettings
from services.store.deadline import asked_within

A = TypeVar("A")
T = TypeVar("T")
AWAY_S = 1.0
"""How long nobody else asks a store that has not answered."""
BUSY, SLOW = "busy", "slow"
"""Reasons of a Retry: too many ask the store, or it takes too long."""
LOG_EVERY_S = 10.0
AWAY_TEXT = "the store does not answer now"
"""What requests are told; the log says where the store is, and why."""
ANSWERS = (NotFound, InvalidInput, InvalidState)
"""Errors that say something of the request, and nothing of the connection."""
log = structlog.get_logger()


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


def limits_of_measures(settings: ApiSettings) -> PoolLimits:
    """Those of measures: one is computed at a time, and keeps no other read from a connection."""
    limit_s = settings.insight_limit_s
    return PoolLimits(1, settings.api_waiting_max, limit_s, limit_s)


class ReadPool(Generic[A]):
    """Runs reads. `open_reads` opens a connection; it may block and raise Retry or Fatal."""

    def __init__(
        self,
        open_reads: Callable[[], A],
        close_reads: Callable[[A], object],
        limits: PoolLimits,
        metrics: Metrics,
        clock_s: Callable[[], float] = time.monotonic,
        renew: Callable[[A], object] = lambda _reads: None,
        advice: str = "",
    ) -> None:
        """`renew` is called in the thread of a request, before its work. `advice` is what to do
        about a read that takes too long."""
        self._advice = advice
        self._renew = renew
        self._open_reads = open_reads
        self._close_reads = close_reads
        self._limits = limits
        self._metrics = metrics
        self._clock_s = clock_s
        self._threads = ThreadPoolExecutor(limits.connections, thread_name_prefix="read")
        self._slots = asyncio.Semaphore(limits.connections)
        self._lock = threading.Lock()
        self._idle: list[A] = []
        self._is_closed = False
        self._waiting = 0
        self._given_up = 0
        self._away_until_s = self._logged_s = -math.inf

    @property
    def longest_s(self) -> float:
        """How long a request waits for its answer at most."""
        return self._limits.wait_s + self._limits.limit_s

    async def run(self, work: Callable[[A], T]) -> T:
        """The result of the work on a connection.

        Raises:
            Retry: the store does not answer; by its reason, not in time (`SLOW`), or no connection
                became free in time (`BUSY`).
            C360Error: as the work does.
        """
        if self._clock_s() < self._away_until_s:
            raise Retry(AWAY_TEXT)
        await self._slot()
        try:
            loop = asyncio.get_running_loop()
            reading = loop.run_in_executor(self._threads, tracing.carried(self._read), work)
        except BaseException:  # no thread, or closed meanwhile
            self._slots.release()
            raise
        reading.add_done_callback(self._ended)
        done, _ = await asyncio.wait((reading,), timeout=self._limits.limit_s)
        if not done:
            self._give_up(reading)
            limit_s = self._limits.limit_s
            detail = f"the store has not answered within {limit_s:g} s{self._advice}"
            raise Retry(detail, reason=SLOW)
        return reading.result()

    def close(self) -> None:
        """Close the connections that are idle, without waiting for the others, which close as they
        end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for reads in idle:
            self._close_reads(reads)

    def _taken(self) -> A | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _keep(self, reads: A) -> None:
        with self._lock:
            is_closed = self._is_closed
            if not is_closed:
                self._idle.append(reads)
        if is_closed:
            self._close_reads(reads)

    def _opened(self) -> A:
        """A new connection. A store that gives none is not asked by others for a moment."""
        try:
            return self._open_reads()
        except Retry:
            self._away_until_s = self._clock_s() + AWAY_S
            raise

    def _read(self, work: Callable[[A], T]) -> T:
        """In a thread. A connection on which something failed is not used again: opening the next
        one shows whether the store is there at all."""
        try:
            with asked_within(self._limits.limit_s):
                reads = self._taken()
                return self._used(self._opened() if reads is None else reads, work)
        except Retry as error:
            if error.reason:  # not of the store
                raise
            self._log(error)
            raise Retry(AWAY_TEXT) from error

    def _used(self, reads: A, work: Callable[[A], T]) -> T:
        try:
            self._renew(reads)
            found = work(reads)
        except ANSWERS:
            self._keep(reads)
            raise
        except BaseException:
            self._close_reads(reads)
            raise
        self._keep(reads)
        return found

    def _log(self, error: Retry) -> None:
        now_s = self._clock_s()
        if now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = now_s
            log.warning("store_away", error=str(error))

    def _give_up(self, reading: asyncio.Future[T]) -> None:
        self._given_up += 1
        reading.add_done_callback(self._ended_late)

    def _ended_late(self, _reading: asyncio.Future[T]) -> None:
        self._given_up -= 1

    def _ended(self, reading: asyncio.Future[T]) -> None:
        self._slots.release()
        if not reading.cancelled():
            reading.exception()  # of one that nobody waits for any more

    async def _slot(self) -> None:
        limits = self._limits
        if self._given_up >= limits.connections:
            raise Retry("every connection waits for a store that is too slow", reason=SLOW)
        if self._slots.locked() and self._waiting >= limits.waiting_max:
            raise Retry(f"{self._waiting} requests wait to read already", reason=BUSY)
        self._waiting += 1
        self._metrics.reads_waiting.inc()
        try:
            async with asyncio.timeout(limits.wait_s):
                await self._slots.acquire()
        except TimeoutError as error:
            detail = f"no connection to the store became free within {limits.wait_s:g} s"
            raise Retry(detail, reason=BUSY) from error
        finally:
            self._waiting -= 1
            self._metrics.reads_waiting.dec()
