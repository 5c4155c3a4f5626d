"""Store data mismatch: channels name another address, telephone number or opening time of a store.

Each fact of a store is compared for itself. What a channel leaves out, or what cannot be read with
certainty, it does not say. How something is written is never a contradiction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from schemas.claim import Book, Statement
from schemas.events.master_data import StorePublished
from schemas.incident import Details, Incident, Severity
from schemas.offer import Basis
from schemas.rules.consistency import Hours, KindRules, Name
from schemas.subject import Subject, SubjectType
from schemas.telephone import NoTelephoneNumber, read_number
from services.consistency.core.addresses import addresses_agree
from services.consistency.core.book import ComparedBook
from services.consistency.core.expectation import ExpectationHistory, Expected
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.opening_hours import days_of, hours_of

NAME = "store_data_mismatch"
ADDRESS, PHONE = "address", "phone"
OPENING, HOLIDAY = "opening_hours.", "holiday_hours."
NOTHING_SOLD = Decimal(0)
GRACE_HOURS: dict[str, float] = {"default": 24}
WORD = re.compile(r"\w+")
DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
YEARS = range(2000, 2200)


class StoreDataRules(KindRules):
    """How long a channel may lag behind a change of a store's data."""

    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours a channel has to follow a change."""
    grace_end_hours: dict[Name, Hours] = GRACE_HOURS
    """Not used: store data has no promotions."""


class Cause(StrEnum):
    """The likeliest cause, from what was right before."""

    STALE_STORE_DATA = "stale_store_data"
    WRONG_STORE_DATA = "wrong_store_data"
    UNDECIDED_STORE_DATA = "undecided_store_data"


class StoreDataDetails(Details):
    """Which statements about a store contradict each other."""

    field: str
    """`address`, `phone`, `opening_hours.mo` … `.su`, or `holiday_hours.` and a date."""
    expected: str = Field(max_length=1000)
    """What is expected, hours and telephone numbers in one form."""
    observed: str = Field(max_length=1000)
    """What the channel says."""

    def in_words(self) -> str:
        """The field and both statements."""
        return f"{self.field} {self.observed!r} instead of {self.expected!r}"


class StoreFact(NamedTuple):
    """What is said of one field of a store."""

    field: str
    text: str


class StoreDataComparison:
    """Implements `Comparison` of services/consistency/core/expectation.py."""

    missed_changes: frozenset[str] = frozenset({Cause.STALE_STORE_DATA})

    def __init__(self, rules: StoreDataRules) -> None:
        self.rules = rules

    def terms(self, claim: Statement) -> str:
        """The field."""
        return claim.terms

    def value(self, claim: Statement) -> StoreFact:
        """What is said of the field."""
        return StoreFact(claim.terms, claim.value)

    def promotion(self, claim: Statement) -> None:
        """Store data has no promotions."""

    def repeats(self, claim: Statement, former: Statement) -> bool:
        """The same text."""
        return claim.value == former.value

    def agrees(self, value: StoreFact, expected: StoreFact) -> bool:
        """Equal in one form; an address also agrees with one that says less."""
        if value.field != ADDRESS or value.text == expected.text:
            return value.text == expected.text
        return addresses_agree(value.text, expected.text)

    def choose(self, votes: Sequence[Statement]) -> StoreFact:
        """What most channels say, then the first one by name: one that stays the same, because
        nobody knows which of two is right."""

        def standing(vote: Statement) -> int:
            value = self.value(vote)
            return sum(self.agrees(self.value(other), value) for other in votes)

        by_name = sorted(votes, key=lambda vote: vote.channel)
        return self.value(max(by_name, key=standing))

    def cause(self, claim: Statement, expected: Expected, history: ExpectationHistory) -> Cause:
        """Whether the channel says what was expected before, or nobody knows what is right."""
        value = self.value(claim)
        if any(self.agrees(value, old.value) for old in history.previous):
            return Cause.STALE_STORE_DATA
        supporting = {one.channel for one in expected.supporting_claims}
        if len(supporting) == 1 and supporting.isdisjoint(self.rules.reference_channels):
            return Cause.UNDECIDED_STORE_DATA
        return Cause.WRONG_STORE_DATA

    def severity(self, observed: StoreFact, _expected: StoreFact) -> Severity:
        """Who stands before a closed door on a holiday came for nothing."""
        return Severity.HIGH if observed.field.startswith(HOLIDAY) else Severity.MEDIUM

    def gap(self, _observed: StoreFact, _expected: StoreFact) -> Decimal:
        """Texts are not further apart than others."""
        return Decimal(0)

    def details(self, terms: str, observed: StoreFact, expected: StoreFact) -> StoreDataDetails:
        """The field and both statements."""
        return StoreDataDetails(field=terms, expected=expected.text, observed=observed.text)

    def identity(self, terms: str) -> tuple[str, ...]:
        """The field."""
        return (terms,)


def book(name: Book, rules: StoreDataRules) -> ComparedBook:
    """An empty book of one store."""
    return ComparedBook(name, KIND.incident, StoreDataComparison(rules))


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """What a channel says of a store, a claim for each field that can be read."""
    body = heard.event.body
    if not isinstance(body, StorePublished):
        return []
    subject = Subject(SubjectType.STORE, body.store)
    facts = dict(_facts(body, heard.region))
    return [
        (
            Statement(
                Book(heard.event.realm, NAME, subject),
                heard.occurred_at,
                heard.event.event_id,
                ordinal,
                heard.version,
                heard.event.channel,
                "",
                "",
                Basis.PUBLISHED,
                text,
                field,
                valid_to=_end_of(field),
            ),
            NOTHING_SOLD,
        )
        for ordinal, (field, text) in enumerate(facts.items())
    ]


def _facts(body: StorePublished, region: str) -> Iterator[tuple[str, str]]:
    """Fields and what is said of them, hours and telephone numbers in one form."""
    if WORD.search(body.address):
        yield ADDRESS, " ".join(body.address.split())
    with suppress(NoTelephoneNumber):
        yield PHONE, read_number(body.phone, region)
    for name, text in body.opening_hours.items():
        hours = hours_of(text)
        for day in days_of(name) or ():
            if hours is not None:
                yield f"{OPENING}{day}", hours
    for name, text in body.holiday_hours.items():
        hours, date = hours_of(text), _date_of(name)
        if hours is not None and date is not None:
            yield f"{HOLIDAY}{date:%Y-%m-%d}", hours


def _date_of(name: str) -> datetime | None:
    """The day of a date (ISO 8601) in UTC; None for any other name of a holiday."""
    found = DATE.fullmatch(name.strip())
    if not found or int(found[1]) not in YEARS:
        return None
    with suppress(ValueError):
        year, month, day = map(int, found.groups())
        return datetime(year, month, day, tzinfo=UTC)
    return None


def _end_of(field: str) -> datetime | None:
    """When what is said no longer matters: when its day is over everywhere on earth."""
    date = _date_of(field.removeprefix(HOLIDAY))
    return date and date + timedelta(days=1, hours=12)


def met(
    _incident: Incident[StoreDataDetails],
    _observations: Iterable[Observation],
    _rules: StoreDataRules,
) -> list[Met]:
    """No event tells who read a store's page."""
    return []


KIND = Kind(
    name=NAME,
    title="Store data mismatch",
    subject=SubjectType.STORE,
    causes=tuple(Cause),
    rules=StoreDataRules,
    details=StoreDataDetails,
    claims=claims,
    hears=(StorePublished,),
    met=met,
    judge=book,
)
