"""Incidents about customers: claims under anchors, books by the map, one writer for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import pytest

from schemas.claim import Book, Claim, Statement
from schemas.identifiers import NodeId
from schemas.incident import IncidentState
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import to_ms
from schemas.offer import Basis
from schemas.records import AlertRecord, CustomersRecord
from schemas.subject import Subject
from schemas.watermark import Watermark
from services.consistency.adapters.memory import MemoryStore
from services.consistency.alerts import ALERTS_TOPIC
from services.consistency.rules import ConsistencyRules
from services.consistency.stage import ConsistencyStage
from services.consistency.ticker import tick_records
from services.consistency.worker import ConsistencyWorker
from services.consistency.writer import FIRST, ConsistencyWriter
from services.runtime.metrics import Metrics
from services.stream.claim_records import (
    OFFERS_TOPIC,
    claim_records,
    customer_records,
    partition_of_book,
)
from services.stream.partition_ownership import DecisionPorts
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.positions import MemoryPositions
from tests.customer_kind import NAME, WITH_CUSTOMERS, current_incidents

from .market import hour

RULES = ConsistencyRules.of({}, WITH_CUSTOMERS)
ANNA, PHONE, NOBODY = 1, 3, 9
APPENDED_MS = to_ms(hour(99))
PARTITIONS = 4
T = TypeVar("T")


def book(node: NodeId) -> Book:
    """The book of a profile, or the key of a claim by its anchor."""
    return Book("default", NAME, Subject.customer(node))


def says(node: NodeId, channel: str, city: str, at: float) -> Statement:
    """A channel names a customer's city at an hour."""
    name = f"{node}-{channel}-{at:g}"
    return Statement(book(node), hour(at), name, 0, 0, channel, "", "", Basis.PUBLISHED, city)


CLAIMS = [says(ANNA, "shop", "Bonn", 0), says(PHONE, "app", "Berlin", 1)]


class Town:
    """A store with a map that a test changes, and a consistency worker that nothing disturbs."""

    id = "log"

    def __init__(self) -> None:
        self.map: dict[NodeId, NodeId] = {}
        self.store = MemoryStore(PARTITIONS, lambda _realm: self.map)
        self.log: dict[int, list[Outgoing]] = {number: [] for number in range(PARTITIONS)}
        self.alerts: list[AlertRecord] = []
        self._read = dict.fromkeys(self.log, 0)
        ports = DecisionPorts(MemoryPositions(), self, self, self.offload)
        self.worker = ConsistencyWorker(self.store, ports, RULES, Metrics(), PARTITIONS)

    async def end(self, partition: Partition) -> int:
        """See the port `Log`."""
        return len(self.log[partition.number])

    async def offload(self, work: Callable[..., T], /, *arguments: Any) -> T:
        """See the port."""
        return work(*arguments)

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """See the port `Outbox`: what goes to `c360.offers` is delivered later."""
        for one in records:
            if one.topic == OFFERS_TOPIC:
                assert one.partition is not None
                self.log[one.partition].append(one)
            elif one.topic == ALERTS_TOPIC:
                self.alerts.append(AlertRecord.model_validate_json(one.value or b""))

    async def step(self) -> None:
        """Process what is in the log by now."""
        batch = [
            Delivery(OFFERS_TOPIC, number, offset, APPENDED_MS, records[offset].value)
            for number, records in self.log.items()
            for offset in range(self._read[number], len(records))
        ]
        await self.worker.process(batch)
        for one in batch:
            self._read[one.partition] = one.offset + 1

    async def told(self, records: Sequence[Outgoing]) -> dict[str, IncidentState]:
        """Send and process records, and what follows from them; the latest state of each id."""
        await self.send_all(records)
        while any(self._read[number] < len(mine) for number, mine in self.log.items()):
            await self.step()
        return {one.incident_id: one.state for one in self.alerts}

    async def said(self) -> dict[str, IncidentState]:
        """Two claims, and a tick when they are old enough."""
        self.store.write_claims(CLAIMS)
        records = claim_records("default", CLAIMS, PARTITIONS)
        return await self.told([*records, *tick_records("default", hour(30), PARTITIONS)])


async def test_a_claim_is_judged_by_who_holds_the_book_of_its_profile() -> None:
    """The partition of the anchor passes it on; only that of the profile judges."""
    town = Town()
    town.map = {PHONE: ANNA}
    town.store.write_claims(CLAIMS)
    assert partition_of_book(book(PHONE), PARTITIONS) != partition_of_book(book(ANNA), PARTITIONS)
    await town.send_all(tick_records("default", hour(30), PARTITIONS))
    await town.send_all(claim_records("default", CLAIMS[1:], PARTITIONS))
    await town.step()
    assert town.alerts == []
    [passed_on] = town.log[partition_of_book(book(ANNA), PARTITIONS)][1:]
    record = CustomersRecord.model_validate_json(passed_on.value or b"")
    assert [one.int for one in record.customers] == [ANNA]
    await town.step()
    assert [one.state for one in town.alerts] == [IncidentState.OPEN]
    assert town.alerts[0].about == book(ANNA).subject


async def test_a_merge_and_a_split_have_both_profiles_judged_again() -> None:
    """Apart the claims agree with themselves; together they contradict each other; and back."""
    town = Town()
    assert await town.said() == {}
    regrouped = customer_records("default", {ANNA, PHONE}, PARTITIONS)
    town.map = {PHONE: ANNA}
    [(key, state)] = (await town.told(regrouped)).items()
    assert state is IncidentState.OPEN
    town.map = {}
    assert await town.told(regrouped) == {key: IncidentState.RETRACTED}
    town.map = {PHONE: ANNA}
    assert await town.told(regrouped) == {key: IncidentState.OPEN}


async def test_a_change_of_the_profile_id_moves_the_incident() -> None:
    """The incident about the former id is retracted, and the new id has one of its own."""
    town = Town()
    town.map = {PHONE: ANNA}
    [former] = await town.said()
    town.map = {ANNA: PHONE}
    states = await town.told(customer_records("default", {ANNA, PHONE}, PARTITIONS))
    assert states.pop(former) is IncidentState.RETRACTED
    assert list(states.values()) == [IncidentState.OPEN]
    assert town.alerts[-1].about in {book(ANNA).subject, book(PHONE).subject}


async def test_a_signal_may_come_first_again_and_in_any_order() -> None:
    """A profile told of before its map row, twice, or without claims: nothing is left over."""
    town = Town()
    regrouped = customer_records("default", {ANNA, PHONE, NOBODY}, PARTITIONS)
    assert await town.told(regrouped) == {}
    town.map = {PHONE: ANNA}
    assert await town.told([*regrouped, *regrouped]) == {}
    assert town.store.due_books("default", hour(999)) == []
    assert list((await town.said()).values()) == [IncidentState.OPEN]
    assert len(await town.told([*regrouped, *regrouped])) == 1


def test_what_people_did_returns_with_the_incident() -> None:
    """A merge retracts an acknowledged incident; when it is undone, it is acknowledged again."""
    holders: dict[NodeId, NodeId] = {}
    store = MemoryStore(map_of=lambda _realm: holders)
    store.write_claims([says(PHONE, "app", "Bonn", 0), says(PHONE, "shop", "Berlin", 1)])
    writer = ConsistencyWriter(store, RULES)
    [incident] = writer.apply([], hour(30), changed_books=[book(PHONE)])
    action = IncidentAction(
        incident_id=incident.incident_id, action=ActionKind.ACK, by="kim", reason="known",
        acted_at=hour(31),
    )  # fmt: skip
    writer.apply([], None, {book(PHONE): [action]})
    for map_now, state in (
        ({}, IncidentState.ACKNOWLEDGED),
        ({PHONE: ANNA}, IncidentState.OPEN),
        ({}, IncidentState.ACKNOWLEDGED),
    ):
        holders.clear()
        holders.update(map_now)
        writer.apply([], None, changed_books=[book(ANNA), book(PHONE)])
        writer.commit(1)
        [found] = current_incidents(store, "default").values()
        assert (found.state, found.about) == (state, book(holders.get(PHONE, PHONE)).subject)


class CountingStore(MemoryStore):
    """Notes which books' claims are read, which are asked about, and the due times written."""

    def __init__(self, map_of: Callable[[str], Mapping[NodeId, NodeId]]) -> None:
        super().__init__(map_of=map_of)
        self.read: list[Book] = []
        self.asked: list[list[Book]] = []
        self.due: list[Mapping[Book, datetime | None]] = []

    def claimed(self, realm: str, books: Collection[Book]) -> list[Book]:
        """See the port."""
        self.asked.append(list(books))
        return super().claimed(realm, books)

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """See the port."""
        self.due.append(dict(due))
        super().write_due(due, version)

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See the port."""
        self.read += books
        return super().claims_of(books)


def test_before_the_first_tick_no_customer_is_read() -> None:
    """However many batches there are, each customer is read once: at the tick that judges. A
    profile that was merged away meanwhile leaves nothing due."""
    holders: dict[NodeId, NodeId] = {}
    store = CountingStore(lambda _realm: holders)
    reached = Watermark.of("default", "shop", hour(30), hour(30))
    kinds = WITH_CUSTOMERS

    def writer_of(realm: str) -> ConsistencyWriter:
        return ConsistencyWriter(store, RULES, realm=realm)

    stage = ConsistencyStage(store, writer_of, [], Metrics(), kinds)
    for number, claim in enumerate(CLAIMS):
        store.write_claims([claim])
        stage.process({"default": [claim]}, [reached], number + 1)
    holders.update({PHONE: ANNA})
    stage.process({}, [], 3, {"default": {ANNA, PHONE, NOBODY}})
    assert store.read == []
    assert set(store.due_books("default", hour(0))) == {book(ANNA), book(PHONE)}
    stage.tick(4, None)
    assert sorted(one.subject.node for one in store.read) == [ANNA, PHONE]
    [incident] = current_incidents(store, "default").values()
    assert (incident.about, incident.state) == (book(ANNA).subject, IncidentState.OPEN)
    assert book(PHONE) not in store.due_books("default", hour(999))
    store.read.clear()
    stage.process({"default": [CLAIMS[0]]}, [], 5)
    assert store.read == [book(ANNA)]  # and no book of a kind that said nothing
    store.read.clear()
    stage.process({"default": [CLAIMS[0]]}, [], 6, {"default": {ANNA}})
    assert sorted(store.read) == kinds.customer_books("default", [ANNA])


def test_whoever_waits_for_the_first_tick_is_noted_once() -> None:
    """The facts are not asked again whether there are claims, nor is the due time written again."""
    store = CountingStore(lambda _realm: {})
    writer = ConsistencyWriter(store, RULES)
    stage = ConsistencyStage(store, lambda _realm: writer, [], Metrics(), WITH_CUSTOMERS)
    store.write_claims(CLAIMS[:1])
    for number in range(2):
        stage.process({"default": CLAIMS[:1]}, [], number + 1)
    assert store.asked == [[book(ANNA)]]
    assert writer.is_postponed(book(ANNA))
    assert store.due == [{book(ANNA): FIRST}]


def test_what_the_cache_has_of_a_postponed_book_is_read_again() -> None:
    """It was judged for what a person did, before the claims that came since."""
    store = MemoryStore()
    writer = ConsistencyWriter(store, RULES)
    store.write_claims(CLAIMS[:1])
    writer.postpone([book(ANNA)])
    action = IncidentAction(
        incident_id="0" * 32, action=ActionKind.ACK, by="kim", reason="known", acted_at=hour(1)
    )
    writer.apply([], None, {book(ANNA): [action]})
    writer.commit(1)
    store.write_claims([says(ANNA, "app", "Berlin", 1)])
    writer.postpone([book(ANNA)])
    writer.commit(2)
    [incident] = writer.apply([], hour(30))
    assert incident.state is IncidentState.OPEN


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_each_id_goes_to_the_partition_of_its_book(partitions: int) -> None:
    """Bounded records, each for one partition, with every id once."""
    records = customer_records("default", set(range(3_000)), partitions)
    seen: list[NodeId] = []
    for one in records:
        said = CustomersRecord.model_validate_json(one.value or b"")
        for node in said.customers:
            assert partition_of_book(book(node.int), partitions) == one.partition
            seen.append(node.int)
    assert sorted(seen) == list(range(3_000))
    assert (max(3, partitions)) <= len(records) <= 2 * partitions + 2


def test_only_a_customer_has_a_node() -> None:
    """A product's key is no node id."""
    assert Subject.customer(7).node == 7
    with pytest.raises(ValueError, match="node id"):
        _ = Subject.product("DE", "A-1").node


def test_a_write_that_was_given_up_is_overruled_at_the_next_tick() -> None:
    """Its incident reaches the store after the book was judged again in doubt, without it."""
    holders = {PHONE: ANNA}
    store = MemoryStore(map_of=lambda _realm: holders)
    store.write_claims(CLAIMS)
    books = [book(ANNA), book(PHONE)]
    late = ConsistencyWriter(store, RULES).apply([], hour(30), changed_books=books)
    assert len(late) == 1
    holders.clear()
    writer = ConsistencyWriter(store, RULES)
    writer.apply([], hour(30), changed_books=books, in_doubt=True)
    writer.commit(2)
    store.write_incidents(late, 1)
    assert len(current_incidents(store, "default")) == 1
    writer.apply([], hour(31))
    writer.commit(3)
    assert current_incidents(store, "default") == {}
    assert book(ANNA) not in store.due_books("default", hour(31))
