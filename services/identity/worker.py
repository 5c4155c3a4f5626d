"""How the identity worker processes a batch of `c360.edges`, independent of its host.

In this order: note the position, write the map, publish profile changes and have the incidents
about those profiles judged again, return. A batch that did not get that far is in doubt: when it is
delivered again, here or to the next holder of its partition, all rows in its region are written
again and their changes published again.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from schemas.faults import fault_of
from schemas.identifiers import NodeId
from schemas.records import (
    EDGES_PER_RECORD_MAX,
    DecisionRecord,
    EdgesRecord,
    ErasureRecord,
    IdentityRecord,
    IdentityRecordAdapter,
    ProfileChangeRecord,
    RetentionRecord,
    RulesRecord,
)
from schemas.reject import RejectReason
from services.identity.ports import Erasures, EventExpiry, IdentityStore
from services.identity.publication import published
from services.identity.resettling import CustomerRecords, Resettling, followed
from services.identity.rules_change import RulesApplication
from services.identity.stage import IdentityStage, RealmBatch, count_changes, without_erased
from services.identity.writer import Changes, IdentityWriter
from services.runtime.batching import bounded
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.store.rules_in_force import RulesStore, rules_of_text
from services.stream.dead_letters import dead_letter
from services.stream.partition_ownership import DecisionPorts, Holding, Ownership, by_partition
from services.stream.ports import Delivery, Outgoing, Partition
from services.stream.positions import Position, version_of

log = structlog.get_logger()
RECORDS_MAX = 100
Ordered = tuple[ErasureRecord, int]
"""An erasure, and when the log appended it (Unix ms)."""
_ALONE = re.compile(rb'"(rules|retention)"')
"""In every record that is applied before the next one is taken; what has it is decoded to see."""
BYTES_MAX = 4 * 1024 * 1024
"""Bytes of records processed at once; they hold about 12,000 edges."""


class IdentityWorker:
    """Keeps the map of the realms whose partitions this process holds. One call at a time.

    Args:
        open_store: opens the store again, because a worker that takes over knows nothing of what
            others wrote. Blocks.
        writer_of: creates the writer of a realm on a store.
        customer_records: the records that have incidents about profiles judged again, if there are
            kinds of incidents about customers.
        erasures: erases people; without it, records of erasures are dead letters.
        rules: where changes of the rules are kept; without it, their records are dead letters.
        expiry: removes events that are too old; without it, its records are dead letters.
    """

    def __init__(
        self,
        open_store: Callable[[], IdentityStore],
        writer_of: Callable[[IdentityStore, str], IdentityWriter],
        ports: DecisionPorts,
        metrics: Metrics,
        customer_records: CustomerRecords | None = None,
        erasures: Erasures | None = None,
        rules: RulesChanges | None = None,
        expiry: EventExpiry | None = None,
    ) -> None:
        self._customer_records = customer_records
        self._expiry = expiry
        self._erasures = erasures
        self._rules = rules
        self._open_store = open_store
        self._writer_of = writer_of
        self._ownership = Ownership(ports.positions, ports.log, ports.offload)
        self._outbox = ports.outbox
        self._offload = ports.offload
        self._metrics = metrics
        self._tenure = _Tenure()

    def reassigned(self) -> None:
        """Other workers may have held the partitions meanwhile: cached state is discarded.

        The part of a batch that is being processed ends with the state it began with. Do not pass
        in records of partitions that were not assigned again.
        """
        self._tenure = _Tenure()

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Make the effects of deliveries durable and publish the changes.

        Returns when everything is acknowledged. After an exception pass in the same deliveries
        again, with others or in parts, but in order within a partition.

        Raises:
            Retry: a store, the log or the outbox did not answer, or `reassigned` was called.
            Fatal: another worker writes the same partition, or the store raised it.
        """
        tenure = self._tenure
        for partition, mine in by_partition(deliveries).items():
            if partition not in tenure.held:
                tenure.held |= await self._ownership.take_over([partition])
            held = tenure.held[partition]
            for part in _apart(bounded(mine, RECORDS_MAX, BYTES_MAX, _size)):
                if tenure is not self._tenure:
                    raise Retry(f"{partition.topic}: partitions were reassigned meanwhile")
                await self._finish(tenure, held, part)

    async def _finish(self, tenure: _Tenure, held: Holding, part: list[Delivery]) -> None:
        """Process one part of a batch completely."""
        try:
            if tenure.session is None:
                tenure.session = IdentityStage(
                    await self._offload(self._open_store), self._writer_of
                )
            record = _alone(part)
            if self._rules is not None and isinstance(record, RulesRecord):
                await self._change_rules(tenure, tenure.session, held, part[0].offset, record)
                return
            if self._expiry is not None and isinstance(record, RetentionRecord):
                await self._expire(tenure, tenure.session, held, part[0].offset, record)
                return
            written = await self._offload(self._write, tenure.session, held, part)
            await self._outbox.send_all(
                [*written.dead, *map(published, written.changes), *written.customers]
            )
            for ordered in written.closing:
                await self._erase(tenure.session, held, *ordered)
        except BaseException:
            # An abandoned write may still be running, on a store that is not used again.
            tenure.session = None
            held.fail(part[-1].offset)
            raise
        self._count(written)

    async def _change_rules(
        self,
        tenure: _Tenure,
        session: IdentityStage,
        held: Holding,
        offset: int,
        rules: RulesRecord,
    ) -> None:
        """Bring the map in line with other rules before the next record is taken."""
        assert self._rules is not None
        noted = await self._offload(self._ownership.note, {held: offset})
        position = noted[held.partition]
        applying = RulesApplication(
            session,
            self._rules.store,
            rules,
            version_of(position.generation, offset),
            position.version,
            lambda: self._ownership.require_sole_writer(noted),
            self._rules.nodes_per_part,
        )
        begun = await self._offload(applying.begin)
        # Also if they were applied before: whoever did it may have been killed before this.
        await self._offload(self._rules.changed, rules.realm)
        if not begun:
            self._tell_replaced(applying, rules)
            return
        while (part := await self._offload(applying.next_part)) is not None:
            customers = self._customers(rules.realm, part.regrouped)
            await self._outbox.send_all([*map(published, part.records), *customers])
            await self._offload(applying.note)
            count_changes(self._metrics, part.changes)
            self._rules.waits()
            if await self._offload(applying.is_replaced):
                await self._offload(self._rules.changed, rules.realm)
                self._tell_replaced(applying, rules)
                return
            if tenure is not self._tenure or self._rules.gives_way():
                raise Retry("the partition is being reassigned; its next holder goes on")
        identifiers = await self._offload(applying.finish)
        await self._offload(self._rules.changed, rules.realm)
        log.info("rules_in_force", realm=rules.realm, identifiers=identifiers)

    def _tell_replaced(self, applying: RulesApplication, rules: RulesRecord) -> None:
        later = applying.replaced_by
        if later is not None:
            log.warning("rules_replaced", realm=rules.realm, author=rules.author, by=later.author)

    async def _expire(
        self,
        tenure: _Tenure,
        session: IdentityStage,
        held: Holding,
        offset: int,
        record: RetentionRecord,
    ) -> None:
        """Note since when events are kept; or remove what is older, tell who follows, and note the
        end, in this order: whoever takes over in between does the rest, and tells it again."""
        assert self._expiry is not None
        offload, noted = self._offload, await self._offload(self._ownership.note, {held: offset})

        def fence() -> None:
            self._ownership.require_sole_writer(noted)

        if not record.closes:
            await offload(fence)
            await offload(self._expiry.begin, record)
            return
        version = noted[held.partition].version
        around = Resettling(session, version, fence, self._customer_records)
        removal = await offload(self._expiry.removal, record, around, fence)
        if removal is None:
            return  # it is complete, another one has taken its place, or it has to wait
        while await offload(removal.next_part):
            await self._outbox.send_all(around.told())
            if tenure is not self._tenure or self._expiry.gives_way():
                raise Retry("the partition is being reassigned; its next holder goes on")
        await self._outbox.send_all(around.told())
        await offload(removal.finish)

    def _customers(self, realm: str, profiles: Collection[NodeId]) -> list[Outgoing]:
        if self._customer_records is None or not profiles:
            return []
        return self._customer_records(realm, profiles)

    def _write(self, session: IdentityStage, held: Holding, part: list[Delivery]) -> _Written:
        """All blocking work. Every row has the version of the position noted."""
        by_realm, erasures, dead = _sorted_out(part, self._erasures is not None)
        first, doubtful = part[0].offset, held.in_doubt_to
        noted = self._ownership.note({held: part[-1].offset})
        version = noted[held.partition].version
        if self._erasures is not None:
            self._begin_erasures(self._erasures, erasures, noted)
            by_realm = {
                realm: without_erased(realm, batch, self._erasures)
                for realm, batch in by_realm.items()
            }
        if self._expiry is not None:
            for realm, batch in by_realm.items():
                batch.edges = self._expiry.standing(realm, batch.edges)
        applied = session.process(
            by_realm,
            version,
            in_doubt=first <= doubtful,
            in_doubt_edges_max=max(0, doubtful - first + 1) * EDGES_PER_RECORD_MAX,
            fence=lambda: self._ownership.require_sole_writer(noted),
        )
        records = [
            record
            for realm, changes in applied.items()
            for record in followed(session.store, realm, by_realm[realm], changes, version)
        ]
        customers: list[Outgoing] = []
        if self._customer_records is not None:
            for realm, changes in applied.items():
                customers += self._customer_records(realm, session.regrouped(realm, changes))
        closing = [one for one in erasures if one[0].closes]
        return _Written(dead, list(applied.values()), records, customers, closing)

    def _begin_erasures(
        self, erasing: Erasures, erasures: list[Ordered], noted: Mapping[Partition, Position]
    ) -> None:
        if erasures:
            self._ownership.require_sole_writer(noted)
        for record, _ in erasures:
            if not record.closes:
                erasing.begin(record)

    async def _erase(
        self, session: IdentityStage, held: Holding, record: ErasureRecord, appended_ms: int
    ) -> None:
        """Withdraw what was published, remove all rows, tell who follows, in this order: whoever
        takes over in between does all of it again."""
        erasing, offload = self._erasures, self._offload
        if erasing is None or not await offload(erasing.is_due, record):
            return  # it is complete: what came since is not to be touched
        await self._outbox.send_all(await offload(erasing.farewells, record))
        await self._outbox.send_all(await offload(self._remove, erasing, session, held, record))
        await offload(erasing.close, record, appended_ms)

    def _remove(
        self, erasing: Erasures, session: IdentityStage, held: Holding, record: ErasureRecord
    ) -> list[Outgoing]:
        """Remove all rows; what follows from it for those who stay."""
        realm, version = record.realm, held.noted.version
        positions = {held.partition: held.noted}

        def fence() -> None:
            self._ownership.require_sole_writer(positions)

        def settle(realm: str, nodes: Collection[NodeId], marks: Collection[NodeId]) -> set[NodeId]:
            return session.settle(realm, nodes, marks, version, fence)[1]

        erased = erasing.erase(record, settle, fence)
        around = Resettling(session, version, fence, self._customer_records)
        # Again, for an attempt before may have written the same and told nobody.
        around.regroup(realm, erased.touched, erased.marked)
        told = [*around.told(), *erasing.rewritten(realm)]
        around.forgotten(realm, [*(one.int for one in record.nodes), *erased.stated])
        return told + around.told()

    def _count(self, written: _Written) -> None:
        metrics = self._metrics
        metrics.dead_letters.inc(len(written.dead))
        for changes in written.applied:
            count_changes(metrics, changes)
        for change, count in Counter(one.change for one in written.changes).items():
            metrics.profile_changes.labels(change).inc(count)


@dataclass(slots=True)
class _Tenure:
    """What a worker knows between two assignments."""

    held: dict[Partition, Holding] = field(default_factory=dict)
    session: IdentityStage | None = None


@dataclass(frozen=True)
class RulesChanges:
    """What a worker needs to apply other rules."""

    store: RulesStore
    changed: Callable[[str], None] = lambda _realm: None
    """Called when the map of a realm follows from other rules. Blocks."""
    waits: Callable[[], None] = lambda: None
    """Called after each part: it is progress."""
    gives_way: Callable[[], bool] = lambda: False
    """Whether the partitions are being assigned anew, which waits for the record in hand."""
    nodes_per_part: int | None = None


class _Written(NamedTuple):
    """The result of one part of a batch."""

    dead: list[Outgoing]
    applied: list[Changes]
    changes: list[ProfileChangeRecord]
    customers: list[Outgoing]
    closing: list[Ordered]
    """Erasures whose rows are to be removed now."""


def _size(delivery: Delivery) -> int:
    return len(delivery.value or b"")


def _apart(parts: Iterable[list[Delivery]]) -> Iterator[list[Delivery]]:
    """The parts of a batch, with each record alone that is applied before the next one is taken."""
    for part in parts:
        others: list[Delivery] = []
        for delivery in part:
            if _alone([delivery]) is None:
                others.append(delivery)
                continue
            if others:
                yield others
            yield [delivery]
            others = []
        if others:
            yield others


def _alone(part: list[Delivery]) -> RulesRecord | RetentionRecord | None:
    """The record of a part that changes the rules, or has events expire. One with rules that this
    program cannot read is none: it is sorted out."""
    if len(part) != 1 or not _ALONE.search(part[0].value or b""):
        return None
    record = _decoded(part[0])
    if isinstance(record, RetentionRecord):
        return record
    if not isinstance(record, RulesRecord):
        return None
    try:
        rules_of_text(record.text)
    except ValueError:
        return None
    return record


def _sorted_out(
    part: list[Delivery], erases: bool
) -> tuple[Mapping[str, RealmBatch], list[Ordered], list[Outgoing]]:
    """The contents by realm, the erasures with the times at which the log appended them, and a dead
    letter for each record that cannot be processed."""
    by_realm: dict[str, RealmBatch] = defaultdict(RealmBatch)
    erasures: list[Ordered] = []
    dead: list[Outgoing] = []
    for delivery in part:
        record = _decoded(delivery)
        if isinstance(record, Outgoing):
            dead.append(record)
        elif isinstance(record, EdgesRecord):
            batch = by_realm[record.realm]
            batch.edges += (one.edge() for one in record.edges)
            batch.attributes.update(node.int for node in record.attributes)
            batch.consents.update(node.int for node in record.consents)
        elif isinstance(record, DecisionRecord):
            by_realm[record.realm].decisions.append(record.decision())
        elif isinstance(record, ErasureRecord) and erases:
            erasures.append((record, delivery.timestamp_ms))
        else:
            message = f"records of kind {record.kind} cannot be processed yet; send it again later"
            dead.append(dead_letter(delivery, RejectReason.UNKNOWN_TYPE, "kind", message))
    return by_realm, erasures, dead


def _decoded(delivery: Delivery) -> IdentityRecord | Outgoing:
    """The record of a delivery, or its dead letter. Messages never quote a value."""
    try:
        return IdentityRecordAdapter.validate_json(delivery.value or b"")
    except ValidationError as error:
        return dead_letter(delivery, *fault_of(error, "kind", "no such kind of record"))
