"""The intake of a running engine: many requests, one writer thread, batches by size or time.

A request is answered when its events and everything derived from them are durable. When too many
events are waiting, further requests are refused at once (the sender retries later).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import Enum
from typing import NamedTuple, TypeVar

import structlog

from schemas.records import ActionRecord
from services.api.http.sink import Overloaded
from services.embedded.pipeline import Pipeline, utc_now
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.runtime.errors import C360Error, Fatal
from services.runtime.metrics import Metrics

TICK_S = 5.0
TURN_S = 0.5
LIVE_WITHIN_S = 120.0
log = structlog.get_logger()
T = TypeVar("T")


class _Request(NamedTuple):
    lines: Sequence[Line]
    intake: Intake
    answer: Future[list[Result]]


class _Order(NamedTuple):
    """Work of the pipeline to be done once everything submitted before is processed."""

    work: Callable[[], None]
    answer: Future[None]


class _Stop(Enum):
    STOP = "stop"


STOP = _Stop.STOP


class IntakeWriter:
    """Owns the pipeline of a running engine. `submit` may be called from any thread."""

    def __init__(
        self,
        pipeline: Pipeline,
        metrics: Metrics,
        batch_events_max: int,
        queue_events_max: int,
        linger_s: float,
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self._pipeline = pipeline
        self._metrics = metrics
        self._batch_events_max = batch_events_max
        self._queue_events_max = queue_events_max
        self._linger_s = linger_s
        self._on_fatal = on_fatal
        self._requests: queue.SimpleQueue[_Request | _Order | _Stop] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._ended: BaseException | None = None
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def submit(self, lines: Sequence[Line], intake: Intake) -> Future[list[Result]]:
        """Submit events; the future gives their results once they are durable.

        Raises:
            Overloaded: too many events are waiting; no event of this request was accepted.
            Fatal: the writer has ended.
        """
        answer: Future[list[Result]] = _uncancellable()
        with self._lock:
            self._require_running()
            if self._waiting + len(lines) > self._queue_events_max and self._waiting:
                raise Overloaded(f"{self._waiting} events wait for the writer; send again later")
            self._waiting += len(lines)
            self._metrics.queued_events.set(self._waiting)
            self._requests.put(_Request(lines, intake, answer))
        return answer

    def submit_tick(self) -> Future[None]:
        """Judge prices up to the latest event, as after a file. Raises Fatal as `submit` does."""
        return self._order(self._pipeline.tick)

    def submit_action(self, record: ActionRecord) -> Future[None]:
        """Apply what a person did with an incident. Raises Fatal as `submit` does."""
        return self._order(lambda: self._pipeline.act(record))

    def _order(self, work: Callable[[], None]) -> Future[None]:
        answer: Future[None] = _uncancellable()
        with self._lock:
            self._require_running()
            self._requests.put(_Order(work, answer))
        return answer

    def _require_running(self) -> None:
        """What an ended writer were given, nobody would answer. Call with the lock held."""
        if self._ended is not None:
            raise Fatal(f"the writer has ended: {self._ended}")

    def is_live(self) -> bool:
        """Whether the writer makes progress."""
        return self._ended is None and time.monotonic() - self._turned_at < LIVE_WITHIN_S

    def stop(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._requests.put(STOP)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        ticked_at = 0.0
        requests: list[_Request] = []
        ending: _Order | _Stop | None = None
        try:
            while True:
                self._turned_at = time.monotonic()
                requests, ending = self._collect()
                self._process(requests)
                if isinstance(ending, _Order):
                    ending.work()
                    ending.answer.set_result(None)
                elif ending is STOP:
                    return
                if time.monotonic() - ticked_at > TICK_S:
                    self._pipeline.tick(utc_now())
                    ticked_at = time.monotonic()
        except Exception as error:  # after any fault nothing more may be accepted
            log.error("writer_ended", error=str(error), exc_info=not isinstance(error, C360Error))
            self._end(error, [*requests, ending])

    def _end(self, error: BaseException, in_hand: list[_Request | _Order | _Stop | None]) -> None:
        with self._lock:
            self._ended = error
        while not self._requests.empty():
            in_hand.append(self._requests.get())
        for request in in_hand:
            if isinstance(request, _Request | _Order) and not request.answer.done():
                request.answer.set_exception(error)
        self._on_fatal(error)

    def _collect(self) -> tuple[list[_Request], _Order | _Stop | None]:
        """The requests of the next batch, and what to do after it, if anything."""
        requests: list[_Request] = []
        count, wait_s = 0, TURN_S
        while count < self._batch_events_max:
            try:
                request = self._requests.get(timeout=wait_s)
            except queue.Empty:
                break
            if not isinstance(request, _Request):
                return requests, request
            requests.append(request)
            count += len(request.lines)
            wait_s = self._linger_s
        return requests, None

    def _process(self, requests: list[_Request]) -> None:
        for intake in Intake:
            mine = [request for request in requests if request.intake is intake]
            if mine:
                self._process_alike(mine, intake)

    def _process_alike(self, requests: list[_Request], intake: Intake) -> None:
        lines = [line for request in requests for line in request.lines]
        results = self._pipeline.finish(self._pipeline.decode(lines, intake))
        start = 0
        for request in requests:
            end = start + len(request.lines)
            request.answer.set_result(results[start:end])
            start = end
        with self._lock:
            self._waiting -= len(lines)
            self._metrics.queued_events.set(self._waiting)


def _uncancellable() -> Future[T]:
    """A future that a sender who goes away cannot cancel: its events are stored all the same, and
    the writer could not set the result."""
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()
    return answer
