"""The identity worker: nothing is lost, doubled or overruled, whatever fails and whenever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

import pytest

from schemas.edge import Edge, Node
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import Placement, ProfileKind
from schemas.records import CustomersRecord, EdgesRecord, ProfileChange, ProfileStatus
from schemas.reject import RejectReason
from schemas.rules.identity import IdentityRules, identity_rules
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.ports import IdentityStore
from services.identity.resettling import CustomerRecords
from services.identity.worker import RECORDS_MAX, IdentityWorker
from services.identity.writer import IdentityWriter
from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from services.stream.claim_records import OFFERS_TOPIC, customer_records
from services.stream.partition_ownership import DecisionPorts
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.positions import MemoryPositions, Position, version_of
from tests.unit.identity.rehearsal import TOPIC, Faults, Log, Topics, VersionedStore
from tests.unit.identity.stories import link, small_rules

T = TypeVar("T")
ANNA = Node(11, "customer_number", "shop")
ANNA_MAIL = Node(12, "email", "")
COOKIE = Node(31, "cookie", "shop")
PARTITION = Partition(TOPIC, 0)


async def at_once(work: Callable[..., T], /, *arguments: Any) -> T:
    """An offload that is none."""
    return work(*arguments)


class Bench:
    """A worker on memory adapters in which nothing fails unless a test makes it."""

    def __init__(self, rules: IdentityRules | None = None) -> None:
        faults = Faults(Random(0))
        self.rows = MemoryIdentityStore()
        self.versions: dict[Any, int] = {}
        self.positions = MemoryPositions()
        self.topics: Topics = Topics(faults)
        self.log = Log(faults)
        self.metrics = Metrics()
        self.offload: Any = at_once
        self._rules = rules or identity_rules()
        self._faults = faults

    def worker(self, customers: CustomerRecords | None = None) -> IdentityWorker:
        """One more worker on the same store, log and topics."""
        return IdentityWorker(
            lambda: VersionedStore(self.rows, self.versions, self._faults),
            self._writer,
            DecisionPorts(self.positions, self.log, self.topics, self.offload), self.metrics,
            customers,
        )  # fmt: skip

    def _writer(self, store: IdentityStore, realm: str) -> IdentityWriter:
        return IdentityWriter(store, realm, self._rules)

    def append(self, *values: bytes | None) -> list[Delivery]:
        """New records of the log, as it delivers them."""
        records = self.log.records[0]
        first = len(records)
        records += values
        return [self.log.delivery(0, offset) for offset in range(first, len(records))]

    def change(self, node: Node) -> Any:
        """What was said last of a node's id."""
        said = [one for one in self.topics.changes if one.profile_id == as_uuid(node.id)]
        return said[-1]

    def sent(self, name: str, **labels: str) -> float | None:
        """The value of a metric."""
        return self.metrics.registry.get_sample_value(name, labels)


def login(a: Node, b: Node, event: str = "e") -> bytes:
    """A record of one verified edge."""
    return edges(link(a, b, 5, event, True))


def edges(*found: Edge) -> bytes:
    """A record of edges."""
    return EdgesRecord.of("one", found).model_dump_json().encode()


@pytest.mark.parametrize(("value", "reason", "path"), [
    (None, "not_json", ""),
    (b"", "not_json", ""),
    (b"{", "not_json", ""),
    (b"\xff", "not_json", ""),
    (b'{"kind": "rumour", "realm": "one"}', "unknown_type", "kind"),
    (b'{"realm": "one"}', "invalid_field", "kind"),
    (b'{"kind": "edges", "realm": "No!"}', "invalid_field", "realm"),
    (b'{"kind": "edges", "realm": "one", "edges": [{}]}', "invalid_field", "edges.0.a"),
    (b'{"kind": "erasure", "realm": "one", "erased_ms": 1, '
     b'"nodes": ["00000000-0000-0000-0000-000000000001"]}', "unknown_type", "kind"),
])  # fmt: skip
async def test_what_cannot_be_processed_is_a_dead_letter(
    value: bytes | None, reason: str, path: str
) -> None:
    """It is dead-lettered with its reason, and the records around it are processed."""
    bench, sent = Bench(), list[Outgoing]()

    class Outbox:
        async def send_all(self, records: Sequence[Outgoing]) -> None:
            sent.extend(records)

    bench.topics = Outbox()  # type: ignore[assignment]
    await bench.worker().process(bench.append(login(ANNA, COOKIE), value, login(ANNA, ANNA_MAIL)))
    (dead,) = [one for one in sent if one.topic == "c360.rejected"]
    headers = dict(dead.headers)
    assert dead.value == value or (dead.value, value) == (b"", None)
    assert headers["c360-reason"].decode() == RejectReason(reason)
    assert headers["c360-path"].decode() == path
    assert b"rumour" not in headers["c360-message"]
    assert headers["c360-source-offset"] == b"1"
    assert bench.rows.all_placements("one").keys() == {ANNA.id, ANNA_MAIL.id, COOKIE.id}
    assert bench.sent("c360_dead_letters_total") == 1


async def test_rows_and_records_carry_the_offset_of_the_batch() -> None:
    """Rows that follow from the record at offset 1 are above all that offset 0 led to."""
    bench = Bench()
    worker = bench.worker()
    await worker.process(bench.append(login(ANNA, COOKIE)))
    await worker.process(bench.append(login(ANNA, ANNA_MAIL)))
    assert bench.versions["map", "one", COOKIE.id] == version_of(2, 0)
    assert bench.versions["map", "one", ANNA_MAIL.id] == version_of(2, 1)
    assert bench.change(ANNA_MAIL).map_version == version_of(2, 1)
    assert bench.positions.read([PARTITION]).get(PARTITION) == Position("first", 2, 1)


async def test_a_log_made_again_writes_above_everything_from_before() -> None:
    """Its offsets begin with 0, but in a generation of their own."""
    bench = Bench()
    await bench.worker().process(bench.append(login(ANNA, COOKIE), login(ANNA, COOKIE, "f")))
    bench.log.id = "second"
    bench.log.records.clear()
    await bench.worker().process(bench.append(login(ANNA, ANNA_MAIL)))
    assert bench.versions["map", "one", ANNA_MAIL.id] == version_of(3, 0)


async def test_a_takeover_says_again_what_may_not_have_been_heard() -> None:
    """The records noted before the crash come again, and the whole region is confirmed."""
    bench = Bench()
    first = bench.append(login(ANNA, COOKIE))
    await bench.worker().process(first)
    heard = len(bench.topics.changes)
    await bench.worker().process(first)
    again = bench.topics.changes[heard:]
    assert {(one.profile_id.int, one.change, one.status) for one in again} == {
        (ANNA.id, ProfileChange.CONFIRMED, ProfileStatus.CURRENT),
        (COOKIE.id, ProfileChange.CONFIRMED, ProfileStatus.MERGED),
    }


async def test_what_was_finished_is_not_in_doubt() -> None:
    """A worker that gets finished records again writes and publishes nothing."""
    bench = Bench()
    worker, first = bench.worker(), bench.append(login(ANNA, COOKIE))
    await worker.process(first)
    heard = len(bench.topics.changes)
    await worker.process(first)
    assert len(bench.topics.changes) == heard


async def test_two_writers_find_each_other_out() -> None:
    """A worker that was written off unawares stops before it writes among its successor's rows."""
    bench = Bench()
    old, new = bench.worker(), bench.worker()
    await old.process(bench.append(login(ANNA, COOKIE)))
    later = bench.append(login(ANNA, ANNA_MAIL), login(ANNA, Node(32, "cookie", "shop")))
    await new.process(later)
    before = dict(bench.versions)
    with pytest.raises(Fatal, match="partition 0: another worker has processed it up to offset 2"):
        await old.process(later[:1])
    assert bench.versions == before


async def test_partitions_assigned_anew_end_a_long_batch() -> None:
    """What is left of it after `reassigned` may be another worker's: it is not begun."""
    bench = Bench()
    worker = bench.worker()
    batch = bench.append(*[login(ANNA, COOKIE)] * (RECORDS_MAX + 1))

    async def offload(work: Callable[..., T], /, *arguments: Any) -> T:
        worker.reassigned()
        return work(*arguments)

    bench.offload = offload
    worker = bench.worker()
    with pytest.raises(Retry, match="reassigned meanwhile"):
        await worker.process(batch)
    noted = bench.positions.read([PARTITION]).get(PARTITION)
    assert noted is None or noted.last_offset < RECORDS_MAX


async def test_a_batch_is_taken_in_bounded_parts() -> None:
    """However many records come at once, so many are solved at a time."""
    bench = Bench()
    noted: list[int] = []

    class Positions(MemoryPositions):
        def note(self, positions: Mapping[Partition, Position]) -> None:
            noted.extend(one.last_offset for one in positions.values())
            super().note(positions)

    bench.positions = Positions()
    await bench.worker().process(bench.append(*[login(ANNA, COOKIE)] * (2 * RECORDS_MAX + 1)))
    assert noted == [RECORDS_MAX - 1, 2 * RECORDS_MAX - 1, 2 * RECORDS_MAX]


async def test_a_write_that_was_given_up_cannot_overrule_a_later_one() -> None:
    """A cancelled batch goes on in its thread; its rows keep their version and lose."""
    bench = Bench()
    held, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    threads: list[asyncio.Task[Any]] = []

    class Slow(MemoryIdentityStore):
        stuck = True

        def write_placements(self, realm: str, placements: Any, version: int = 0) -> None:
            if self.stuck:
                self.stuck = False
                loop.call_soon_threadsafe(held.set)
                assert release.wait(10)
            super().write_placements(realm, placements)

    async def offload(work: Callable[..., T], /, *arguments: Any) -> T:
        threads.append(asyncio.create_task(asyncio.to_thread(work, *arguments)))
        result: T = await asyncio.shield(threads[-1])
        return result

    bench.rows, bench.offload = Slow(), offload
    worker = bench.worker()
    first = bench.append(login(ANNA, COOKIE))
    given_up = asyncio.create_task(worker.process(first))
    await held.wait()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await worker.process(first + bench.append(login(ANNA, ANNA_MAIL)))
    release.set()
    await asyncio.gather(*threads)
    expected = dict.fromkeys(
        (ANNA.id, ANNA_MAIL.id, COOKIE.id), Placement(ANNA.id, ProfileKind.PERSON)
    )
    assert bench.rows.all_placements("one") == expected
    assert bench.versions["map", "one", COOKIE.id] == version_of(2, 1)


async def test_a_hub_that_became_one_in_doubt_lets_its_neighbours_go() -> None:
    """As many edges as all records in doubt may hold are read before a hub is taken as known."""
    bench = Bench(small_rules(3, 10, hub_above_ephemeral=3))
    visits = [link(COOKIE, Node(100 + n, "session", "shop"), 5, f"e{n}", True) for n in range(6)]
    worker = bench.worker()
    await worker.process(bench.append(edges(*visits[:3])))
    late = bench.append(edges(*visits[3:]))
    bench.rows.write_edges("one", visits)
    noted = Position("first", 2, late[-1].offset)
    bench.positions.note({PARTITION: noted})
    await bench.worker().process(late)
    placements = bench.rows.all_placements("one")
    assert {row.profile for row in placements.values()} == set(placements)


async def test_consents_of_a_lone_address_are_told() -> None:
    """A newsletter address seen alone is its own profile; later it is merged."""
    bench = Bench()
    worker = bench.worker()
    record = EdgesRecord.of("one", consents=[ANNA_MAIL.id], attributes=[ANNA_MAIL.id])
    await worker.process(bench.append(record.model_dump_json().encode()))
    alone = bench.change(ANNA_MAIL)
    assert (alone.status, alone.kind, alone.change) == ("current", None, "consents")
    await worker.process(bench.append(login(ANNA, ANNA_MAIL)))
    assert bench.change(ANNA_MAIL).merged_into == as_uuid(ANNA.id)
    await worker.process(bench.append(record.model_dump_json().encode()))
    assert (bench.change(ANNA).change, bench.change(ANNA).kind) == ("consents", "person")
    assert bench.sent("c360_profile_changes_total", change="consents") == 2


async def test_metrics_count_what_a_batch_did() -> None:
    """Edges and changes are counted once the batch is through."""
    bench = Bench()
    await bench.worker().process(bench.append(login(ANNA, COOKIE), login(ANNA, ANNA_MAIL)))
    assert bench.sent("c360_identity_edges_total") == 2
    assert bench.sent("c360_profile_changes_total", change="created") == 1
    assert bench.sent("c360_profile_changes_total", change="identifiers") == 2


class DeafOnce(Topics):
    """The broker does not answer the second time; what profiles are told of is kept."""

    def __init__(self) -> None:
        super().__init__(Faults(Random(0)))
        self.customers: list[NodeId] = []
        self.calls = 0

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        self.calls += 1
        if self.calls == 2:
            raise Retry("no answer")
        for record in records:
            if record.topic == OFFERS_TOPIC:
                said = CustomersRecord.model_validate_json(record.value or b"")
                self.customers += [profile.int for profile in said.customers]


@pytest.mark.parametrize("is_new", [True, False])
async def test_who_lost_a_node_hears_of_it_although_the_first_attempt_moved_it(
    is_new: bool,
) -> None:
    """A cookie becomes shared, and the worker dies before it says so: its former person, which is
    not in the region solved again, has its incidents judged again all the same."""
    bench, topics = Bench(), DeafOnce()
    bench.topics = topics
    worker = bench.worker(customer_records)
    await worker.process(bench.append(login(ANNA, COOKIE), login(ANNA, ANNA_MAIL)))
    bert = Node(21, "customer_number", "shop")
    shared = bench.append(login(bert, COOKIE, "f"))
    with pytest.raises(Retry):
        await worker.process(shared)
    assert bench.rows.all_placements("one")[COOKIE.id].profile == COOKIE.id
    topics.customers.clear()
    if is_new:
        worker = bench.worker(customer_records)
    await worker.process(shared)
    assert {ANNA.id, COOKIE.id} <= set(topics.customers)


async def test_profiles_are_told_only_if_incidents_follow_them() -> None:
    """Without a kind of incident about customers nothing goes to `c360.offers`."""
    bench, topics = Bench(), DeafOnce()
    bench.topics = topics
    await bench.worker().process(bench.append(login(ANNA, COOKIE)))
    assert topics.customers == []
