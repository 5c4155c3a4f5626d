"""Claims: statements of one channel about one subject at one time, as incident kinds compare them.

Price claims are extracted from offers and receipts by the million and have columns of their own;
the claims of every other kind are statements: a value and its terms. All times and values come from
the event; nothing here depends on when it was processed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple, Self

import orjson

from schemas.offer import Basis, Offer, SaleKind, TaxMode
from schemas.subject import Subject

PRICE_MISMATCH = "price_mismatch"
"""The kind that receives price claims."""
BOOKS_REMEMBERED = 16_384
STATEMENT_CHARS_MAX = 1000
"""Length of a statement's value, and of its terms."""


class Book(NamedTuple):
    """The scope of comparison of claims: one subject of one realm, for one kind of incident."""

    realm: str
    kind: str
    subject: Subject


@lru_cache(maxsize=BOOKS_REMEMBERED)
def product_book(realm: str, kind: str, market: str, sku: str) -> Book:
    """The book of a product, made once for the many claims about it."""
    return Book(realm, kind, Subject.product(market, sku))


class ClaimHead(NamedTuple):
    """The common first fields of every claim. Claims are ordered by (occurred_at, event_id,
    ordinal).

    `ordinal` numbers the claims of one event within a kind; `version` is the version of the
    event's body, so a corrected event replaces its earlier claims; `location` is a store id or
    empty for the whole channel. `valid_from`/`valid_to`, which every claim has too, bound what is
    published.
    """

    book: Book
    occurred_at: datetime
    event_id: str
    ordinal: int
    version: int
    channel: str
    location: str
    zone: str
    basis: Basis


class PriceClaim(NamedTuple):
    """One channel's statement of one price."""

    book: Book
    occurred_at: datetime
    event_id: str
    ordinal: int
    version: int
    channel: str
    location: str
    zone: str
    basis: Basis
    price: Decimal
    currency: str
    tax_mode: TaxMode = TaxMode.GROSS
    unit: str = "piece"
    pack_content: Decimal | None = None
    pack_unit: str = ""
    variant: str = ""
    condition: str = "new"
    seller: str = ""
    customer_group: str = ""
    sale_kind: SaleKind = SaleKind.REGULAR
    promotion: str = ""
    price_list_id: str = ""
    price_list_edition: str = ""
    with_sku: str = ""
    """Of a guest in the book of a GTIN: the article number that its event names beside the GTIN,
    in whose book the same price stands, too."""
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @classmethod
    def of_offer(
        cls,
        offer: Offer,
        head: ClaimHead,
        price: Decimal,
        currency: str,
        window: tuple[datetime | None, datetime | None],
    ) -> Self:
        """The claim of an offer that is valid within these bounds."""
        return cls(  # by position: names of so many fields take as long as everything else here
            *head,
            price,
            offer.currency or currency,
            offer.tax_mode,
            offer.unit,
            offer.pack_content,
            offer.pack_unit,
            offer.variant,
            offer.condition,
            offer.seller,
            offer.customer_group,
            offer.sale_kind,
            offer.promotion,
            offer.price_list_id,
            offer.price_list_edition,
            "",  # with_sku
            *window,
        )


class Statement(NamedTuple):
    """A claim of any kind except prices: a value and the terms under which it is compared."""

    book: Book
    occurred_at: datetime
    event_id: str
    ordinal: int
    version: int
    channel: str
    location: str
    zone: str
    basis: Basis
    value: str
    """At most 1,000 characters; the kind knows how to read it."""
    terms: str = ""
    """Only claims with the same terms are compared; empty for the defaults. At most 1,000
    characters."""
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def is_too_long(self) -> bool:
        """Whether value or terms exceed what a record holds: texts full of control characters."""
        return len(self.value) > STATEMENT_CHARS_MAX or len(self.terms) > STATEMENT_CHARS_MAX


Claim = PriceClaim | Statement
"""One channel's statement, as one kind of incident compares it."""


class Superseded(NamedTuple):
    """A book that may have lost claims of an event, which was corrected or whose order was
    cancelled: it is read again from the facts.

    Claims of lower versions than `version` count no more when they arrive. That is the version of
    the body that counts; one more if what is left of that body is in the facts as well.
    """

    book: Book
    event_id: str
    version: int


BookEntry = Claim | Superseded
"""What ingest tells a book."""
TERMS = tuple(PriceClaim._field_defaults)
"""Fields with a default; a stored claim keeps those that differ."""
TERMS_FROM = len(PriceClaim._fields) - len(TERMS)
USUAL_TERMS = tuple(PriceClaim._field_defaults.values())
PARSERS: dict[str, Callable[[str], Any]] = {
    "tax_mode": TaxMode,
    "sale_kind": SaleKind,
    "pack_content": Decimal,
    "valid_from": datetime.fromisoformat,
    "valid_to": datetime.fromisoformat,
}


def pack_terms(claim: PriceClaim) -> str:
    """The terms of a claim that differ from their defaults, as JSON; empty if none does."""
    if claim[TERMS_FROM:] == USUAL_TERMS and not claim.zone:  # nearly every receipt line
        return ""
    unusual: dict[str, Any] = {"zone": claim.zone} if claim.zone else {}
    for name, value, usual in zip(TERMS, claim[TERMS_FROM:], USUAL_TERMS, strict=True):
        if value is not usual and value != usual:
            unusual[name] = str(value) if isinstance(value, Decimal) else value
    return orjson.dumps(unusual, option=orjson.OPT_SORT_KEYS).decode()


def unpack_terms(terms: str) -> dict[str, Any]:
    """The inverse of `pack_terms`: field values by name."""
    if not terms:
        return {}
    found: dict[str, Any] = orjson.loads(terms)
    return {name: PARSERS.get(name, str)(value) for name, value in found.items()}


BASES = {one.value: one for one in Basis}


def pack_statement(claim: Statement, quantity: Decimal) -> str:
    """The fields of a stored statement other than its event, kind and subject, as JSON."""
    kept: dict[str, Any] = {"basis": claim.basis}  # in the order of the names
    if claim.location:
        kept["location"] = claim.location
    if quantity:
        kept["quantity"] = str(quantity)
    if claim.terms:
        kept["terms"] = claim.terms
    if claim.valid_from:
        kept["valid_from"] = claim.valid_from
    if claim.valid_to:
        kept["valid_to"] = claim.valid_to
    if claim.value:
        kept["value"] = claim.value
    if claim.zone:
        kept["zone"] = claim.zone
    return orjson.dumps(kept).decode()


def unpack_statement(
    body: str,
) -> tuple[str, str, Basis, str, str, datetime | None, datetime | None]:
    """The last fields of a statement, in their order, of what `pack_statement` kept."""
    get = orjson.loads(body).get
    begin, end = get("valid_from"), get("valid_to")
    return (
        intern(get("location", "")),
        intern(get("zone", "")),
        BASES[get("basis")],
        get("value", ""),
        intern(get("terms", "")),  # of thousands of claims about one article
        begin if begin is None else datetime.fromisoformat(begin),
        end if end is None else datetime.fromisoformat(end),
    )


def quantity_of(body: str) -> Decimal:
    """The quantity that a stored statement is about; zero if it is about none."""
    return Decimal(orjson.loads(body).get("quantity", 0))
