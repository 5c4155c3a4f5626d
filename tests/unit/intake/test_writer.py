"""The queue of the intake: bounded, refuses at once, loses nothing it accepted, ends for good.

The pipeline is the real one on stores in memory; a gate in front of the facts holds the writer
where a test wants it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat
from typing import Any, cast

import pytest

from schemas.rules.identity import identity_rules
from services.api.http.sink import Overloaded
from services.consistency.adapters.memory import MemoryStore
from services.consistency.rules import consistency_rules
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.pipeline import ATTEMPTS_MAX, Pipeline
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.stage import IdentityStage
from services.identity.writer import IdentityWriter
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.ingest.ports import Known
from services.ingest.stage import IngestStage, Result, Status
from services.intake import writer as writer_module
from services.intake.writer import IntakeWriter
from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from services.stream.watermarks import MemoryWatermarks
from tests.events import core, event, line
from tests.simulation.stores import FactRows, Facts

QUEUE_EVENTS_MAX = 10
DEADLINE_S = 30.0
TRUSTS = {"s": Intake.SERVER, "p": Intake.PUBLIC}
OFFER = {"sku": "A-1", "price": "9.99", "currency": "EUR"}


class GatedFacts(Facts):
    """Facts in memory that the writer reaches only while the gate is open."""

    def __init__(self, rows: FactRows) -> None:
        super().__init__(rows, None)
        self.gate = threading.Event()
        self.reached = threading.Event()
        self.faults: dict[str, Exception] = {}
        """By the id of the event that provokes it."""
        self.refusals = 0

    def known(self, events: Sequence[Accepted]) -> dict[tuple[str, str], list[Known]]:
        """Wait at the gate; behind it a fault may await an event."""
        self.reached.set()
        assert self.gate.wait(DEADLINE_S), "nobody opened the gate"
        for one in events:
            if one.event_id in self.faults:
                self.refusals += 1
                raise self.faults[one.event_id]
        return super().known(events)


class World:
    """A writer with its pipeline, its stores, and what it reported."""

    def __init__(self, linger_s: float = 0.0) -> None:
        self.prices = MemoryStore()
        self.rows = FactRows(self.prices)
        self.facts = GatedFacts(self.rows)
        self.metrics = Metrics()
        self.failures: list[BaseException] = []
        self.writer = IntakeWriter(
            self._pipeline(),
            self.metrics,
            5,
            QUEUE_EVENTS_MAX,
            linger_s,
            self.failures.append,
            lambda: repeat(0.01),
        )

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            self.facts,
            IngestStage(core(), self.facts),
            IdentityStage(
                MemoryIdentityStore(),
                lambda graph, realm: IdentityWriter(graph, realm, identity_rules()),
            ),
            ConsistencyStage(
                cast("Any", self.prices),
                lambda realm: ConsistencyWriter(self.prices, consistency_rules(), realm=realm),
                (),
                self.metrics,
            ),
            MemoryWatermarks(),
            self.metrics,
            sleep=lambda _pause_s: None,
        )

    def hold(self) -> Future[list[Result]]:
        """Have the writer wait at the gate with one event in hand."""
        answer = self.submit("held")
        assert self.facts.reached.wait(DEADLINE_S)
        return answer

    def submit(self, *names: str, intake: Intake = Intake.SERVER) -> Future[list[Result]]:
        """Submit events of these ids."""
        sent = [line(event(event_id=name)) for name in names]
        return self.writer.submit([Line(one, len(one)) for one in sent], intake)

    @property
    def stored(self) -> set[str]:
        """Ids of the events in the store."""
        return {event_id for _realm, _node, event_id in self.rows.facts}

    @property
    def queued(self) -> float | None:
        """The gauge of waiting events."""
        return self.metrics.registry.get_sample_value("c360_intake_queued_events")


@pytest.fixture
def world() -> Iterator[World]:
    """A writer that runs; the gate opens at the latest when the test is over."""
    made = World()
    made.writer.start()
    yield made
    made.facts.gate.set()
    made.writer.stop()


def ids(count: int, prefix: str = "e") -> list[str]:
    """That many event ids."""
    return [f"{prefix}-{number}" for number in range(count)]


def done(answer: Future[list[Result]]) -> list[tuple[str, str]]:
    """Event id and status of every result."""
    return [(one.event_id, one.status) for one in answer.result(DEADLINE_S)]


def test_a_rest_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing more comes, the store soon knows that everything is processed."""
    monkeypatch.setattr(writer_module, "TICK_S", 1e12)
    world = World()
    world.facts.gate.set()
    world.writer.start()
    world.submit("only").result(DEADLINE_S)
    ends_at_s = time.monotonic() + DEADLINE_S
    while not world.rows.checkpoint:
        assert time.monotonic() < ends_at_s
        time.sleep(0.01)
    world.writer.stop()


def test_refuses_beyond_its_bound_and_loses_nothing(world: World) -> None:
    """Up to the bound requests wait; the next is refused whole; afterwards it is accepted."""
    answers = [world.hold(), world.submit(*ids(6, "a")), world.submit(*ids(3, "b"))]
    with pytest.raises(Overloaded, match="10 events wait"):
        world.submit("late")
    assert world.queued == QUEUE_EVENTS_MAX
    world.facts.gate.set()
    assert [done(one) for one in answers] == [
        [(name, Status.ACCEPTED) for name in names]
        for names in (["held"], ids(6, "a"), ids(3, "b"))
    ]
    assert "late" not in world.stored
    assert done(world.submit("late")) == [("late", Status.ACCEPTED)]
    assert world.stored == {"held", "late", *ids(6, "a"), *ids(3, "b")}
    assert world.queued == 0


def test_a_request_is_refused_as_a_whole(world: World) -> None:
    """What does not fit as a whole is not accepted in part; a smaller one still fits."""
    world.hold()
    world.submit(*ids(7, "a"))
    with pytest.raises(Overloaded):
        world.submit(*ids(3, "b"))
    last = world.submit(*ids(2, "c"))
    world.facts.gate.set()
    assert len(done(last)) == 2
    assert not world.stored & set(ids(3, "b"))


def test_many_senders_stay_below_the_bound(world: World) -> None:
    """However many threads send at once, no more than the bound ever waits."""
    world.hold()
    world.facts.reached.clear()

    def send(name: str) -> Future[list[Result]] | None:
        try:
            return world.submit(name)
        except Overloaded:
            return None

    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip(ids(200), pool.map(send, ids(200)), strict=True))
    taken = {name for name, answer in answers.items() if answer is not None}
    assert len(taken) == QUEUE_EVENTS_MAX - 1
    assert world.queued == QUEUE_EVENTS_MAX
    world.facts.gate.set()
    for answer in answers.values():
        assert answer is None or done(answer)
    assert world.stored == {"held", *taken}


def test_an_empty_queue_accepts_a_request_above_the_bound(world: World) -> None:
    """A request larger than the whole queue could otherwise never be sent."""
    world.facts.gate.set()
    assert len(done(world.submit(*ids(QUEUE_EVENTS_MAX + 1)))) == QUEUE_EVENTS_MAX + 1


def test_public_keys_leave_half_of_the_queue(world: World) -> None:
    """However much strangers send, requests of servers still find room."""
    held = world.hold()
    public = [world.submit(*ids(3, prefix), intake=Intake.PUBLIC) for prefix in ("a",)]
    with pytest.raises(Overloaded):
        world.submit(*ids(3, "b"), intake=Intake.PUBLIC)
    public.append(world.submit(*ids(2, "c"), intake=Intake.PUBLIC))
    server = world.submit(*ids(4, "s"))
    with pytest.raises(Overloaded):
        world.submit("one-more")
    world.facts.gate.set()
    assert [len(done(one)) for one in (held, *public, server)] == [1, 3, 2, 4]
    assert world.queued == 0


def test_a_large_request_of_a_public_key_lets_servers_pass() -> None:
    """It is done in turns; what a server sends meanwhile comes before the rest of it. Its results
    are complete and in order."""
    world = World()
    names = ids(40, "p")
    large = world.submit(*names, intake=Intake.PUBLIC)
    server = world.submit(*ids(3, "s"))
    seen: list[set[str]] = []
    server.add_done_callback(lambda _: seen.append(world.stored))
    world.facts.gate.set()
    world.writer.start()
    assert [name for name, _ in done(large)] == names
    [stored_then] = seen
    assert len({name for name in stored_then if name.startswith("public:")}) < 40
    assert world.queued == 0
    world.writer.stop()
    assert world.stored == {*ids(3, "s"), *(f"public:{name}" for name in names)}


def test_a_stalled_turn_refuses_the_whole_request(world: World) -> None:
    """Of a request of which some events are durable all are refused: its sender sends it again."""
    names = ids(12, "p")
    world.facts.faults["public:p-7"] = Retry("no memory")
    world.facts.gate.set()
    answer = world.submit(*names, intake=Intake.PUBLIC)
    assert isinstance(answer.exception(DEADLINE_S), Retry)
    world.facts.faults = {}
    wait_for(lambda: not world.writer.waits_for())
    again = dict(done(world.submit(*names, intake=Intake.PUBLIC)))
    assert [again[name] for name in names] == [Status.DUPLICATE] * 10 + [Status.ACCEPTED] * 2
    assert world.queued == 0


def test_each_key_keeps_its_trust(world: World) -> None:
    """Requests of public and of secret keys that share a batch are decoded each by its own key."""
    held = world.hold()
    public = world.submit("p", intake=Intake.PUBLIC)
    server = world.submit("s")
    world.facts.gate.set()
    assert [done(one)[0][0] for one in (held, public, server)] == ["held", "p", "s"]
    kept = {key[2]: fact.intake for key, fact in world.rows.facts.items()}
    assert kept == {"held": Intake.SERVER, "public:p": Intake.PUBLIC, "s": Intake.SERVER}


def test_a_broken_store_ends_it(world: World) -> None:
    """After Fatal everybody who waits is told, nothing more is accepted, and it is not live."""
    answers = [world.hold(), world.submit("a")]
    tick = world.writer.submit_tick()
    assert world.writer.is_live()
    world.facts.faults["held"] = Fatal("the disk is gone")
    world.facts.gate.set()
    for failed in [one.exception(DEADLINE_S) for one in answers] + [tick.exception(DEADLINE_S)]:
        assert failed is world.facts.faults["held"]
    world.writer.stop()
    assert world.failures == [world.facts.faults["held"]]
    assert not world.writer.is_live()
    for submit in (world.submit, world.writer.submit_tick):
        with pytest.raises(Fatal, match="the writer has ended: the disk is gone"):
            submit()
    assert world.stored == set()


@pytest.mark.parametrize("bad", ["s", "p"])
def test_everybody_in_the_broken_batch_is_told(bad: str) -> None:
    """Whichever part of a batch fails, no request of it waits for ever, nor the tick behind it."""
    world = World()
    world.facts.gate.set()
    stored_as = {"s": "s", "p": "public:p"}
    world.facts.faults[stored_as[bad]] = Fatal("the disk is gone")
    answers = {name: world.submit(name, intake=intake) for name, intake in TRUSTS.items()}
    tick = world.writer.submit_tick()
    world.writer.start()
    assert answers[bad].exception(DEADLINE_S) is tick.exception(DEADLINE_S) is not None
    world.writer.stop()
    for name, answer in answers.items():
        assert (answer.exception(DEADLINE_S) is None) == (stored_as[name] in world.stored)


def test_a_store_that_takes_nothing_refuses_all_and_comes_back(world: World) -> None:
    """Everybody is refused while it lasts, whatever key; then it goes on by itself, with the batch
    in hand before any other."""
    world.facts.faults = {name: Retry("the disk is full") for name in ("held", "p")}
    held = world.hold()
    public = world.submit("p", intake=Intake.PUBLIC)
    tick = world.writer.submit_tick()
    world.facts.gate.set()
    for refused in (held, public, tick):
        assert str(refused.exception(DEADLINE_S)) == "the disk is full"
    wait_for(lambda: world.facts.refusals > 5 * ATTEMPTS_MAX)
    with pytest.raises(Retry, match="the disk is full"):
        world.submit("late")
    assert (world.writer.is_live(), world.writer.waits_for()) == (True, "the disk is full")
    assert world.queued == 0
    world.facts.faults = {}
    wait_for(lambda: not world.writer.waits_for())
    assert done(world.submit("held", "late")) == [
        ("held", Status.DUPLICATE),
        ("late", Status.ACCEPTED),
    ]
    assert world.stored == {"held", "late"}
    assert world.failures == []


def test_both_keys_of_a_batch_are_refused(world: World) -> None:
    """Of a batch with requests of both kinds of keys nobody waits until the store is back."""
    held = world.hold()
    answers = [world.submit("s"), world.submit("p", intake=Intake.PUBLIC)]
    world.facts.faults["s"] = Retry("no memory")
    world.facts.gate.set()
    assert done(held)
    assert all(isinstance(one.exception(DEADLINE_S), Retry) for one in answers)
    world.facts.faults = {}
    wait_for(lambda: not world.writer.waits_for())
    assert world.stored == {"held", "s"}


def test_stopped_while_the_store_takes_nothing() -> None:
    """It ends with the store's fault, so that the process can say why something is left to do."""
    world = World()
    world.facts.gate.set()
    fault = world.facts.faults["a"] = Retry("the disk is full")
    world.writer.start()
    assert world.submit("a").exception(DEADLINE_S) is fault
    world.writer.stop()
    assert world.failures == [fault]
    with pytest.raises(Fatal):
        world.submit("b")


def wait_for(condition: Callable[[], bool]) -> None:
    """Until the condition is true, or the deadline has passed."""
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s
        threading.Event().wait(0.005)


def test_a_sender_who_goes_away_harms_nobody(world: World) -> None:
    """A request that is given up while it waits is stored, and the writer goes on."""
    held = world.hold()
    assert not world.submit("given-up").cancel()
    world.facts.gate.set()
    assert done(held)
    assert done(world.submit("next")) == [("next", Status.ACCEPTED)]
    assert world.stored == {"held", "given-up", "next"}


def test_a_tick_comes_after_what_was_submitted_before(world: World) -> None:
    """Prices are judged up to the latest event of all requests before the tick."""
    answer = world.hold()
    offer = line(event("offer.published", identifiers=[], body=OFFER))
    world.writer.submit([Line(offer, len(offer))], Intake.SERVER)
    tick = world.writer.submit_tick()
    assert not tick.done()
    world.facts.gate.set()
    tick.result(DEADLINE_S)
    assert answer.done()
    reached = world.prices.latest_tick("default")
    assert reached is not None
    assert reached.isoformat() == "2026-11-20T09:00:00+00:00"


def test_stop_finishes_what_was_submitted() -> None:
    """What was handed in before `stop` is durable when `stop` returns."""
    world = World()
    world.facts.gate.set()
    answers = [world.submit(*ids(4, prefix)) for prefix in ("a", "b")]
    tick = world.writer.submit_tick()
    world.writer.start()
    world.writer.stop()
    assert tick.done()
    assert all(one.done() for one in answers)
    assert world.stored == {*ids(4, "a"), *ids(4, "b")}
    assert world.failures == []


@pytest.fixture
def patient() -> Iterator[World]:
    """The same with a linger that no test can wait for; its gate is open."""
    made = World(linger_s=10 * DEADLINE_S)
    made.facts.gate.set()
    made.writer.start()
    yield made
    made.writer.stop()


def test_a_sender_alone_does_not_wait_for_others(patient: World) -> None:
    """Its request is written at once, again and again."""
    for name in ids(3):
        assert patient.submit(name).result(DEADLINE_S)[0].status is Status.ACCEPTED


def test_senders_who_came_together_are_waited_for(patient: World) -> None:
    """After a batch of two requests, the next one waits for a second: both share the statements."""
    patient.facts.gate.clear()
    held = patient.hold()
    both = [patient.submit(name) for name in ids(2)]
    patient.facts.gate.set()
    for one in (held, *both):
        one.result(DEADLINE_S)
    first = patient.submit("first")
    with pytest.raises(TimeoutError):
        first.result(0.3)
    assert patient.submit("second").result(DEADLINE_S)[0].status is Status.ACCEPTED
    assert first.result(DEADLINE_S)[0].status is Status.ACCEPTED
