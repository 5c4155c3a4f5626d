"""Reads the stored price claims and says which offers are compared with something, and why others
are not.

A chunk of articles at a time; only the counts, with a few sample products each, are kept. Nothing
is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.claim import PRICE_MISMATCH, Book, Claim
from schemas.subject import Subject
from services.consistency.core.coverage import (
    CoverageReason,
    CoveredOffer,
    Linked,
    ProductCoverage,
    Speaker,
)
from services.consistency.core.places import Place
from services.consistency.kinds.price_mismatch import PriceBook, PriceComparison, PriceRules
from services.consistency.ports import BookSource
from services.consistency.rules import ConsistencyRules


class CoverageCell(NamedTuple):
    """Offers of one channel at one place for which the same is true."""

    channel: str
    place: Place
    reason: CoverageReason | None
    """None if they are compared."""


@dataclass
class CoverageCount:
    """How many offers, and a few of their products."""

    offers: int = 0
    samples: list[Subject] = field(default_factory=list)


@dataclass
class CoverageTally:
    """Numbers of products and offers in force, and of offers by channel, place and reason."""

    products: int = 0
    products_compared: int = 0
    """With at least one offer that is compared."""
    offers: int = 0
    offers_compared: int = 0
    cells: dict[CoverageCell, CoverageCount] = field(
        default_factory=lambda: defaultdict(CoverageCount)
    )

    def count(self, offers: Sequence[CoveredOffer], samples: int) -> None:
        """Count the offers of one article, in all markets."""
        in_force: dict[Book, bool] = {}
        for one in offers:
            cell = self.cells[CoverageCell(*one.speaker, one.reason)]
            cell.offers += 1
            book, is_compared = one.claim.book, one.reason is None
            if len(cell.samples) < samples and book.subject not in cell.samples:
                cell.samples.append(book.subject)
            if one.is_in_force:
                in_force[book] = in_force.get(book, False) or is_compared
                self.offers += 1
                self.offers_compared += is_compared
        self.products += len(in_force)
        self.products_compared += sum(in_force.values())


class CoverageFilter(NamedTuple):
    """Which offers are of interest: all by default."""

    channel: str = ""
    location: str = ""
    """A store id, or `zone:NAME`."""
    sku: str = ""

    def holds(self, offer: CoveredOffer) -> bool:
        """Whether it is one of them."""
        channel, place = offer.speaker
        return self.channel in ("", channel) and self.location in ("", place.label)


class CoveredChunk(NamedTuple):
    """Some articles; if one was asked for, with its offers."""

    articles: int
    product: ProductCoverage | None
    offers: list[CoveredOffer]


class PriceCoverage:
    """The coverage of one realm. `tally` counts what was read so far."""

    def __init__(
        self,
        source: BookSource,
        realm: str,
        rules: ConsistencyRules,
        asked: CoverageFilter | None = None,
        samples: int = 0,
    ) -> None:
        """`samples` are kept of each count, at most."""
        found = rules.of_realm(realm).by_kind[PRICE_MISMATCH]
        assert isinstance(found, PriceRules)
        self._rules = found
        self._source = source
        self._realm = realm
        self._asked = asked or CoverageFilter()
        self._samples = samples
        self._by_gtin: Linked = {}
        self.as_of = source.latest_tick(realm)
        """The tick as of which offers are looked at; None before the first one."""
        self.tally = CoverageTally()

    def run(self) -> Iterator[CoveredChunk]:
        """Look at all articles, chunk by chunk. Raises as the store does."""
        if self.as_of is None:
            return
        self._by_gtin = self._compared_by_gtin()
        for chunk in self._source.price_claims(self._realm, self._asked.sku):
            by_sku: dict[str, dict[Book, Sequence[Claim]]] = defaultdict(dict)
            for book, claims in chunk.items():
                by_sku[book.subject.parts[1]][book] = claims
            found = CoveredChunk(len(by_sku), None, [])
            for books in by_sku.values():
                product, offers = self._look_at(books)
                if self._asked.sku:
                    found = found._replace(product=product, offers=offers)
            yield found

    def _compared_by_gtin(self) -> dict[tuple[Book, Speaker, Any], tuple[Speaker, ...]]:
        """The offers with two numbers that are compared under their GTIN."""
        found: dict[tuple[Book, Speaker, Any], tuple[Speaker, ...]] = {}
        for chunk in self._source.linked_claims(self._realm, self._asked.sku):
            for name, claims in chunk.items():
                found |= self._product({name: claims}).of_guests
        return found

    def _look_at(
        self, books: Mapping[Book, Sequence[Claim]]
    ) -> tuple[ProductCoverage, list[CoveredOffer]]:
        product = self._product(books)
        offers = [one for one in product.offers if self._asked.holds(one)]
        self.tally.count(offers, self._samples)
        return product, offers

    def _product(self, books: Mapping[Book, Sequence[Claim]]) -> ProductCoverage:
        assert self.as_of is not None
        reading = PriceComparison(self._rules)

        def judge(name: Book) -> PriceBook:
            return PriceBook(name, self._rules)

        return ProductCoverage(books, judge, reading, self.as_of, self._by_gtin)
