"""What the consistency service needs of a store. Every write may be repeated without harm."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from schemas.claim import Book, Claim
from schemas.incident import Incident


class ConsistencyStore(Protocol):
    """Claims, incidents, due times and ticks, kept for ever.

    All methods block until done. A write that returned is durable and is seen by every later
    read. A failed write may have written any part of its rows; the caller writes them again.
    """

    def claims_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Claim]]:
        """All claims of the books in any order; a book without claims may be missing.

        Claims of superseded versions may be among them.
        """
        ...

    def incidents_of(self, books: Collection[Book]) -> Mapping[Book, Sequence[Incident]]:
        """The latest written form of every incident of the books, retracted ones included."""
        ...

    def due_books(self, realm: str, now: datetime) -> Collection[Book]:
        """The books of the realm whose latest written due time is not later than `now`."""
        ...

    def latest_tick(self, realm: str) -> datetime | None:
        """The latest tick written for the realm."""
        ...

    def write_claims(self, claims: Sequence[Claim]) -> None:
        """Keep claims; one of a higher version wins over (event id, ordinal) of lower ones."""
        ...

    def write_tick(self, realm: str, now: datetime) -> None:
        """Remember the latest tick of the realm; never earlier than one written before."""
        ...

    def write_incidents(self, incidents: Sequence[Incident]) -> None:
        """Keep incidents; the latest written form of an incident id wins."""
        ...

    def write_due(self, due: Mapping[Book, datetime | None]) -> None:
        """Keep when time alone next changes something in a book; None: never."""
        ...
