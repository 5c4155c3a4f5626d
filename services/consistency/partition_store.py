"""The store as the writers of one worker see it: read once per batch, one view per partition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from schemas.claim import Book, Claim
from schemas.incident import AnyIncident
from schemas.incident_action import IncidentAction
from services.consistency.ports import GatheredWrites, WorkerStore
from services.stream.claim_records import partition_of_book


class BatchStore:
    """The rows that a batch needs from the store, and those that it writes, for all its partitions
    and realms together: a statement costs more than its rows."""

    def __init__(self, store: WorkerStore, partitions: int) -> None:
        """`partitions` is how many the topic has in all."""
        self.store = store
        self._partitions = partitions
        self._books: set[Book] = set()
        self._claims: Mapping[Book, Sequence[Claim]] = {}
        self._incidents: Mapping[Book, Sequence[AnyIncident]] = {}
        self._actions: Mapping[Book, Sequence[IncidentAction]] = {}
        self._due: dict[tuple[str, int], list[Book]] = {}
        self.writes = GatheredWrites()

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

    def write(self) -> None:
        """Write what the writers have written so far. Raises as the store does."""
        writes, self.writes = self.writes, GatheredWrites()
        self.store.write_gathered(writes)

    def _has(self, books: Iterable[Book]) -> bool:
        return self._books.issuperset(books)


class PartitionStore:
    """Implements `ConsistencyStore` for the books of one partition, except that what is written is
    in the store when `BatchStore.write` has returned.

    `batch` is replaced with every batch.
    """

    def __init__(self, partition: int, batch: BatchStore) -> None:
        self.partition = partition
        self.batch = batch

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """See the port."""
        return self.batch.claims_of(books)

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[AnyIncident]]:
        """See the port."""
        return self.batch.incidents_of(books)

    def actions_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[IncidentAction]]:
        """See the port."""
        return self.batch.actions_of(books)

    def due_books(self, realm: str, now: datetime) -> Collection[Book]:
        """See the port."""
        return self.batch.due_books(realm, now, self.partition)

    def latest_tick(self, realm: str) -> datetime | None:
        """See the port."""
        return self.batch.store.latest_tick(realm, self.partition)

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """See the port. The facts hold them since before they were delivered."""

    def write_tick(self, realm: str, now: datetime) -> None:
        """See the port."""
        self.batch.writes.ticks[realm, self.partition] = now

    def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
        """See the port."""
        self.batch.writes.incidents.append((version, incidents))

    def write_actions(self, actions: Mapping[Book, Sequence[IncidentAction]], version: int) -> None:
        """See the port."""
        self.batch.writes.actions.append((version, actions))

    def write_due(self, due: Mapping[Book, datetime | None], version: int) -> None:
        """See the port."""
        self.batch.writes.due.append((version, due))
