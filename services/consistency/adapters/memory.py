"""A consistency store in memory, for tests and try-outs.

Nothing survives the process; otherwise it behaves as the port demands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from schemas.claim import Book, Claim
from schemas.incident import Incident


class MemoryStore:
    """Implements `ConsistencyStore`."""

    def __init__(self) -> None:
        self._claims: dict[Book, dict[tuple[str, int], Claim]] = defaultdict(dict)
        self._incidents: dict[Book, dict[str, Incident]] = defaultdict(dict)
        self._due: dict[Book, datetime] = {}
        self._ticks: dict[str, datetime] = {}

    def claims_of(self, books: Collection[Book]) -> dict[Book, list[Claim]]:
        """See `ConsistencyStore.claims_of`."""
        return {book: list(self._claims[book].values()) for book in books if book in self._claims}

    def incidents_of(self, books: Collection[Book]) -> dict[Book, list[Incident]]:
        """See `ConsistencyStore.incidents_of`."""
        known = self._incidents
        return {book: list(known[book].values()) for book in books if book in known}

    def due_books(self, realm: str, now: datetime) -> list[Book]:
        """See `ConsistencyStore.due_books`."""
        return [book for book, due in self._due.items() if book.realm == realm and due <= now]

    def latest_tick(self, realm: str) -> datetime | None:
        """See `ConsistencyStore.latest_tick`."""
        return self._ticks.get(realm)

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """See `ConsistencyStore.write_claims`."""
        for claim in claims:
            kept = self._claims[claim.book]
            key = claim.event_id, claim.ordinal
            if key not in kept or kept[key].version < claim.version:
                kept[key] = claim

    def write_tick(self, realm: str, now: datetime) -> None:
        """See `ConsistencyStore.write_tick`."""
        self._ticks[realm] = max(now, self._ticks.get(realm, now))

    def write_incidents(self, incidents: Sequence[Incident]) -> None:
        """See `ConsistencyStore.write_incidents`."""
        for incident in incidents:
            book = Book(incident.realm, incident.market, incident.sku)
            self._incidents[book][incident.incident_id] = incident

    def write_due(self, due: Mapping[Book, datetime | None]) -> None:
        """See `ConsistencyStore.write_due`."""
        for book, at in due.items():
            if at is None:
                self._due.pop(book, None)
            else:
                self._due[book] = at
