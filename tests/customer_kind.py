"""A small kind of incident about customers: channels disagree on the city where a customer lives.

Smaller than those of the product, it proves that incidents follow the profile map. It is given to
the product's parts as theirs are found by them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from schemas.claim import Book, Claim, Statement
from schemas.events.master_data import ProfileUpdated
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident, Details, IncidentState, Severity
from schemas.offer import Basis
from schemas.rules.consistency import Hours, KindRules, Name
from schemas.subject import Subject, SubjectType
from services.consistency.adapters.memory import MemoryStore
from services.consistency.core.book import ComparedBook
from services.consistency.core.kind import Heard, JudgedBook, Kind, Kinds, Met, Observation
from services.consistency.kinds import KINDS
from services.identity.adapters.memory import MemoryIdentityStore

NAME = "city_mismatch"
GRACE_HOURS: dict[str, float] = {"default": 6, "pos": 0}


class CityRules(KindRules):
    """Rules under which an incident comes and goes within hours."""

    published_max_age_days: int = 5
    reopen_within_hours: Hours = 12
    grace_start_hours: dict[Name, Hours] = GRACE_HOURS


class CityCause(StrEnum):
    """There is but one."""

    OTHER_CITY = "other_city"


class CityDetails(Details):
    """Which cities contradict each other."""

    expected: str
    observed: str


class CityComparison:
    """Implements `Comparison` of services/consistency/core/expectation.py."""

    missed_changes: frozenset[str] = frozenset()

    def __init__(self, rules: CityRules) -> None:
        self.rules = rules

    def terms(self, claim: Statement) -> str:
        """All claims are comparable."""
        return claim.terms

    def value(self, claim: Statement) -> str:
        """The city."""
        return claim.value

    def promotion(self, claim: Statement) -> None:
        """Nobody moves for a promotion."""

    def repeats(self, claim: Statement, former: Statement) -> bool:
        """The same city."""
        return claim.value == former.value

    def agrees(self, value: str, expected: str) -> bool:
        """Only equal names agree."""
        return value == expected

    def choose(self, votes: Sequence[Statement]) -> str:
        """The most frequent city; of several the first by name."""
        cities = [claim.value for claim in votes]
        return min(set(cities), key=lambda city: (-cities.count(city), city))

    def cause(self, *_: object) -> CityCause:
        """There is but one."""
        return CityCause.OTHER_CITY

    def severity(self, observed: str, expected: str) -> Severity:
        """A letter goes astray."""
        return Severity.LOW

    def gap(self, observed: str, expected: str) -> Decimal:
        """One city is as wrong as another."""
        return Decimal(0)

    def details(self, terms: str, observed: str, expected: str) -> CityDetails:
        """Both cities."""
        return CityDetails(expected=expected, observed=observed)

    def identity(self, terms: str) -> tuple[str, ...]:
        """All claims are comparable."""
        return ()


def claims(heard: Heard) -> list[tuple[Claim, Decimal]]:
    """The city of an update of master data."""
    event, body = heard.event, heard.event.body
    if not isinstance(body, ProfileUpdated) or not body.attributes.get("city"):
        return []
    statement = Statement(
        heard.customer_book(NAME), heard.occurred_at, event.event_id, 0, heard.version,
        event.channel, "", "", Basis.PUBLISHED, str(body.attributes["city"]),
    )  # fmt: skip
    return [(statement, Decimal(0))]


def met(incident: AnyIncident, observations: Iterable[Observation], rules: CityRules) -> list[Met]:
    """Nobody is shown his city."""
    return []


def book(name: Book, rules: CityRules) -> ComparedBook:
    """An empty book of cities."""
    comparison: Any = CityComparison(rules)
    return ComparedBook(name, KIND.incident, comparison)


KIND = Kind(
    name=NAME,
    title="City mismatch",
    subject=SubjectType.CUSTOMER,
    causes=tuple(CityCause),
    rules=CityRules,
    details=CityDetails,
    claims=claims,
    judge=book,
    met=met,
)
WITH_CUSTOMERS = Kinds([*KINDS.values(), KIND])
"""The kinds of the product, and this one."""


def map_of(identity: MemoryIdentityStore) -> Callable[[str], Mapping[NodeId, NodeId]]:
    """Reads the map of a realm as incidents follow it: the profile by node."""

    def read(realm: str) -> Mapping[NodeId, NodeId]:
        return {node: one.profile for node, one in identity.all_placements(realm).items()}

    return read


def current_incidents(store: MemoryStore, realm: str) -> dict[str, AnyIncident]:
    """The stored incidents of a realm that were not retracted, by id."""
    return {
        incident.incident_id: incident
        for name, incidents in store.incidents_of(list(store._incidents)).items()
        if name.realm == realm
        for incident in incidents
        if incident.state is not IncidentState.RETRACTED
    }


def expected_incidents(
    claims: Iterable[Claim], holders: Mapping[NodeId, NodeId], now: datetime
) -> dict[str, AnyIncident]:
    """The incidents of a realm about customers by definition: all claims, grouped by one map."""
    books: dict[Book, JudgedBook] = {}
    for claim in claims:
        if claim.book.subject.type is SubjectType.CUSTOMER:
            node = claim.book.subject.node
            name = claim.book._replace(subject=Subject.customer(holders.get(node, node)))
            if name not in books:
                kind = WITH_CUSTOMERS[name.kind]
                books[name] = kind.judge(name, kind.rules())
            books[name].add([claim._replace(book=name)])
    found: dict[str, AnyIncident] = {}
    for one in books.values():
        one.advance(now)
        found |= one.incidents()
    return found


def customer_books(claims: Iterable[Claim], holders: Mapping[NodeId, NodeId]) -> Collection[Book]:
    """The books of all customers that these claims are about."""
    nodes = {
        claim.book.subject.node
        for claim in claims
        if claim.book.subject.type is SubjectType.CUSTOMER
    }
    realms = {claim.book.realm for claim in claims}
    profiles = {holders.get(node, node) for node in nodes}
    return [one for realm in realms for one in WITH_CUSTOMERS.customer_books(realm, profiles)]
