"""Price mismatch: a channel's price of a product differs from the expected price.

Prices are compared within equal terms (currency, tax mode, unit, pack, variant, condition, customer
group). A charged price is the shelf price: `unit_price` less the promotion discounts of the line.
Coupons, loyalty and personal discounts are the customer's own and never make a claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.base import Currency
from schemas.claim import PRICE_MISMATCH, Book, Claim, PriceClaim, product_book
from schemas.currency import Priced
from schemas.descriptions import Described
from schemas.events.orders import LineKind, OrderLine, OrderPlaced, ReceiptKind
from schemas.incident import AnyIncident, Details, Incident, Severity
from schemas.offer import CHARGED, PUBLISHED, Basis, Offer, SaleKind, TaxMode
from schemas.rules.consistency import Days, Hours, Name, OverlapRules, Percent
from schemas.subject import SubjectType
from services.consistency.core.advertised import Cause as Advertised
from services.consistency.core.book import ClaimGroup, earliest
from services.consistency.core.currencies import Amount, CurrencyFold, CurrencyWatch
from services.consistency.core.expectation import ExpectationHistory, Expected
from services.consistency.core.faults import fault_id
from services.consistency.core.gtin import article_of
from services.consistency.core.guests import guests_of
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.linked_book import LinkedBook
from services.consistency.core.offers import (
    FIXED_CHANNELS,
    OFFERING,
    claim_head,
    is_withdrawn,
    offers_of,
    store_of,
    window_of,
)
from services.consistency.core.order_lines import (
    CENT_HUNDREDTH,
    is_multi_buy,
    is_negative,
    lines_left,
    shelf_price,
)
from services.consistency.core.packs import same_pack
from services.consistency.core.unsaid import ClaimKey, Publications

COMPARED_SALES = frozenset({SaleKind.REGULAR, SaleKind.PROMOTION})
PRODUCT, PROMOTION, NO_SALE = LineKind.PRODUCT, SaleKind.PROMOTION, Decimal(0)
NO_STORE = "*"
"""`price_location` of a price that is no store's."""
STATED_TERMS = slice(
    PriceClaim._fields.index("currency"), PriceClaim._fields.index("customer_group") + 1
)
"""The fields of a claim from which its terms are read."""
GRACE_HOURS: dict[str, float] = {
    "default": 12, "shop": 4, "app": 4, "pos": 24, "email": 24, "letter": 24, "print": 24,
}  # fmt: skip
MAILING_DAYS = 28


class RightPrice(StrEnum):
    """How the expected price is chosen without a reference channel."""

    MAJORITY = "majority"
    LOWEST = "lowest"


class SeverityRules(Described, BaseModel):
    """Bounds of severity, in percent of the expected price."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gross_below_percent: Percent = Decimal(50)
    """Below this: a gross undercharge."""
    gross_above_percent: Percent = Decimal(120)
    """Above this: a gross overcharge."""
    low_within_percent: Percent = Decimal(2)
    """A difference up to this is of low severity."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.gross_below_percent < 100 < self.gross_above_percent:
            raise ValueError("gross_below_percent < 100 < gross_above_percent must hold")
        return self


class PriceRules(OverlapRules):
    """Which prices are compared, which one is expected, and how long a channel may lag."""

    locations_may_differ: bool = False
    """True: a store's prices are compared at that store (and in its zone) only."""
    right_price: RightPrice = RightPrice.MAJORITY
    """Without a reference: `majority` (on a tie the lowest) or `lowest`."""
    tolerance_absolute: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("0.01")
    """Differences up to the larger of the two tolerances are ignored."""
    tolerance_percent: Percent = Decimal("0.5")
    """Tolerance in percent of the expected price."""
    severity: SeverityRules = SeverityRules()
    """Bounds of severity."""
    max_age_without_end_days: dict[Name, Days] = dict.fromkeys(sorted(FIXED_CHANNELS), MAILING_DAYS)
    """Days for which a price in a mailing, a leaflet or a spot that names no end can contradict
    others, by channel. Later it only supports a price that another channel has."""
    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours a channel has to adopt a new price."""
    grace_end_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours a channel has to end a promotion."""
    no_grace_channels: Annotated[list[Name], Field(max_length=50)] = sorted(FIXED_CHANNELS)
    """Channels that cannot be corrected: a wrong price there is reported at once, unless it ends
    within its grace or another channel has announced it to begin within it."""
    lawful_currencies: Annotated[list[Currency], Field(max_length=50)] = Field(default=[])
    """Currencies in which a channel may publish alone, though all others use another."""


class Cause(StrEnum):
    """The likeliest cause, from the prices before."""

    PROMOTION_NOT_ENDED = "promotion_not_ended"
    PROMOTION_NOT_STARTED = "promotion_not_started"
    STALE_PRICE = "stale_price"
    WRONG_CURRENCY = "wrong_currency"
    WRONG_PRICE = "wrong_price"


class Terms(NamedTuple):
    """What two claims of a book must share before their prices may be compared."""

    currency: str
    tax_mode: TaxMode
    unit: str
    pack_content: Decimal | None
    pack_unit: str
    variant: str
    condition: str
    customer_group: str


UNSAID = frozenset({"pack_content", "pack_unit", "variant"})
"""What an observation may not know."""
BEFORE_PACK, PACK, AFTER_VARIANT = slice(0, 3), slice(3, 5), slice(6, None)
"""Parts of `Terms`: what every observation knows, and between them what it may not."""
USUAL_TERMS = {
    name: PriceClaim._field_defaults[name] for name in Terms._fields if name != "currency"
}


class PriceDetails(Details, Priced):
    """Which prices contradict each other."""

    expected: Decimal
    """The price that was expected at that time."""
    observed: Decimal
    """The worst deviating price since the incident opened; before that, the latest one."""
    currency: str
    """Currency of both prices."""
    observed_currency: str = ""
    """Currency of the observed price, if it is another."""
    terms: dict[str, str] = Field(default_factory=dict)
    """The terms under which the prices are compared, as far as they differ from: piece, gross, new,
    for everybody."""
    linked_sku: str = ""
    """Of a product that is named by its GTIN: the article number that other channels name beside
    it, if there is one and no other."""

    def in_words(self) -> str:
        """Both prices with their currency."""
        observed = f"{self.observed} {self.observed_currency}".rstrip()
        return f"{observed} instead of {self.expected} {self.currency}"


def terms_of(stated: Any) -> Terms:
    """The terms of one of the retailer's own prices, from the STATED_TERMS of a claim."""
    currency, tax_mode, unit, content, pack_unit, variant, condition, _seller, group = stated
    if pack_unit:
        content, pack_unit = same_pack(content, pack_unit)
    return Terms(currency, tax_mode, unit, content, pack_unit, variant, condition, group)


class PriceComparison:
    """Implements `Comparison` of services/consistency/core/expectation.py."""

    wrong_currency = Cause.WRONG_CURRENCY
    missed_changes: frozenset[str] = frozenset(
        {
            Cause.PROMOTION_NOT_ENDED,
            Cause.PROMOTION_NOT_STARTED,
            Cause.STALE_PRICE,
            Advertised.ADVERTISED_PRICE_NOT_APPLIED,
        }
    )

    def __init__(self, rules: PriceRules) -> None:
        self.rules = rules
        self.lawful_currencies = frozenset(rules.lawful_currencies)

    def free_terms(self, claim: PriceClaim) -> Terms | None:
        """The terms, whatever the currency."""
        terms = self.terms(claim)
        return terms and terms._replace(currency="")

    def currency_details(self, terms: Terms, observed: Amount, expected: Amount) -> PriceDetails:
        """Both prices, each with its currency."""
        details = self.details(terms, observed.price, expected.price)
        currencies = {"currency": expected.currency, "observed_currency": observed.currency}
        return details.model_copy(update=currencies)

    def terms(self, claim: PriceClaim) -> Terms | None:
        """None if its price is not comparable with any other channel's."""
        return self.subject_terms(claim) if claim.sale_kind in COMPARED_SALES else None

    def subject_terms(self, claim: PriceClaim) -> Terms | None:
        """The terms of any of the retailer's own prices."""
        return None if claim.seller else terms_of(claim[STATED_TERMS])

    def tells(self, claim: PriceClaim) -> bool:
        """Whether it names a pack or a variant, or is for a kind of sale that is not compared."""
        if claim.seller:
            return False
        has_pack = claim.pack_content is not None or bool(claim.pack_unit)
        return has_pack or bool(claim.variant) or claim.sale_kind not in COMPARED_SALES

    def fits(self, observed: Terms, published: Terms) -> bool:
        """The same, but for a pack or a variant that the observation does not name."""
        names_pack = observed.pack_content is not None or observed.pack_unit
        return (
            (not names_pack or observed[PACK] == published[PACK])
            and observed.variant in ("", published.variant)
            and observed[BEFORE_PACK] == published[BEFORE_PACK]
            and observed[AFTER_VARIANT] == published[AFTER_VARIANT]
        )

    def value(self, claim: PriceClaim) -> Decimal:
        """The price."""
        return claim.price

    def promotion(self, claim: PriceClaim) -> str | None:
        """The promotion behind this price."""
        is_promotion = bool(claim.promotion) or claim.sale_kind is PROMOTION
        return claim.promotion if is_promotion else None

    def repeats(self, claim: PriceClaim, former: PriceClaim) -> bool:
        """The same price, by the same promotion or none, under as many numbers."""
        said = (claim.price, claim.promotion, claim.sale_kind, claim.with_sku)
        return said == (former.price, former.promotion, former.sale_kind, former.with_sku)

    def agrees(self, value: Decimal, expected: Decimal) -> bool:
        """Whether two prices differ by no more than the larger of both tolerances."""
        return agrees(value, expected, self.rules)

    def choose(self, votes: Sequence[PriceClaim]) -> Decimal:
        """The price of the majority, if the rules require it and there is one; else the lowest."""
        price = self._majority(votes) if self.rules.right_price is RightPrice.MAJORITY else None
        return min(claim.price for claim in votes) if price is None else price

    def _majority(self, votes: Sequence[PriceClaim]) -> Decimal | None:
        """The price that more than half of the votes agree with.

        Prices within the tolerance support each other; of several such prices the one named most
        often counts, then the lowest.
        """
        prices = [claim.price for claim in votes]
        if prices.count(prices[0]) == len(prices):
            return prices[0]

        def standing(price: Decimal) -> tuple[int, int, Decimal]:
            support = sum(self.agrees(other, price) for other in prices)
            return support, prices.count(price), -price

        best = max(set(prices), key=standing)
        return best if standing(best)[0] * 2 > len(prices) else None

    def cause(self, claim: PriceClaim, expected: Expected, history: ExpectationHistory) -> Cause:
        """Compare with what was right before, latest first."""
        former = reversed(history.previous)
        same = next((old for old in former if self.agrees(claim.price, old.value)), None)
        if expected.promoted and same is not None and same is history.previous[-1]:
            is_back = history.has_returned(same)
            return Cause.PROMOTION_NOT_ENDED if is_back else Cause.PROMOTION_NOT_STARTED
        if claim.promotion and claim.promotion in history.ended_promotions:
            return Cause.PROMOTION_NOT_ENDED
        if same is None:
            return Cause.WRONG_PRICE
        is_over = same.promoted and not expected.promoted
        return Cause.PROMOTION_NOT_ENDED if is_over else Cause.STALE_PRICE

    def severity(self, observed: Decimal, expected: Decimal) -> Severity:
        """An overcharge ranks above an undercharge, a gross error highest."""
        bounds = self.rules.severity
        if abs(observed - expected) * 100 <= bounds.low_within_percent * expected:
            return Severity.LOW
        if observed > expected:
            gross = observed * 100 > bounds.gross_above_percent * expected
            return Severity.CRITICAL if gross else Severity.HIGH
        gross = observed * 100 < bounds.gross_below_percent * expected
        return Severity.HIGH if gross else Severity.MEDIUM

    def gap(self, observed: Decimal, expected: Decimal) -> Decimal:
        """The difference of both prices as a share of the expected one."""
        return abs(observed - expected) / (expected or CENT_HUNDREDTH)

    def details(self, terms: Terms, observed: Decimal, expected: Decimal) -> PriceDetails:
        """Both prices, and the terms that differ from their defaults."""
        return PriceDetails(
            expected=expected, observed=observed, currency=terms.currency, terms=_unusual(terms)
        )

    def identity(self, terms: Terms) -> tuple[str, ...]:
        """The terms as text; a pack of 0.5 is the same as one of 0.50."""
        return tuple(_plain(value) for value in terms)


def _unusual(terms: Terms) -> dict[str, str]:
    """The terms other than the usual ones, as text."""
    return {
        name: _plain(getattr(terms, name))
        for name, usual in USUAL_TERMS.items()
        if getattr(terms, name) != usual
    }


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)


def agrees(price: Decimal, expected: Decimal, rules: PriceRules) -> bool:
    """Whether two prices differ by no more than the larger of both tolerances."""
    if price == expected:
        return True
    difference = abs(price - expected)
    if difference <= rules.tolerance_absolute:
        return True
    return difference * 100 <= rules.tolerance_percent * expected


class PriceBook(LinkedBook):
    """Prices, and the currencies in which they are published."""

    def __init__(self, name: Book, rules: PriceRules) -> None:
        self._reading = PriceComparison(rules)
        super().__init__(name, KIND.incident, self._reading, Publications(self._reading))
        self._watch: CurrencyWatch | None = None
        """None as long as there is only one currency: nearly always."""

    def _compare(self, claim: Claim) -> ClaimGroup | None:
        group = super()._compare(claim)
        if self._watch is not None and group is not None:
            self._watch_one(self._watch, group.claims[claim.event_id, claim.ordinal])
        return group

    def _watch_one(self, watch: CurrencyWatch, claim: Claim) -> None:
        if isinstance(claim, PriceClaim) and claim.basis is PUBLISHED:
            watch.put(claim, self._now)

    def _withdraw(self, key: ClaimKey, group: ClaimGroup | None) -> None:
        super()._withdraw(key, group)
        if self._watch is not None:
            self._watch.remove(key)

    def _currencies(self, now: datetime) -> CurrencyFold | None:
        """What is known of the currencies at `now`, if there are several."""
        if self._watch is None:
            if len({terms[0] for terms in self._groups if isinstance(terms, Terms)}) < 2:
                return None
            self._watch = CurrencyWatch(self._reading)
            for group in self._groups.values():
                for claim in group.claims.values():
                    self._watch_one(self._watch, claim)
        return self._watch.run(now)

    def incidents(self) -> dict[str, AnyIncident]:
        """All incidents by id, past ones included. Empty before the first tick."""
        found = super().incidents()
        fold = None if self._now is None else self._currencies(self._now)
        if fold is not None:
            for terms, place, channel, episode in fold.episodes():
                one = self._incident(terms, place, channel, episode, by=fold.comparison)
                found[one.incident_id] = one.model_copy(update={"fault_id": self._fault_of(one)})
        return found

    def _fault_of(self, one: AnyIncident) -> str:
        """A channel that publishes in another currency does so for all products."""
        currency = getattr(one.details, "observed_currency", "")
        return fault_id(self.book, one.channel, one.cause, currency)

    @property
    def next_due(self) -> datetime | None:
        """The next time at which a tick may have an effect; None if none ever will."""
        fold = None if self._now is None else self._currencies(self._now)
        return earliest(super().next_due, fold.next_due if fold else None)


def book(name: Book, rules: PriceRules) -> PriceBook:
    """An empty book of prices."""
    return PriceBook(name, rules)


def claims(heard: Heard) -> list[tuple[PriceClaim, Decimal]]:
    """All price claims of one event, each with the quantity sold at that price; behind them the
    guests that they make."""
    told = _told(heard)
    return [*told.claims, *told.guests] if told.guests else told.claims


def own_claims(heard: Heard) -> list[tuple[PriceClaim, Decimal]]:
    """The same without guests: one for each price that the event names.

    Other kinds ask for those of the event in hand as well, so the latest answer is kept.
    """
    return _told(heard).claims


def claimed_lines(heard: Heard) -> list[tuple[OrderLine, Decimal]]:
    """The lines of an order behind these claims, each with its shelf price, in the same order."""
    return _told(heard).lines


class _Told(NamedTuple):
    """What was told of an event."""

    heard: Heard | None
    claims: list[tuple[PriceClaim, Decimal]]
    guests: list[tuple[PriceClaim, Decimal]]
    lines: list[tuple[OrderLine, Decimal]]


_latest = _Told(None, [], [], [])


def _told(heard: Heard) -> _Told:
    global _latest
    told = _latest  # once: another thread may ask, too
    if told.heard is heard:
        return told
    body = heard.event.body
    if isinstance(body, OrderPlaced):
        is_sale = body.receipt_kind is ReceiptKind.SALE
        lines = list(priced_lines(body)) if is_sale else []
        made = _charged(heard, body, lines)
        told = _Told(heard, made, guests_of(made, [line for line, _ in lines]), lines)
    else:
        said = offers_of(heard)
        priced = [one for one in said if one[0].price is not None or is_withdrawn(heard, *one)]
        made = _offered(heard, priced)
        told = _Told(heard, made, guests_of(made, [offer for offer, _ in priced]), [])
    _latest = told
    return told


def _offered(
    heard: Heard, priced: Iterable[tuple[Offer, Basis]]
) -> list[tuple[PriceClaim, Decimal]]:
    return [
        (_of_offer(heard, offer, basis, ordinal), NO_SALE)
        for ordinal, (offer, basis) in enumerate(priced)
    ]


def _of_offer(heard: Heard, offer: Offer, basis: Basis, ordinal: int) -> PriceClaim:
    """The claim of an offer; one that withdraws the channel's price is valid for no time."""
    head = claim_head(heard, PRICE_MISMATCH, offer, basis, ordinal)
    price = NO_SALE if offer.price is None else offer.price
    window = window_of(heard, offer, basis)
    return PriceClaim.of_offer(offer, head, price, heard.currency, window)


def _charged(
    heard: Heard, order: OrderPlaced, lines: Iterable[tuple[OrderLine, Decimal]]
) -> list[tuple[PriceClaim, Decimal]]:
    """The claims of lines; what a line does not say of its terms, the order says for all."""
    event, at, version = heard.event, heard.occurred_at, heard.version
    realm, event_id, channel = event.realm, event.event_id, event.channel
    market, store = order.market or heard.region, store_of(heard)
    currency, tax_mode = order.currency or heard.currency, order.tax_mode or TaxMode.GROSS
    found: list[tuple[PriceClaim, Decimal]] = []
    for ordinal, (line, price) in enumerate(lines):
        place = line.price_location or order.price_location
        claim = PriceClaim(  # by position: names of so many fields take as long as the rest
            product_book(realm, PRICE_MISMATCH, line.market or market, article_of(line)),
            at,
            event_id,
            ordinal,
            version,
            channel,
            store if not place else "" if place == NO_STORE else place,
            "",  # zone
            CHARGED,
            price,
            currency,
            line.tax_mode or tax_mode,
            line.unit,
            line.pack_content,
            line.pack_unit,
            line.variant,
            line.condition,
            "",  # seller: his lines make no claims
            line.customer_group or order.customer_group,
            line.sale_kind,
            line.promotion,
            line.price_list_id,
        )
        found.append((claim, line.quantity))
    return found


def priced_lines(order: OrderPlaced) -> Iterator[tuple[OrderLine, Decimal]]:
    """The lines that prove a shelf price, with that price."""
    lines = order.lines
    back = [line for line in lines if line.kind is PRODUCT and is_negative(line)]
    if back:  # taken back on the receipt itself, most often because it was mistyped
        sold = [line for line in lines if not is_negative(line)]
        lines = lines_left(sold, back, at_same_price=True)
    for line in lines:
        if not line.unit_price or line.kind is not PRODUCT or line.seller:
            continue  # an item given away is no evidence of the shelf price
        if line.quantity > NO_SALE and line.sale_kind in COMPARED_SALES and (line.sku or line.gtin):
            if line.discounts and is_multi_buy(line):
                continue  # "1 + 1 free", or half the price for both: the line cannot tell
            price = shelf_price(line)
            if price > NO_SALE:  # a discount above the price leaves no price
                yield line, price


def sold(claim: PriceClaim) -> tuple[str, Decimal] | None:
    """The article and the price, if it was charged."""
    if claim.basis is not CHARGED:
        return None
    return claim.with_sku or claim.book.subject.parts[1], claim.price


def met(
    incident: Incident[PriceDetails], observations: Iterable[Observation], rules: PriceRules
) -> list[Met]:
    """Who saw or paid the deviating price, and what it cost them."""
    expected, found = incident.details.expected, []
    for one in observations:
        claim = one.claim
        if isinstance(claim, PriceClaim) and _meets(incident, claim, one.location, rules):
            paid = claim.basis is CHARGED and not incident.details.observed_currency
            cost = (claim.price - expected) * one.quantity if paid else None
            found.append(Met(one, _plain(claim.price), cost))
    return found


def _meets(
    incident: Incident[PriceDetails], claim: PriceClaim, location: str, rules: PriceRules
) -> bool:
    return (
        claim.book.subject == incident.about
        and (claim.channel, location) == (incident.channel, incident.location)
        and claim.currency == (incident.details.observed_currency or incident.details.currency)
        and claim.with_sku in ("", incident.details.linked_sku)
        and incident.since <= claim.occurred_at
        and (incident.until is None or claim.occurred_at < incident.until)
        and _deviates(claim, incident.details, rules)
        and is_on_terms(claim, incident.details.terms, rules)
    )


def _deviates(claim: PriceClaim, details: PriceDetails, rules: PriceRules) -> bool:
    """In another currency no price is right."""
    return bool(details.observed_currency) or not agrees(claim.price, details.expected, rules)


def is_on_terms(claim: PriceClaim, terms: dict[str, str], rules: PriceRules) -> bool:
    """Whether what it says of its terms is what the incident is about."""
    own = PriceComparison(rules).terms(claim)
    if own is None:
        return False
    said = _unusual(own)
    return all(
        said.get(name) == terms.get(name)
        for name in USUAL_TERMS
        if name in said or name not in UNSAID
    )


KIND = Kind(
    name=PRICE_MISMATCH,
    title="Price mismatch",
    subject=SubjectType.PRODUCT,
    causes=tuple(Cause),
    rules=PriceRules,
    details=PriceDetails,
    claims=claims,
    sold=sold,
    hears=(OrderPlaced, *OFFERING),
    judge=book,
    met=met,
)
