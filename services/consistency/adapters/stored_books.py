"""Reads all books of a store in slices, so that no more than a slice of their names is in memory.

Implements `BookSource` of services/consistency/ports.py, on the embedded engine and on a server.
Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.claim import PRICE_MISMATCH, Book, Claim
from schemas.identifiers import NodeId
from schemas.subject import Subject, SubjectType
from services.consistency.adapters.clickhouse import (
    MAIL_REACTIONS,
    ClickHouseConsistencyStore,
    price_claim,
)
from services.consistency.core.complete_lists import (
    IncompleteEdition,
    incomplete_editions,
    left_out,
)
from services.consistency.core.kind import Kinds
from services.consistency.kinds import KINDS
from services.consistency.ports import BooksChunk
from services.store.database import Database, chunks, rows_by_key
from services.store.price_lists import StoredPriceLists
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

SUBJECTS_PER_SLICE = 100_000
"""A slice is one pass over the claims, and its names are in memory: some ten megabytes."""
BOOKS_PER_CHUNK = 1_000
_STATEMENTS = statements_of(__file__)
NUMBER_SQL = _STATEMENTS["number"]
PRICES_SQL = _STATEMENTS["prices"]
STATEMENTS_SQL = _STATEMENTS["statements"]
ANCHORS_SQL = _STATEMENTS["anchors"]
AMONG_SQL = _STATEMENTS["among"]
ARTICLES_SQL = _STATEMENTS["articles"]
LINKED_SQL = _STATEMENTS["linked"]
LATEST_SQL = _STATEMENTS["latest"]


class StoredBooks:
    """The books of one database. Methods raise Retry or Fatal."""

    def __init__(
        self,
        database: Database,
        kinds: Kinds = KINDS,
        subjects_per_slice: int = SUBJECTS_PER_SLICE,
        books_per_chunk: int = BOOKS_PER_CHUNK,
        refused_by: Collection[str] = MAIL_REACTIONS,
    ) -> None:
        self._database = database
        self._kinds = kinds
        self._map = ProfileMap(database)
        self._lists = StoredPriceLists(database)
        self._subjects_per_slice = subjects_per_slice
        self._books_per_chunk = books_per_chunk
        self._refused_by = refused_by

    def latest_tick(self, realm: str) -> datetime | None:
        """See the port."""
        return ClickHouseConsistencyStore(self._database).latest_tick(realm)

    def incomplete_editions(self, realm: str) -> list[IncompleteEdition]:
        """See the port."""
        lists = StoredPriceLists(self._database)
        return incomplete_editions(lists.completions(lists.lists(realm)), lists)

    def chunks(self, realm: str, kinds: Collection[str]) -> Iterator[BooksChunk]:
        """See the port."""
        slices = self._slices(realm)
        for kind in kinds:
            for number in range(slices):
                asked = {"realm": realm, "kind": kind, "slices": slices, "slice": number}
                for books in self._books(kind, asked):
                    yield self._read(books)

    def price_claims(self, realm: str, sku: str = "") -> Iterator[Mapping[Book, Sequence[Claim]]]:
        """See the port."""
        slices = 1 if sku else self._slices(realm)
        for number in range(slices):
            asked = {"realm": realm, "sku": sku, "slices": slices, "slice": number}
            judged: dict[bool, list[list[Book]]] = {True: [], False: []}
            for article, markets, is_judged in self._database.rows(ARTICLES_SQL, asked):
                subjects = [Subject.product(market, article) for market in markets]
                books = [Book(realm, PRICE_MISMATCH, one) for one in subjects]
                judged[bool(is_judged)].append(books)
            for articles in chunks(judged[True], self._books_per_chunk):
                yield self._read([book for books in articles for book in books]).claims
            for articles in chunks(judged[False], self._books_per_chunk):
                skus = [books[0].subject.parts[1] for books in articles]
                yield self._latest(realm, skus)

    def linked_claims(self, realm: str, sku: str = "") -> Iterator[Mapping[Book, Sequence[Claim]]]:
        """See the port."""
        slices = 1 if sku else self._slices(realm)
        for number in range(slices):
            asked = {"realm": realm, "sku": sku, "slices": slices, "slice": number}
            keys = [key for (key,) in self._database.rows(LINKED_SQL, asked)]
            for part in chunks(keys, self._books_per_chunk):
                subjects = [Subject(SubjectType.PRODUCT, key) for key in part]
                yield self._read([Book(realm, PRICE_MISMATCH, one) for one in subjects]).claims

    def _latest(self, realm: str, skus: Sequence[str]) -> Mapping[Book, Sequence[Claim]]:
        found: dict[Book, list[Claim]] = defaultdict(list)
        for market, sku, *row in self._database.rows(LATEST_SQL, {"realm": realm, "skus": skus}):
            book = Book(realm, PRICE_MISMATCH, Subject.product(market, sku))
            found[book].append(price_claim(book, row))
        for claim in left_out([one for mine in found.values() for one in mine], self._lists):
            found[claim.book].append(claim)
        return found

    def _slices(self, realm: str) -> int:
        [(subjects,)] = self._database.rows(NUMBER_SQL, {"realm": realm})
        return max(1, -(-int(subjects) // self._subjects_per_slice))

    def _books(self, kind: str, asked: dict[str, Any]) -> Iterator[Sequence[Book]]:
        """The books of one kind and slice, chunk by chunk."""
        type_, realm = self._kinds[kind].subject, asked["realm"]
        if type_ is SubjectType.CUSTOMER:
            anchors = [node.int for (node,) in self._database.rows(ANCHORS_SQL, asked)]
            for part in chunks(anchors, self._books_per_chunk):
                if profiles := self._profiles_of(realm, kind, part):
                    yield [Book(realm, kind, Subject.customer(one)) for one in profiles]
            return
        sql = PRICES_SQL if kind == PRICE_MISMATCH else STATEMENTS_SQL
        keys = [key for (key,) in self._database.rows(sql, asked)]
        for part in chunks(keys, self._books_per_chunk):
            yield [Book(realm, kind, Subject(type_, key)) for key in part]

    def _profiles_of(self, realm: str, kind: str, anchors: Sequence[NodeId]) -> list[NodeId]:
        """The profiles of which the smallest anchor with claims is among these: each profile is
        judged once, wherever its other anchors are."""
        placements = self._map.placements_of(realm, anchors)
        held = {placements[one].profile if one in placements else one for one in anchors}
        holder = self._map.members_of(realm, held).holder
        first: dict[NodeId, NodeId] = {}
        for (node,) in rows_by_key(self._database, AMONG_SQL, realm, holder, kind=kind):
            profile = holder[node.int]
            first[profile] = min(first.get(profile, node.int), node.int)
        mine = set(anchors)
        return sorted(profile for profile, anchor in first.items() if anchor in mine)

    def _read(self, books: Sequence[Book]) -> BooksChunk:
        store = ClickHouseConsistencyStore(
            self._database, kinds=self._kinds, lists=self._lists, refused_by=self._refused_by
        )
        store.note(books)
        return BooksChunk(books, store.claims_of(books), store.actions_of(books))
