"""Events that come over HTTP where workers store them: validated here, then produced to Kafka.

An event is answered when all in-sync replicas hold its record; a rejected one, too, as a dead
letter. What a public write key sends is marked in its own bytes, so no reader of the topic believes
it more. Nothing here reads or writes the store, so a known event is accepted once more; downstream
it counts once. While the brokers do not acknowledge, everybody is refused at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import structlog

from schemas.instants import to_ms
from schemas.records import PersonRecord
from schemas.topics import CATALOGUE
from services.api.http.sink import uncancellable
from services.ingest.core.decode import marked
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import Line
from services.ingest.measure import Tally
from services.ingest.stage import Result, Status, outcome_of, refusal, unread_of, with_hint
from services.intake.in_flight import EventsInFlight
from services.intake.publish import route
from services.intake.turns import Turns
from services.runtime import tracing
from services.runtime.clock import utc_now
from services.runtime.errors import C360Error, Fatal, Retry
from services.runtime.metrics import Metrics
from services.runtime.process import Threads
from services.runtime.retry import pauses
from services.stream.connection import key_of
from services.stream.dead_letters import dead_letter
from services.stream.person_records import person_outgoing
from services.stream.ports import Delivery, Outbox, Outgoing

NOT_YET = "Kafka is not connected yet"
RULES_UNREAD = "the rules in force are not read yet"
STOPS = "the service stops"
NOWHERE = -1
CLOCKS_DIFFER = timedelta(seconds=60)
"""How far the brokers' clocks may be behind ours."""
GIVING_UP_S = 0.5
"""What the outbox may need beyond its deadline until it has given up its connection."""
STOP_S = 10.0
"""For what is in hand when the service stops."""
log = structlog.get_logger()


class ConnectedOutbox(Outbox, Protocol):
    """An outbox whose connection is made first, and again after a Retry."""

    async def start(self) -> None:
        """Connect; does nothing while connected. Raises Retry, or Fatal."""
        ...

    async def stop(self) -> None:
        """Close the connection within a bounded time."""
        ...


class SinkLimits(NamedTuple):
    """How much may wait for the brokers, and for how long."""

    events_max: int
    """Of all requests."""
    turn_events_max: int
    """Events of public keys that are validated and sent at once."""
    deadline_s: float
    """From a record's sending to the answer."""


class _Request(NamedTuple):
    lines: Sequence[Line]
    intake: Intake
    answer: Future[list[Result]]
    carrier: bytes | None
    """The span of the request."""


class Decided(NamedTuple):
    """What becomes of events: their results, and the records that must be acknowledged first."""

    results: list[Result]
    records: list[Outgoing]


def decide(
    core: EventProcessor, lines: Sequence[Line], intake: Intake, received_at: datetime
) -> Decided:
    """Validate events as the worker will: an accepted one goes byte for byte to the topic of its
    channel, a rejected one to the dead letters.

    The worker goes by the broker's clock, which may be behind: what it could refuse as ahead of its
    time is refused here, or somebody could fill its batches with rejects and stop it.
    """
    results, records = list[Result](), list[Outgoing]()
    judged_at = received_at - CLOCKS_DIFFER
    for line in lines:
        content, outcome = _judged(core, line, judged_at, intake)
        if isinstance(outcome, Reject):
            results.append(refusal(outcome))
            records.append(_letter(content, outcome, received_at))
        else:
            result = Result(outcome.sent_id, Status.ACCEPTED)
            results.append(with_hint(result, outcome))
            topic = CATALOGUE.of_channel(outcome.channel).name
            records.append(Outgoing(topic, content, key=key_of(outcome.sent_id)))
    return Decided(results, records)


def _judged(
    core: EventProcessor, line: Line, judged_at: datetime, intake: Intake
) -> tuple[bytes, Accepted | Reject]:
    """The bytes that are sent on, and the outcome. What the intake could not read gets no mark."""
    if line.fault is not None:
        return line.content, unread_of(core, line, line.fault)
    content = marked(line.content) if intake is Intake.PUBLIC else line.content
    return content, outcome_of(core, content, judged_at, intake, line.realm)


def _letter(content: bytes, reject: Reject, received_at: datetime) -> Outgoing:
    """The dead letter of an event that was in no topic: it names the one that it was for."""
    meant = route(content)
    origin = Delivery(meant.topic, NOWHERE, NOWHERE, to_ms(received_at), content, meant.key)
    return dead_letter(origin, *reject)


class Brokers:
    """Sends with a deadline, and knows whether sending makes sense. Used on one event loop."""

    def __init__(
        self, outbox: ConnectedOutbox, deadline_s: float, pauses: Callable[[], Iterator[float]]
    ) -> None:
        """`pauses` gives the seconds between attempts while the brokers are away."""
        self._outbox = outbox
        self._deadline_s = deadline_s
        self._new_pauses = pauses
        self._pauses = pauses()
        self._away = NOT_YET
        self._tasks: set[asyncio.Task[None]] = set()
        self._probing: asyncio.Task[None] | None = None

    @property
    def away(self) -> str:
        """Why nothing can be sent now; empty while it can. Any thread may ask."""
        return self._away

    def start(self) -> None:
        """Begin to connect."""
        self._probing = asyncio.create_task(self._connect(0.0))

    async def stop(self) -> None:
        """Close the connection; what is under way fails."""
        if self._probing is not None:
            self._probing.cancel()
        await self._outbox.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S)

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Returns when every record is acknowledged.

        Raises:
            Retry: not within the deadline; some may have arrived.
            Fatal: a topic or a permission is missing.
        """
        if self._away:
            raise Retry(self._away)
        sending = asyncio.create_task(self._outbox.send_all(records))
        self._tasks.add(sending)
        sending.add_done_callback(self._over)
        done, _ = await asyncio.wait({sending}, timeout=self._deadline_s + GIVING_UP_S)
        try:
            if not done:  # it closes its connection
                raise Retry(f"Kafka has not acknowledged within {self._deadline_s:g} s")
            sending.result()
        except Retry as error:
            self._lost(error)
            raise
        self._pauses = self._new_pauses()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asyncio would report one that nobody asked for

    def _lost(self, error: Retry) -> None:
        """Refuse everybody until a connection stands again."""
        if not self._away:
            log.error("kafka_away", error=str(error))
            self._away = str(error)
            self._probing = asyncio.create_task(self._connect(next(self._pauses)))

    async def _connect(self, pause_s: float) -> None:
        """Connect, after a pause; pauses grow until something is acknowledged again."""
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self._outbox.start()
            except C360Error as error:
                self._away = str(error)
                log.warning("kafka_away", error=str(error))
            else:
                self._away = ""
                log.info("kafka_connected")
                return
            pause_s = next(self._pauses)


class KafkaSink:
    """Implements services.api.http.sink.IntakeSink. `start` and `stop` belong to one event loop."""

    def __init__(
        self,
        core: EventProcessor | None,
        outbox: ConnectedOutbox,
        metrics: Metrics,
        limits: SinkLimits,
        now: Callable[[], datetime] = utc_now,
        pauses: Callable[[], Iterator[float]] = pauses,
    ) -> None:
        """`outbox` gives up within the deadline of the limits, or a little later. Without a `core`
        no event is taken before `use` brings one."""
        self._core = core
        self._metrics = metrics
        self._now = now
        self._brokers = Brokers(outbox, limits.deadline_s, pauses)
        self._events = EventsInFlight(limits.events_max, metrics)
        self._public: Turns[_Request] = Turns(limits.turn_events_max)
        self._public_waits = asyncio.Event()
        self._threads = Threads(2)
        self._lock = threading.Lock()
        self._in_hand: set[asyncio.Task[None]] = set()
        self._unanswered = 0
        self._all_answered = asyncio.Event()
        self._ended = False
        self._turning: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop

    def use(self, core: EventProcessor) -> None:
        """Check by other rules from now on."""
        self._core = core

    async def start(self) -> None:
        """Begin to connect and to take events; does not wait for the brokers."""
        self._loop = asyncio.get_running_loop()
        self._turning = asyncio.create_task(self._take_turns())
        self._brokers.start()

    async def stop(self) -> None:
        """Take nothing more; what is in hand is acknowledged, or answered with an error."""
        with self._lock:
            self._ended = True
        if self._unanswered:
            log.info("finishing", requests=self._unanswered)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._all_answered.wait()
        await self._brokers.stop()
        if self._turning is not None:
            self._turning.cancel()
        for task in self._in_hand:
            task.cancel()
        if self._in_hand:
            await asyncio.wait(self._in_hand)
        self._refuse_public(Retry(STOPS))
        self._threads.close()

    def submit(self, lines: Sequence[Line], intake: Intake) -> Future[list[Result]]:
        """See the port."""
        request = _Request(lines, intake, uncancellable(), tracing.carrier())
        with self._lock:
            if self._ended:
                raise Retry(STOPS)
            if away := self.waits_for():
                raise Retry(away)
            self._events.take(len(lines), intake)
        self._loop.call_soon_threadsafe(self._begin, request)
        return request.answer

    def act(self, records: Sequence[PersonRecord]) -> None:
        """Send what people did or decided to the workers that apply it. Blocks; not for the
        event loop's thread. Raises Retry or Fatal."""
        sending = self._brokers.send([person_outgoing(one) for one in records])
        asyncio.run_coroutine_threadsafe(sending, self._loop).result()

    def waits_for(self) -> str:
        """See the port."""
        return self._brokers.away or (RULES_UNREAD if self._core is None else "")

    def is_live(self) -> bool:
        """See the port. That brokers are away is no reason for a restart."""
        return self._turning is not None and not self._turning.done()

    def _begin(self, request: _Request) -> None:
        self._unanswered += 1
        self._all_answered.clear()
        if self._ended:
            self._answer(request, Retry(STOPS))
        elif request.intake is Intake.PUBLIC:
            self._public.add(request)
            self._public_waits.set()
        else:
            task = asyncio.create_task(self._serve(request))
            self._in_hand.add(task)
            task.add_done_callback(self._in_hand.discard)

    async def _serve(self, request: _Request) -> None:
        try:
            results = await self._make_durable(request.lines, request.intake)
        except C360Error as error:
            self._answer(request, error)
        except BaseException as error:
            self._answer(request, Fatal(f"{type(error).__name__}; the log says more"))
            raise
        else:
            self._answer(request, results)

    async def _take_turns(self) -> None:
        """Requests of public keys, part by part."""
        clock_s = asyncio.get_running_loop().time
        while True:
            await self._public_waits.wait()
            self._public_waits.clear()
            while self._public:
                turn, begun_s = self._public.next(), clock_s()
                lines = turn.lines
                carriers = (request.carrier for request in turn.requests)
                try:
                    with tracing.batch(len(lines), carriers):
                        results = await self._make_durable(lines, Intake.PUBLIC)
                except C360Error as error:
                    self._refuse_public(error)
                    continue
                for request, found in self._public.finish(turn, results, clock_s() - begun_s):
                    self._answer(request, found)

    async def _make_durable(self, lines: Sequence[Line], intake: Intake) -> list[Result]:
        """Results of events that are acknowledged. Raises Retry or Fatal."""
        assert self._core is not None, "nothing is submitted before there is one"
        decided = await self._threads(decide, self._core, lines, intake, self._now())
        await self._brokers.send(decided.records)
        self._measure(decided.results)
        return decided.results

    def _measure(self, results: Sequence[Result]) -> None:
        """Rejects end here; the worker counts the others."""
        tally = Tally(results)
        for reason, count in tally.rejects.items():
            self._metrics.events.labels(Status.REJECTED).inc(count)
            self._metrics.rejects.labels(reason).inc(count)
        self._metrics.dead_letters.inc(tally.rejects.total())
        self._metrics.last_progress_seconds.set(self._now().timestamp())

    def _refuse_public(self, error: C360Error) -> None:
        for request in self._public.clear():
            self._answer(request, error)

    def _answer(self, request: _Request, answer: list[Result] | C360Error) -> None:
        with self._lock:
            self._events.give_back(len(request.lines), request.intake)
        self._unanswered -= 1
        if not self._unanswered:
            self._all_answered.set()
        if isinstance(answer, C360Error):
            request.answer.set_exception(answer)
        else:
            request.answer.set_result(answer)
