"""A book of compared claims that may have guests (services/consistency/core/guests.py).

They are compared with the claims that are the book's own. Without any of those they are not: all
that they say is told in the book of their article number. Whenever other guests count, they are
filed anew, so the incidents follow from the set of claims, the latest tick and the rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from schemas.claim import Book, Claim, PriceClaim
from schemas.incident import AnyIncident, Details
from services.consistency.core.book import ClaimGroup, ComparedBook, earliest
from services.consistency.core.expectation import Comparison
from services.consistency.core.guests import Guests, is_guest
from services.consistency.core.unsaid import ClaimKey, Publications


class LinkedBook(ComparedBook):
    """A `ComparedBook` with guests. The details of its incidents have a `linked_sku`."""

    def __init__(
        self,
        book: Book,
        incident: type[AnyIncident],
        comparison: Comparison,
        published: Publications | None = None,
    ) -> None:
        super().__init__(book, incident, comparison, published)
        self._guests = Guests(comparison.rules.published_max_age)
        self._own = 0
        """How many claims are no guests."""
        self.linked_sku = ""
        """The article number whose guests are filed; empty if none are."""
        self._filed: set[ClaimKey] = set()
        self._unfiled: set[ClaimKey] = set()

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """See `ComparedBook`."""
        new = super().add(claims)
        self._link()
        return new

    def advance(self, now: datetime) -> None:
        """See `ComparedBook`."""
        super().advance(now)
        self._link()

    @property
    def next_due(self) -> datetime | None:
        """See `ComparedBook`."""
        has_both = self._own and self._guests.claims
        due = self._guests.next_due(self._now) if has_both and self._now else None
        return earliest(super().next_due, due)

    def _put(self, claim: Claim) -> ClaimGroup | None:
        """File the book's own claims; guests are filed when all claims are known."""
        if isinstance(claim, PriceClaim) and is_guest(claim):
            self._guests.add(claim)
            self._unfiled.add((claim.event_id, claim.ordinal))
            return None
        self._own += 1
        return self._compare(claim)

    def _compare(self, claim: Claim) -> ClaimGroup | None:
        """File a claim that counts."""
        return super()._put(claim)

    def _withdraw(self, key: ClaimKey, group: ClaimGroup | None) -> None:
        """The claim counts no more."""
        super()._unfile(key, group)

    def _unfile(self, key: ClaimKey, group: ClaimGroup | None) -> None:
        if self._guests.remove(key):
            self._filed.discard(key)
            self._unfiled.discard(key)
        else:
            self._own -= 1
        self._withdraw(key, group)

    def _detailed(self, details: Details) -> Details:
        return details.model_copy(update={"linked_sku": self.linked_sku})

    def _link(self) -> None:
        """File the guests that count now, and no others."""
        if not self._guests.claims and not self.linked_sku:
            return
        sku = self._guests.sku(self._now) if self._own else ""
        if sku != self.linked_sku:
            self.linked_sku = sku
            self._written.clear()
            self._retold.clear()
            for event_id, ordinal in self._filed:
                groups = self._events[event_id].groups
                self._withdraw((event_id, ordinal), groups[ordinal])
                groups[ordinal] = None
            self._filed, self._unfiled = set(), set(self._guests.claims)
        if not sku:
            return
        for key in sorted(self._unfiled):
            claim = self._guests.claims[key]
            if claim.with_sku == sku:
                self._events[key[0]].groups[key[1]] = self._compare(claim)
                self._filed.add(key)
        self._unfiled.clear()
