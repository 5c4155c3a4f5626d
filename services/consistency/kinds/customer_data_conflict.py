"""Customer data conflict: channels hold different master data of one person.

Compared are the attributes of which a person has one at a time. Incidents name the attribute and
hints at the values only, as masked profiles do: who may read incidents may not read these data.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from schemas.attributes import AttributeType, is_no_value, read_attribute
from schemas.claim import Book, Statement
from schemas.events.master_data import ProfileUpdated
from schemas.incident import Details, Incident, Severity
from schemas.offer import Basis
from schemas.rules.consistency import Hours, KindRules, Name
from schemas.subject import SubjectType
from services.consistency.core.addresses import addresses_agree, words_of
from services.consistency.core.book import ComparedBook
from services.consistency.core.expectation import ExpectationHistory, Expected
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.profiles.core.masking import masked_attribute

NAME = "customer_data_conflict"
NOTHING_SOLD = Decimal(0)
GRACE_HOURS: dict[str, float] = {"default": 14 * 24}
SAID_NO_LONGER = ""
"""Value of a claim that takes back what the channel said before."""
BIRTH_DATE, LAST_NAME, POSTAL_CODE, STREET = "birth_date", "last_name", "postal_code", "street"
UNLIKELY_DAY = "-01-01"
"""Where only the year is known, or nothing, systems write the first of January."""
DELIVERY_POINTS = ("packstation", "postfiliale", "postfach", "paketshop", "paketbox", "po")
"""First words of what is no street."""
NO_NAMES = frozenset(
    ("customer", "gast", "guest", "kunde", "kundin", "test", "unbekannt", "unknown")
)
NAME_CHARACTERS_MIN = 2
SAME_NAME_CHARACTERS_MIN = 4
"""Of longer names one other letter is a spelling, as in Meier and Meyer."""


class CustomerDataAttribute(StrEnum):
    """The attributes that can be compared."""

    BIRTH_DATE = BIRTH_DATE
    LAST_NAME = LAST_NAME
    POSTAL_CODE = POSTAL_CODE
    STREET = STREET


class CustomerDataRules(KindRules):
    """What is compared, and how long a channel may lag behind a change."""

    attributes: list[CustomerDataAttribute] = Field(
        default=[
            CustomerDataAttribute.BIRTH_DATE,
            CustomerDataAttribute.LAST_NAME,
            CustomerDataAttribute.POSTAL_CODE,
        ],
        max_length=4,
    )
    """Attributes that are compared; `street` is left out because it is often a second address."""
    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours a channel has to follow a change: who moves or marries tells one after the other."""
    grace_end_hours: dict[Name, Hours] = GRACE_HOURS
    """Not used: master data have no promotions."""


class Cause(StrEnum):
    """The likeliest cause, from what was right before."""

    STALE_CUSTOMER_DATA = "stale_customer_data"
    WRONG_CUSTOMER_DATA = "wrong_customer_data"
    UNDECIDED_CUSTOMER_DATA = "undecided_customer_data"


class CustomerDataDetails(Details):
    """Which attribute the channels disagree on. The values are hints."""

    field: str
    """`birth_date`, `last_name`, `postal_code` or `street`."""
    expected: str = Field(max_length=1000)
    """A hint at what is expected, as in a masked profile: `M…`, or `…` alone."""
    observed: str = Field(max_length=1000)
    """A hint at what the channel says."""

    def in_words(self) -> str:
        """The field; hints say little."""
        return f"{self.field} differs"


class CustomerFact(NamedTuple):
    """What is said of one attribute."""

    attribute: str
    text: str


class CustomerDataComparison:
    """Implements `Comparison` of services/consistency/core/expectation.py."""

    missed_changes: frozenset[str] = frozenset()

    def __init__(self, rules: CustomerDataRules) -> None:
        self.rules = rules

    def terms(self, claim: Statement) -> str | None:
        """The attribute; None if it is not compared."""
        return claim.terms if claim.terms in self.rules.attributes else None

    def value(self, claim: Statement) -> CustomerFact:
        """What is said of the attribute."""
        return CustomerFact(claim.terms, claim.value)

    def promotion(self, claim: Statement) -> None:
        """Master data have no promotions."""

    def repeats(self, claim: Statement, former: Statement) -> bool:
        """The same text."""
        return claim.value == former.value

    def agrees(self, value: CustomerFact, expected: CustomerFact) -> bool:
        """The same in another spelling, or nothing is said."""
        if SAID_NO_LONGER in (value.text, expected.text) or value.text == expected.text:
            return True
        if value.attribute == LAST_NAME:
            return names_agree(value.text, expected.text)
        return value.attribute == STREET and addresses_agree(value.text, expected.text)

    def choose(self, votes: Sequence[Statement]) -> CustomerFact | None:
        """What most channels say, then the first one by name: one that stays the same, because
        nobody knows which of two is right. None if nobody says anything."""
        said = sorted((one for one in votes if one.value), key=lambda vote: vote.channel)

        def standing(vote: Statement) -> int:
            value = self.value(vote)
            return sum(self.agrees(self.value(other), value) for other in said)

        return self.value(max(said, key=standing)) if said else None

    def cause(self, claim: Statement, expected: Expected, history: ExpectationHistory) -> Cause:
        """Whether the channel says what was expected before, or nobody knows what is right."""
        value = self.value(claim)
        if any(self.agrees(value, old.value) for old in history.previous if old.value.text):
            return Cause.STALE_CUSTOMER_DATA
        supporting = {
            one.channel
            for one in expected.supporting_claims
            if isinstance(one, Statement) and one.value
        }
        if len(supporting) == 1 and supporting.isdisjoint(self.rules.reference_channels):
            return Cause.UNDECIDED_CUSTOMER_DATA
        return Cause.WRONG_CUSTOMER_DATA

    def severity(self, observed: CustomerFact, _expected: CustomerFact) -> Severity:
        """Letters and parcels go astray; a wrong birth date shows at the next birthday."""
        return Severity.LOW if observed.attribute == BIRTH_DATE else Severity.MEDIUM

    def gap(self, _observed: CustomerFact, _expected: CustomerFact) -> Decimal:
        """Texts are not further apart than others."""
        return Decimal(0)

    def details(
        self, terms: str, observed: CustomerFact, expected: CustomerFact
    ) -> CustomerDataDetails:
        """The attribute, and hints at both values."""
        return CustomerDataDetails(
            field=terms,
            expected=masked_attribute(terms, expected.text),
            observed=masked_attribute(terms, observed.text),
        )

    def identity(self, terms: str) -> tuple[str, ...]:
        """The attribute."""
        return (terms,)


def names_agree(one: str, other: str) -> bool:
    """Whether two family names may be one: a title or a second name more, an abbreviation, letters
    without their signs, or one other letter."""
    if addresses_agree(one, other):
        return True
    first, second = ("".join(words_of(_without_signs(name))) for name in (one, other))
    if first == second:
        return True
    return _differ_by_one(*(("".join(words_of(name))) for name in (one, other)))


def _without_signs(text: str) -> str:
    """Müller as Muller, which is neither Mueller nor a misspelling."""
    parts = unicodedata.normalize("NFD", text)
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def _differ_by_one(one: str, other: str) -> bool:
    """Whether one letter is another one, or is missing."""
    shorter, longer = sorted((one, other), key=len)
    if len(longer) - len(shorter) > 1 or len(shorter) < SAME_NAME_CHARACTERS_MIN:
        return False
    at = next((n for n, sign in enumerate(shorter) if sign != longer[n]), len(shorter))
    skip = 1 if len(shorter) == len(longer) else 0
    return shorter[at + skip :] == longer[at + 1 :]


def book(name: Book, rules: CustomerDataRules) -> ComparedBook:
    """An empty book of one customer."""
    return ComparedBook(name, KIND.incident, CustomerDataComparison(rules))


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """What a channel holds of a person, a claim for each attribute that can be compared."""
    body = heard.event.body
    if not isinstance(body, ProfileUpdated) or not heard.is_personal:
        return []
    return [
        (
            Statement(
                heard.customer_book(NAME),
                heard.occurred_at,
                heard.event.event_id,
                ordinal,
                heard.version,
                heard.event.channel,
                "",
                "",
                Basis.PUBLISHED,
                text,
                attribute,
            ),
            NOTHING_SOLD,
        )
        for ordinal, (attribute, text) in enumerate(_facts(body, heard))
    ]


def _facts(body: ProfileUpdated, heard: Heard) -> Iterator[tuple[str, str]]:
    """Attributes and what is said of them, as far as it can be read with certainty."""
    for attribute in CustomerDataAttribute:
        if attribute not in body.attributes:
            continue
        given = body.attributes[attribute]
        if given is None:
            yield attribute, SAID_NO_LONGER
            continue
        text = _read(attribute, str(given).strip(), heard)
        if text:
            yield attribute, text


def _read(attribute: CustomerDataAttribute, given: str, heard: Heard) -> str:
    """The value in the form in which it is compared; empty if it is none."""
    if attribute in (BIRTH_DATE, POSTAL_CODE):
        type_ = AttributeType(attribute)
        found = read_attribute(type_, given, heard.region, heard.occurred_at)
        if not found.is_valid or found.value.endswith(UNLIKELY_DAY):
            return ""
        if attribute == BIRTH_DATE:
            return found.value
        return "".join(sign for sign in found.value if sign.isalnum()).lstrip("0")
    words = words_of(given)
    if is_no_value(given) or not words:
        return ""
    if attribute == STREET and words[0] in DELIVERY_POINTS:
        return ""
    name = "".join(words)
    if attribute == LAST_NAME and (len(name) < NAME_CHARACTERS_MIN or name in NO_NAMES):
        return ""
    return " ".join(given.split())


def met(
    _incident: Incident[CustomerDataDetails],
    _observations: Iterable[Observation],
    _rules: CustomerDataRules,
) -> list[Met]:
    """It concerns the one customer who is its subject."""
    return []


KIND = Kind(
    name=NAME,
    title="Customer data conflict",
    subject=SubjectType.CUSTOMER,
    causes=tuple(Cause),
    rules=CustomerDataRules,
    details=CustomerDataDetails,
    claims=claims,
    hears=(ProfileUpdated,),
    met=met,
    judge=book,
)
