"""The three workers on a real store and a log in memory: an erasure with events in flight anywhere.

Nothing of the person is left, nothing comes back when every topic is read again, whoever dies.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from schemas.claim import Book
from schemas.identifiers import as_uuid
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import from_ms, to_ms
from schemas.records import ActionRecord, ErasureRecord, TickRecord
from schemas.rules.identity import identity_rules
from schemas.subject import Subject, SubjectType
from schemas.topics import CATALOGUE
from services.api.digest import state_digest
from services.api.ports import Reads
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.alerts import ALERTS_TOPIC
from services.consistency.pausing import PausingErasures
from services.consistency.rules import consistency_rules
from services.consistency.worker import ConsistencyWorker
from services.erasure import closing
from services.erasure.adapters.held import HeldReader
from services.erasure.adapters.orders import ErasureOrders, ErasureStep
from services.erasure.adapters.runs import ErasureRuns
from services.erasure.closing import OrderCloser, WaitingOrder, waiting_erasures
from services.erasure.on_server import ServerErasures
from services.erasure.sales import SaleWriter
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.publication import PROFILE_CHANGES_TOPIC
from services.identity.worker import IdentityWorker
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.limiter import RejectLimiter
from services.ingest.ledger import Ledger, LedgerOfStore
from services.ingest.stage import IngestStage
from services.ingest.worker import Batch, IngestPorts, IngestWorker, Timing
from services.profiles.adapters.totals import refresh_totals
from services.retention.on_server import ServerExpiry, waiting_cutoffs
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.store.database import Database
from services.store.event_cutoffs import EventCutoffs
from services.stream.claim_records import (
    OFFER_PARTITIONS,
    OFFERS_TOPIC,
    action_outgoing,
    customer_records,
)
from services.stream.connection import key_of, partition_of
from services.stream.partition_ownership import DecisionPorts
from services.stream.person_records import EDGES_TOPIC, identity_outgoing
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.positions import ClickHousePositions
from services.stream.watermarks import ClickHouseWatermarks
from tests.events import RECEIVED_AT, config, event, identifier, line, order
from tests.grants import missing, noted
from tests.integration.test_erasure import REALM, assert_consistent, found_in, node
from tests.integration.test_personal_data import access
from tests.planted_person import CARD, EMAIL, OTHERS, PLANTED, STATED, TABLET, planted_lines
from tests.tiers import always

T = TypeVar("T")
SHOP = Partition("touchpoints.shop", 0)
EDGES = Partition(EDGES_TOPIC, 0)
run = asyncio.run
LATE = (*PLANTED, "straggling-order", "straggling-case", "straggler")


def core_of(facts: ClickHouseFactStore, ledger: Ledger | None = None) -> EventProcessor:
    """What ingest makes of events, by the ledgers as they are in the store now."""
    ledger = ledger or Ledger()
    ledger.refresh(facts)
    return EventProcessor(
        config(), ledger.erased_at, ledger.kept_since, is_suppressed=ledger.is_suppressed
    )


class Killed(BaseException):
    """The process is gone."""


class Topics:
    """A log in memory: appends, and remembers what each group has done."""

    id = "memory"

    def __init__(self) -> None:
        self.records: dict[Partition, list[Outgoing]] = defaultdict(list)
        self.times: dict[Partition, list[int]] = defaultdict(list)
        self.committed: dict[Partition, int] = defaultdict(int)
        self.now_ms = to_ms(RECEIVED_AT)

    def append(self, place: Partition, record: Outgoing) -> None:
        self.records[place].append(record)
        self.times[place].append(self.now_ms)

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        for one in records:
            number = one.partition
            if number is None:
                partitions = CATALOGUE.by_name[one.topic].partitions
                number = 0 if one.topic == EDGES_TOPIC else partition_of(one.key or b"", partitions)
            self.append(Partition(one.topic, number), one)

    async def end(self, partition: Partition) -> int:
        return len(self.records[partition])

    def unread(self, partition: Partition) -> list[Delivery]:
        start, times = self.committed[partition], self.times[partition]
        return [
            Delivery(*partition, n, times[n], one.value, one.key, one.headers)
            for n, one in enumerate(self.records[partition][start:], start)
        ]

    def done(self, deliveries: Collection[Delivery]) -> None:
        for one in deliveries:
            self.committed[one.source] = max(self.committed[one.source], one.offset + 1)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committed.update(offsets)

    async def fetch(self, _records_max: int, _timeout_s: float) -> list[Delivery]:
        return []

    async def wait(self) -> None:
        """See the port."""

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        return {one: len(self.records[one]) for one in partitions}

    async def has_passed(self, _service: str, ends: Mapping[Partition, int]) -> bool:
        return all(self.committed[one] >= end for one, end in ends.items())

    async def has_members(self, _service: str) -> bool:
        return True

    def folded(self, topic: str) -> dict[bytes | None, bytes | None]:
        """What is left of a compacted topic."""
        return {
            one.key: one.value
            for partition, records in self.records.items()
            if partition.topic == topic
            for one in records
        }


class Workers:
    """One worker of each kind; each is driven by hand, and may be killed."""

    def __init__(self, database: Database, topics: Topics) -> None:
        self.database, self.topics = database, topics
        self.kill_at: int | None = None
        self.calls = 0
        self.orders = ErasureOrders(database)
        self.cutoffs = EventCutoffs(database)
        self.pauses = PausingErasures(database)
        self.start_ingest()
        self.start_identity()
        self.start_consistency()

    async def offload(self, work: Callable[..., T], /, *arguments: Any) -> T:
        self._count()
        found = work(*arguments)
        self._count()
        return found

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        self._count()
        await self.topics.send_all(records)
        self._count()

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.kill_at:
            raise Killed

    def _ports(self) -> DecisionPorts:
        return DecisionPorts(ClickHousePositions(self.database), self.topics, self, self.offload)

    def start_ingest(self) -> None:
        facts, ledger = ClickHouseFactStore(self.database), Ledger()
        self.ingest = IngestWorker(
            IngestStage(core_of(facts, ledger), facts, from_log=True),
            IngestPorts(self.topics, self, ClickHouseWatermarks(self.database), self.offload),
            RejectLimiter(1_000, 1.0),
            Metrics(),
            Timing(lambda: RECEIVED_AT),
            erasures=LedgerOfStore(ledger, facts),
        )

    def start_identity(self) -> None:
        self.identity = IdentityWorker(
            lambda: ClickHouseIdentityStore(self.database),
            lambda store, realm: IdentityWriter(store, realm, identity_rules()),
            self._ports(),
            Metrics(),
            customer_records,
            ServerErasures(
                self.database,
                lambda: from_ms(self.topics.now_ms),
                write_sales=lambda database: SaleWriter(config(), ClickHouseFactStore(database)),
            ),
            expiry=ServerExpiry(self.database, core_of),
        )
        self.closer = OrderCloser(self.waiting, self.topics, self, self.offload)

    def waiting(self) -> list[WaitingOrder]:
        return [*waiting_erasures(self.orders), *waiting_cutoffs(self.cutoffs)]

    def start_consistency(self) -> None:
        self.consistency = ConsistencyWorker(
            ClickHouseConsistencyStore(self.database, OFFER_PARTITIONS),
            self._ports(),
            consistency_rules(),
            Metrics(),
            erasures=self.pauses,
        )

    def decoded(self) -> Batch:
        """What ingest has not read yet, read and decoded."""
        return self.ingest._decode(self.topics.unread(SHOP))

    async def store(self, batch: Batch) -> None:
        if batch.deliveries:
            await self.ingest._make_durable(batch)

    async def run_identity(self) -> None:
        while deliveries := self.topics.unread(EDGES):
            await self.identity.process(deliveries)
            self.topics.done(deliveries)

    async def run_consistency(self) -> None:
        ticks = [
            TickRecord(realm=REALM, reached_at=from_ms(self.topics.now_ms))
            .model_dump_json()
            .encode()
        ]
        for number in range(OFFER_PARTITIONS):
            await self.topics.send_all(
                [Outgoing(OFFERS_TOPIC, one, key_of(REALM), number) for one in ticks]
            )
        places = [Partition(OFFERS_TOPIC, number) for number in range(OFFER_PARTITIONS)]
        deliveries = [one for place in places for one in self.topics.unread(place)]
        await self.consistency.process(deliveries)
        self.topics.done(deliveries)

    async def run_all(self) -> None:
        """Everything that was sent is processed to its end."""
        await self.store(self.decoded())
        for _ in range(3):  # each may give the other something to do
            await self.run_identity()
            await self.run_consistency()

    async def pause(self) -> None:
        """The consistency worker pauses until the erasure is complete."""
        async with self.consistency.quiet():
            self.pauses.note(self.pauses.pausing(), range(OFFER_PARTITIONS))
            await self.closer.look()
            await self.run_identity()

    def step(self, record: ErasureRecord) -> ErasureStep:
        return self.orders.step_of(record)

    async def finish(self, record: ErasureRecord) -> None:
        """Bring an erasure that was sent to its end."""
        await self.run_identity()
        await self.closer.look()
        assert self.step(record) in (ErasureStep.REFUSING, ErasureStep.PAUSING)
        await self.store(self.decoded())
        await self.closer.look()
        assert self.step(record) is ErasureStep.PAUSING
        await self.pause()
        assert self.step(record) is ErasureStep.CLOSED
        await self.run_all()

    def publish(self, *lines: bytes) -> None:
        for one in lines:
            self.topics.append(SHOP, Outgoing(SHOP.topic, one))

    def digest(self) -> dict[str, str]:
        reads: Reads = access(self.database).reads
        return state_digest(self.database, reads.profiles)

    def record(self) -> ErasureRecord:
        [held] = access(self.database).reads.profiles.resolve(REALM, [node(EMAIL)]).values()
        nodes = HeldReader(self.database).holding(REALM, held.profile).nodes
        own = list(map(as_uuid, nodes))
        return ErasureRecord(realm=REALM, nodes=own, erased_ms=to_ms(RECEIVED_AT))


def stragglers() -> list[bytes]:
    """Events of the person that come late: an order, a case, one at the tablet of both."""
    card = identifier("loyalty_card", CARD, verified=True)
    mail = identifier("email", EMAIL, verified=True)
    return [
        line(order("straggling-order", "9.00", event_id="straggler-1", identifiers=[card])),
        line(event("support.contacted", event_id="straggler-2", identifiers=[mail],
                   body={"case_id": "straggling-case", "text": "planted-support-text"})),
        line(event("page.viewed", event_id="straggler-3", identifiers=[mail, TABLET])),
    ]  # fmt: skip


@pytest.fixture
def workers(database: Database) -> Workers:
    """With the events of a planted person and a neighbour, processed to their end."""
    one = Workers(database, Topics())
    one.publish(*planted_lines())
    run(one.run_all())
    assert {text for _, text in found_in(database, PLANTED)} >= {EMAIL, "planted-case"}
    return one


def assert_gone(workers: Workers, record: ErasureRecord) -> None:
    """Nothing is left, in the store or in the compacted topics; others stay."""
    assert not found_in(workers.database, LATE)
    assert {text for _, text in found_in(workers.database, OTHERS)} == set(OTHERS)
    assert not ErasureRuns(workers.database).remaining(REALM, [one.int for one in record.nodes])
    assert_consistent(workers.database)
    changes = workers.topics.folded(PROFILE_CHANGES_TOPIC)
    assert {changes[key_of(REALM, str(one))] for one in record.nodes} == {None}
    assert changes[key_of(REALM, str(as_uuid(node(STATED))))] is None
    stored = {key_of(REALM, one) for (one,) in workers.database.rows(
        "SELECT DISTINCT incident_id FROM incident_states")}  # fmt: skip
    alerts = workers.topics.folded(ALERTS_TOPIC)
    assert {key for key, value in alerts.items() if value is not None} == stored
    about = "SELECT count() FROM incident_states WHERE subject IN {nodes:Array(String)}"
    nodes = {"nodes": [str(one) for one in record.nodes]}
    assert workers.database.rows(about, nodes) == [(0,)]


def assert_replay_changes_nothing(workers: Workers) -> None:
    """New groups read every topic from its beginning."""
    before = workers.digest()
    workers.topics.committed.clear()
    again = Workers(workers.database, workers.topics)
    run(again.run_all())
    assert again.digest() == before


STAGES = ("sent", "decoded", "stored", "derived", "judged")


@pytest.mark.parametrize("stage", always(("decoded", "derived"), STAGES))
def test_events_in_flight_bring_nobody_back(workers: Workers, stage: str) -> None:
    """Events that were accepted and not yet processed, at each stage between the topic and the
    memory of the consistency worker, when the erasure is taken."""
    record = workers.record()

    async def story() -> None:
        workers.publish(*stragglers())
        batch = workers.decoded()
        await workers.send_all([identity_outgoing(record)])
        if stage == "stored":  # killed between the facts and what is derived from them
            workers.ingest._stage.store(batch.decoded, 0)
            workers.start_ingest()
        elif stage in ("derived", "judged"):
            await workers.store(batch)
        if stage == "judged":
            await workers.run_consistency()
        elif stage == "decoded":
            await workers.run_identity()
            await workers.store(batch)
        await workers.finish(record)

    run(story())
    assert_gone(workers, record)
    workers.publish(*stragglers())  # once more, to a worker that may not know of the erasure yet
    run(workers.run_all())
    assert_gone(workers, record)
    assert_replay_changes_nothing(workers)
    assert_gone(workers, record)


def test_whoever_dies_the_next_one_completes_it(workers: Workers) -> None:
    """The identity worker is killed before and after each single call of its ports, from the first
    record of the erasure to its end; its successors bring it to the same end."""
    record, deaths = workers.record(), 0

    async def attempt(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Die one call later each time, until it goes through; what was not done comes again."""
        nonlocal deaths
        for last in range(1, 200):
            workers.calls, workers.kill_at = 0, last
            try:
                await work()
            except Killed:
                deaths += 1
                workers.start_identity()
                continue
            finally:
                workers.kill_at = None
            return
        raise AssertionError("it never ends")

    async def closing() -> None:
        await workers.closer.look()
        await workers.run_identity()

    async def story() -> None:
        workers.publish(*stragglers())
        await workers.send_all([identity_outgoing(record)])
        await attempt(workers.run_identity)
        await workers.store(workers.decoded())
        await attempt(workers.closer.look)
        async with workers.consistency.quiet():
            workers.pauses.note(workers.pauses.pausing(), range(OFFER_PARTITIONS))
            await attempt(closing)
        assert workers.step(record) is ErasureStep.CLOSED
        await workers.run_all()

    run(story())
    assert deaths > 20
    assert_gone(workers, record)
    assert_replay_changes_nothing(workers)
    state = ErasureRuns(workers.database).run_of(REALM, node(EMAIL))
    assert state is not None
    assert state.removed["touchpoints"] > 5


def test_a_new_event_begins_a_new_profile(workers: Workers) -> None:
    """Events while an erasure is under way are refused, however new; one from after its end starts
    anew, stays when a record comes again, and survives a replay. A worker may do all of it."""
    record, mail = workers.record(), identifier("email", EMAIL, verified=True)
    refresh_totals(workers.database)

    def at(minutes: int, name: str, *more: dict[str, Any]) -> bytes:
        moment = (RECEIVED_AT + timedelta(minutes=minutes)).isoformat()
        return line(event("page.viewed", event_id=name, occurred_at=moment,
                          identifiers=[mail, *more]))  # fmt: skip

    async def story() -> None:
        await workers.send_all([identity_outgoing(record)])
        await workers.run_identity()
        workers.publish(at(1, "meanwhile"))
        workers.topics.now_ms += 300_000
        await workers.finish(record)
        assert not found_in(workers.database, (EMAIL, "meanwhile"))
        workers.topics.now_ms += 300_000
        workers.publish(at(9, "planted-new", identifier("cookie", "new-cookie")))
        await workers.run_all()
        again = [record, record.model_copy(update={"closes": True})]
        await workers.send_all(list(map(identity_outgoing, again)))
        await workers.closer.look()
        await workers.run_all()

    with noted() as needs:
        run(story())
    assert ("SYSTEM VIEWS", "c360.profile_totals") in needs
    assert missing(needs, "c360-worker") == set()
    [profile] = access(workers.database).reads.profiles.holding(REALM, [node(EMAIL)]).values()
    assert {one.value for one in profile.identifiers} == {EMAIL, "new-cookie"}
    assert_consistent(workers.database)
    assert_replay_changes_nothing(workers)


def test_an_objection_outlasts_the_person(workers: Workers) -> None:
    """Whichever worker dies between the ledger and the end, and when every topic is read again;
    one that is under way when the erasure is ordered is kept, too."""
    mail = identifier("email", EMAIL, verified=True)
    record = workers.record()
    late = line(event("objection.made", event_id="late", identifiers=[mail],
                      body={"purpose": "marketing"}))  # fmt: skip

    async def story() -> None:
        workers.publish(late)
        await workers.store(workers.decoded())
        await workers.send_all([identity_outgoing(record)])
        await workers.run_identity()
        await workers.closer.look()
        workers.kill_at = workers.calls + 12
        try:
            await workers.pause()
        except Killed:
            workers.kill_at = None
            workers.start_identity()
            await workers.run_identity()
        await workers.closer.look()
        await workers.pause()
        assert workers.step(record) is ErasureStep.CLOSED
        workers.topics.now_ms += 600_000
        moment = (RECEIVED_AT + timedelta(minutes=15)).isoformat()
        workers.publish(line(event("page.viewed", event_id="planted-new", occurred_at=moment,
                                   identifiers=[mail])))  # fmt: skip
        await workers.run_all()

    run(story())
    [profile] = access(workers.database).reads.profiles.holding(REALM, [node(EMAIL)]).values()
    assert {(one.allowed, one.reason) for one in profile.consents} == {(False, "objected")}
    assert_replay_changes_nothing(workers)


def test_an_action_that_waits_does_not_bring_an_incident_back(workers: Workers) -> None:
    """Somebody acknowledged an incident about the person and one of others; the consistency worker
    reads it when the first is removed. Read again, too."""
    record = workers.record()
    theirs = event("support.contacted", event_id="other-case", occurred_at="2026-11-20T10:00:00Z",
                   identifiers=[identifier("email", OTHERS[0], verified=True)],
                   body={"case_id": "other-case"})  # fmt: skip
    acted = "SELECT subject FROM incident_actions FINAL"

    async def story() -> None:
        workers.publish(line(theirs))
        await workers.run_all()
        stored = workers.database.rows(
            "SELECT kind, subject, incident_id FROM incident_states FINAL WHERE subject IN "
            "('planted-case', 'other-case') ORDER BY subject"
        )
        assert [subject for _, subject, _ in stored] == ["other-case", "planted-case"]
        for kind, subject, incident_id in stored:
            book = Book(REALM, kind, Subject(SubjectType.CASE, subject))
            entry = IncidentAction(
                incident_id=incident_id, action=ActionKind.ACK, by="kim",
                reason="planted-support-text", acted_at=RECEIVED_AT,
            )  # fmt: skip
            await workers.send_all([action_outgoing(ActionRecord.of(book, entry))])
        await workers.send_all([identity_outgoing(record)])
        await workers.finish(record)

    run(story())
    assert workers.database.rows(acted) == [("other-case",)]
    assert_replay_changes_nothing(workers)
    assert workers.database.rows(acted) == [("other-case",)]


def test_a_closing_record_without_effect_is_sent_again(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was lost, or read by a worker that died: after a while, and not before."""
    record, now_s = workers.record(), [1_000.0]
    monkeypatch.setattr(closing, "monotonic", lambda: now_s[0])

    async def sent_after(wait_s: float) -> bool:
        now_s[0] += wait_s
        before = len(workers.topics.records[EDGES])
        await workers.closer.look()
        return len(workers.topics.records[EDGES]) > before

    async def story() -> None:
        await workers.send_all([identity_outgoing(record)])
        await workers.run_identity()
        await workers.closer.look()
        assert workers.step(record) is ErasureStep.PAUSING
        workers.pauses.note(workers.pauses.pausing(), range(OFFER_PARTITIONS))
        assert await sent_after(0)
        assert not await sent_after(closing.SEND_AGAIN_S)
        assert await sent_after(1)
        await workers.run_identity()
        assert workers.step(record) is ErasureStep.CLOSED
        assert not await sent_after(2 * closing.SEND_AGAIN_S)

    run(story())


def test_incidents_pause_meanwhile(workers: Workers) -> None:
    """Nobody who takes a partition over writes while a person is removed; nothing is removed before
    every partition pauses."""
    record = workers.record()

    async def story() -> None:
        await workers.send_all([identity_outgoing(record)])
        await workers.run_identity()
        await workers.closer.look()
        assert workers.step(record) is ErasureStep.PAUSING
        workers.pauses.note(workers.pauses.pausing(), range(1, OFFER_PARTITIONS))
        await workers.closer.look()
        assert not workers.topics.unread(EDGES), "one partition does not pause"
        workers.start_consistency()
        with pytest.raises(Retry, match="a person is being removed"):
            await workers.run_consistency()

    run(story())


def test_a_second_order_of_the_same_person_is_closed_with_the_first(database: Database) -> None:
    """One that names nobody else does nothing, now or when it is read again; one that names
    somebody else, too, is an order of its own."""
    orders, mine = ErasureOrders(database), [as_uuid(node(EMAIL)), as_uuid(node("b@mail.example"))]
    first = ErasureRecord(realm=REALM, nodes=mine, erased_ms=to_ms(RECEIVED_AT))
    again = first.model_copy(update={"nodes": mine[:1], "erased_ms": first.erased_ms + 1})
    more = first.model_copy(update={"nodes": [*mine, as_uuid(node("c@mail.example"))]})
    for one in (first, again, more):
        orders.begin(one)
    steps = [orders.step_of(one) for one in (first, again, more)]
    assert steps == [ErasureStep.REFUSING, ErasureStep.CLOSED, ErasureStep.REFUSING]
    for one in (first, more):
        orders.close(one, one.erased_ms)
    for one in (first, again, more):
        orders.begin(one)
    assert not orders.open()
