"""A book that works out its incidents anew, from all its claims that are not later than the tick.

For kinds whose books stay small: what they report is then a function of the claims by construction.
A kind says which incidents there are at a time, and when they may change without another claim.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Generic, TypeVar

from schemas.claim import Book, Claim
from schemas.incident import AnyIncident
from schemas.rules.consistency import KindRules
from services.consistency.core.book import earliest
from services.consistency.core.claim_set import ClaimSet

R = TypeVar("R", bound=KindRules)
T = TypeVar("T")


class RecomputedBook(ABC, Generic[R]):
    """Implements `JudgedBook` of services/consistency/core/kind.py."""

    def __init__(self, book: Book, rules: R) -> None:
        self.book = book
        self._rules = rules
        self._claims = ClaimSet(book)
        self._now: datetime | None = None
        self._found: tuple[datetime, int, Any] | None = None
        """What `_once` answered last, of which time and how many claims."""

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """See the protocol."""
        return [claim for claim in claims if self._claims.add(claim)]

    def advance(self, now: datetime) -> None:
        """See the protocol."""
        self._now = now if self._now is None else max(now, self._now)

    def incidents(self) -> dict[str, AnyIncident]:
        """See the protocol."""
        if self._now is None:
            return {}
        return {one.incident_id: one for one in self._incidents_at(self._now)}

    @property
    def next_due(self) -> datetime | None:
        """See the protocol."""
        now, times = self._now, [one.occurred_at for one in self._claims]
        if now is None:
            return earliest(*times)
        return earliest(*(time for time in (*times, *self._changes_after(now)) if time > now))

    def _once(self, find: Callable[[datetime], T], now: datetime) -> T:
        """What `find`, one for all calls, finds by the claims until `now`: incidents and the next
        due time follow from the same, and are asked for one after the other."""
        known, changes = self._found, self._claims.changes
        if known is None or known[:2] != (now, changes):
            known = self._found = (now, changes, find(now))
        found: T = known[2]
        return found

    @abstractmethod
    def _incidents_at(self, now: datetime) -> Iterable[AnyIncident]:
        """The incidents by the claims that are not later than `now`."""

    @abstractmethod
    def _changes_after(self, now: datetime) -> Iterable[datetime]:
        """When these incidents change by time alone; times that are not later do no harm."""
