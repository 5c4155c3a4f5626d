"""The consistency worker's loop body: a batch of `c360.offers` becomes incidents and alerts.

Per batch, in this order: positions noted; ticks and incidents in the store; alerts and dead letters
acknowledged by the broker; due times in the store. Only then `process` returns and the records are
acknowledged. After a kill anywhere in between, the batch is delivered again, is known to be in
doubt, and every effect is repeated without harm.

Facts are written before their claims are sent, so the store may hold claims that have not been
delivered yet. A book judged with them early gives the same result sooner.

A claim about a customer does not come to who holds the customer's book: its profile, and with it
the partition, changes with the map. So whoever receives the claim, or changes the map, sends a
`CustomersRecord` to the partition of the profile, and only that one has the book judged.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from schemas.claim import Book, BookEntry, Superseded
from schemas.faults import fault_of
from schemas.identifiers import NodeId
from schemas.incident_action import IncidentAction
from schemas.instants import from_ms, to_ms
from schemas.records import (
    ActionRecord,
    ClaimsRecord,
    CustomersRecord,
    OfferRecord,
    OfferRecordAdapter,
    TickRecord,
)
from schemas.reject import RejectReason
from schemas.subject import CUSTOMER
from services.consistency.alerts import alert
from services.consistency.core.comparability import ComparableBooks
from services.consistency.core.customers import split_claims
from services.consistency.core.doubt import LateWrites
from services.consistency.core.kind import Kinds
from services.consistency.partition_store import BatchStore, PartitionStore
from services.consistency.ports import ErasurePauses, WorkerStore
from services.consistency.rules import ConsistencyRules
from services.consistency.writer import ONE_PROCESS, Actions, CacheBudget, ConsistencyWriter
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.stream.claim_records import OFFER_PARTITIONS, OFFERS_TOPIC, customer_records
from services.stream.dead_letters import dead_letter
from services.stream.partition_ownership import DecisionPorts, Holding, Ownership, by_partition
from services.stream.ports import Delivery, Outgoing, Partition

_Erased = Mapping[str, Mapping[NodeId, bool]]
"""By realm: who was erased, and whether an event of theirs is stored again."""
log = structlog.get_logger()


class _Held:
    """A partition of this worker, with the writers of its realms."""

    def __init__(self, holding: Holding, comparable: ComparableBooks) -> None:
        self.holding = holding
        self.comparable = comparable
        self.writers: dict[str, tuple[ConsistencyWriter, PartitionStore]] = {}

    def after_failure(self, last_offset: int) -> _Held:
        """The same, without the writers and their cached state."""
        self.holding.fail(last_offset)
        return _Held(self.holding, self.comparable)


class _PartitionBatch(NamedTuple):
    """The records of a batch for one partition, by realm."""

    claims: dict[str, list[BookEntry]]
    doubted: dict[str, list[BookEntry]]
    """Perhaps of somebody who was erased: they count if the facts still have them."""
    ticks: dict[str, datetime]
    actions: dict[str, dict[Book, list[IncidentAction]]]
    old_acts: dict[str, set[Book]]
    """Books of actions on incidents of which some may be about somebody who was erased since."""
    customers: dict[str, set[NodeId]]
    """Profiles to judge again."""
    anchors: dict[str, set[NodeId]]
    """Of claims about customers, whoever these are."""
    old_anchors: dict[str, set[NodeId]]
    """The same of those of whom some may be erased since."""
    old_customers: dict[str, set[NodeId]]
    """Profiles to judge again, of which some may be erased since."""
    refused: list[Outgoing]

    @property
    def realms(self) -> Iterable[str]:
        """All that the batch is about, in a fixed order."""
        claimed = (*self.claims, *self.doubted, *self.actions)
        return dict.fromkeys((*claimed, *self.customers, *self.old_customers, *self.ticks))


class _Task(NamedTuple):
    """The work of one writer for a batch."""

    writer: ConsistencyWriter
    store: PartitionStore
    claims: Sequence[BookEntry]
    tick: datetime | None
    actions: Actions
    changed_books: Sequence[Book]
    """Of customers; read anew."""
    doubted_books: Collection[Book]
    """Of claims that count if the facts have them, and of actions that count if anything is left
    to act on; read anew."""
    begun_anew: Collection[Book]
    """Those of them that are of erased customers: an action counts if its incident is left."""
    in_doubt: bool
    version: int
    """Of the rows to write."""


class _Written(NamedTuple):
    """What is in the store now, and what remains to be done."""

    tasks: list[_Task]
    store: BatchStore
    outgoing: list[Outgoing]
    refused: int


class ConsistencyWorker:
    """Judges the price books of the partitions that are delivered to it.

    One call of `process` at a time, and `offload` must run sequentially: the remaining writes of a
    cancelled call come before those of the next one.
    """

    def __init__(
        self,
        store: WorkerStore,
        ports: DecisionPorts,
        rules: ConsistencyRules,
        metrics: Metrics,
        partitions: int = OFFER_PARTITIONS,
        budget: CacheBudget | None = None,
        late: LateWrites = ONE_PROCESS,
        erasures: ErasurePauses | None = None,
    ) -> None:
        """`partitions` is how many the topic has in all; `budget` is for the books in memory, of
        all partitions; `late` is about writes that were given up, here or by another worker;
        without `erasures` nobody is ever erased."""
        self._store = store
        self._ownership = Ownership(ports.positions, ports.log, ports.offload)
        self._outbox = ports.outbox
        self._offload = ports.offload
        self._rules = rules
        self._metrics = metrics
        self._partitions = partitions
        self._budget = budget or CacheBudget()
        self._clock = late.clock
        self._begun_s = self._clock()
        self._late = late._replace(clock=lambda: self._begun_s)
        self._held: dict[Partition, _Held] = {}
        self._erasures = erasures
        self._erased_ms: Mapping[str, int] = {}
        """Up to when somebody was erased, by realm, as known at the last take-over."""
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Entered when nothing is being written; nothing is until it is left. Then everything in
        memory is forgotten."""
        async with self._turn:
            try:
                yield
            finally:
                self._held = {}

    def reassigned(self) -> None:
        """Other workers may have held the partitions meanwhile: cached state is discarded."""
        self._held = {}

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Make everything derived from the deliveries durable, and publish it.

        After any exception the same records must be delivered again, here or elsewhere, in any
        batches.

        Raises:
            Retry: as the ports do, or `reassigned` was called meanwhile.
            Fatal: as the ports do.
        """
        async with self._turn:
            await self._process(deliveries)

    async def _process(self, deliveries: Sequence[Delivery]) -> None:
        batches = by_partition(deliveries)
        held = self._held  # `reassigned` may replace it meanwhile
        try:
            fresh = [one for one in batches if one not in held]
            if fresh:
                held.update(await self._take_over(fresh))
            self._require(held)
            written = await self._offload(self._write, dict(held), batches)
            self._require(held)
            if written.outgoing:
                await self._outbox.send_all(written.outgoing)
            await self._offload(self._settle, written)
        except BaseException:  # also when killed or cancelled: a started batch is in doubt
            for partition, batch in batches.items():
                if partition in held:
                    held[partition] = held[partition].after_failure(batch[-1].offset)
            raise
        self._count(written, held)

    async def _take_over(self, partitions: Sequence[Partition]) -> dict[Partition, _Held]:
        if self._erasures is not None:
            if await self._offload(self._erasures.pausing):
                raise Retry("a person is being removed; incidents wait for it")
            self._erased_ms = await self._offload(self._erasures.latest)
        held = await self._ownership.take_over(partitions)
        numbers = [partition.number for partition in partitions]
        comparable = await self._offload(self._store.comparable_books, numbers)
        return {partition: _Held(one, comparable) for partition, one in held.items()}

    def _require(self, held: Mapping[Partition, _Held]) -> None:
        """Another holder may have continued meanwhile: the state of these writers is outdated."""
        if held is not self._held:
            raise Retry(f"partitions of {OFFERS_TOPIC} were reassigned meanwhile")

    def _write(
        self, held: Mapping[Partition, _Held], batches: Mapping[Partition, Sequence[Delivery]]
    ) -> _Written:
        """Everything up to the incidents; due times wait until the alerts are published."""
        store = BatchStore(self._store, self._partitions)
        tasks: list[_Task] = []
        outgoing: list[Outgoing] = []
        anchors: dict[str, set[NodeId]] = defaultdict(set)
        positions = self._ownership.note(
            {held[partition].holding: batch[-1].offset for partition, batch in batches.items()}
        )
        decoded = {
            partition: _brought(batch, self._rules.kinds, self._erased_ms)
            for partition, batch in batches.items()
        }
        erased = self._erased(decoded.values())
        for partition, brought in decoded.items():
            outgoing += brought.refused
            for some in (brought.anchors, _without_erased(brought.old_anchors, erased)):
                for realm, mine in some.items():
                    anchors[realm] |= mine
            version = positions[partition].version
            batch = batches[partition]
            tasks += self._tasks(held[partition], partition, batch, brought, version, store, erased)
        refused = len(outgoing)
        # Unless the batch is in doubt, who wrote before fails its check from here on: what may
        # still land was sent, or checked, before.
        self._begun_s = self._clock()
        _read(store, tasks)
        self._ownership.require_sole_writer(positions)
        for task in tasks:
            published = task.writer.apply(
                task.claims,
                task.tick,
                task.actions,
                task.changed_books,
                in_doubt=task.in_doubt,
                doubted_books=task.doubted_books,
                begun_anew=task.begun_anew,
            )
            self._store.note(claim.book for claim in task.claims)
            task.writer.write(task.version)
            outgoing += [alert(incident, task.version) for incident in published]
        store.write()
        for realm, mine in anchors.items():
            profiles = set(self._store.holders_of(realm, mine).values())
            outgoing += customer_records(realm, profiles, self._partitions)
        return _Written(tasks, store, outgoing, refused)

    def _erased(self, brought: Iterable[_PartitionBatch]) -> _Erased:
        """Those customers who may have been erased since: which were, and whether an event of each
        is stored again. The time of a record does not tell: the ledger reaches to the customer's
        last event, which may be dated a day ahead, and the new profile begins before that."""
        asked: dict[str, set[NodeId]] = defaultdict(set)
        for one in brought:
            for realm, named in one.old_anchors.items():
                asked[realm] |= named
            for realm, books in one.old_acts.items():
                asked[realm] |= {
                    book.subject.node for book in books if book.subject.type is CUSTOMER
                }
        if not self._erasures:
            return {}
        return {realm: self._erasures.erased(realm, nodes) for realm, nodes in asked.items()}

    def _tasks(
        self,
        held: _Held,
        partition: Partition,
        batch: Sequence[Delivery],
        brought: _PartitionBatch,
        version: int,
        batch_store: BatchStore,
        erased: _Erased,
    ) -> list[_Task]:
        tasks: list[_Task] = []
        in_doubt = held.holding.is_in_doubt(batch[0].offset)
        for realm in brought.realms:
            claims, tick = brought.claims.get(realm, []), brought.ticks.get(realm)
            actions = brought.actions.get(realm, {})
            held.comparable.mark(actions)  # judged from now on, for every channel
            old = brought.doubted.get(realm, [])
            doubted = {claim.book for claim in held.comparable.filter(old)}
            kinds, former = self._rules.kinds, sorted(brought.old_customers.get(realm, ()))
            doubted.update(kinds.customer_books(realm, former))
            acted = brought.old_acts.get(realm, set())
            doubted |= acted
            gone = erased.get(realm, {})
            begun_anew = {
                one for one in acted if one.subject.type is CUSTOMER and one.subject.node in gone
            }
            compared = held.comparable.filter(claims)
            matters = {claim.book for claim in compared}
            # Of an order that is cancelled in its own batch, the claims stand in the facts alone.
            self._store.note(claim.book for claim in old)
            self._store.note(
                claim.book
                for claim in claims
                if claim.book not in matters or isinstance(claim, Superseded)
            )
            customers = sorted(brought.customers.get(realm, ()))
            changed_books = kinds.customer_books(realm, customers)
            if not (compared or doubted or actions or changed_books) and tick is None:
                continue
            if realm not in held.writers:
                held.writers[realm] = self._writer(realm, partition, batch_store)
            writer, store = held.writers[realm]
            store.batch = batch_store
            books = changed_books, doubted, begun_anew
            task = _Task(writer, store, compared, tick, actions, *books, in_doubt, version)
            tasks.append(task)
        return tasks

    def _writer(
        self, realm: str, partition: Partition, batch_store: BatchStore
    ) -> tuple[ConsistencyWriter, PartitionStore]:
        store = PartitionStore(partition.number, batch_store)
        writer = ConsistencyWriter(store, self._rules, self._budget, realm, self._late)
        return writer, store

    def _settle(self, written: _Written) -> None:
        for task in written.tasks:
            task.writer.settle(task.version)
        written.store.write()

    def _count(self, written: _Written, held: Mapping[Partition, _Held]) -> None:
        for task in written.tasks:
            for incident in task.writer.changed:
                self._metrics.incidents.labels(incident.kind, incident.state).inc()
        self._metrics.dead_letters.inc(written.refused)
        writers = [writer for one in held.values() for writer, _ in one.writers.values()]
        for name, entries in (
            ("books", sum(writer.cached_books for writer in writers)),
            ("claims_of_books", sum(writer.cached_claims for writer in writers)),
        ):
            self._metrics.cache_entries.labels(name).set(entries)


def _brought(
    batch: Iterable[Delivery], kinds: Kinds, erased_ms: Mapping[str, int]
) -> _PartitionBatch:
    """Decode a batch. A tick counts in whole milliseconds, as it is stored. Of somebody who was
    erased, no claim was appended after that time."""
    believed: dict[str, list[BookEntry]] = defaultdict(list)
    doubted: dict[str, list[BookEntry]] = defaultdict(list)
    ticks: dict[str, datetime] = {}
    actions: dict[str, dict[Book, list[IncidentAction]]] = defaultdict(dict)
    old_acts: dict[str, set[Book]] = defaultdict(set)
    customers: dict[str, set[NodeId]] = defaultdict(set)
    old_customers: dict[str, set[NodeId]] = defaultdict(set)
    anchors: dict[str, set[NodeId]] = defaultdict(set)
    old_anchors: dict[str, set[NodeId]] = defaultdict(set)
    refused: list[Outgoing] = []
    for delivery in batch:
        try:
            record = OfferRecordAdapter.validate_json(delivery.value or b"")
        except ValidationError as error:
            refused.append(_refusal(delivery, error))
            continue
        if not _kinds(record) <= kinds.keys():  # written by a newer version
            refused.append(
                dead_letter(delivery, RejectReason.UNKNOWN_TYPE, "kind", "no such kind of incident")
            )
        elif isinstance(record, TickRecord):
            tick = _bounded_tick(record, delivery)
            ticks[record.realm] = max(tick, ticks.get(record.realm, tick))
        elif isinstance(record, ActionRecord):
            actions[record.realm].setdefault(record.book, []).append(
                _bounded_action(record, delivery)
            )
            if _is_old(delivery, record, erased_ms):
                old_acts[record.realm].add(record.book)
        elif isinstance(record, CustomersRecord):
            named = old_customers if _is_old(delivery, record, erased_ms) else customers
            named[record.realm].update(one.int for one in record.customers)
        else:
            is_old = _is_old(delivery, record, erased_ms)
            claims = (doubted if is_old else believed)[record.realm]
            if kinds.about_customers and (record.statements or record.superseded):
                others, spoke = split_claims(record.entries())
                claims += others
                if spoke:
                    (old_anchors if is_old else anchors)[record.realm].update(*spoke.values())
            else:
                claims += record.entries()
    return _PartitionBatch(
        believed, doubted, ticks, actions, old_acts, customers, anchors, old_anchors,
        old_customers, refused,
    )  # fmt: skip


def _without_erased(anchors: Mapping[str, set[NodeId]], erased: _Erased) -> dict[str, set[NodeId]]:
    """Without those of whom no event is stored any more: nobody judges them again. A claim is
    sent after its event is stored, so who came back is not among them."""
    return {
        realm: {one for one in mine if erased.get(realm, {}).get(one, True)}
        for realm, mine in anchors.items()
    }


def _is_old(delivery: Delivery, record: OfferRecord, erased_ms: Mapping[str, int]) -> bool:
    """Whether it may speak of somebody who was erased since."""
    return delivery.timestamp_ms <= erased_ms.get(record.realm, -1)


def _bounded_tick(record: TickRecord, delivery: Delivery) -> datetime:
    """The tick, but never later than the broker appended it: a tick cannot be taken back, and no
    sender's clock may move time."""
    appended_at = from_ms(delivery.timestamp_ms)
    reached_at = from_ms(to_ms(record.reached_at))
    if reached_at > appended_at:
        log.warning("tick_ahead", realm=record.realm, reached_at=reached_at.isoformat(),
                    appended_at=appended_at.isoformat())  # fmt: skip
    return min(reached_at, appended_at)


def _bounded_action(record: ActionRecord, delivery: Delivery) -> IncidentAction:
    """The action, dated no later than the broker appended it: a command whose clock is ahead would
    have the last word for ever."""
    appended_at = from_ms(delivery.timestamp_ms)
    if record.entry.acted_at <= appended_at:
        return record.entry
    return record.entry.model_copy(update={"acted_at": appended_at})


def _kinds(record: OfferRecord) -> set[str]:
    """The kinds of incidents that a record names."""
    if isinstance(record, ActionRecord):
        return {record.incident_kind}
    if isinstance(record, ClaimsRecord):
        return {one.kind for one in record.statements} | {one.kind for one in record.superseded}
    return set()


def _refusal(delivery: Delivery, error: ValidationError) -> Outgoing:
    return dead_letter(delivery, *fault_of(error, "kind", "no such kind of record"))


def _read(batch: BatchStore, tasks: Iterable[_Task]) -> None:
    """Read everything the writers need, with one query per realm."""
    ticks: dict[str, dict[int, datetime]] = defaultdict(dict)
    books: dict[Book, None] = {}
    for writer, store, claims, tick, actions, changed_books, doubted, *_ in tasks:
        books |= dict.fromkeys(writer.missing(claim.book for claim in claims))
        books |= dict.fromkeys(claim.book for claim in claims if isinstance(claim, Superseded))
        books |= dict.fromkeys(writer.missing(actions))
        books |= dict.fromkeys((*changed_books, *doubted))
        if tick is not None:
            ticks[writer.realm][store.partition] = max(tick, writer.now or tick)
    for realm, reached in ticks.items():
        batch.read_due(realm, reached)
    for writer, _, _, tick, *_ in tasks:
        if tick is not None:
            books |= dict.fromkeys(writer.missing(writer.due_books(tick)))
    batch.read_books(books)
