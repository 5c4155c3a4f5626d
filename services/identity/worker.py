"""How the identity worker processes a batch of `c360.edges`, independent of its host.

In this order: note the position, write the map, publish profile changes and have the incidents
about those profiles judged again, return. A batch that did not get that far is in doubt: when it is
delivered again, here or to the next holder of its partition, all rows in its region are written
again and their changes published again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from schemas.faults import fault_of
from schemas.identifiers import NodeId, as_uuid
from schemas.records import (
    EDGES_PER_RECORD_MAX,
    DecisionRecord,
    EdgesRecord,
    ErasureRecord,
    IdentityRecord,
    IdentityRecordAdapter,
    ProfileChangeRecord,
    RulesRecord,
)
from schemas.reject import RejectReason
from services.identity.core.changes import Touched, profile_changes, rows_wanted
from services.identity.in_parts import NODES_PER_PART
from services.identity.ports import Erasures, IdentityStore
from services.identity.publication import published, withdrawn
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
CustomerRecords = Callable[[str, Collection[NodeId]], list[Outgoing]]
"""From a realm and its profiles that gained or lost nodes."""
Ordered = tuple[ErasureRecord, int]
"""An erasure, and when the log appended it (Unix ms)."""
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
    ) -> None:
        self._customer_records = customer_records
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
            record = None if self._rules is None else _rules_of(part)
            if self._rules is not None and record is not None:
                await self._change_rules(tenure, tenure.session, held, part[0].offset, record)
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
            return
        while (part := await self._offload(applying.next_part)) is not None:
            customers = self._customers(rules.realm, part.regrouped)
            await self._outbox.send_all([*map(published, part.records), *customers])
            await self._offload(applying.note)
            count_changes(self._metrics, part.changes)
            self._rules.waits()
            if await self._offload(applying.is_replaced):
                await self._offload(self._rules.changed, rules.realm)
                return
            if tenure is not self._tenure or self._rules.gives_way():
                raise Retry("the partition is being reassigned; its next holder goes on")
        identifiers = await self._offload(applying.finish)
        await self._offload(self._rules.changed, rules.realm)
        log.info("rules_in_force", realm=rules.realm, identifiers=identifiers)

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
            for record in _followed(session.store, realm, by_realm[realm], changes, version)
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

        def settle(
            realm: str, nodes: Collection[NodeId], marks: Collection[NodeId]
        ) -> tuple[Changes, set[NodeId]]:
            return session.settle(realm, nodes, marks, version, fence)

        erased = erasing.erase(record, lambda *given: settle(*given)[1], fence)
        # Again, for an attempt before may have written the same and told nobody.
        changes, alone = settle(realm, erased.touched, erased.marked)
        said = RealmBatch(attributes=set(alone))
        records = _followed(session.store, realm, said, changes, version)
        customers = list[Outgoing]()
        if self._customer_records is not None:
            moved = session.regrouped(realm, changes) | alone
            customers = self._customer_records(realm, moved)
        ids = [*record.nodes, *map(as_uuid, erased.stated)]
        gone = [withdrawn(realm, one) for one in ids]
        return [*map(published, records), *customers, *erasing.rewritten(realm), *gone]

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
    nodes_per_part: int = NODES_PER_PART


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
    """The parts of a batch, with each record of rules alone."""
    for part in parts:
        others: list[Delivery] = []
        for delivery in part:
            if _rules_of([delivery]) is None:
                others.append(delivery)
                continue
            if others:
                yield others
            yield [delivery]
            others = []
        if others:
            yield others


def _rules_of(part: list[Delivery]) -> RulesRecord | None:
    """The record of a part that changes the rules. One with rules that this program cannot read is
    none: it is sorted out."""
    if len(part) != 1 or b'"rules"' not in (part[0].value or b""):
        return None
    record = _decoded(part[0])
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


def _followed(
    store: IdentityStore, realm: str, batch: RealmBatch, changes: Changes, map_version: int
) -> list[ProfileChangeRecord]:
    """The profile changes to publish for a batch that is written."""
    spoken = Touched(sorted(batch.attributes), sorted(batch.consents))
    wanted = rows_wanted(changes, spoken)
    standing = store.placements_of(realm, wanted) if wanted else {}
    causes = batch.edges if changes.in_doubt else changes.edges
    return profile_changes(realm, changes, causes, spoken, standing, map_version)
