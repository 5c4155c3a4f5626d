"""The store as the writers of one worker see it: read once per batch, one view per partition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from schemas.claim import Book, Claim
from schemas.incident import AnyIncident
from schemas.incident_action import IncidentAction
from services.consistency.ports import WorkerStore
from services.stream.claim_records import partition_of_book


class Prefetch:
    """The rows that a batch needs from the store, for all its partitions and realms together."""

    def __init__(self, store: WorkerStore, partitions: int) -> None:
        """`partitions` is how many the topic has in all."""
        self.store = store
        self._partitions = partitions
        self._books: set[Book] = set()
        self._claims: Mapping[Book, Sequence[Claim]] = {}
        self._incidents: Mapping[Book, Sequence[AnyIncident]] = {}
        self._actions: Mapping[Book, Sequence[IncidentAction]] = {}
        self._due: dict[tuple[str, int], list[Book]] = {}

    def read_due(self, realm: str, ticks: Mapping[int, datetime]) -> None:
        """One query for what is due in a realm; `ticks` is the event time of each partition.

        A partition behind the others may get books that are not due yet; judging them is harmless.
        """
        due: dict[int, list[Book]] = defaultdict(list)
        for book in self.store.due_books(realm, max(ticks.values()), list(ticks)):
            due[partition_of_book(book, self._partitions)].append(book)
        for partition in ticks:
            self._due[realm, partition] = due[partition]

    def read_books(self, books: Collection[Book]) -> None:
        """One query each for the claims of the books, their incidents and the actions on them."""
        if books:
            self._claims = self.store.claims_of(books)
            self._incidents = self.store.incidents_of(books)
            self._actions = self.store.actions_of(books)
            self._books = set(books)

    def due_books(self, realm: str, now: datetime, partition: int) -> Collection[Book]:
        """What is due in a partition."""
        if (realm, partition) not in self._due:
            self.read_due(realm, {partition: now})
        return self._due[realm, partition]

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """Claims by book."""
        return self._claims if self._has(books) else self.store.claims_of(books)

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        """Stored incidents by book."""
        return self._incidents if self._has(books) else self.store.incidents_of(books)

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """Actions of people, by book."""
        return self._actions if self._has(books) else self.store.actions_of(books)

    def _has(self, books: Iterable[Book]) -> bool:
        return self._books.issuperset(books)


class PartitionStore:
    """Implements `ConsistencyStore` for the books of one partition.

    `reads` is what was prefetched for the batch in hand; it is replaced with every batch.
    """

    def __init__(self, partition: int, reads: Prefetch) -> None:
        self.partition = partition
        self.reads = reads

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See the port."""
        return self.reads.claims_of(books)

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        """See the port."""
        return self.reads.incidents_of(books)

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """See the port."""
        return self.reads.actions_of(books)

    def due_books(self, realm: str, now: datetime) -> Collection[Book]:
        """See the port."""
        return self.reads.due_books(realm, now, self.partition)

    def latest_tick(self, realm: str) -> datetime | None:
        """See the port."""
        return self.reads.store.latest_tick(realm, self.partition)

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """See the port. The facts hold them since before they were delivered."""

    def write_tick(self, realm: str, now: datetime) -> None:
        """See the port."""
        self.reads.store.write_tick(realm, now, self.partition)

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """See the port."""
        self.reads.store.write_incidents(incidents, version)

    def write_actions(self, actions: Mapping[Book, Sequence[IncidentAction]], version: int) -> None:
        """See the port."""
        self.reads.store.write_actions(actions, version)

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """See the port."""
        self.reads.store.write_due(due, version)
