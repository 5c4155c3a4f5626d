"""Charged above advertised: a customer paid more than a mailing or leaflet in force promises.

What was mailed, printed or broadcast cannot be corrected, so it binds from its first minute. It is
judged in the books of price mismatches (services/consistency/core/advertised.py), so that one
deviation is never told by both kinds.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from schemas.claim import PRICE_MISMATCH, Book, Claim, PriceClaim
from schemas.incident import AnyIncident, Incident
from schemas.offer import Basis
from schemas.subject import SubjectType
from services.consistency.core.advertised import Cause
from services.consistency.core.book import ComparedBook
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.linked_book import LinkedBook
from services.consistency.core.places import ZONE_RANK, Place
from services.consistency.core.unsaid import Publications
from services.consistency.kinds.price_mismatch import (
    PriceComparison,
    PriceDetails,
    PriceRules,
    agrees,
    is_on_terms,
)

NAME = "charged_above_advertised"


class AdvertisedPriceDetails(PriceDetails):
    """Which price was advertised, and what was charged."""

    expected: Decimal
    """The lowest price that is advertised for that place and time."""
    observed: Decimal
    """The highest price that was charged since."""

    def in_words(self) -> str:
        """Both prices with their currency."""
        return f"{self.observed} charged, {self.expected} {self.currency} advertised"


def claims(_heard: Heard) -> list[tuple[Claim, Decimal]]:
    """None of its own: it is judged by those of price mismatches."""
    return []


def retell(book: ComparedBook) -> dict[str, AnyIncident]:
    """The incidents of this kind that a book of prices tells of."""
    return book.breaches(NAME, KIND.incident)


class AdvertisedBook(LinkedBook):
    """A book of prices that tells of this kind alone."""

    def incidents(self) -> dict[str, AnyIncident]:
        """See `JudgedBook` of services/consistency/core/kind.py."""
        return retell(self)


def book(name: Book, rules: PriceRules) -> AdvertisedBook:
    """An empty book of prices, for who asks for this kind alone."""
    comparison = PriceComparison(rules)
    return AdvertisedBook(name, KIND.incident, comparison, Publications(comparison))


def met(
    incident: Incident[AdvertisedPriceDetails],
    observations: Iterable[Observation],
    rules: PriceRules,
) -> list[Met]:
    """Who paid more than was advertised, and how much more."""
    expected, found = incident.details.expected, []
    for one in observations:
        claim = one.claim
        if isinstance(claim, PriceClaim) and _meets(incident, claim, one.location, rules):
            cost = (claim.price - expected) * one.quantity
            found.append(Met(one, f"{claim.price.normalize():f}", cost))
    return found


def _meets(
    incident: Incident[AdvertisedPriceDetails],
    claim: PriceClaim,
    location: str,
    rules: PriceRules,
) -> bool:
    details = incident.details
    return (
        claim.basis is Basis.CHARGED
        and claim.book.subject == incident.about
        and claim.channel == incident.channel
        and _is_within(location, incident.location, rules)
        and claim.currency == details.currency
        and claim.with_sku in ("", details.linked_sku)
        and incident.since <= claim.occurred_at
        and (incident.until is None or claim.occurred_at < incident.until)
        and details.expected < claim.price <= details.observed
        and not agrees(claim.price, details.expected, rules)
        and is_on_terms(claim, details.terms, rules)
    )


def _is_within(location: str, place: str, rules: PriceRules) -> bool:
    """Whether a store or zone is in the place of an incident; empty is the whole channel."""
    zone = rules.zone_of.get(location)
    return place in ("", location) or (zone is not None and place == Place(ZONE_RANK, zone).label)


KIND = Kind(
    name=NAME,
    title="Charged above advertised",
    subject=SubjectType.PRODUCT,
    causes=tuple(Cause),
    rules=PriceRules,
    details=AdvertisedPriceDetails,
    claims=claims,
    hears=(),
    judge=book,
    met=met,
    judged_with=PRICE_MISMATCH,
    retell=retell,
)
