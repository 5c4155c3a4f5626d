"""Product content mismatch: channels describe one product differently, or contradict themselves.

Title, pack, number (GTIN) and unit price are compared each for itself. What a channel leaves out,
or says in two ways on one day, it does not say. How something is written is never a contradiction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

import orjson
from pydantic import Field

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, Details, Incident, Severity
from schemas.offer import PUBLISHED, Basis, Offer
from schemas.rules.consistency import Hours, KindRules, Name, Percent
from schemas.subject import SubjectType, written_subject
from services.consistency.core.book import ComparedBook, incident_id
from services.consistency.core.expectation import ExpectationHistory, Expected
from services.consistency.core.faults import subject_fault_id
from services.consistency.core.gtin import gtin_of
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.offers import (
    FIXED_CHANNELS,
    OFFERING,
    claim_head,
    is_withdrawn,
    offers_of,
    window_of,
)
from services.consistency.core.packs import same_pack
from services.consistency.core.places import place_of
from services.consistency.core.product_content import ContentBook, Own
from services.consistency.core.titles import titles_agree
from services.consistency.core.unit_prices import UnitPrice, UnitPriceVerdict

NAME = "product_content_mismatch"
TITLE, PACK, GTIN, UNIT_PRICE = "title", "pack", "gtin", "unit_price"
NOTHING_SOLD = Decimal(0)
GRACE_HOURS: dict[str, float] = {"default": 24}
Amount = Annotated[Decimal, Field(ge=0, le=100, allow_inf_nan=False)]


class ContentRules(KindRules):
    """How long a channel may lag behind a change of a product's data, and how unit prices round."""

    compare_title_words: bool = True
    """Whether titles that have no word in common contradict each other. Switch it off where
    channels speak several languages."""
    unit_price_tolerance_absolute: Amount = Decimal("0.01")
    """A unit price may differ by so much, or …"""
    unit_price_tolerance_percent: Percent = Decimal(1)
    """… by so much of the right one, if that is more."""
    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours a channel has to follow a change."""
    grace_end_hours: dict[Name, Hours] = GRACE_HOURS
    """Not used: descriptions have no promotions."""


class Cause(StrEnum):
    """The likeliest cause, from what was right before."""

    STALE_PRODUCT_CONTENT = "stale_product_content"
    WRONG_PRODUCT_CONTENT = "wrong_product_content"
    UNDECIDED_PRODUCT_CONTENT = "undecided_product_content"
    UNIT_PRICE_CONTRADICTS_PRICE = "unit_price_contradicts_price"


class ContentDetails(Details):
    """Which statements about a product contradict each other."""

    field: str
    """`title`, `pack`, `gtin` or `unit_price`."""
    expected: str = Field(max_length=1000)
    """What is expected; of a unit price, what price and pack give."""
    observed: str = Field(max_length=1000)
    """What the channel says."""
    terms: dict[str, str] = Field(default_factory=dict)
    """Variant and condition, if they differ from their defaults."""

    def in_words(self) -> str:
        """The field and both statements."""
        return f"{self.field} {self.observed!r} instead of {self.expected!r}"


class Content(NamedTuple):
    """What is said of one field of a product."""

    field: str
    text: str
    """Of a number, those that the channel named before follow it."""
    is_published: bool = True


class ContentComparison:
    """Implements `Comparison` of services/consistency/core/expectation.py."""

    missed_changes: frozenset[str] = frozenset({Cause.STALE_PRODUCT_CONTENT})

    def __init__(self, rules: ContentRules) -> None:
        self.rules = rules

    def terms(self, claim: Statement) -> str:
        """Field, variant and condition."""
        return claim.terms

    def value(self, claim: Statement) -> Content:
        """What is said of the field."""
        return Content(field_of(claim), claim.value, claim.basis is PUBLISHED)

    def promotion(self, claim: Statement) -> None:
        """Descriptions have no promotions."""

    def repeats(self, claim: Statement, former: Statement) -> bool:
        """The same text."""
        return claim.value == former.value

    def agrees(self, value: Content, expected: Content) -> bool:
        """Whether the two do not contradict each other."""
        if value.text == expected.text:
            return True
        if value.field == TITLE:
            is_published = value.is_published and expected.is_published
            with_words = is_published and self.rules.compare_title_words
            return titles_agree(value.text, expected.text, with_words)
        if value.field == GTIN:  # named at any time before by who knows
            return value.text.split(" ")[0] in expected.text.split(" ")
        if value.field == UNIT_PRICE:
            other = UnitPrice.read(expected.text)
            return UnitPrice.read(value.text).agrees(other, *self.tolerances)
        return False

    @property
    def tolerances(self) -> tuple[Decimal, Decimal]:
        """How far unit prices may be apart: absolute, and in percent."""
        rules = self.rules
        return rules.unit_price_tolerance_absolute, rules.unit_price_tolerance_percent

    def choose(self, votes: Sequence[Statement]) -> Content | None:
        """What most channels say, then the first one by name: one that stays the same, because
        nobody knows which of two is right. A title that agrees with all is too vague to measure
        others. A number is right by a reference only: a product may have several."""
        if field_of(votes[0]) == GTIN:
            return None
        values = [self.value(vote) for vote in sorted(votes, key=lambda vote: vote.channel)]
        support = [sum(self.agrees(other, value) for other in values) for value in values]
        contested = [count for count in support if count < len(values)]
        return values[support.index(max(contested or support))]

    def cause(self, claim: Statement, expected: Expected, history: ExpectationHistory) -> Cause:
        """Whether the channel says what was expected before, or nobody knows what is right."""
        if any(claim.value == old.value.text for old in history.previous):
            return Cause.STALE_PRODUCT_CONTENT
        supporting = {one.channel for one in expected.supporting_claims}
        if len(supporting) == 1 and supporting.isdisjoint(self.rules.reference_channels):
            return Cause.UNDECIDED_PRODUCT_CONTENT
        return Cause.WRONG_PRODUCT_CONTENT

    def severity(self, observed: Content, _expected: Content) -> Severity:
        """A title is wording; packs, numbers and unit prices are facts."""
        return Severity.LOW if observed.field == TITLE else Severity.MEDIUM

    def gap(self, _observed: Content, _expected: Content) -> Decimal:
        """Texts are not further apart than others."""
        return Decimal(0)

    def details(self, terms: str, observed: Content, expected: Content) -> ContentDetails:
        """The field and both statements."""
        return details_of(terms, _shown(observed), _shown(expected))

    def identity(self, terms: str) -> tuple[str, ...]:
        """The terms as claimed."""
        return (terms,)

    def accumulates(self, said: Statement) -> bool:
        """A product has several numbers, if several makers or packs."""
        return field_of(said) == GTIN

    def alike(self, one: Statement, other: Statement) -> bool:
        """Unit prices of a day are those of its prices."""
        return field_of(one) == UNIT_PRICE or self.agrees(self.value(one), self.value(other))

    def in_doubt(self, said: Statement) -> bool:
        """Whether a unit price does not follow from price and pack."""
        return self._verdict(said) not in (UnitPriceVerdict.UNKNOWN, UnitPriceVerdict.RIGHT)

    def wrong(self, said: Iterable[Statement]) -> set[Statement]:
        """The unit prices that certainly contradict their price."""
        judged = [(one, self._verdict(one)) for one in said if field_of(one) == UNIT_PRICE]
        right: dict[tuple[str, Decimal | None], datetime] = {}
        for one, verdict in judged:
            if verdict is UnitPriceVerdict.RIGHT:
                pack = (one.terms, UnitPrice.read(one.value).content)
                right[pack] = min(right.get(pack, one.occurred_at), one.occurred_at)
        certain = (UnitPriceVerdict.TOO_LOW, UnitPriceVerdict.GROSSLY_HIGH)
        found = {one for one, verdict in judged if verdict in certain}
        for one, verdict in judged:
            if verdict is UnitPriceVerdict.TOO_HIGH:
                first = right.get((one.terms, UnitPrice.read(one.value).content))
                if first is not None and first <= one.occurred_at:
                    found.add(one)
        return found

    def _verdict(self, said: Statement) -> UnitPriceVerdict:
        if field_of(said) != UNIT_PRICE or not said.value:
            return UnitPriceVerdict.UNKNOWN
        return UnitPrice.read(said.value).verdict(*self.tolerances)


def _shown(value: Content) -> str:
    if value.field == UNIT_PRICE:
        return UnitPrice.read(value.text).in_words()
    return value.text.split(" ")[0] if value.field == GTIN else value.text


def field_of(said: Statement) -> str:
    """The field that a statement is about."""
    return said.terms if said.terms[0] != "{" else str(orjson.loads(said.terms)["field"])


def details_of(terms: str, observed: str, expected: str) -> ContentDetails:
    """The details of an incident."""
    unusual = orjson.loads(terms) if terms[0] == "{" else {"field": terms}
    field = unusual.pop("field")
    return ContentDetails(field=field, expected=expected, observed=observed, terms=unusual)


def book(name: Book, rules: ContentRules) -> ContentBook:
    """An empty book of one product."""
    comparison = ContentComparison(rules)

    def compared() -> ComparedBook:
        return ComparedBook(name, KIND.incident, comparison)

    def written(own: Own) -> AnyIncident:
        return _own_incident(name, own)

    return ContentBook(name, rules, comparison, compared, written)


def _own_incident(name: Book, own: Own) -> AnyIncident:
    said, place = own.said, place_of(own.said)
    unit_price = UnitPrice.read(said.value)
    terms = (said.terms, said.basis)
    return KIND.incident.model_validate(
        {
            "incident_id": incident_id(name, terms, place, said.channel, own.since),
            "realm": name.realm,
            "subject": written_subject(name.subject),
            "channel": said.channel,
            "location": place.label,
            "fault_id": subject_fault_id(name, said.channel, said.terms, said.value),
            "state": own.state,
            "severity": Severity.MEDIUM,
            "cause": Cause.UNIT_PRICE_CONTRADICTS_PRICE,
            "since": own.since,
            "due_at": own.due_at,
            "until": own.until,
            "opened_at": None if own.is_pending else own.due_at,
            "resolved_at": own.until,
            "evidence": [list(own.evidence), []],
            "details": details_of(
                said.terms, unit_price.in_words(), unit_price.in_words(unit_price.computed)
            ),
        }
    )


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """What an event says of products, a claim for each field that can be read."""
    if heard.event.channel in FIXED_CHANNELS:
        return []
    said: list[tuple[Statement, Decimal]] = []
    for offer, basis in offers_of(heard):
        if not offer.seller and (facts := list(_facts(heard, offer, basis))):
            said += [
                (one, NOTHING_SOLD) for one in _of_offer(heard, offer, basis, facts, len(said))
            ]
    return said


def _of_offer(
    heard: Heard, offer: Offer, basis: Basis, facts: Sequence[tuple[str, str]], first: int
) -> Iterator[Statement]:
    head = claim_head(heard, NAME, offer, basis, first)
    begin, end = window_of(heard, offer, basis)
    condition = "" if offer.condition == "new" else offer.condition
    for ordinal, (field, text) in enumerate(facts, first):
        terms = _terms(field, offer.variant, condition) if offer.variant or condition else field
        own = head._replace(ordinal=ordinal) if ordinal != first else head
        yield Statement(*own, text, terms, begin, end)


def _terms(field: str, variant: str, condition: str) -> str:
    """The terms of a field of a variant, or of something used."""
    named = {"field": field, "variant": variant, "condition": condition}
    unusual = {name: value for name, value in named.items() if value}
    return orjson.dumps(unusual, option=orjson.OPT_SORT_KEYS).decode()


def _facts(heard: Heard, offer: Offer, basis: Basis) -> Iterator[tuple[str, str]]:
    """Fields and what is said of them, in one form; nothing is said of what is withdrawn."""
    if is_withdrawn(heard, offer, basis):
        yield from ((field, "") for field in (TITLE, PACK, GTIN, UNIT_PRICE))
        return
    if offer.unit_price is not None:
        unit_price = UnitPrice.of_offer(offer, heard.currency)
        if unit_price is not None:
            yield UNIT_PRICE, unit_price.written()
    if window_of(heard, offer, basis)[1] is not None:
        return  # a promotion may have a title and a pack of its own
    if offer.title and (title := " ".join(offer.title.split())):
        yield TITLE, title
    if offer.pack_content is not None and offer.pack_content > 0 and offer.pack_unit:
        content, unit = same_pack(offer.pack_content, offer.pack_unit)
        yield PACK, f"{content:f} {unit}"
    if offer.sku and offer.gtin and (number := gtin_of(offer.gtin)):
        yield GTIN, number


def met(
    _incident: Incident[ContentDetails], _observations: Iterable[Observation], _rules: ContentRules
) -> list[Met]:
    """No event tells who read a description."""
    return []


KIND = Kind(
    name=NAME,
    title="Product content mismatch",
    subject=SubjectType.PRODUCT,
    causes=tuple(Cause),
    rules=ContentRules,
    details=ContentDetails,
    claims=claims,
    hears=OFFERING,
    judge=book,
    met=met,
)
