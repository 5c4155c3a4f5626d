"""The fact store on ClickHouse: one columnar insert per batch into `touchpoints`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from schemas.claim import PRICE_MISMATCH, Book
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from schemas.price_list import Completion, EditionOffer, ListEdition, PriceList, Received
from schemas.reject import NOT_KEPT
from schemas.subject import SEPARATOR, Subject, SubjectType
from services.ingest.adapters.merging import PartMerging
from services.ingest.adapters.projections import FEW, FactViews
from services.ingest.adapters.removal import delete_facts
from services.ingest.core.fact_row import columns_of
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.ports import (
    Cancellation,
    FactKey,
    Known,
    OrderName,
    RejectedLine,
    SoldClaims,
    StoredEvent,
    UndoneReceipt,
)
from services.store.database import Database, chunks
from services.store.errors import Unstorable
from services.store.price_lists import StoredPriceLists
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
KNOWN_SQL = _STATEMENTS["known"]
LAST_BATCH_SQL = _STATEMENTS["last_batch"]
IN_DOUBT_SQL = _STATEMENTS["in_doubt"]
PAGE_END_SQL = _STATEMENTS["page_end"]
ERASURES_SQL = _STATEMENTS["erasures"]
ERASURE_STEPS_SQL = _STATEMENTS["erasure_steps"]
SUPPRESSED_SQL = _STATEMENTS["suppressed"]
CUTOFFS_SQL = _STATEMENTS["cutoffs"]
EXPIRING_SQL = _STATEMENTS["expiring"]
CHECKPOINT_SQL = _STATEMENTS["checkpoint"]
CONFLICT_SQL = _STATEMENTS["conflict"]
FORMER_BOOKS_SQL = _STATEMENTS["former_books"]
CANCELLATIONS_SQL = _STATEMENTS["cancellations"]
ORDERS_NAMED_SQL = _STATEMENTS["orders_named"]
RECEIPTS_LIKE_SQL = _STATEMENTS["receipts_like"]
NOTED_SQL = _STATEMENTS["noted"]
SOLD_SQL = _STATEMENTS["sold"]
ANY_EVENT_SQL = _STATEMENTS["any_event"]
REJECTED_COLUMNS = (
    "reject_id", "reason", "path", "message", "event_id", "received_at", "raw_bytes", "raw",
    "is_public",
)  # fmt: skip
CACHED_VALUES = 500_000
PAGE_EVENTS = 20_000
"""About as many stored events are read at once."""
REMEMBERED_HASHES = 1_000_000
CHECKPOINT = "embedded"
EVENTS_PER_QUERY = 500


class ClickHouseFactStore:
    """Implements `services.ingest.ports.FactStore`.

    Args:
        sole_writer: no other process writes facts during the lifetime of this one, which is alone
            on its engine. Then a store found empty need not be asked which events it knows,
            batches of few events are written without the views of the facts (`close` at the end),
            and what they write is merged by level.
    """

    def __init__(self, database: Database, *, sole_writer: bool = False) -> None:
        self._database = database
        self._valued: set[NodeId] = set()
        self._views = FactViews(database) if sole_writer else None
        self._merging = PartMerging(database) if sole_writer else None
        if self._merging is not None:
            self._merging.look()  # whoever was alone before may have left many parts
        is_mine = sole_writer and not database.rows(ANY_EVENT_SQL)
        self._all_hashes: set[int] | None = set() if is_mine else None
        """Every stored event, if this process has written all of them; else None."""

    def known(self, events: Sequence[Accepted]) -> dict[tuple[str, str], list[Known]]:
        """See the port."""
        found: dict[tuple[str, str], list[Known]] = {}
        by_realm: dict[str, list[int]] = {}
        for event in events:
            if self._all_hashes is None or event.event_hash in self._all_hashes:
                by_realm.setdefault(event.realm, []).append(event.event_hash)
        for realm, hashes in by_realm.items():
            # As text: the driver formats a list number by number, ten times as slowly.
            text = f"[{','.join(map(str, hashes))}]"
            rows = self._database.rows(KNOWN_SQL, {"realm": realm, "hashes": text})
            for name, event_id, node, version, batch in rows:
                found.setdefault((name, event_id), []).append(Known(node.int, version, batch))
        return found

    def write_facts(self, events: Sequence[Accepted], batch: int) -> list[Accepted]:
        """See the port."""
        if not events:
            return []
        try:
            self._insert_facts(events, batch)
        except Unstorable:
            if len(events) == 1:
                return list(events)
            middle = len(events) // 2
            first, second = events[:middle], events[middle:]
            return self.write_facts(first, batch) + self.write_facts(second, batch)
        return []

    def _insert_facts(self, events: Sequence[Accepted], batch: int) -> None:
        columns = columns_of([event.row for event in events])
        columns["corrects"] = [event.corrects for event in events]
        columns["batch"] = [batch] * len(events)
        views = self._views
        if self._merging is not None:
            self._merging.batch(is_small=len(events) <= FEW)
        is_projected = views is None or views.project(len(events))
        self._database.insert("touchpoints", tuple(columns), list(columns.values()))
        if views is not None and not is_projected:
            views.write(events, batch)
        if self._all_hashes is not None:
            self._all_hashes.update(event.event_hash for event in events)
            if len(self._all_hashes) > REMEMBERED_HASHES:
                self._all_hashes = None

    def close(self) -> None:
        """Leave the store as others expect it. Raises Retry or Fatal."""
        if self._views is not None:
            self._views.attach()

    def former_books(self, keys: Collection[FactKey]) -> dict[tuple[str, str], set[Book]]:
        """See the port."""
        found: dict[tuple[str, str], set[Book]] = defaultdict(set)
        for realm, mine in _by_realm(keys).items():
            for part in chunks(mine, EVENTS_PER_QUERY):
                nodes, events = zip(*part, strict=True)
                parameters = {
                    "realm": realm,
                    "nodes": list(nodes),
                    "events": list(events),
                    "prices": PRICE_MISMATCH,
                }
                for event_id, kind, type_, key in self._database.rows(FORMER_BOOKS_SQL, parameters):
                    subject = Subject(SubjectType(type_), key)
                    found[realm, event_id].add(Book(realm, kind, subject))
        return found

    def write_former_books(self, books: Mapping[FactKey, Collection[Book]]) -> None:
        """See the port."""
        rows = [
            (realm, node, event_id, book.kind, *book.subject)
            for (realm, node, event_id), mine in books.items()
            for book in mine
        ]
        names = ("realm", "node", "event_id", "kind", "subject_type", "subject")
        self._database.insert_rows("former_books", names, rows)

    def write_cancellations(self, cancellations: Collection[Cancellation]) -> None:
        """See the port."""
        rows = [
            (realm, *order[:0:-1], *by[1:], node, event_id)
            for (realm, node, event_id), order, by in cancellations
        ]
        names = (
            "realm", "order_id", "order_issuer", "by_issuer", "by_number", "node", "event_id",
        )  # fmt: skip
        self._database.insert_rows("cancelled_orders", names, rows)

    def cancellations(
        self, orders: Collection[OrderName], events: Collection[tuple[str, str]]
    ) -> list[Cancellation]:
        """See the port."""
        found: list[Cancellation] = []
        for realm in {one[0] for one in (*orders, *events)}:
            names = _order_names(realm, orders)
            names["events"] = [event_id for name, event_id in events if name == realm]
            for node, event_id, *row in self._database.rows(CANCELLATIONS_SQL, names):
                issuer, number, by_issuer, by_number = row
                key, by = (realm, node.int, event_id), (realm, by_issuer, by_number)
                found.append(Cancellation(key, (realm, issuer, number), by))
        return found

    def orders_named(self, orders: Collection[OrderName]) -> list[tuple[FactKey, OrderName]]:
        """See the port."""
        return [
            ((realm, node.int, event_id), (realm, issuer, number))
            for realm in {one[0] for one in orders}
            for node, event_id, issuer, number in self._database.rows(
                ORDERS_NAMED_SQL, _order_names(realm, orders)
            )
        ]

    def receipts_like(
        self, receipts: Collection[UndoneReceipt]
    ) -> list[tuple[FactKey, UndoneReceipt]]:
        """See the port."""
        found: list[tuple[FactKey, UndoneReceipt]] = []
        for realm in {one.realm for one in receipts}:
            mine = [one for one in receipts if one.realm == realm]
            asked = {
                "realm": realm,
                "stores": sorted({one.store for one in mine}),
                "values": sorted({f"{one.value:f}" for one in mine}),
                "skus": sorted({sku for one in mine for sku in one.skus}),
                "since": from_ms(min(one.since_ms for one in mine)),
                "until": from_ms(max(one.until_ms for one in mine)),
            }
            for node, event_id, store, value, at_ms in self._database.rows(
                RECEIPTS_LIKE_SQL, asked
            ):
                found += [
                    ((realm, node.int, event_id), one)
                    for one in mine
                    if (one.store, one.value) == (store, value)
                    and one.since_ms <= at_ms <= one.until_ms
                ]
        return found

    def sold(self, events: Collection[FactKey], kinds: Collection[str]) -> list[SoldClaims]:
        """See the port."""
        found: dict[FactKey, tuple[int, set[Book]]] = {}
        for realm, mine in _by_realm(events).items():
            for part in chunks(mine, EVENTS_PER_QUERY):
                nodes, names = zip(*part, strict=True)
                asked = {"realm": realm, "nodes": list(nodes), "events": list(names)}
                asked |= {"kinds": sorted(kinds), "prices": PRICE_MISMATCH}
                for node, event_id, version, kind, type_, key in self._database.rows(
                    SOLD_SQL, asked
                ):
                    _, books = found.setdefault((realm, node.int, event_id), (version, set()))
                    books.add(Book(realm, kind, Subject(SubjectType(type_), key)))
        return [
            SoldClaims(key, version, frozenset(books)) for key, (version, books) in found.items()
        ]

    def noted_as_cancelled(self, by: Collection[OrderName]) -> list[FactKey]:
        """See the port."""
        return [
            (realm, node.int, event_id)
            for realm in {one[0] for one in by}
            for node, event_id in self._database.rows(NOTED_SQL, _order_names(realm, by))
        ]

    def write_cancelled_claims(
        self, sold: Collection[SoldClaims], by: Mapping[FactKey, Collection[OrderName]]
    ) -> None:
        """See the port."""
        rows = [
            (one.key[0], book.kind, *book.subject, *one.key[1:], *name[1:])
            for one in sold
            for book in one.books
            for name in by.get(one.key, ())
        ]
        names = (
            "realm", "kind", "subject_type", "subject", "node", "event_id", "by_issuer",
            "by_number",
        )  # fmt: skip
        self._database.insert_rows("cancelled_claims", names, rows)

    def write_edition_offers(self, offers: Collection[EditionOffer]) -> None:
        """See the port."""
        StoredPriceLists(self._database).write_offers(offers)

    def write_completions(self, completions: Collection[Completion]) -> None:
        """See the port."""
        StoredPriceLists(self._database).write_completions(completions)

    def completions(
        self, lists: Collection[PriceList], events: Collection[tuple[str, str]] = ()
    ) -> list[Completion]:
        """See the port."""
        return StoredPriceLists(self._database).completions(lists, events)

    def completed_lists(self, realm: str) -> list[PriceList]:
        """See the port."""
        return StoredPriceLists(self._database).lists(realm)

    def received(self, edition: ListEdition) -> Received | None:
        """See the port."""
        return StoredPriceLists(self._database).received(edition)

    def left_out(
        self, edition: ListEdition, since: datetime | None, before: datetime
    ) -> list[tuple[str, str]]:
        """See the port."""
        return StoredPriceLists(self._database).left_out(edition, since, before)

    def remove_facts(self, keys: Collection[FactKey]) -> None:
        """See the port."""
        for realm, mine in _by_realm(keys).items():
            delete_facts(self._database, realm, mine)

    def write_conflicts(self, events: Sequence[Accepted], received_at: datetime) -> None:
        """See the port. The first body is copied before the new one can replace it."""
        for part in chunks(events, 500):
            for realm in {event.realm for event in part}:
                mine = [event for event in part if event.realm == realm]
                ids = [event.event_id for event in mine]
                hashes = [event.event_hash for event in mine]
                rows = self._database.rows(KNOWN_SQL, {"realm": realm, "hashes": hashes})
                nodes = [str(row[2]) for row in rows]
                parameters = {"realm": realm, "nodes": nodes, "events": ids}
                self._database.command(CONFLICT_SQL, parameters)
        self._database.insert_rows(
            "id_conflicts",
            ("realm", "event_id", "version", "node", "received_at", "payload"),
            [
                (
                    one.realm,
                    one.event_id,
                    one.version,
                    one.node,
                    to_ms(received_at),
                    one.row["payload"],
                )
                for one in events
            ],
        )

    def forget_values(self) -> None:
        """See the port."""
        self._valued.clear()

    def write_values(self, events: Sequence[Accepted], batch: int) -> None:
        """See the port. Recently written values are cached and not written again."""
        if len(self._valued) > CACHED_VALUES:
            self._valued.clear()
        fresh: dict[NodeId, tuple[Any, ...]] = {}
        for event in events:
            for node, value in event.values:
                if node.id not in self._valued:
                    fresh[node.id] = (event.realm, node.id, node.type, node.issuer, value, batch)
        if fresh:
            names = ("realm", "node", "type", "issuer", "value", "batch")
            self._database.insert_rows("node_values", names, list(fresh.values()))
            self._valued.update(fresh)

    def write_rejected(self, lines: Sequence[RejectedLine]) -> None:
        """See the port."""
        rows = [
            (
                _reject_id(line),
                line.reject.reason,
                line.reject.path,
                line.reject.message,
                line.reject.event_id,
                to_ms(line.received_at),
                line.raw_bytes,
                line.raw,
                line.is_public,
            )
            for line in lines
        ]
        if rows:
            self._database.insert_rows("rejected", REJECTED_COLUMNS, rows)

    def erasures(self) -> dict[tuple[str, NodeId], int]:
        """See the port."""
        rows = self._database.rows(ERASURES_SQL)
        return {(realm, node.int): to_ms(erased_at) for realm, node, erased_at in rows}

    def erasure_steps(self) -> int:
        """See the port."""
        return int(self._database.rows(ERASURE_STEPS_SQL)[0][0])

    def suppressed(self) -> frozenset[tuple[str, NodeId]]:
        """See the port."""
        rows = self._database.rows(SUPPRESSED_SQL)
        return frozenset((realm, node.int) for realm, node in rows)

    def cutoffs(self) -> dict[tuple[str, str], int]:
        """See the port."""
        rows = self._database.rows(CUTOFFS_SQL)
        return {(realm, type_name): to_ms(before) for realm, type_name, before in rows}

    def is_expiring(self) -> bool:
        """See the port."""
        return bool(self._database.rows(EXPIRING_SQL)[0][0])

    def last_batch(self) -> int:
        """See the port."""
        return int(self._database.rows(LAST_BATCH_SQL)[0][0])

    def checkpoint(self) -> int:
        """See the port."""
        return int(self._database.rows(CHECKPOINT_SQL, {"name": CHECKPOINT})[0][0])

    def write_checkpoint(self, batch: int, written_at: datetime) -> None:
        """See the port."""
        row = (CHECKPOINT, batch, to_ms(written_at))
        self._database.insert_rows("checkpoints", ("name", "batch", "written_at"), [row])

    def in_doubt(self, after_batch: int) -> Iterator[StoredEvent]:
        """See the port."""
        # What is processed again is written again, by later batches.
        last, first = self.last_batch(), after_batch
        while page := self._page_end(first, last):
            bounds = {"batch": first, "until": page}
            for payload, received_at, intake in self._database.rows(IN_DOUBT_SQL, bounds):
                yield StoredEvent(payload.encode(), received_at, Intake(intake))
            first = page

    def _page_end(self, after_batch: int, last_batch: int) -> int:
        bounds = {"batch": after_batch, "until": last_batch, "rows": PAGE_EVENTS}
        return int(self._database.rows(PAGE_END_SQL, bounds)[0][0])


def _by_realm(keys: Collection[FactKey]) -> dict[str, list[tuple[str, str]]]:
    """Anchor and event id by realm."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for realm, node, event_id in sorted(keys):
        found[realm].append((str(as_uuid(node)), event_id))
    return found


def _order_names(realm: str, orders: Collection[OrderName]) -> dict[str, Any]:
    """Parameters that ask for the orders of a realm."""
    mine = [(issuer, number) for name, issuer, number in orders if name == realm]
    return {
        "realm": realm,
        "numbers": sorted({number for _, number in mine}),
        "orders": [f"{issuer}{SEPARATOR}{number}" for issuer, number in mine],
    }


def _reject_id(line: RejectedLine) -> UUID:
    """By reason and bytes. Lines of which none are kept differ in what is said of them, as their
    place in a file; those of people of whom nothing may be kept do not differ."""
    reason, told = line.reject.reason, line.raw
    if not told and reason not in NOT_KEPT:
        told = line.reject.message.encode()
    return UUID(bytes=sha256(f"{reason}\n".encode() + told).digest()[:16])
