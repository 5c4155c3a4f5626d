"""Operation on what is compared: which offers never are, and why."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.claim import PRICE_MISMATCH
from schemas.offer import Basis
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.consistency.core.complete_lists import IncompleteEdition
from services.consistency.core.coverage import (
    NOT_IN_FORCE,
    CoverageReason,
    CoveredOffer,
    ProductCoverage,
    Speaker,
)
from services.consistency.coverage import CoverageFilter, CoverageTally, PriceCoverage
from services.consistency.kinds.price_mismatch import PriceComparison, PriceRules

PAIRS_MAX = 500
"""A product in thousands of stores would have millions."""


class CoverageRequest(RealmRequest):
    """Which offers are of interest."""

    channel: str = ""
    """Only of this channel."""
    location: str = ""
    """Only at this store, or at zone:NAME."""
    sku: str = ""
    """Only of this product, each offer with all others."""
    sample: Annotated[int, Field(ge=0, le=100)] = 3
    """Products of each count."""


class CoveredSide(Answer):
    """What an offer is compared with, or could be."""

    channel: str
    """Its channel."""
    location: str
    """A store id, `zone:NAME`, or empty for the whole channel."""


class CoveragePair(CoveredSide):
    """Another offer of the product, and why the two are not compared with each other."""

    market: str
    """Its market."""
    price: str
    """Its price."""
    currency: str
    """Its currency."""
    reason: CoverageReason | None
    """Why not; null if they are compared."""


class CoverageOffer(CoveredSide):
    """One offer of the product that was asked for."""

    row: Literal["offer"] = "offer"
    """What this row is."""
    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""
    price: str
    """What the channel publishes, else what was seen of it last."""
    currency: str
    """Currency of the price."""
    basis: Basis
    """How the channel says it."""
    terms: dict[str, str]
    """The terms of the price, as far as they differ from: piece, gross, new, for everybody."""
    since: datetime
    """When it was published or seen."""
    is_compared: bool
    """Whether it is compared with anything."""
    is_in_force: bool
    """Whether the channel has this price there now."""
    reason: CoverageReason | None
    """Why it is not compared; null if it is."""
    compared_with: list[CoveredSide]
    """What it is compared with; itself, if what it publishes is compared with what was seen."""
    pairs: list[CoveragePair]
    """The product's offers of other channels, the first 500."""


class CoverageProgress(Answer):
    """How far it has come."""

    row: Literal["progress"] = "progress"
    products: int
    """How many articles are read."""


class CoverageSample(Answer):
    """A product."""

    market: str
    """Sales market."""
    sku: str
    """Article number, or the gtin if there is none."""


class CoverageCounted(CoveredSide):
    """How many offers of one channel at one place are compared, or not for one reason."""

    row: Literal["count"] = "count"
    """What this row is."""
    is_compared: bool
    """Whether they are compared with anything."""
    is_in_force: bool
    """Whether the channel has these prices there now."""
    reason: CoverageReason | None
    """Why they are not compared; null if they are."""
    offers: int
    """How many."""
    samples: list[CoverageSample]
    """A few of their products."""


class CoverageEdition(Answer):
    """An edition of a price list that is said to be complete and is not: it withdraws nothing."""

    row: Literal["edition"] = "edition"
    """What this row is."""
    channel: str
    """Whose list it is."""
    price_list_id: str
    """The list."""
    price_list_edition: str
    """The edition."""
    offers: int
    """How many events with an offer it has, as `price_list.completed` says."""
    received: int
    """How many have come."""
    completed_at: datetime
    """When it was said to be complete."""


class CoverageSummary(Answer):
    """The last row: what was looked at. An offer is what one channel says of one product for one
    place on the same terms."""

    row: Literal["summary"] = "summary"
    """What this row is."""
    realm: str
    """Brand or tenant."""
    as_of: datetime | None
    """The tick as of which offers are looked at; null if nothing was judged yet."""
    rules: str
    """`version` of the rules."""
    products: int
    """Products with an offer in force, by market and article."""
    products_compared: int
    """Those of which at least one offer is compared."""
    offers: int
    """Offers in force."""
    offers_compared: int
    """Those that are compared with something."""
    took_s: float
    """How long that took, in seconds."""


class CoverageReport(Answer):
    """The whole answer as one document."""

    version: int = 1
    """Version of this form."""
    offers: list[CoverageOffer]
    """The offers of the product that was asked for; empty without one."""
    counts: list[CoverageCounted]
    """Numbers by channel, place and reason, the largest first."""
    editions: list[CoverageEdition]
    """Editions of price lists of which offers are missing, since the last whole one of their list;
    empty if a product was asked for."""
    summary: CoverageSummary
    """What was looked at."""


_ROW: Any = Annotated[
    CoverageOffer | CoverageProgress | CoverageCounted | CoverageEdition | CoverageSummary,
    Field(discriminator="row"),
]
_Row = CoverageOffer | CoverageProgress | CoverageCounted | CoverageEdition | CoverageSummary


def _coverage(access: Access, asked: CoverageRequest) -> Iterator[_Row]:
    begun = time.monotonic()
    require_realm(access.reads, asked.realm)
    rules = access.reads.consistency_rules.of_realm(asked.realm)
    of_prices = rules.by_kind[PRICE_MISMATCH]
    assert isinstance(of_prices, PriceRules)
    reading = PriceComparison(of_prices)
    chosen = CoverageFilter(asked.channel, asked.location, asked.sku)
    coverage = PriceCoverage(access.reads.books, asked.realm, rules, chosen, asked.sample)
    products = 0
    for chunk in coverage.run():
        products += chunk.articles
        yield CoverageProgress(products=products)
        if chunk.product is not None:
            for one in sorted(chunk.offers, key=_by_place):
                yield _offer(chunk.product, one, reading)
    yield from _counts(coverage.tally)
    if not asked.sku:
        yield from _editions(access.reads.books.incomplete_editions(asked.realm), asked.channel)
    tally = coverage.tally
    yield CoverageSummary(
        realm=asked.realm,
        as_of=coverage.as_of,
        rules=rules.version,
        products=tally.products,
        products_compared=tally.products_compared,
        offers=tally.offers,
        offers_compared=tally.offers_compared,
        took_s=round(time.monotonic() - begun, 3),
    )


def _editions(found: Iterable[IncompleteEdition], channel: str) -> Iterator[CoverageEdition]:
    for said, received in found:
        if channel in ("", said.edition.channel):
            yield CoverageEdition(
                channel=said.edition.channel,
                price_list_id=said.edition.price_list_id,
                price_list_edition=said.edition.edition,
                offers=said.offers,
                received=received,
                completed_at=said.occurred_at,
            )


def _by_place(offer: CoveredOffer) -> tuple[bool, str, Speaker, str]:
    market, _ = offer.claim.book.subject.parts
    return not offer.is_in_force, market, offer.speaker, offer.claim.event_id


def _offer(product: ProductCoverage, one: CoveredOffer, reading: PriceComparison) -> CoverageOffer:
    market, sku = one.claim.book.subject.parts
    channel, place = one.speaker
    terms = one.terms or reading.subject_terms(one.claim)
    price = one.claim.price
    pairs = [_pair(other, reason) for other, reason in islice(product.pairs(one), PAIRS_MAX)]
    return CoverageOffer(
        channel=channel,
        location=place.label,
        market=market,
        sku=sku,
        price=str(price),
        currency=one.claim.currency,
        basis=one.claim.basis,
        terms=reading.details(terms, price, price).terms if terms else {},
        since=one.claim.occurred_at,
        is_compared=one.reason is None,
        is_in_force=one.is_in_force,
        reason=one.reason,
        compared_with=list(map(_side, one.compared_with)),
        pairs=pairs,
    )


def _side(speaker: Speaker) -> CoveredSide:
    return CoveredSide(channel=speaker[0], location=speaker[1].label)


def _pair(other: CoveredOffer, reason: CoverageReason | None) -> CoveragePair:
    channel, place = other.speaker
    return CoveragePair(
        channel=channel,
        location=place.label,
        market=other.claim.book.subject.parts[0],
        price=str(other.claim.price),
        currency=other.claim.currency,
        reason=reason,
    )


def _counts(tally: CoverageTally) -> Iterator[CoverageCounted]:
    largest_first = sorted(
        tally.cells.items(), key=lambda one: (-one[1].offers, *one[0][:2], one[0].reason or "")
    )
    for cell, found in largest_first:
        yield CoverageCounted(
            channel=cell.channel,
            location=cell.place.label,
            is_compared=cell.reason is None,
            is_in_force=cell.reason not in NOT_IN_FORCE,
            reason=cell.reason,
            offers=found.offers,
            samples=[
                CoverageSample(market=one.parts[0], sku=one.parts[1]) for one in found.samples
            ],
        )


CONSISTENCY_COVERAGE = Operation(
    "consistency_coverage", Scope.INCIDENTS_READ, CoverageRequest, _ROW, _coverage
)
"""The offers that are compared with something, and why others are not; a summary comes last."""
OPERATIONS = (CONSISTENCY_COVERAGE,)
