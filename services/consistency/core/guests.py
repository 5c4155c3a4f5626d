"""Guests in the book of a GTIN: claims of events that name an article number beside it.

A price with both numbers stands in the book of its article number, and as a guest in that of its
GTIN, so that channels that know only the GTIN are compared with it. Each claim follows from its
event alone. Which guests count follows from all claims of the book, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from schemas.claim import Claim, PriceClaim
from schemas.events.orders import OrderLine
from schemas.offer import Offer
from schemas.subject import Subject
from services.consistency.core.complete_lists import LeftOut
from services.consistency.core.gtin import second_number

ClaimKey = tuple[str, int]


def is_guest(claim: Claim) -> bool:
    """Whether it stands in the book of an article number as well."""
    return isinstance(claim, PriceClaim) and bool(claim.with_sku)


def guests_of(
    claims: Sequence[tuple[PriceClaim, Decimal]], named: Iterable[Offer | OrderLine]
) -> list[tuple[PriceClaim, Decimal]]:
    """The guests that the price claims of one event make beside these, each with its quantity;
    `named` is what each claim is of. Their ordinals follow those of the claims."""
    found: list[tuple[PriceClaim, Decimal]] = []
    for (claim, quantity), one in zip(claims, named, strict=True):
        number = second_number(one) if one.gtin else ""
        if number:
            market, sku = claim.book.subject.parts
            book = claim.book._replace(subject=Subject.product(market, number))
            ordinal = len(claims) + len(found)
            found.append((claim._replace(book=book, ordinal=ordinal, with_sku=sku), quantity))
    return found


class Guests:
    """The guests of one book, and whose of them count: those of one article number.

    If they name several article numbers, which is the article is not known, and none count: a
    display has the GTIN of what it holds, or somebody mistyped a number. A number that nobody has
    named any more for as long as a price counts is forgotten.
    """

    def __init__(self, max_age: timedelta) -> None:
        self.claims: dict[ClaimKey, PriceClaim] = {}
        self._max_age = max_age
        self._latest: dict[str, datetime] | None = {}
        """When each article number was named last; None if that is to be looked up again."""

    def add(self, claim: PriceClaim) -> None:
        """Add a guest."""
        self.claims[claim.event_id, claim.ordinal] = claim
        if self._latest is not None and not isinstance(claim, LeftOut):  # which names nothing
            known = self._latest.get(claim.with_sku, claim.occurred_at)
            self._latest[claim.with_sku] = max(known, claim.occurred_at)

    def remove(self, key: ClaimKey) -> bool:
        """Take a claim back; whether it was a guest."""
        if self.claims.pop(key, None) is None:
            return False
        self._latest = None
        return True

    def sku(self, now: datetime | None) -> str:
        """The article number whose guests count at `now`; empty if none do."""
        ranked = self._ranked()
        if len(ranked) < 2:
            return ranked[0][1] if ranked else ""
        (latest, sku), (second, _), *_ = ranked
        is_over = now is not None and second + self._max_age <= now
        return sku if is_over and second < latest else ""

    def next_due(self, now: datetime) -> datetime | None:
        """When other guests may count by time alone."""
        ranked = self._ranked()
        due = ranked[1][0] + self._max_age if len(ranked) > 1 else None
        return due if due is not None and due > now else None

    def _ranked(self) -> list[tuple[datetime, str]]:
        """When each article number was named last, the latest first."""
        if self._latest is None:
            claims, self.claims, self._latest = self.claims, {}, {}
            for claim in claims.values():
                self.add(claim)
        return sorted(((at, sku) for sku, at in self._latest.items()), reverse=True)
