"""A small world for the consistency worker: a log of offers, faults, and a store that remembers.

Every port call passes a `Fuse` before and after its effect; when it burns, the call dies there, or
leaves a part of its rows, or its rows land long after it was given up.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from schemas.claim import Book, Claim, PriceClaim
from schemas.incident import AnyIncident
from schemas.incident_action import ActionKind, IncidentAction
from schemas.offer import Basis
from schemas.records import ActionRecord, AlertRecord
from services.consistency.adapters.memory import MemoryStore
from services.consistency.alerts import ALERTS_TOPIC
from services.consistency.core.comparability import ComparableBooks
from services.consistency.core.doubt import LateWrites
from services.consistency.kinds import KINDS
from services.consistency.ticker import tick_records
from services.consistency.worker import ConsistencyWorker
from services.consistency.writer import CacheBudget, ConsistencyWriter
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.stream.claim_records import OFFERS_TOPIC, action_outgoing, claim_records
from services.stream.connection import key_of
from services.stream.dead_letters import REJECTED_TOPIC
from services.stream.partition_ownership import DecisionPorts
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.positions import MemoryPositions, Position
from tests.events import product_book

from .histories import QUICK, some_claims
from .market import APPENDED_MS, hour, rules

USING = rules(**QUICK)
REALMS = ("default", "other")
POISON = (b"", None, b"{", b'{"kind":"later","realm":"default"}', b'{"kind":"tick","realm":"x"}')
T = TypeVar("T")


class Killed(BaseException):
    """The process died."""


class Fuse:
    """Decides which calls die. Burns at the `at`-th place, or anywhere with a risk."""

    def __init__(self, rng: random.Random, at: int = 0, risk: float = 0.0) -> None:
        self.rng = rng
        self._at = at
        self._risk = risk
        self.passed = 0
        self.burnt = 0

    def burns(self) -> bool:
        """Whether the call dies here."""
        self.passed += 1
        burns = self.passed == self._at or self.rng.random() < self._risk
        self.burnt += burns
        return burns

    def die(self) -> None:
        """The end of the call, and half of the time of the process."""
        raise Killed if self.rng.random() < 0.5 else Retry("not now")

    def pass_(self) -> None:
        """A place where a call without rows may die."""
        if self.burns():
            self.die()


class FaultyStore(MemoryStore):
    """Writes rows in part, or late; reads only books it has heard of, as ClickHouse does."""

    def __init__(self, fuse: Fuse, partitions: int) -> None:
        super().__init__(partitions)
        self.fuse = fuse
        self._seen: set[Book] = set()
        self._late: list[Callable[[], None]] = []
        self.outlived = 0
        """Rows that lost against ones written before."""

    def restart(self) -> None:
        """What a new process begins with."""
        self._seen = set()

    def land_late(self) -> None:
        """Some write that was given up reaches the store after all."""
        if self._late:
            self._late.pop(self.fuse.rng.randrange(len(self._late)))()

    def write_facts(self, claims: Sequence[PriceClaim]) -> None:
        """What ingest does before it sends claims."""
        super().write_claims(claims)

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """The worker has nothing to write here."""
        raise AssertionError(f"facts are ingest's own: {claims}")

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """Read what is known to be there."""
        self.fuse.pass_()
        return super().claims_of([book for book in books if book in self._seen])

    def note(self, books: Iterable[Book]) -> None:
        """See the port."""
        self._seen.update(books)

    def comparable_books(self, partitions: Collection[int] | None = None) -> ComparableBooks:
        """See the port."""
        self.fuse.pass_()
        self.note(book for book in self._claims if self._is_within(book, partitions))
        return super().comparable_books(partitions)

    def due_books(
        self, realm: str, now: datetime, partitions: Collection[int] | None = None
    ) -> list[Book]:
        """See the port."""
        self.fuse.pass_()
        return super().due_books(realm, now, partitions)

    def write_tick(self, realm: str, now: datetime, partition: int | None = None) -> None:
        """Die before or after it."""
        self.fuse.pass_()
        super().write_tick(realm, now, partition)
        self.fuse.pass_()

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """Write all, a part, or later."""
        for one in incidents:
            book = KINDS.book_of(one)
            standing = self._incidents[book].get(one.incident_id)
            self.outlived += standing is not None and standing[0] > version
        write = super().write_incidents
        self._write(incidents, lambda some: write(some, version))

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """Die before it."""
        self.fuse.pass_()
        return super().actions_of(books)

    def write_actions(self, actions: Mapping[Book, Sequence[IncidentAction]], version: int) -> None:
        """Write all, a part, or later."""
        write = super().write_actions
        flat = [(book, one) for book, mine in actions.items() for one in mine]

        def put(rows: Sequence[tuple[Book, IncidentAction]]) -> None:
            for book, one in rows:
                write({book: [one]}, version)

        self._write(flat, put)

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """Write all, a part, or later."""
        for book in due:
            self.outlived += self._due.get(book, (0, None))[0] > version
        write = super().write_due
        self._write(list(due), lambda books: write({book: due[book] for book in books}, version))

    def _write(self, rows: Sequence[T], write: Callable[[Sequence[T]], None]) -> None:
        if not self.fuse.burns():
            write(rows)
            return
        some = self.fuse.rng.sample(list(rows), k=self.fuse.rng.randint(0, len(rows)))

        def land() -> None:
            write(some)

        if self.fuse.rng.random() < 0.3:
            self._late.append(land)
        else:
            land()
        self.fuse.die()


class FaultyPositions(MemoryPositions):
    """Dies before or after a note."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self.fuse = fuse

    def note(self, positions: Mapping[Partition, Position]) -> None:
        """See the port."""
        self.fuse.pass_()
        for partition, position in positions.items():
            super().note({partition: position})
            self.fuse.pass_()


class FaultyOutbox:
    """Keeps what was sent; dies with any part of it sent."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.sent: list[Outgoing] = []

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """See the port."""
        if self.fuse.burns():
            self.sent += records[: self.fuse.rng.randint(0, len(records))]
            self.fuse.die()
        self.sent += records


class Item(NamedTuple):
    """A record to come, and the facts that are stored before it."""

    partition: int
    value: bytes | None
    claims: list[PriceClaim]
    action: ActionRecord | None = None


class World:
    """The log, the store and the worker, with records arriving while the worker works."""

    def __init__(self, rng: random.Random, fuse: Fuse, partitions: int) -> None:
        self.rng = rng
        self.fuse = fuse
        self.partitions = partitions
        self.store = FaultyStore(fuse, partitions)
        self.positions = FaultyPositions(fuse)
        self.outbox = FaultyOutbox(fuse)
        self.id = "first"
        self.log: dict[int, list[bytes | None]] = {number: [] for number in range(partitions)}
        self.metrics = Metrics()
        self.claims: list[PriceClaim] = []
        self.actions: dict[Book, list[IncidentAction]] = defaultdict(list)
        self._facts = 0

    async def end(self, partition: Partition) -> int:
        """See the port `Log`."""
        self.fuse.pass_()
        return len(self.log[partition.number])

    async def offload(self, work: Callable[..., T], /, *arguments: Any) -> T:
        """See the port; everything runs here. Being killed while waiting is a fault, too."""
        self.fuse.pass_()
        result = work(*arguments)
        self.fuse.pass_()
        return result

    def recreate_log(self, log_id: str) -> None:
        """Offsets begin anew."""
        self.id = log_id
        self.log = {number: [] for number in range(self.partitions)}

    def worker(self) -> ConsistencyWorker:
        """A process that has just started."""
        self.store.restart()
        offload: Callable[..., Awaitable[Any]] = self.offload
        return ConsistencyWorker(
            self.store, DecisionPorts(self.positions, self, self.outbox, offload), USING,
            self.metrics, self.partitions, CacheBudget(self.rng.choice([1, 40, 9_000])),
            LateWrites(self.rng.choice([0.0, 50.0]), lambda: float(self.fuse.passed)),
        )  # fmt: skip

    async def run(self, items: list[Item]) -> None:
        """Deliver everything, in batches of any size, again after faults and moves."""
        arriving, self._facts = list(items), 0
        total = len(arriving)
        read = dict.fromkeys(self.log, 0)
        committed = dict(read)
        worker = self.worker()
        while self._arrive(arriving, total) or any(read[p] < len(self.log[p]) for p in read):
            batch = self._batch(read)
            try:
                await worker.process(batch)
            except Retry:
                if self.rng.random() < 0.5:
                    continue
                worker.reassigned()
                read = dict(committed)
            except Killed:
                worker, read = self.worker(), dict(committed)
            else:
                for one in batch:
                    read[one.partition] = max(read[one.partition], one.offset + 1)
                if self.rng.random() < 0.5:
                    committed = dict(read)
                if self.rng.random() < 0.1:
                    self.store.land_late()

    def _arrive(self, arriving: list[Item], total: int) -> bool:
        """Facts, then their records; the facts may be far ahead. False when all is there."""
        more = bool(arriving)
        for _ in range(self.rng.choice([1, 3, 30])):
            if arriving:
                item = arriving.pop(0)
                index = total - len(arriving) - 1
                ahead = self.rng.choice([0, 0, 5])
                for known in (item, *arriving[:ahead])[max(0, self._facts - index) :]:
                    self.store.write_facts(known.claims)
                    self.claims += known.claims
                    self._facts += 1
                self.log[item.partition].append(item.value)
                if item.action is not None:
                    self.actions[item.action.book].append(item.action.entry)
        return more

    def _batch(self, read: dict[int, int]) -> list[Delivery]:
        batch: list[Delivery] = []
        for number, log in self.log.items():
            if self.rng.random() < 0.8:
                start = read[number]
                for offset in range(start, min(len(log), start + self.rng.choice([1, 2, 5, 50]))):
                    batch.append(Delivery(OFFERS_TOPIC, number, offset, APPENDED_MS, log[offset]))
        return batch

    def check(self, now: datetime) -> int:
        """The stored incidents are what the claims say, and the alerts what is stored."""
        stored = {
            (book.realm, key): incident
            for book, incidents in self.store._incidents.items()
            for key, (_, incident) in incidents.items()
        }
        for realm in REALMS:
            memory = MemoryStore()
            writer = ConsistencyWriter(memory, USING, realm=realm)
            acts = {book: mine for book, mine in self.actions.items() if book.realm == realm}
            writer.apply([one for one in self.claims if one.book.realm == realm], now, acts)
            writer.commit(1)
            books = {one.book for one in self.claims}
            expected = {
                (realm, one.incident_id): one
                for incidents in memory.incidents_of(books).values()
                for one in incidents
            }
            mine = {k: v for k, v in stored.items() if k[0] == realm and v.state != "retracted"}
            assert mine == expected
        told = {
            key: record.model_dump(mode="json", exclude={"row_version", "version"})
            for key, record in self.published().items()
        }
        assert told == {
            key_of(*names): incident.model_dump(mode="json") for names, incident in stored.items()
        }
        assert self.store.outlived == 0
        return len(stored)

    def published(self) -> dict[bytes, AlertRecord]:
        """The alerts as a subscriber keeps them: the highest row version of each key counts."""
        latest: dict[bytes, AlertRecord] = {}
        for one in self.outbox.sent:
            if one.topic == ALERTS_TOPIC:
                record = AlertRecord.model_validate_json(one.value or b"")
                known = latest.get(one.key or b"", record)
                if record.row_version >= known.row_version:
                    latest[one.key or b""] = record
        return latest

    def refused(self) -> set[tuple[str, bytes | None]]:
        """Dead letters by offset, with their bytes."""
        return {
            (dict(one.headers)["c360-source-offset"].decode(), one.value)
            for one in self.outbox.sent
            if one.topic == REJECTED_TOPIC
        }


def story(
    rng: random.Random, partitions: int, until: int, name: str = "", claims_max: int = 12
) -> list[Item]:
    """Claims of a few products in two realms, ticks between them, and records of no use.

    One product in three is nearly always only charged at the till. People act on incidents, sooner
    or later. The last tick is at `until` hours.
    """
    claims: list[PriceClaim] = []
    for realm in REALMS:
        for sku in ("A-1", "B-2", "C-3"):
            some = some_claims(rng)
            for one in rng.sample(some, k=min(len(some), claims_max)):
                book = product_book(sku, realm)
                mine = one._replace(book=book, event_id=f"{realm}-{sku}-{name}{one.event_id}")
                if sku == "C-3" and rng.random() < 0.9:
                    mine = mine._replace(channel="pos", basis=Basis.CHARGED)
                claims.append(mine)
    rng.shuffle(claims)
    acts = some_acts(rng, claims, partitions)
    items: list[Item] = []
    now = until - 150
    while claims:
        size = rng.randint(1, 9)
        batch, claims = claims[:size], claims[size:]
        for realm in REALMS:
            said = [one for one in batch if one.book.realm == realm]
            for record in claim_records(realm, said, partitions):
                items.append(_item(record, said, partitions))
            if rng.random() < 0.4:
                now = min(until, now + rng.randint(-5, 40))
                items += ticks(realm, now, partitions)
        if rng.random() < 0.1:
            items.append(Item(rng.randrange(partitions), rng.choice(POISON), []))
    for act in acts:
        items.insert(rng.randint(0, len(items)), act)
    return [*items, *(item for realm in REALMS for item in ticks(realm, until, partitions))]


def some_acts(rng: random.Random, claims: Sequence[PriceClaim], partitions: int) -> list[Item]:
    """What people do with incidents that these claims make, now and then sent twice."""
    found: list[AnyIncident] = []
    for realm in REALMS:
        writer = ConsistencyWriter(MemoryStore(), USING, realm=realm)
        found += writer.apply([one for one in claims if one.book.realm == realm], hour(60))
    items: list[Item] = []
    for incident in rng.sample(found, k=min(len(found), rng.randint(0, 3))):
        action = rng.choice(list(ActionKind))
        entry = IncidentAction(
            incident_id=incident.incident_id, action=action, by="kim", reason="known",
            until=hour(rng.randint(0, 200)) if action is ActionKind.MUTE else None,
            acted_at=hour(rng.randint(0, 2)),
        )  # fmt: skip
        record = ActionRecord.of(KINDS.book_of(incident), entry)
        sent = action_outgoing(record, partitions)
        items += [Item(sent.partition or 0, sent.value, [], record)] * rng.randint(1, 2)
    return items


def ticks(realm: str, hours: float, partitions: int) -> list[Item]:
    """A tick to every partition."""
    records = tick_records(realm, hour(hours), partitions)
    return [Item(record.partition or 0, record.value, []) for record in records]


def _item(record: Outgoing, claims: list[PriceClaim], partitions: int) -> Item:
    """All facts of the batch are stored before its first record is sent."""
    assert record.partition is not None
    assert record.partition < partitions
    return Item(record.partition, record.value, claims)
