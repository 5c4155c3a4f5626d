"""The intake of a running engine: many requests, one writer thread, batches by size or time.

The first request after a rest is written at once. While it is, others gather; a batch waits, for a
moment, only for as many as the one before held, so that senders who wait for answers stay together.

Requests of public keys, which anybody can read, take turns and half of the queue (turns.py).
A request is answered when its events and everything derived from them are durable. When too many
events are waiting, further requests are refused at once (the sender retries later). While the store
takes nothing (no memory, files, threads or room on the disk), every request is refused and the
batch in hand is tried again until it is durable: nothing else may come before it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from enum import Enum
from typing import NamedTuple

import structlog

from schemas.records import PersonRecord
from services.api.http.sink import uncancellable
from services.embedded.pipeline import Pipeline
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Decoded, Result
from services.intake.in_flight import EventsInFlight
from services.intake.turns import Turns
from services.runtime import tracing
from services.runtime.clock import utc_now
from services.runtime.errors import C360Error, Fatal, Retry
from services.runtime.metrics import Metrics
from services.runtime.retry import pauses

TICK_S = 5.0
TURN_S = 0.5
LIVE_WITHIN_S = 120.0
log = structlog.get_logger()


class _Request(NamedTuple):
    lines: Sequence[Line]
    intake: Intake
    answer: Future[list[Result]]
    carrier: bytes | None
    """The span of the request."""


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
        pauses: Callable[[], Iterator[float]] = pauses,
    ) -> None:
        """`linger_s` is the longest wait for a further request; `pauses` gives the seconds between
        attempts while the store takes nothing."""
        self._pipeline = pipeline
        self._batch_events_max = batch_events_max
        self._linger_s = linger_s
        self._on_fatal = on_fatal
        self._pauses = pauses
        self._requests: queue.SimpleQueue[_Request | _Order | _Stop] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._public: Turns[_Request] = Turns(batch_events_max)
        self._events = EventsInFlight(queue_events_max, metrics)
        self._ended: BaseException | None = None
        self._stalled: Retry | None = None
        self._stopping = threading.Event()
        self._turned_at = time.monotonic()
        self._together = 1
        """Requests of the batch before."""
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def submit(self, lines: Sequence[Line], intake: Intake) -> Future[list[Result]]:
        """Submit events; the future gives their results once they are durable.

        Raises:
            Overloaded: too many events are waiting; no event of this request was accepted.
            Retry: the store takes nothing now; neither was any.
            Fatal: the writer has ended.
        """
        answer: Future[list[Result]] = uncancellable()
        with self._lock:
            self._require_running()
            self._events.take(len(lines), intake)
            self._requests.put(_Request(lines, intake, answer, tracing.carrier()))
        return answer

    def submit_tick(self) -> Future[None]:
        """Judge prices up to the latest event, as after a file. Raises as `submit` does."""
        return self._order(self._pipeline.tick)

    def submit_actions(self, records: Sequence[PersonRecord]) -> Future[None]:
        """Apply what people did or decided. Raises as `submit` does."""
        return self._order(lambda: self._pipeline.act(records))

    def submit_work(self, work: Callable[[], None]) -> Future[None]:
        """Do something between two batches. Raises as `submit` does."""
        return self._order(work)

    def _order(self, work: Callable[[], None]) -> Future[None]:
        answer: Future[None] = uncancellable()
        with self._lock:
            self._require_running()
            self._requests.put(_Order(work, answer))
        return answer

    def _require_running(self) -> None:
        """What an ended writer were given, nobody would answer. Call with the lock held."""
        if self._ended is not None:
            raise Fatal(f"the writer has ended: {self._ended}")
        if self._stalled is not None:
            raise Retry(str(self._stalled))

    def waits_for(self) -> str:
        """Why the store takes nothing now; empty while it does."""
        stalled = self._stalled
        return "" if stalled is None else str(stalled)

    def is_live(self) -> bool:
        """Whether the writer makes progress, or tries again what the store does not take."""
        return self._ended is None and time.monotonic() - self._turned_at < LIVE_WITHIN_S

    def stop(self) -> None:
        """Finish what was submitted, then end the thread. A batch that the store does not take is
        left to the next start."""
        self._stopping.set()
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
                if not requests:
                    self._note()
                self._take_turn()
                while ending is not None and self._public:  # it comes after what was sent before
                    self._turned_at = time.monotonic()
                    self._take_turn()
                if isinstance(ending, _Order):
                    self._carry_out(ending)
                elif ending is STOP:
                    return
                if time.monotonic() - ticked_at > TICK_S:
                    self._tick()
                    ticked_at = time.monotonic()
        except Exception as error:  # after any fault nothing more may be accepted
            log.error("writer_ended", error=str(error), exc_info=not isinstance(error, C360Error))
            self._end(error, [*requests, ending])

    def _carry_out(self, order: _Order) -> None:
        try:
            order.work()
        except Retry as error:
            order.answer.set_exception(error)
        else:
            order.answer.set_result(None)

    def _tick(self) -> None:
        """A tick that the store does not take is made up for by the next one."""
        try:
            self._pipeline.tick(utc_now())
        except Retry as error:
            log.warning("tick_waits", error=str(error))

    def _note(self) -> None:
        """What the store does not note now stays in doubt, and is noted later."""
        try:
            self._pipeline.note_if_due()
        except Retry as error:
            log.warning("note_waits", error=str(error))

    def _end(self, error: BaseException, in_hand: list[_Request | _Order | _Stop | None]) -> None:
        with self._lock:
            self._ended = error
        in_hand += self._public.clear()
        while not self._requests.empty():
            in_hand.append(self._requests.get())
        for request in in_hand:
            if isinstance(request, _Request | _Order) and not request.answer.done():
                request.answer.set_exception(error)
        self._on_fatal(error)

    def _collect(self) -> tuple[list[_Request], _Order | _Stop | None]:
        """The requests of the next batch, and what to do after it, if anything. Those of public
        keys wait for their turns."""
        requests: list[_Request] = []
        count, taken, wait_s = 0, 0, 0.0 if self._public else TURN_S
        while count < self._batch_events_max:
            try:
                request = self._requests.get(timeout=wait_s)
            except queue.Empty:
                break
            if not isinstance(request, _Request):
                return requests, request
            if request.intake is Intake.PUBLIC:
                self._public.add(request)
            else:
                requests.append(request)
            count, taken = count + len(request.lines), taken + 1
            wait_s = self._linger_s if taken < self._together else 0.0
        self._together = max(1, taken)
        return requests, None

    def _process(self, requests: list[_Request]) -> None:
        """Make requests durable and answer them. Raises Retry when the service stops before."""
        for intake in Intake:
            mine = [
                request
                for request in requests
                if request.intake is intake and not request.answer.done()
            ]
            lines = [line for request in mine for line in request.lines]
            if not mine:
                continue
            carriers = (request.carrier for request in mine)
            with tracing.batch(len(lines), carriers):
                decoded = self._pipeline.decode(lines, intake)
                try:
                    results = self._pipeline.finish(decoded)
                except Retry as error:
                    self._wait_for_store(decoded, requests, error)
                    continue
            self._no_longer_wait(mine)
            start = 0
            for request in mine:
                end = start + len(request.lines)
                request.answer.set_result(results[start:end])
                start = end

    def _take_turn(self) -> None:
        """Make some events of public keys durable. Raises as `_process`."""
        turn = self._public.next()
        if not turn.parts:
            return
        begun_s = time.monotonic()
        lines = turn.lines
        with tracing.batch(len(lines), (request.carrier for request in turn.requests)):
            decoded = self._pipeline.decode(lines, Intake.PUBLIC)
            try:
                results = self._pipeline.finish(decoded)
            except Retry as error:
                self._wait_for_store(decoded, [], error)
                return
        took_s = time.monotonic() - begun_s
        for request, found in self._public.finish(turn, results, took_s):
            self._no_longer_wait([request])
            request.answer.set_result(found)

    def _wait_for_store(self, decoded: Decoded, requests: list[_Request], error: Retry) -> None:
        """Refuse everybody, and try the batch again until it is durable.

        Of the batch anything may have been written, so no other batch may come before it. Its
        senders are told to send again; what is durable by then is a duplicate. Raises Retry when
        the service stops first.
        """
        self._stall(error, requests)
        for pause_s in self._pauses():
            if self._stopping.wait(pause_s):
                raise error
            self._turned_at = time.monotonic()
            try:
                self._pipeline.finish(decoded, in_doubt=True)
            except Retry as again:
                self._stall(again, [])
            else:
                break
        with self._lock:
            self._stalled = None
        log.info("store_is_back", events=len(decoded.lines))

    def _stall(self, error: Retry, in_hand: list[_Request]) -> None:
        """Answer all that wait with the error, and whoever comes until the store is back."""
        log.error("store_takes_nothing", error=str(error))
        waiting: list[_Request | _Order | _Stop] = [*in_hand, *self._public.clear()]
        with self._lock:
            self._stalled = error
            while not self._requests.empty():
                waiting.append(self._requests.get())
        if STOP in waiting:
            self._requests.put(STOP)
        unanswered = [
            one for one in waiting if isinstance(one, _Request | _Order) and not one.answer.done()
        ]
        self._no_longer_wait([one for one in unanswered if isinstance(one, _Request)])
        for one in unanswered:
            one.answer.set_exception(error)

    def _no_longer_wait(self, requests: Sequence[_Request]) -> None:
        """Make room in the queue."""
        with self._lock:
            for request in requests:
                self._events.give_back(len(request.lines), request.intake)
