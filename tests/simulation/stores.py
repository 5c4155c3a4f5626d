"""The stores in memory, with the semantics of the tables: rows of a lower version lose.

All processes share the rows; calls of each may fail, be slow, write a part, or be its last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from schemas.claim import Book, Claim
from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident
from schemas.incident_action import IncidentAction
from schemas.instants import from_ms
from schemas.placement import Placement
from schemas.subject import SubjectType
from schemas.watermark import Watermark
from services.consistency.adapters.memory import MemoryStore
from services.consistency.core.cancelled_orders import TakenBack, taken_back
from services.consistency.core.comparability import ComparableBooks
from services.consistency.ports import GatheredWrites
from services.identity.core.model import Refusal
from services.identity.known_nodes import KnownNodes
from services.identity.ports import Placed
from services.ingest.core.outcome import Accepted
from services.ingest.ports import (
    Cancellation,
    Known,
    OrderName,
    RejectedLine,
    SoldClaims,
    StoredEvent,
    UndoneReceipt,
)
from services.stream.ports import Partition
from services.stream.positions import MemoryPositions, Position
from services.stream.watermarks import WatermarkStore
from tests.simulation.identity_rows import IdentityRows
from tests.simulation.orders import name_of_order, report_of
from tests.simulation.price_lists import PriceListFacts, PriceListRows
from tests.simulation.process import Process
from tests.simulation.unchanging import NobodySuppressed, Unchanging
from tests.unit.identity.memory_places import MemoryPlaces

UNSTORABLE = "unstorable"
"""Events with an id that begins so are refused by the store, whenever they are tried."""
FactKey = tuple[str, NodeId, str]
Name = tuple[str, str]


class FactRows:
    """The tables that ingest writes, with the claims of the facts."""

    def __init__(self, claims: MemoryStore) -> None:
        self.facts: dict[FactKey, Accepted] = {}
        self.by_id: dict[tuple[str, str], set[FactKey]] = defaultdict(set)
        self.former: dict[Name, set[Book]] = defaultdict(set)
        self.conflicts: set[tuple[str, str, bytes]] = set()
        self.values: dict[tuple[str, NodeId], str] = {}
        self.batches: dict[FactKey, int] = {}
        self.rejected: dict[tuple[str, bytes], RejectedLine] = {}
        self.erased: dict[tuple[str, NodeId], int] = {}
        self.checkpoint = 0
        self._claims = claims
        claims.taken_back = self.taken_back
        self._taken_back: dict[str, dict[str, TakenBack]] = {}
        """By realm, of the facts as they are."""
        self.cancellations: set[Cancellation] = set()
        self.cancelled: set[tuple[FactKey, OrderName]] = set()
        self.lists = claims.lists = PriceListRows(claims.newest)

    def taken_back(self, realm: str) -> dict[str, TakenBack]:
        """What cancellations take back of the orders of a realm: of those that were noted."""
        if realm not in self._taken_back:
            reports = {
                event.event_id: report
                for event in self._latest(realm)
                if (report := report_of(event)) is not None
            }
            noted = {key[2] for key, _ in self.cancelled if key[0] == realm}
            found = taken_back(reports.values())
            self._taken_back[realm] = {key: one for key, one in found.items() if key in noted}
        return self._taken_back[realm]

    def _latest(self, realm: str) -> Iterator[Accepted]:
        """The facts of a realm that have a number of an order, each in the body that counts."""
        for event in list(self.facts.values()):
            if event.realm == realm and event.row["order_id"] and self.latest(event) is event:
                yield event

    def put(self, events: Iterable[Accepted], batch: int) -> None:
        """Insert facts; the view of their claims follows within it."""
        for event in events:
            key = (event.realm, event.node, event.event_id)
            known = self.facts.get(key)
            if known is None or event.version >= known.version:
                self.facts[key], self.batches[key] = event, batch
            self.by_id[event.realm, event.event_id].add(key)
            self._taken_back.pop(event.realm, None)
            self._claims.supersede(event.realm, event.event_id, event.version)
            self._claims.write_claims(event.claims)

    def latest(self, event: Accepted) -> Accepted | None:
        """The body of an event that counts, under any anchor."""
        bodies = [self.facts[key] for key in self.by_id[event.realm, event.event_id]]
        return max(bodies, key=lambda one: one.version, default=None)

    def put_former(self, books: Iterable[tuple[Name, Book]]) -> None:
        """Note books that bodies of events touched."""
        for name, book in books:
            self.former[name].add(book)

    def former_books(self, names: Iterable[Name]) -> dict[Name, set[Book]]:
        """The books that bodies of these events touched."""
        return {name: self.former[name] | self._claims.books_of(*name) for name in names}

    def remove(self, keys: Iterable[FactKey]) -> None:
        """Facts under anchors that no longer count."""
        for key in keys:
            self._taken_back.pop(key[0], None)
            self.facts.pop(key, None)
            self.batches.pop(key, None)
            self.by_id[key[0], key[2]].discard(key)

    def note_cancelled(self, rows: Iterable[tuple[FactKey, OrderName]]) -> None:
        """Note whose claims may be taken back, and by which report."""
        self.cancelled.update(rows)
        self._taken_back.clear()

    def put_conflicts(self, events: Iterable[Accepted]) -> None:
        """Keep the stored body of each event, then its new one."""
        for event in events:
            name = (event.realm, event.event_id)
            bodies = [self.facts[key] for key in sorted(self.by_id[name]) if key in self.facts]
            self.conflicts.update((*name, body.row["payload"]) for body in (*bodies, event))

    def put_values(self, events: Iterable[Accepted]) -> None:
        """Keep the values of identifiers."""
        for event in events:
            self.values.update({(event.realm, node.id): value for node, value in event.values})


class Facts(PriceListFacts, NobodySuppressed):
    """Implements `services.ingest.ports.FactStore` for one process."""

    def known(self, events: Sequence[Accepted]) -> dict[tuple[str, str], list[Known]]:
        """See the port."""
        names = dict.fromkeys((event.realm, event.event_id) for event in events)

        def look() -> dict[tuple[str, str], list[Known]]:
            rows = self._rows
            return {
                name: [
                    Known(key[1], rows.facts[key].version, rows.batches[key])
                    for key in sorted(rows.by_id[name])
                ]
                for name in names
                if name in rows.by_id
            }

        return look() if self._process is None else self._process.read("event ids", look)

    def write_facts(self, events: Sequence[Accepted], batch: int) -> list[Accepted]:
        """See the port."""
        good = [one for one in events if not one.event_id.startswith(UNSTORABLE)]
        if self._process is None:
            self._rows.put(good, batch)
        else:
            self._process.write("facts", good, lambda rows: self._rows.put(rows, batch))
        return [one for one in events if one.event_id.startswith(UNSTORABLE)]

    def former_books(self, keys: Collection[FactKey]) -> Mapping[Name, set[Book]]:
        """See the port."""
        names = {(realm, event_id) for realm, _, event_id in keys}

        def look() -> Mapping[Name, set[Book]]:
            return self._rows.former_books(names)

        return look() if self._process is None else self._process.read("former books", look)

    def write_former_books(self, books: Mapping[FactKey, Collection[Book]]) -> None:
        """See the port."""
        rows = [((key[0], key[2]), book) for key, mine in books.items() for book in mine]
        if self._process is None:
            self._rows.put_former(rows)
        else:
            self._process.write("former books", rows, self._rows.put_former)

    def write_cancellations(self, cancellations: Collection[Cancellation]) -> None:
        """See the port."""
        if self._process is None:
            self._rows.cancellations.update(cancellations)
        else:
            rows = list(cancellations)
            self._process.write("cancellations", rows, self._rows.cancellations.update)

    def cancellations(
        self, orders: Collection[OrderName], events: Collection[Name]
    ) -> list[Cancellation]:
        """See the port."""

        def look() -> list[Cancellation]:
            return [
                one
                for one in sorted(self._rows.cancellations)
                if one.order in orders or (one.key[0], one.key[2]) in events
            ]

        return look() if self._process is None else self._process.read("cancellations", look)

    def orders_named(self, orders: Collection[OrderName]) -> list[tuple[FactKey, OrderName]]:
        """See the port."""

        def look() -> list[tuple[FactKey, OrderName]]:
            return [
                (key, name)
                for key, event in sorted(self._rows.facts.items())
                if event.row["order_action"] == "placed"
                if (name := name_of_order(event)) in orders
            ]

        return look() if self._process is None else self._process.read("orders", look)

    def receipts_like(
        self, receipts: Collection[UndoneReceipt]
    ) -> list[tuple[FactKey, UndoneReceipt]]:
        """See the port."""

        def look() -> list[tuple[FactKey, UndoneReceipt]]:
            return [
                (key, receipt)
                for key, event in sorted(self._rows.facts.items())
                for receipt in receipts
                if event.realm == receipt.realm
                and event.row["source_store"] == receipt.store
                and event.row["order_action"] == "placed"
                and event.row["order_counts"]
                and abs(event.row["order_value"]) == receipt.value
                and receipt.since_ms <= event.occurred_ms <= receipt.until_ms
            ]

        return look() if self._process is None else self._process.read("receipts", look)

    def sold(self, events: Collection[FactKey], kinds: Collection[str]) -> list[SoldClaims]:
        """See the port."""

        def look() -> list[SoldClaims]:
            found: list[SoldClaims] = []
            for key in sorted(events):
                event = self._rows.facts.get(key)
                claims = event.claims if event else ()
                books = frozenset(one.book for one in claims if one.book.kind in kinds)
                if event and books:
                    found.append(SoldClaims(key, event.version, books))
            return found

        return look() if self._process is None else self._process.read("sold", look)

    def noted_as_cancelled(self, by: Collection[OrderName]) -> list[FactKey]:
        """See the port."""

        def look() -> list[FactKey]:
            return sorted({key for key, name in self._rows.cancelled if name in by})

        return look() if self._process is None else self._process.read("noted", look)

    def write_cancelled_claims(
        self, sold: Collection[SoldClaims], by: Mapping[FactKey, Collection[OrderName]]
    ) -> None:
        """See the port."""
        rows = [(one.key, name) for one in sold for name in sorted(by.get(one.key, ()))]
        if self._process is None:
            self._rows.note_cancelled(rows)
        else:
            self._process.write("cancelled claims", rows, self._rows.note_cancelled)

    def remove_facts(self, keys: Collection[FactKey]) -> None:
        """See the port."""
        if self._process is None:
            self._rows.remove(keys)
        elif keys:
            self._process.write("removals", list(keys), self._rows.remove)

    def write_conflicts(self, events: Sequence[Accepted], received_at: datetime) -> None:
        """See the port."""
        if self._process is None:
            self._rows.put_conflicts(events)
        else:
            self._process.write("id conflicts", events, self._rows.put_conflicts)

    def write_values(self, events: Sequence[Accepted], batch: int) -> None:
        """See the port."""
        if self._process is None:
            self._rows.put_values(events)
        else:
            self._process.write("values", events, self._rows.put_values)

    def write_rejected(self, lines: Sequence[RejectedLine]) -> None:
        assert self._process is None, "a worker sends them to the dead letters"
        self._rows.rejected.update({(one.reject.reason, one.raw): one for one in lines})

    def erasures(self) -> dict[tuple[str, NodeId], int]:
        return dict(self._rows.erased)

    def forget_values(self) -> None:
        pass

    def erasure_steps(self) -> int:
        return len(self._rows.erased)

    def cutoffs(self) -> dict[tuple[str, str], int]:
        return {}

    def is_expiring(self) -> bool:
        return False

    def last_batch(self) -> int:
        return max(self._rows.checkpoint, *self._rows.batches.values(), 0)

    def checkpoint(self) -> int:
        return self._rows.checkpoint

    def write_checkpoint(self, batch: int, written_at: datetime) -> None:
        """See the port."""
        self._rows.checkpoint = max(batch, self._rows.checkpoint)

    def in_doubt(self, after_batch: int) -> Iterator[StoredEvent]:
        rows = self._rows
        later = [key for key, batch in rows.batches.items() if batch > after_batch]
        for key in sorted(later, key=lambda one: (rows.batches[one], one)):
            event = rows.facts[key]
            yield StoredEvent(event.row["payload"], from_ms(event.row["received_at"]), event.intake)


class IdentitySession(Unchanging):
    """Implements `services.identity.ports.IdentityStore` for one process.

    What it knows of there being decisions is as old as itself, as in the adapter for ClickHouse.
    """

    def __init__(self, rows: IdentityRows, process: Process) -> None:
        self._rows = rows
        self._process = process
        # Unchecked: what an evicted worker reads is out of date, and its fence stops it.
        self._known = KnownNodes(MemoryPlaces(rows), asked_min=0)
        self._has_decisions = process.read(
            "decisions", lambda: {realm for realm in rows._realms if rows.all_decisions(realm)}
        )
        self._decided = process.read("decisions", rows.decided)

    def possibly_known(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """See the port."""
        return self._process.read("map", lambda: self._known.among(nodes, in_doubt))

    def bounds_of(self, _realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        """See the port."""
        return self._known.bounds(nodes)

    def types_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, str]:
        """See the port."""
        return self._process.read("map", lambda: self._rows.types_of(realm, nodes))

    def decided(self) -> Collection[NodeId] | None:
        """See the port."""
        return self._decided

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See the port."""
        return self._process.read("edges", lambda: self._rows.edges_of(realm, nodes))

    def an_edge_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See the port."""
        return self._process.read("edges", lambda: self._rows.an_edge_of(realm, nodes))

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        """See the port."""
        return self._process.read(
            "edges", lambda: self._rows.nodes_above_degree(realm, nodes, above, types)
        )

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """See the port."""
        return self._process.read("map", lambda: self._rows.placements_of(realm, nodes))

    def former_profiles(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See the port."""
        return self._process.read("members", lambda: self._rows.former_profiles(realm, nodes))

    def decisions_of(self, realm: str, nodes: Collection[NodeId]) -> list[Decision]:
        """See the port."""
        if realm not in self._has_decisions:
            return []
        return self._process.read("decisions", lambda: self._rows.decisions_of(realm, nodes))

    def decisions_after(self, version: int) -> list[tuple[str, Decision]]:
        """See the port."""
        return self._process.read("decisions", lambda: self._rows.decisions_after(version))

    def marks_of(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See the port. Nothing is erased in this world, so no call of it can fail."""
        return self._rows.marks_of(realm, nodes)

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """See the port."""
        return self._process.read("refusals", lambda: self._rows.refusals_of(realm, nodes))

    def write_edges(self, realm: str, edges: Sequence[Edge], version: int) -> None:
        """See the port."""
        self._known.note_edges([end.id for edge in edges for end in (edge.a, edge.b)])
        self._process.write("edges", edges, lambda rows: self._rows.put_edges(realm, rows, version))

    def write_decisions(self, realm: str, decisions: Sequence[Decision], version: int) -> None:
        """See the port."""
        self._has_decisions = self._has_decisions | {realm}
        ends = {end.id for one in decisions for end in (one.a, one.b)}
        self._decided = ends.union(self._decided)
        self._known.note(ends)
        self._process.write(
            "decisions", decisions, lambda rows: self._rows.put_decisions(realm, rows, version)
        )

    def write_marks(self, realm: str, marks: Collection[NodeId], version: int) -> None:
        """See the port."""
        self._rows.write_marks(realm, marks, version)

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int
    ) -> None:
        """See the port."""
        self._known.note(placements)
        self._process.write(
            "map",
            list(placements.items()),
            lambda rows: self._rows.put_placements(realm, rows, version),
        )

    def write_refusals(
        self,
        realm: str,
        appeared: Sequence[Refusal],
        vanished: Sequence[Refusal],
        version: int,
    ) -> None:
        """See the port."""
        self._known.note([end for one in (*vanished, *appeared) for end in (one.a, one.b)])
        rows = [*((one, False) for one in vanished), *((one, True) for one in appeared)]
        self._process.write(
            "refusals", rows, lambda some: self._rows.put_refusals(realm, some, version)
        )


class Consistency:
    """Implements `services.consistency.ports.WorkerStore` for one process.

    Books that it was not told of are left out, as in the adapter for ClickHouse.
    """

    def __init__(self, rows: MemoryStore, process: Process) -> None:
        self._rows = rows
        self._process = process
        self._noted: set[int] = set()

    def comparable_books(self, partitions: Collection[int] | None = None) -> ComparableBooks:
        """See the port."""
        found = self._process.read("claims", lambda: self._rows.comparable_books(partitions))
        self._noted |= found._comparable | found._single.keys()
        return found

    def note(self, books: Iterable[Book]) -> None:
        """See the port."""
        self._noted.update(map(hash, books))

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See the port."""
        known = [
            book
            for book in books
            if hash(book) in self._noted or book.subject.type is SubjectType.CUSTOMER
        ]
        return self._process.read("claims", lambda: self._rows.claims_of(known))

    def holders_of(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, NodeId]:
        """See the port."""
        return self._process.read("map", lambda: self._rows.holders_of(realm, nodes))

    def claimed(self, realm: str, books: Collection[Book]) -> Collection[Book]:
        """See the port."""
        return self._process.read("claims", lambda: self._rows.claimed(realm, books))

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        """See the port."""
        return self._process.read("incidents", lambda: self._rows.incidents_of(books))

    def due_books(
        self, realm: str, now: datetime, partitions: Collection[int] | None = None
    ) -> Collection[Book]:
        """See the port."""
        return self._process.read("timers", lambda: self._rows.due_books(realm, now, partitions))

    def latest_tick(self, realm: str, partition: int | None = None) -> datetime | None:
        """See the port."""
        return self._process.read("ticks", lambda: self._rows.latest_tick(realm, partition))

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """See the port."""
        return self._process.read("actions", lambda: self._rows.actions_of(books))

    def write_gathered(self, writes: GatheredWrites) -> None:
        """See the port."""
        self._process.write("ticks", list(writes.ticks.items()), self._put_ticks)
        due = [(version, row) for version, mine in writes.due for row in mine.items()]
        self._process.write("timers", due, self._put_due)
        actions = [
            (version, book, action)
            for version, by_book in writes.actions
            for book, mine in by_book.items()
            for action in mine
        ]
        self._process.write("actions", actions, self._put_actions)
        incidents = [(version, one) for version, mine in writes.incidents for one in mine]
        self._process.write("incidents", incidents, self._put_incidents)

    def _put_ticks(self, rows: Sequence[tuple[tuple[str, int], datetime]]) -> None:
        for (realm, partition), now in rows:
            self._rows.write_tick(realm, now, partition)

    def _put_due(self, rows: Sequence[tuple[int, tuple[Book, datetime | None]]]) -> None:
        for version, (book, at) in rows:
            self._rows.write_due({book: at}, version)

    def _put_actions(self, rows: Sequence[tuple[int, Book, IncidentAction]]) -> None:
        for version, book, action in rows:
            self._rows.write_actions({book: [action]}, version)

    def _put_incidents(self, rows: Sequence[tuple[int, AnyIncident]]) -> None:
        for version, one in rows:
            self._rows.write_incidents([one], version)


class Positions:
    """Implements `services.stream.positions.PositionStore` for one process."""

    def __init__(self, rows: MemoryPositions, process: Process) -> None:
        self._rows = rows
        self._process = process

    def read(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """See the port."""
        return self._process.read("positions", lambda: self._rows.read(partitions))

    def note(self, positions: Mapping[Partition, Position]) -> None:
        """See the port."""

        def put(rows: Sequence[tuple[Partition, Position]]) -> None:
            self._rows.note(dict(rows))

        self._process.write("positions", list(positions.items()), put)


class Watermarks:
    """Implements `services.stream.watermarks.WatermarkStore` for one process."""

    def __init__(self, rows: WatermarkStore, process: Process) -> None:
        self._rows = rows
        self._process = process

    def write(self, watermarks: Sequence[Watermark]) -> None:
        """See the port."""
        self._process.write("watermarks", watermarks, self._rows.write)

    def latest(self) -> list[Watermark]:
        """See the port."""
        return self._process.read("watermarks", lambda: list(self._rows.latest()))

    def clock(self) -> datetime:
        """See the port."""
        self._process.check()
        return self._rows.clock()
