"""Charged above shown: a customer saw less, on any channel, shortly before paying more.

It is about one purchase of one customer, where a price mismatch is about a product: identity joins
the page that was seen with the receipt. Only what a customer was certainly shown on the same terms
counts; in doubt nothing is reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from schemas.claim import Book, PriceClaim, Statement
from schemas.currency import Priced
from schemas.events.browsing import CartUpdated, ProductViewed
from schemas.events.orders import Fulfilment, OrderCancelled, OrderLine, OrderPlaced, OrderReturned
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import CHARGED, DISPLAYED, PUBLISHED, Offer
from schemas.subject import SEPARATOR, Subject, SubjectType, written_subject
from services.consistency.core.book import incident_id
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import fault_id
from services.consistency.core.gtin import article_of, second_number
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.offers import STORE_CHANNELS, offers_of
from services.consistency.core.order_lines import paid_price
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook
from services.consistency.core.shown_prices import (
    BY_GTIN,
    DearerPurchase,
    QuotedPrice,
    ShownPrices,
    ShownRules,
)
from services.consistency.kinds import price_mismatch
from services.consistency.kinds.price_mismatch import (
    COMPARED_SALES,
    STATED_TERMS,
    PriceComparison,
    PriceRules,
    terms_of,
)

NAME = "charged_above_shown"
NOTHING_SOLD = Decimal(0)
TERMS_OF = PriceComparison(PriceRules())


class Cause(StrEnum):
    """Where the customer saw less."""

    SHOWN_ON_CHANNEL = "shown_on_channel"
    SHOWN_ELSEWHERE = "shown_elsewhere"


class ShownDetails(Details, Priced):
    """What a customer was shown, and what was charged."""

    market: str
    """Sales market."""
    sku: str
    """The article."""
    expected: Decimal
    """The price that the customer was shown."""
    observed: Decimal
    """The price that was charged, before personal discounts."""
    currency: str
    """Currency of both prices."""
    quantity: Decimal
    """How much was bought at that price."""
    order_id: str
    """The order or receipt."""
    shown_on: str
    """The channel on which the lower price was shown."""
    minutes: int
    """Whole minutes between both."""

    def in_words(self) -> str:
        """Both prices, and where the lower one was seen."""
        return (
            f"{self.observed} {self.currency} for {self.sku}, {self.minutes} minutes after "
            f"{self.expected} on {self.shown_on}"
        )


class ShownBook(RecomputedBook[ShownRules]):
    """What one customer did and got."""

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        return (self._incident(one, now) for one in self._once(self._purchases, now))

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        return (one.end for one in self._once(self._purchases, now))

    def _purchases(self, now: datetime) -> list[DearerPurchase]:
        """What was charged too much, by the claims that are not later than now."""
        known = (one for one in self._claims if isinstance(one, Statement))
        return ShownPrices(self._rules).of(one for one in known if one.occurred_at <= now)

    def _incident(self, found: DearerPurchase, now: datetime) -> AnyIncident:
        paid, claim, is_over = found.paid, found.paid.claim, found.end <= now
        channels = {one.claim.channel for one in found.shown}
        is_own = claim.channel in channels
        lowest = found.shown[0]
        cause = Cause.SHOWN_ON_CHANNEL if is_own else Cause.SHOWN_ELSEWHERE
        identity = (claim.terms.partition(BY_GTIN)[0], *paid.order)
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(self.book, identity, EVERYWHERE, claim.channel, paid.at),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": claim.channel,
                "location": claim.location,
                "fault_id": self._fault(found, cause),
                "state": IncidentState.RESOLVED if is_over else IncidentState.OPEN,
                "severity": Severity.HIGH if is_own else Severity.MEDIUM,
                "cause": cause,
                "since": paid.at,
                "due_at": paid.at,
                "until": found.end if is_over else None,
                "opened_at": paid.at,
                "resolved_at": found.end if is_over else None,
                "evidence": [
                    [claim.event_id],
                    list(dict.fromkeys(one.claim.event_id for one in found.shown))[:EVIDENCE_MAX],
                ],
                "details": {
                    "market": paid.market,
                    "sku": paid.sku,
                    "expected": lowest.price,
                    "observed": paid.price,
                    "currency": paid.currency,
                    "quantity": paid.quantity,
                    "order_id": paid.order[1],
                    "shown_on": lowest.claim.channel,
                    "minutes": int((paid.at - lowest.at).total_seconds() // 60),
                },
            }
        )

    def _fault(self, found: DearerPurchase, cause: Cause) -> str:
        """Whoever is shown the same price and charged the same other one."""
        paid, shown = found.paid, found.shown[0]
        prices = (f"{one.normalize():f}" for one in (shown.price, paid.price))
        article = (paid.market, paid.sku, paid.currency)
        return fault_id(self.book, paid.claim.channel, cause, *article, *prices)


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """The prices that a customer was shown or charged, and what was given back."""
    event, body = heard.event, heard.event.body
    if not event.identifiers:  # nobody knows whose it is
        return []
    if isinstance(body, ProductViewed | CartUpdated):
        return _shown(heard)
    if isinstance(body, OrderPlaced):
        return _charged(heard, body)
    if isinstance(body, OrderReturned | OrderCancelled) and body.order_id:
        return _given_back(heard, body)
    return []


def _shown(heard: Heard) -> list[tuple[Statement, Decimal]]:
    body, found = heard.event.body, list[tuple[Statement, Decimal]]()
    priced = [offer for offer, _ in offers_of(heard) if offer.price is not None]
    quantities = (
        [one.quantity for one in body.items if one.offer and one.offer.price is not None]
        if isinstance(body, CartUpdated)
        else [None] * len(priced)
    )
    told = price_mismatch.own_claims(heard)
    if len(told) != len(priced):
        return []
    book = heard.customer_book(NAME)
    for (price, _), quantity, offer in zip(told, quantities, priced, strict=True):
        is_shown = price.basis is DISPLAYED and price.price > NOTHING_SOLD
        terms = _terms(price, offer) if is_shown else None
        if terms is not None:
            value = {"price": str(price.price)}
            if price.price_list_id:
                value["list"] = price.price_list_id
            if quantity:
                value["quantity"] = str(quantity)
            found.append((_statement(book, price, terms, value), NOTHING_SOLD))
    return found


def _charged(heard: Heard, order: OrderPlaced) -> list[tuple[Statement, Decimal]]:
    if order.fulfilment is Fulfilment.CLICK_AND_COLLECT and heard.event.channel in STORE_CHANNELS:
        return []  # the price was agreed with the order
    found: list[tuple[Statement, Decimal]] = []
    prices, lines = price_mismatch.own_claims(heard), price_mismatch.claimed_lines(heard)
    book, named = heard.customer_book(NAME), {"order": order.order_id}
    if issuer := order.issuer or _till_of(heard):
        named["issuer"] = issuer
    for (price, quantity), (line, shelf) in zip(prices, lines, strict=True):
        terms, paid = _terms(price, line), paid_price(line, shelf)
        if terms is None or paid <= NOTHING_SOLD:
            continue
        market, sku = price.book.subject.parts
        value = {"price": str(paid)}
        if price.price_list_id:
            value["list"] = price.price_list_id
        value |= {"quantity": str(quantity), **named, "market": market, "sku": sku}
        value["currency"] = price.currency
        found.append((_statement(book, price, terms, value), quantity))
    return found


def _till_of(heard: Heard) -> str:
    """Who numbers the receipts of a till, if it does not say; else nothing."""
    source = heard.event.source
    named = (source.system, source.store, source.till) if heard.event.channel == "pos" else ()
    return "/".join(named)


def _given_back(
    heard: Heard, body: OrderReturned | OrderCancelled
) -> list[tuple[Statement, Decimal]]:
    skus = [article_of(line) for line in body.lines] or [""]
    found: list[tuple[Statement, Decimal]] = []
    for ordinal, sku in enumerate(dict.fromkeys(skus)):
        value = {"order": body.order_id, "issuer": body.issuer, "sku": sku}
        value = {name: text for name, text in value.items() if text}
        statement = Statement(
            heard.customer_book(NAME), heard.occurred_at, heard.event.event_id, ordinal,
            heard.version, heard.event.channel, "", "", PUBLISHED, _written(value),
        )  # fmt: skip
        found.append((statement, NOTHING_SOLD))
    return found


def _terms(price: PriceClaim, named: Offer | OrderLine) -> str | None:
    """What a shown and a charged price must share, in one short text, and the same under the second
    number of what has two; None if it is not compared: a personal price, a clearance, a marketplace
    seller's."""
    if price.sale_kind not in COMPARED_SALES or price.seller:
        return None
    own, number = _own_terms(price.book.subject.key, price[STATED_TERMS]), second_number(named)
    if not number:
        return own
    market, _ = price.book.subject.parts
    same = _own_terms(Subject.product(market, number).key, price[STATED_TERMS])
    return own + BY_GTIN + same


@lru_cache(maxsize=16_384)
def _own_terms(product: str, stated: tuple[Any, ...]) -> str:
    """The terms under one number. Products are seen and sold again and again on the same terms."""
    named = SEPARATOR.join((product, *TERMS_OF.identity(terms_of(stated))))
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _statement(book: Book, price: PriceClaim, terms: str, value: dict[str, str]) -> Statement:
    return Statement(
        book,
        price.occurred_at,
        price.event_id,
        price.ordinal,
        price.version,
        price.channel,
        price.location,
        price.zone,
        price.basis,
        _written(value),
        terms,
        price.valid_from,
        price.valid_to,
    )


def _written(value: dict[str, str]) -> str:
    """As JSON; each part has at most 100 characters, and none is empty."""
    return orjson.dumps(value).decode()


def sold(claim: Statement) -> tuple[str, Decimal] | None:
    """The article and the price, if it was charged."""
    if claim.basis is not CHARGED:
        return None
    paid = QuotedPrice.of(claim)
    return paid.sku, paid.price


def met(
    incident: Incident[ShownDetails], observations: Iterable[Observation], _rules: ShownRules
) -> list[Met]:
    """The purchase itself, and what it cost above what was shown."""
    details, found = incident.details, []
    for one in observations:
        claim = one.claim
        if isinstance(claim, Statement) and claim.basis is CHARGED:
            paid = QuotedPrice.of(claim)
            is_it = claim.event_id in incident.evidence[0] and paid.sku == details.sku
            if is_it and paid.price == details.observed:
                cost = (paid.price - details.expected) * one.quantity
                found.append(Met(one, f"{paid.price.normalize():f}", cost))
    return found


KIND = Kind(
    name=NAME,
    title="Charged above shown",
    subject=SubjectType.CUSTOMER,
    causes=tuple(Cause),
    rules=ShownRules,
    details=ShownDetails,
    claims=claims,
    sold=sold,
    hears=(ProductViewed, CartUpdated, OrderPlaced, OrderReturned, OrderCancelled),
    judge=ShownBook,
    met=met,
)
