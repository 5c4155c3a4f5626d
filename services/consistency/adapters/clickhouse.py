"""Claims, incidents and timers on ClickHouse. Claims are facts already: they are read, not written.

One process at a time writes the incidents of a book: the only one there is, or the worker that
holds the book's partition of `c360.offers`. Rows carry the version set by `at`; the highest counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.claim import Book, Claim, unpack_terms
from schemas.incident import Incident
from schemas.instants import from_ms, to_ms
from schemas.offer import Basis
from services.consistency.core.comparability import ComparableBooks
from services.store.database import Database, chunks
from services.stream.claim_records import OFFER_PARTITIONS

BOOKS_PER_QUERY = 2_000
NEVER_MS = 0
CLAIMS_SQL = """
SELECT market, sku, occurred_at, event_id, ordinal - 1, version, channel, location, basis, price,
    currency, terms
FROM offers FINAL
ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.location AS location,
    offers.basis AS basis, offers.price AS price, offers.currency AS currency,
    offers.terms AS terms, arrayEnumerate(offers.sku) AS ordinal
WHERE realm = {realm:String} AND hasAny(offers.sku, {skus:Array(String)})
    AND sku IN {skus:Array(String)}
"""
INCIDENTS_SQL = """
SELECT market, sku, body FROM incidents FINAL
WHERE realm = {realm:String} AND sku IN {skus:Array(String)}
"""
DUE_SQL = """
SELECT market, sku FROM book_timers FINAL
WHERE realm = {realm:String} AND due_at > toDateTime64(0, 3)
    AND due_at <= {now:DateTime64(3, 'UTC')}
"""
VOICES_SQL = """
SELECT realm, market, sku, any(channel), uniqExact(channel) = 1 AND countIf(basis = 'published') = 0
FROM offers ARRAY JOIN offers.sku AS sku, offers.market AS market, offers.basis AS basis
{where}
GROUP BY realm, market, sku
"""
PARTITION_SQL = """
kafkaMurmurHash(concat(realm, '\x1f', market, '\x1f', sku)) % {total:UInt32}
    IN {partitions:Array(UInt32)}
"""
"""The books of some partitions, as services/stream/claim_records.py places them."""
TICKS_SQL = """
SELECT max(toInt64(value)) FROM properties FINAL
WHERE name IN {names:Array(String)} OR startsWith(name, {prefix:String})
"""
NO_PREFIX = "\x1f"
"""Begins no property's name."""


class ClickHouseConsistencyStore:
    """Implements `ConsistencyStore` and `WorkerStore` of services/consistency/ports.py."""

    def __init__(self, database: Database, partitions: int = OFFER_PARTITIONS) -> None:
        """`partitions` is how many the topic has in all."""
        self._database = database
        self._partitions = partitions
        self._version = 0
        self._seen: set[Book] = set()
        self._ticks: dict[str, datetime] = {}

    def at(self, version: int) -> None:
        """Set the version that the next writes carry: it must never be lower than before.

        The number of the batch where one process writes everything; generation << 48 | offset where
        the writer follows a log.
        """
        self._version = version

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See the port."""
        found: dict[Book, list[Claim]] = defaultdict(list)
        for realm, skus in _by_realm([book for book in books if book in self._seen]):
            rows = self._database.rows(CLAIMS_SQL, {"realm": realm, "skus": skus})
            for market, sku, *rest in rows:
                book = Book(realm, market, sku)
                found[book].append(_claim(book, rest))
        return found

    def voices(self, partitions: Collection[int] | None = None) -> ComparableBooks:
        """Which books are lone, from all facts there are (of these partitions)."""
        alone: dict[Book, str] = {}
        judged: list[Book] = []
        condition, parameters = self._within(partitions)
        sql = VOICES_SQL.replace("{where}", f"WHERE {condition}" if condition else "")
        for realm, market, sku, channel, is_lone in self._database.rows(sql, parameters):
            book = Book(realm, market, sku)
            if is_lone:
                alone[book] = channel
            else:
                judged.append(book)
        self.note(alone)
        self.note(judged)
        voices = ComparableBooks(alone)
        voices.judge(judged)
        return voices

    def note(self, books: Iterable[Book]) -> None:
        """The facts hold claims of these books; of other books there is nothing to read."""
        self._seen.update(books)

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Incident]]:
        """See the port."""
        found: dict[Book, list[Incident]] = defaultdict(list)
        for realm, skus in _by_realm(books):
            rows = self._database.rows(INCIDENTS_SQL, {"realm": realm, "skus": skus})
            for market, sku, body in rows:
                found[Book(realm, market, sku)].append(Incident.model_validate_json(body))
        return found

    def due_books(
        self, realm: str, now: datetime, partitions: Collection[int] | None = None
    ) -> Collection[Book]:
        """See the port."""
        condition, parameters = self._within(partitions)
        sql = f"{DUE_SQL} AND {condition}" if condition else DUE_SQL
        rows = self._database.rows(sql, {"realm": realm, "now": now, **parameters})
        return [Book(realm, market, sku) for market, sku in rows]

    def _within(self, partitions: Collection[int] | None) -> tuple[str, dict[str, Any]]:
        if partitions is None:
            return "", {}
        return PARTITION_SQL, {"total": self._partitions, "partitions": sorted(partitions)}

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
        name = _tick_name(realm, partition)
        if self._ticks.get(name) != now:
            row = (name, str(to_ms(now)), to_ms(now))
            self._database.insert_rows("properties", ("name", "value", "version"), [row])
            self._ticks[name] = now

    def write_incidents(self, incidents: Sequence[Incident]) -> None:
        """See the port."""
        names = (
            "realm", "incident_id", "kind", "market", "sku", "state", "since", "body", "version",
        )  # fmt: skip
        rows = [
            (
                one.realm, one.incident_id, one.kind, one.market, one.sku, one.state,
                to_ms(one.since), one.model_dump_json(), self._version,
            )
            for one in incidents
        ]  # fmt: skip
        self._database.insert_rows("incidents", names, rows)

    def write_due(self, due: Mapping[Book, datetime | None]) -> None:
        """See the port."""
        rows = [
            (*book, NEVER_MS if at is None else to_ms(at), self._version)
            for book, at in due.items()
        ]
        names = ("realm", "market", "sku", "due_at", "version")
        self._database.insert_rows("book_timers", names, rows)


def _by_realm(books: Collection[Book]) -> list[tuple[str, Sequence[str]]]:
    skus: dict[str, list[str]] = defaultdict(list)
    for book in books:
        skus[book.realm].append(book.sku)
    return [(realm, part) for realm, all_ in skus.items() for part in chunks(all_, BOOKS_PER_QUERY)]


def _claim(book: Book, row: Sequence[Any]) -> Claim:
    occurred_at, event_id, ordinal, version, channel, location, basis, price, currency, terms = row
    extra = unpack_terms(terms)
    zone = extra.pop("zone", "")
    return Claim(
        book, occurred_at, event_id, ordinal, version, channel, location, zone, Basis(basis),
        price, currency, **extra,
    )  # fmt: skip


def _tick_name(realm: str, partition: int | None = None) -> str:
    return f"tick:{realm}" if partition is None else f"tick:{realm}:{partition}"
