"""Availability mismatch: one channel sells what is unavailable on another, at the same place.

Stock is always current: the validity window of an offer bounds its price, not its stock. `limited`
agrees with everything, because a channel may hold back a safety stock. Channels that can no longer
be updated (a mail that was sent, a leaflet) are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum

import orjson
from pydantic import Field

from schemas.claim import Book, Statement
from schemas.incident import Details, Incident, Severity
from schemas.offer import Availability, Basis, Offer
from schemas.rules.consistency import Hours, KindRules, Name
from schemas.subject import SubjectType
from services.consistency.core.book import ComparedBook
from services.consistency.core.expectation import ExpectationHistory, Expected
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.offers import FIXED_CHANNELS, OFFERING, claim_head, offers_of

NAME = "availability_mismatch"
NOTHING_SOLD = Decimal(0)
PROMISE = (
    Availability.DISCONTINUED,
    Availability.OUT_OF_STOCK,
    Availability.PREORDER,
    Availability.LIMITED,
    Availability.IN_STOCK,
)
"""What each state promises the customer, the least first."""
GRACE_HOURS: dict[str, float] = {"default": 2, "shop": 1, "app": 1}


class AvailabilityRules(KindRules):
    """How long a channel may lag behind the stock, and how fast an observation expires."""

    max_age_hours: Hours = 4
    """Hours after which a displayed state no longer represents its channel."""
    published_max_age_days: int = Field(default=7, ge=1, le=36_500)
    """Days after which a published state that is not repeated expires."""
    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours a channel has to follow a change of the stock."""
    grace_end_hours: dict[Name, Hours] = GRACE_HOURS
    """Not used: stock has no promotions."""


class Cause(StrEnum):
    """The likeliest cause, from the states before."""

    STALE_AVAILABILITY = "stale_availability"
    WRONG_AVAILABILITY = "wrong_availability"


class AvailabilityDetails(Details):
    """Which states contradict each other."""

    expected: Availability
    """The expected state."""
    observed: Availability
    """The state claimed by the channel."""
    terms: dict[str, str] = Field(default_factory=dict)
    """Variant and condition, if they differ from their defaults."""

    def in_words(self) -> str:
        """Both states."""
        return f"{self.observed} instead of {self.expected}"


class AvailabilityComparison:
    """Implements `Comparison` of services/consistency/core/expectation.py."""

    missed_changes: frozenset[str] = frozenset({Cause.STALE_AVAILABILITY})

    def __init__(self, rules: AvailabilityRules) -> None:
        self.rules = rules

    def terms(self, claim: Statement) -> str | None:
        """Variant and condition as claimed."""
        return claim.terms

    def value(self, claim: Statement) -> Availability:
        """The state."""
        return Availability(claim.value)

    def promotion(self, claim: Statement) -> None:
        """Stock has no promotions."""

    def repeats(self, claim: Statement, former: Statement) -> bool:
        """The same state."""
        return claim.value == former.value

    def agrees(self, value: Availability, expected: Availability) -> bool:
        """All pairs agree, except in stock against unavailable."""
        return agrees(value, expected)

    def choose(self, votes: Sequence[Statement]) -> Availability:
        """The state of the majority; without one, the state that promises least."""
        states = [self.value(claim) for claim in votes]

        def standing(state: Availability) -> tuple[int, int, int]:
            support = sum(self.agrees(other, state) for other in states)
            return support, states.count(state), -PROMISE.index(state)

        best = max(set(states), key=standing)
        if standing(best)[0] * 2 > len(states):
            return best
        return min(states, key=PROMISE.index)

    def cause(self, claim: Statement, _expected: Expected, history: ExpectationHistory) -> Cause:
        """Whether the channel claims what was expected before."""
        value = self.value(claim)
        was_right = any(self.agrees(value, old.value) for old in history.previous)
        return Cause.STALE_AVAILABILITY if was_right else Cause.WRONG_AVAILABILITY

    def severity(self, observed: Availability, expected: Availability) -> Severity:
        """An order that cannot be fulfilled is worse than a lost sale."""
        is_promise = PROMISE.index(observed) > PROMISE.index(expected)
        return Severity.HIGH if is_promise else Severity.MEDIUM

    def gap(self, observed: Availability, expected: Availability) -> Decimal:
        """States are not further apart than others."""
        return Decimal(0)

    def details(
        self, terms: str, observed: Availability, expected: Availability
    ) -> AvailabilityDetails:
        """Both states and the terms."""
        unusual = orjson.loads(terms) if terms else {}
        return AvailabilityDetails(expected=expected, observed=observed, terms=unusual)

    def identity(self, terms: str) -> tuple[str, ...]:
        """The terms as claimed."""
        return (terms,)


def agrees(value: Availability, expected: Availability) -> bool:
    """Whether two states agree: all pairs do, except in stock against unavailable."""
    if Availability.LIMITED in (value, expected):
        return True
    return (value is Availability.IN_STOCK) == (expected is Availability.IN_STOCK)


def book(name: Book, rules: AvailabilityRules) -> ComparedBook:
    """An empty book of states."""
    return ComparedBook(name, KIND.incident, AvailabilityComparison(rules))


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """The availability claims of an event: published or displayed offers."""
    if heard.event.channel in FIXED_CHANNELS:
        return []
    offered = (
        one for one in offers_of(heard) if one[0].availability is not None and not one[0].seller
    )
    return [
        (_statement(heard, offer, basis, ordinal), NOTHING_SOLD)
        for ordinal, (offer, basis) in enumerate(offered)
    ]


def _statement(heard: Heard, offer: Offer, basis: Basis, ordinal: int) -> Statement:
    assert offer.availability is not None
    condition = "" if offer.condition == "new" else offer.condition
    terms = {"variant": offer.variant, "condition": condition}
    unusual = {name: value for name, value in terms.items() if value}
    return Statement(
        *claim_head(heard, NAME, offer, basis, ordinal),
        offer.availability.value,
        orjson.dumps(unusual, option=orjson.OPT_SORT_KEYS).decode() if unusual else "",
    )


def met(
    incident: Incident[AvailabilityDetails],
    observations: Iterable[Observation],
    _rules: AvailabilityRules,
) -> list[Met]:
    """Who saw the deviating state; no money is involved."""
    return [
        Met(one, claim.value)
        for one in observations
        if isinstance(claim := one.claim, Statement)
        and (claim.channel, one.location) == (incident.channel, incident.location)
        and incident.since <= claim.occurred_at
        and (incident.until is None or claim.occurred_at < incident.until)
        and not agrees(Availability(claim.value), incident.details.expected)
    ]


KIND = Kind(
    name=NAME,
    title="Availability mismatch",
    subject=SubjectType.PRODUCT,
    causes=tuple(Cause),
    rules=AvailabilityRules,
    details=AvailabilityDetails,
    claims=claims,
    hears=OFFERING,
    judge=book,
    met=met,
)
