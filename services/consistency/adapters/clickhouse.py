"""Claims, incidents and timers on ClickHouse. Claims are facts already: they are read, not written.

One process at a time writes the incidents of a book: the only one there is, or the worker that
holds the book's partition of `c360.offers`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from sys import intern
from typing import Any, NamedTuple

from schemas.claim import (
    BASES,
    PRICE_MISMATCH,
    Book,
    Claim,
    PriceClaim,
    Statement,
    unpack_statement,
    unpack_terms,
)
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import from_ms, to_ms
from schemas.kept_objection import KeptObjection
from schemas.rules.profile import MailReaction
from schemas.subject import CUSTOMER, Subject, SubjectType
from services.consistency.adapters.cancellations import read_taken_back
from services.consistency.core.cancelled_orders import is_taken_back
from services.consistency.core.comparability import SEVERAL, ComparableBooks
from services.consistency.core.complete_lists import ListFacts, left_out
from services.consistency.core.kind import Kinds
from services.consistency.core.permissions import kept_statements
from services.consistency.kinds import KINDS
from services.consistency.kinds.marketing_without_consent import NAME as MARKETING_WITHOUT_CONSENT
from services.consistency.ports import GatheredWrites
from services.profiles.core.consent import OBJECTION, WITHDRAWN
from services.store.database import Database, chunks, rows_by_key
from services.store.kept_objections import kept_objections
from services.store.price_lists import StoredPriceLists
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of
from services.stream.claim_records import OFFER_PARTITIONS

BOOKS_PER_QUERY = 2_000
NEVER_MS = 0
MAIL_REACTIONS = frozenset(MailReaction)
_STATEMENTS = statements_of(__file__)
PRICES_SQL = _STATEMENTS["prices"]
STATEMENTS_SQL = _STATEMENTS["statements"]
CUSTOMER_STATEMENTS_SQL = _STATEMENTS["customer_statements"]
CLAIMED_SQL = _STATEMENTS["claimed"]
INCIDENTS_SQL = _STATEMENTS["incidents"]
ACTIONS_SQL = _STATEMENTS["actions"]
DUE_SQL = _STATEMENTS["due"]
PRICE_BOOKS_SQL = _STATEMENTS["price_books"]
STATEMENT_BOOKS_SQL = _STATEMENTS["statement_books"]
TICKS_SQL = _STATEMENTS["ticks"]
NO_PREFIX = "\x1f"
"""No property has a name that starts with this."""


class _Doubtful(NamedTuple):
    """A claim of an order that something may have cancelled."""

    claim: Claim
    node: NodeId
    """Anchor of its event."""
    cancelled_by: Sequence[str]
    """Issuer and number of what may have cancelled it, joined."""


class _OfCustomers(NamedTuple):
    """What is read of some customers' books."""

    books: Mapping[NodeId, Mapping[str, Book]]
    """By profile and kind."""
    holders: Mapping[NodeId, NodeId]
    """The profile by anchor."""
    rows: Iterator[tuple[Any, ...]]
    """Of the statement about these kinds and anchors."""

    @property
    def books_by_anchor(self) -> dict[bytes, Mapping[str, Book]]:
        """By anchor and kind."""
        books, nothing = self.books, dict[str, Book]()
        return {
            anchor.to_bytes(16): books.get(profile, nothing)
            for anchor, profile in self.holders.items()
        }


class ClickHouseConsistencyStore:
    """Implements `ConsistencyStore` and `WorkerStore` of services/consistency/ports.py."""

    def __init__(
        self,
        database: Database,
        partitions: int = OFFER_PARTITIONS,
        kinds: Kinds = KINDS,
        lists: ListFacts | None = None,
        refused_by: Collection[str] = MAIL_REACTIONS,
    ) -> None:
        """`partitions` is how many the topic has in all; `lists` answers for a single reading of
        the whole store, else what is known of price lists is read with the claims. `refused_by`
        are the reactions to a mail that refuse further ones."""
        self._database = database
        self._lists = lists
        self._partitions = partitions
        self._kinds = kinds
        self._refused_by = refused_by
        self._map = ProfileMap(database)
        self._noted: set[int] = set()
        """Hashes of books; one that is not noted but shares its hash is read in vain."""
        self._ticks: dict[str, datetime] = {}

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See the port."""
        found: dict[Book, list[Claim]] = defaultdict(list)
        noted = self._noted
        for realm, part in _parts(
            [one for one in books if hash(one) in noted or _is_customer(one)]
        ):
            for claim in self._claims(realm, part):
                found[claim.book].append(claim)
        return found

    def _claims(self, realm: str, books: Sequence[Book]) -> Iterable[Claim]:
        """One statement each for prices, for statements, and for those about customers."""
        priced = [book for book in books if book.kind == PRICE_MISMATCH]
        customers = [book for book in books if _is_customer(book)]
        others = [one for one in books if one.kind != PRICE_MISMATCH and not _is_customer(one)]
        return chain(
            self._prices(realm, priced) if priced else (),
            self._statements(realm, others) if others else (),
            self._customer_statements(realm, customers) if customers else (),
        )

    def _prices(self, realm: str, books: Sequence[Book]) -> list[Claim]:
        skus = sorted({book.subject.parts[1] for book in books})
        subjects = [book.subject.key for book in books]
        asked = {"realm": realm, "skus": skus, "subjects": subjects}
        claims: list[Claim] = []
        doubtful: list[_Doubtful] = []
        named: dict[tuple[str, str], Book] = {}
        for cancelled_by, node, market, sku, *rest in self._database.rows(PRICES_SQL, asked):
            book = named.get((market, sku))
            if book is None:
                book = Book(realm, PRICE_MISMATCH, Subject.product(market, sku))
                named[market, sku] = book
            claim = price_claim(book, rest)
            if cancelled_by:
                doubtful.append(_Doubtful(claim, int.from_bytes(node), cancelled_by))
            else:
                claims.append(claim)
        claims += self._counting(realm, doubtful)
        claims += left_out(claims, self._lists or StoredPriceLists(self._database))
        return claims

    def _counting(self, realm: str, doubtful: Sequence[_Doubtful]) -> Iterator[Claim]:
        """The claims that no cancellation takes back."""
        orders = {(one.node, one.claim.event_id): one.cancelled_by for one in doubtful}
        back = read_taken_back(self._database, realm, orders)
        return (one.claim for one in doubtful if not is_taken_back(one.claim, back, self._kinds))

    def _statements(self, realm: str, books: Sequence[Book]) -> Iterator[Claim]:
        asked = set(books)
        for row in self._database.rows(STATEMENTS_SQL, _keys(realm, books)):
            kind, type_, subject, *rest = row
            book = Book(realm, kind, Subject(SubjectType(type_), subject))
            if book in asked:
                yield statement_claim(book, rest)

    def _customer_statements(self, realm: str, books: Sequence[Book]) -> list[Claim]:
        """Of all anchors that the customers hold now, as claims of the customers' books."""
        of = self._of_customers(CUSTOMER_STATEMENTS_SQL, realm, books)
        claims: list[Claim] = []
        doubtful: list[_Doubtful] = []
        books_by_anchor = of.books_by_anchor
        for cancelled_by, anchor, kind, *row in of.rows:
            book = books_by_anchor[anchor].get(kind)
            if book is None:
                continue
            claim = statement_claim(book, row)
            if cancelled_by:
                doubtful.append(_Doubtful(claim, int.from_bytes(anchor), cancelled_by))
            else:
                claims.append(claim)
        claims += self._counting(realm, doubtful)
        claims += self._kept_statements(realm, of, {claim.book for claim in claims})
        return claims

    def _kept_statements(
        self, realm: str, of: _OfCustomers, spoken: Collection[Book]
    ) -> Iterator[Statement]:
        """What was kept of those erased people whose identifiers the customers hold now, for the
        books with claims. Alone it refuses no message, and makes no book of an erased customer."""
        kept: dict[NodeId, list[KeptObjection]] = defaultdict(list)
        judged = {one.subject.node for one in spoken if one.kind == MARKETING_WITHOUT_CONSENT}
        held = [node for node, profile in of.holders.items() if profile in judged]
        for one in kept_objections(self._database, realm, held):
            if one.action in (WITHDRAWN, OBJECTION, *self._refused_by):
                kept[of.holders[one.node]].append(one)
        for profile, objections in kept.items():
            yield from kept_statements(of.books[profile][MARKETING_WITHOUT_CONSENT], objections)

    def _of_customers(self, sql: str, realm: str, books: Iterable[Book]) -> _OfCustomers:
        """Reads who holds what, and with it a statement about these books' kinds."""
        asked: dict[NodeId, dict[str, Book]] = {}
        written: dict[str, dict[str, Book]] = {}  # a profile has a book of each kind
        for book in books:
            mine = written.get(book.subject.key)
            if mine is None:
                mine = written[book.subject.key] = asked.setdefault(book.subject.node, {})
            mine[book.kind] = book
        kinds = sorted({kind for mine in asked.values() for kind in mine})
        holders = self._map.members_of(realm, asked).holder
        rows = rows_by_key(self._database, sql, realm, holders, kinds=kinds)
        return _OfCustomers(asked, holders, rows)

    def claimed(self, realm: str, books: Collection[Book]) -> Collection[Book]:
        """See the port."""
        of = self._of_customers(CLAIMED_SQL, realm, books)
        books_by_anchor = of.books_by_anchor
        found = (books_by_anchor[anchor].get(kind) for anchor, kind in of.rows)
        return {book for book in found if book is not None}

    def holders_of(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, NodeId]:
        """See the port."""
        placements = self._map.placements_of(realm, nodes)
        return {node: node for node in nodes} | {
            node: placement.profile for node, placement in placements.items()
        }

    def comparable_books(self, partitions: Collection[int] | None = None) -> ComparableBooks:
        """See the port."""
        found = ComparableBooks()
        for sql in (PRICE_BOOKS_SQL, STATEMENT_BOOKS_SQL):
            rows = self._database.rows(sql, self._within(partitions))
            for realm, kind, type_, subject, channel, is_single, has_guests_only in rows:
                book = Book(realm, kind, Subject(SubjectType(type_), subject))
                self.note([book])
                if has_guests_only:
                    found.put_guests(book, intern(channel) if is_single else SEVERAL)
                elif is_single:
                    found.put_single(book, intern(channel))
                else:
                    found.mark([book])
        return found

    def note(self, books: Iterable[Book]) -> None:
        """The facts hold claims of these books; other books have none."""
        self._noted.update(map(hash, books))

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        """See the port."""
        found: dict[Book, list[AnyIncident]] = defaultdict(list)
        for realm, part in _parts(books):
            asked, parameters = set(part), _keys(realm, part)
            told = {one for kind in parameters["kinds"] for one in self._kinds.told_in(kind)}
            for (body,) in self._database.rows(
                INCIDENTS_SQL, {**parameters, "kinds": sorted(told)}
            ):
                incident = self._kinds.incident_adapter.validate_json(body)
                book = self._kinds.book_of(incident)
                if book in asked:
                    found[book].append(incident)
        return found

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """See the port."""
        found: dict[Book, list[IncidentAction]] = defaultdict(list)
        for realm, part in _parts(books):
            asked = set(part)
            for kind, type_, subject, *row in self._database.rows(ACTIONS_SQL, _keys(realm, part)):
                book = Book(realm, kind, Subject(SubjectType(type_), subject))
                if book in asked:
                    found[book].append(action_of(row))
        return found

    def due_books(
        self, realm: str, now: datetime, partitions: Collection[int] | None = None
    ) -> Collection[Book]:
        """See the port."""
        asked = {"realm": realm, "now": now, "kinds": list(self._kinds)}
        rows = self._database.rows(DUE_SQL, asked | self._within(partitions))
        return [Book(realm, kind, Subject(SubjectType(type_), key)) for kind, type_, key in rows]

    def _within(self, partitions: Collection[int] | None) -> dict[str, Any]:
        """The parameters for the books of some partitions; None means all."""
        return {
            "is_any": partitions is None,
            "total": self._partitions,
            "partitions": sorted(partitions or ()),
        }

    def latest_tick(self, realm: str, partition: int | None = None) -> datetime | None:
        """See the port. What was judged without partitions was judged in all of them."""
        names = [_tick_name(realm)]
        if partition is not None:
            names.append(_tick_name(realm, partition))
        prefix = f"{_tick_name(realm)}:" if partition is None else NO_PREFIX
        rows = self._database.rows(TICKS_SQL, {"names": names, "prefix": prefix})
        return from_ms(rows[0][0]) if rows[0][0] else None

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """See the port. The facts hold them since before this batch was judged."""

    def write_tick(self, realm: str, now: datetime, partition: int | None = None) -> None:
        """See the port."""
        self._write_ticks({_tick_name(realm, partition): now})

    def write_gathered(self, writes: GatheredWrites) -> None:
        """See the port."""
        self._write_ticks({_tick_name(*where): now for where, now in writes.ticks.items()})
        self._write_due(writes.due)
        self._write_actions(writes.actions)
        self._write_incidents(writes.incidents)

    def _write_ticks(self, ticks: Mapping[str, datetime]) -> None:
        new = {name: now for name, now in ticks.items() if self._ticks.get(name) != now}
        rows = [(name, str(to_ms(now)), to_ms(now)) for name, now in new.items()]
        self._database.insert_rows("properties", ("name", "value", "version"), rows)
        self._ticks |= new

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """See the port."""
        self._write_incidents([(version, incidents)])

    def _write_incidents(self, by_version: Iterable[tuple[int, Sequence[AnyIncident]]]) -> None:
        names = (
            "realm", "kind", "subject_type", "subject", "incident_id", "state", "since", "body",
            "version",
        )  # fmt: skip
        rows = [
            (
                one.realm, one.kind, *one.about, one.incident_id, one.state, to_ms(one.since),
                one.model_dump_json(), version,
            )
            for version, incidents in by_version
            for one in incidents
        ]  # fmt: skip
        self._database.insert_rows("incident_states", names, rows)

    def write_actions(self, actions: Mapping[Book, Sequence[IncidentAction]], version: int) -> None:
        """See the port."""
        self._write_actions([(version, actions)])

    def _write_actions(
        self, by_version: Iterable[tuple[int, Mapping[Book, Sequence[IncidentAction]]]]
    ) -> None:
        names = (
            "realm", "kind", "subject_type", "subject", "incident_id", "action", "acted_by",
            "reason", "until", "acted_at", "version",
        )  # fmt: skip
        rows = [
            (
                realm, kind, *subject, one.incident_id, one.action, one.by, one.reason,
                NEVER_MS if one.until is None else to_ms(one.until), to_ms(one.acted_at), version,
            )
            for version, actions in by_version
            for (realm, kind, subject), mine in actions.items()
            for one in mine
        ]  # fmt: skip
        self._database.insert_rows("incident_actions", names, rows)

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """See the port."""
        self._write_due([(version, due)])

    def _write_due(self, by_version: Iterable[tuple[int, Mapping[Book, datetime | None]]]) -> None:
        rows = [
            (realm, kind, *subject, NEVER_MS if at is None else to_ms(at), version)
            for version, due in by_version
            for (realm, kind, subject), at in due.items()
        ]
        names = ("realm", "kind", "subject_type", "subject", "due_at", "version")
        self._database.insert_rows("timers", names, rows)


def _parts(books: Collection[Book]) -> Iterator[tuple[str, Sequence[Book]]]:
    """Books of one realm and any kinds, at most as many as fit into one query.

    A batch touches books of many kinds, few of each: a query for each kind would take longer than
    all rows of one.
    """
    by_realm: dict[str, list[Book]] = defaultdict(list)
    for book in books:
        by_realm[book.realm].append(book)
    for realm, mine in by_realm.items():
        for part in chunks(mine, BOOKS_PER_QUERY):
            yield realm, part


def _keys(realm: str, books: Iterable[Book]) -> dict[str, Any]:
    """Parameters of a query that may also find other pairs of these kinds and subjects."""
    kinds, subjects = {one.kind for one in books}, {one.subject.key for one in books}
    return {"realm": realm, "kinds": sorted(kinds), "subjects": sorted(subjects)}


def _is_customer(book: Book) -> bool:
    return book.subject.type is CUSTOMER


def price_claim(book: Book, row: Sequence[Any]) -> PriceClaim:
    """A price claim, from the columns that `prices` has behind market and sku."""
    occurred_at, event_id, ordinal, version, channel, location, basis, price, currency, terms = row
    if not terms:  # nearly every receipt line
        head = (book, occurred_at, event_id, ordinal, version, intern(channel), intern(location))
        return PriceClaim(*head, "", BASES[basis], price, intern(currency))
    extra = unpack_terms(terms)
    return PriceClaim(
        book=book,
        occurred_at=occurred_at,
        event_id=event_id,
        ordinal=ordinal,
        version=version,
        channel=intern(channel),  # many thousand claims of a few channels and places
        location=intern(location),
        zone=extra.pop("zone", ""),
        basis=BASES[basis],
        price=price,
        currency=intern(currency),
        **extra,
    )


def statement_claim(book: Book, row: Sequence[Any]) -> Statement:
    """A claim of another kind, from the columns that `statements` has behind the subject."""
    occurred_at, event_id, ordinal, version, channel, body = row
    told = unpack_statement(body)
    return Statement(book, occurred_at, event_id, ordinal, version, intern(channel), *told)


def action_of(row: Sequence[Any]) -> IncidentAction:
    """An entry of the audit trail, from the columns that `ACTIONS_SQL` ends with."""
    incident_id, action, by, reason, until, acted_at = row
    return IncidentAction(
        incident_id=incident_id,
        action=ActionKind(action),
        by=by,
        reason=reason,
        until=until if to_ms(until) != NEVER_MS else None,
        acted_at=acted_at,
    )


def _tick_name(realm: str, partition: int | None = None) -> str:
    return f"tick:{realm}" if partition is None else f"tick:{realm}:{partition}"
