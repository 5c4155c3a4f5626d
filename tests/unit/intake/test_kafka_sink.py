"""Events over HTTP to a log: answered when acknowledged, refused at once while nothing is.

The log is in memory and obeys the test; tests/contract/test_kafka_intake.py has a real broker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from itertools import repeat
from typing import Any

import orjson
import pytest

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_BYTES_MAX, PUBLIC_MARK
from services.api.http.sink import Overloaded
from services.ingest.core.event_processor import EventProcessor, Realm
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.ingest.stage import Result, Status
from services.intake.kafka_sink import NOT_YET, RULES_UNREAD, Decided, KafkaSink, SinkLimits, decide
from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from services.stream.dead_letters import REJECTED_TOPIC
from services.stream.ports import Outgoing
from tests.events import RECEIVED_AT, core, event, identifier, line

DEADLINE_S = 20.0
EVENTS_MAX = 10


class Log:
    """A log in memory: `gate` holds acknowledgements back, `fault` refuses."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None
        self.is_down = False
        self.starts = 0

    async def start(self) -> None:
        """See the port."""
        self.starts += 1
        if self.is_down:
            raise Retry("down")

    async def stop(self) -> None:
        """See the port: whoever waits for an acknowledgement is told."""
        self.fault = Retry("stopped")
        self.gate.set()

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """See the port."""
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.records += records


class World:
    """A sink in front of a log."""

    def __init__(self, core: EventProcessor | None) -> None:
        self.log = Log()
        self.metrics = Metrics()
        limits = SinkLimits(EVENTS_MAX, 4, deadline_s=0.1)
        self.sink = KafkaSink(
            core, self.log, self.metrics, limits, lambda: RECEIVED_AT, lambda: repeat(0.01)
        )

    def submit(self, *events: Any, intake: Intake = Intake.SERVER) -> Future[list[Result]]:
        """Submit events; bytes go as they are."""
        sent = [one if isinstance(one, bytes) else line(one) for one in events]
        return self.sink.submit([Line(one, len(one)) for one in sent], intake)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until it holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - of another task's state
                await asyncio.sleep(0.001)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A sink that is connected."""
    world = World(core())
    await world.sink.start()
    await world.until(lambda: not world.sink.waits_for())
    yield world
    await world.sink.stop()


async def test_before_the_rules_in_force_are_known_nothing_is_judged() -> None:
    """Whatever rules come with the program: it would reject what those in force let pass. Records
    of what people decided are sent, and it is not ready."""
    world = World(None)
    await world.sink.start()
    await world.until(lambda: world.sink.waits_for() == RULES_UNREAD)
    for intake in Intake:
        with pytest.raises(Retry, match="rules in force are not read"):
            world.submit(event(), intake=intake)
    world.sink.use(core())
    assert world.sink.waits_for() == ""
    [found] = await results(world.submit(event(event_id="e-1")))
    assert found == Result("e-1", Status.ACCEPTED)
    await world.sink.stop()


async def results(answer: Future[list[Result]]) -> list[Result]:
    """The results of a request."""
    async with asyncio.timeout(DEADLINE_S):
        return await asyncio.wrap_future(answer)


def decided(*lines: bytes, intake: Intake = Intake.SERVER) -> Decided:
    """What becomes of lines."""
    return decide(core(), [Line(one, len(one)) for one in lines], intake, RECEIVED_AT)


def test_an_event_goes_byte_for_byte_to_the_topic_of_its_channel() -> None:
    """Keyed by its id, whatever blanks and orders of names its sender uses."""
    sent = b" " + line(event(channel="pos", event_id="e-1")).replace(b'":', b'" :')
    found = decided(sent)
    assert found.results == [Result("e-1", Status.ACCEPTED)]
    assert found.records == [Outgoing("touchpoints.pos", sent, key=b"e-1")]


@pytest.mark.parametrize(
    ("sent", "topic", "reason"),
    [
        # no JSON at all
        (b"{", "touchpoints.other", RejectReason.NOT_JSON),
        # an empty place in the list
        (b"", "touchpoints.other", RejectReason.NOT_JSON),
        # of a channel, with an id
        (line(event("page.liked", event_id="e-1")), "touchpoints.shop", RejectReason.UNKNOWN_TYPE),
        # larger than an event may be
        (line(event(pad="x" * EVENT_BYTES_MAX)), "touchpoints.shop", RejectReason.TOO_LARGE),
    ],
)
def test_a_rejected_event_is_a_dead_letter(sent: bytes, topic: str, reason: RejectReason) -> None:
    """With its bytes, its reason, and the topic it was for, so that it can be replayed."""
    found = decided(sent)
    assert [(one.status, one.reason) for one in found.results] == [(Status.REJECTED, reason)]
    [record] = found.records
    headers = dict(record.headers)
    assert (record.topic, record.value) == (REJECTED_TOPIC, sent)
    assert headers["c360-reason"] == reason.value.encode()
    assert headers["c360-source-topic"] == topic.encode()
    assert (headers["c360-source-partition"], headers["c360-source-offset"]) == (b"-1", b"-1")


def test_what_the_intake_could_not_read_is_a_dead_letter() -> None:
    """With its own bytes and reason, whoever sent it, and the id of what it names."""
    fault = Fault(RejectReason.INVALID_FIELD, "userId", "no")
    refused = Line(b'{"userId":1.5}', 14, fault, named=b'{"event_id":"m-1"}')
    decided = decide(core(), [refused], Intake.PUBLIC, RECEIVED_AT)
    assert decided.results == [
        Result("m-1", Status.REJECTED, RejectReason.INVALID_FIELD, "userId", "no")
    ]
    [record] = decided.records
    assert (record.topic, record.value) == (REJECTED_TOPIC, refused.content)


def test_what_a_public_key_sends_has_its_rights_in_its_bytes() -> None:
    """The worker, which takes records for those of servers, makes the same fact of it as the
    embedded engine; a rejected one keeps the mark, too, for a replay."""
    sent = line(event(identifiers=[identifier("cookie", "c-1"), identifier("email", "a@b.de")]))
    refused = line(event("order.placed", body={"order_id": "1"}))
    found = decided(sent, refused, intake=Intake.PUBLIC)
    assert [one.status for one in found.results] == [Status.ACCEPTED, Status.REJECTED]
    assert all(one.value is not None and one.value.endswith(PUBLIC_MARK) for one in found.records)
    in_worker = core().process(found.records[0].value or b"", RECEIVED_AT, Intake.SERVER)
    embedded = core().process(sent, RECEIVED_AT, Intake.PUBLIC)
    assert isinstance(in_worker, Accepted)
    assert isinstance(embedded, Accepted)
    assert {**in_worker.row, "payload": b""} == {**embedded.row, "payload": b""}
    assert in_worker.edges == embedded.edges


def test_the_mark_takes_no_room_of_the_event() -> None:
    """The largest event of a public key is accepted here and in the worker."""
    sent = line(event())
    sent = line({**orjson.loads(sent), "pad": "x" * (EVENT_BYTES_MAX - len(sent) - 9)})
    assert len(sent) == EVENT_BYTES_MAX
    found = decided(sent, intake=Intake.PUBLIC)
    assert [one.status for one in found.results] == [Status.ACCEPTED]
    again = core().process(found.records[0].value or b"", RECEIVED_AT, Intake.SERVER)
    assert isinstance(again, Accepted)


@pytest.mark.parametrize(("ahead_s", "is_accepted"), [(-61, True), (-59, False), (1, False)])
def test_what_the_worker_could_find_ahead_of_its_time_is_rejected(
    ahead_s: int, is_accepted: bool
) -> None:
    """The clock of the brokers may be a minute behind; accepted here and rejected there in rows,
    such events would stop the worker."""
    at = RECEIVED_AT + timedelta(hours=24, seconds=ahead_s)
    [result] = decided(line(event(occurred_at=at.isoformat()))).results
    assert (result.status is Status.ACCEPTED) is is_accepted
    if not is_accepted:
        assert result.reason is RejectReason.FROM_THE_FUTURE


async def test_it_is_answered_when_it_is_acknowledged(world: World) -> None:
    """Not before; results in the order of the request, with hints."""
    world.log.gate.clear()
    hinted = event("profile.updated", event_id="b", body={"attributes": {"shoe": "42"}})
    answer = world.submit(event(event_id="a"), b"{", hinted)
    await world.until(lambda: world.sink._brokers._tasks != set())
    assert not answer.done()
    world.log.gate.set()
    found = await results(answer)
    assert [(one.event_id, one.status) for one in found] == [
        ("a", "accepted"), ("", "rejected"), ("b", "accepted"),
    ]  # fmt: skip
    assert found[2].path == "body.attributes.shoe"
    assert [one.topic for one in world.log.records] == [
        "touchpoints.shop", REJECTED_TOPIC, "touchpoints.shop",
    ]  # fmt: skip
    assert world.metrics.registry.get_sample_value("c360_dead_letters_total") == 1


async def test_too_many_events_are_refused_at_once(world: World) -> None:
    """Public keys have half of the room; what is answered makes room again."""
    world.log.gate.clear()
    world.sink._brokers._deadline_s = DEADLINE_S
    waiting = [world.submit(*(event() for _ in range(3)), intake=Intake.PUBLIC)]
    with pytest.raises(Overloaded):
        world.submit(*(event() for _ in range(3)), intake=Intake.PUBLIC)
    waiting.append(world.submit(*(event() for _ in range(7))))
    with pytest.raises(Overloaded):
        world.submit(event())
    world.log.gate.set()
    for answer in waiting:
        await results(answer)
    assert len(await results(world.submit(event()))) == 1
    assert world.metrics.registry.get_sample_value("c360_intake_queued_events") == 0


async def test_public_keys_take_turns(world: World) -> None:
    """A large request is sent in parts, and answered whole, in its order."""
    names = [f"p-{number}" for number in range(5)]
    found = await results(world.submit(*(event(event_id=n) for n in names), intake=Intake.PUBLIC))
    assert [one.event_id for one in found] == names
    assert len(world.log.records) == 5


async def test_silent_brokers_cost_one_deadline(world: World) -> None:
    """Whoever waits is answered in time; the next are refused at once, until they answer again."""
    world.log.gate.clear()
    world.log.is_down = True
    answers = [world.submit(event()), world.submit(event(), intake=Intake.PUBLIC)]
    for answer in answers:
        with pytest.raises(Retry, match="not acknowledged"):
            await results(answer)
    with pytest.raises(Retry):
        world.submit(event())
    assert world.sink.waits_for()
    assert world.sink.is_live()
    world.log.is_down = False
    world.log.gate.set()
    await world.until(lambda: not world.sink.waits_for())
    assert len(await results(world.submit(event()))) == 1


async def test_a_fault_of_one_topic_refuses_nobody_else(world: World) -> None:
    """A missing topic is told to the senders of its events; others go on."""
    world.log.fault = Fatal("Kafka has no topic touchpoints.tv")
    with pytest.raises(Fatal):
        await results(world.submit(event(channel="tv")))
    assert not world.sink.waits_for()
    world.log.fault = None
    assert len(await results(world.submit(event()))) == 1


async def test_before_the_first_connection_it_waits() -> None:
    """The service may start before the brokers, and says so."""
    world = World(core())
    world.log.is_down = True
    await world.sink.start()
    assert world.sink.waits_for() == NOT_YET
    with pytest.raises(Retry, match="not connected yet"):
        world.submit(event())
    await world.until(lambda: world.log.starts > 2)
    world.log.is_down = False
    await world.until(lambda: not world.sink.waits_for())
    await world.sink.stop()


async def test_stopping_answers_everybody(world: World) -> None:
    """What is in hand is acknowledged, or its sender told; nothing more is taken."""
    world.log.gate.clear()
    world.sink._brokers._deadline_s = DEADLINE_S
    answers = [world.submit(event()), world.submit(event(), intake=Intake.PUBLIC)]
    await world.until(lambda: len(world.sink._brokers._tasks) == 2)
    stopping = asyncio.create_task(world.sink.stop())
    await asyncio.sleep(0)
    with pytest.raises(Retry, match="stops"):
        world.submit(event())
    world.log.gate.set()
    await stopping
    for answer in answers:
        assert [one.status for one in await results(answer)] == [Status.ACCEPTED]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        # its own
        (line(event(realm="brand-a")), None),
        # another one, named or by default
        (line(event(realm="brand-b")), RejectReason.OTHER_REALM),
        (line(event()), RejectReason.OTHER_REALM),
        # invalid, and of another one: a replay must not bring it there
        (line(event("page.liked", realm="brand-b")), RejectReason.OTHER_REALM),
        # invalid, and its own
        (line(event("page.liked", realm="brand-a")), RejectReason.UNKNOWN_TYPE),
        # a realm that nobody has configured tells nothing either
        (line(event(realm="nowhere")), RejectReason.OTHER_REALM),
    ],
)
def test_a_key_of_a_realm_sends_its_events_only(sent: bytes, reason: RejectReason | None) -> None:
    """An event of another realm is rejected, and kept like every other reject."""
    realms = dict.fromkeys(("default", "brand-a", "brand-b"), Realm("DE", "EUR"))
    found = decide(
        core(realms=realms), [Line(sent, len(sent), realm="brand-a")], Intake.SERVER, RECEIVED_AT
    )
    assert found.results[0].reason == (reason or "")
    assert (found.records[0].topic == REJECTED_TOPIC) is (reason is not None)
