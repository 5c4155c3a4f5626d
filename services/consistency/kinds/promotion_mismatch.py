"""Promotion mismatch: channels name the same promotion of a product with other terms.

Compared are begin, end, customer group, pack and currency, each for itself. Prices are not: whether
a promotion has started or ended in prices is told by price mismatches. A channel contradicts
another one only if nothing that it says of a term agrees with anything that the other one says.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.base import TimeZone
from schemas.claim import Book, Claim, Statement
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.instants import written
from schemas.rules.consistency import Hours, KindRules
from schemas.subject import SubjectType, written_subject
from services.consistency.core.book import earliest, incident_id
from services.consistency.core.claim_set import ClaimSet
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import fault_id
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.offers import OFFERING
from services.consistency.core.places import EVERYWHERE, STORE_RANK, ZONE_RANK, Place, place_of
from services.consistency.core.promotion_timeline import (
    BEGIN,
    END,
    Cause,
    PromotionTerm,
    PromotionTimeline,
    SaidTerms,
    TermContradiction,
    TermDifference,
)
from services.consistency.core.promotions import StandingPromotion, promotion_statements

NAME = "promotion_mismatch"
NOTHING_SOLD = Decimal(0)
VALUES_SHOWN_MAX = 10
MINUTE = timedelta(minutes=1)
GRACE_HOURS: dict[str, float] = {
    "default": 12, "shop": 4, "app": 4, "pos": 24, "email": 24, "letter": 24, "print": 24,
}  # fmt: skip


class PromotionRules(KindRules):
    """Which times count as the same, and how long a channel may lag."""

    locations_may_differ: bool = False
    """True: what is said for a store or zone is compared among the channels that speak of it."""
    tolerance_hours: Hours = 2
    """Begins or ends so far apart are the same, because systems mistake the time zone …"""
    time_zone: TimeZone = "Europe/Berlin"
    """… and so are those on one date in this IANA time zone; an end at midnight is one of the day
    before."""
    short_tolerance_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    """The same for promotions of a day and less, whose dates prove nothing."""
    grace_start_hours: dict[str, Hours] = GRACE_HOURS
    """Hours a channel has to follow a change of the terms."""
    grace_end_hours: dict[str, Hours] = GRACE_HOURS
    """Not used: an end is one of the terms."""


class PromotionDetails(Details):
    """Which term of which promotion differs."""

    promotion: str
    """Id of the promotion."""
    term: PromotionTerm
    """The term that differs."""
    expected: str
    """What is expected; times in UTC, several values with commas, nothing for everybody."""
    observed: str
    """What the channel says."""

    def in_words(self) -> str:
        """The term and both values."""
        observed, expected = self.observed or "for everybody", self.expected or "for everybody"
        return f"{self.promotion}: {self.term} {observed} instead of {expected}"


class _JudgedPlace:
    """What was found at a place as of the latest look at it."""

    def __init__(self, timeline: PromotionTimeline) -> None:
        self.timeline = timeline
        self.seen: dict[Place, int] = {}
        """How many claims of each place it has got."""
        self.waiting: list[Claim] = []
        """Those later than the timeline."""
        self.due: datetime | None = None
        self.incidents: dict[str, AnyIncident] = {}


class PromotionsBook:
    """Implements `JudgedBook` of services/consistency/core/kind.py for one product."""

    def __init__(self, book: Book, rules: PromotionRules) -> None:
        self.book = book
        self._rules = rules
        self._claims = ClaimSet(book)
        self._by_place: dict[Place, list[Claim]] = {}
        """In the order of arrival."""
        self._judged: dict[Place, _JudgedPlace] = {}
        self._zone = ZoneInfo(rules.time_zone)
        self._now: datetime | None = None

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """See the protocol."""
        new: list[Claim] = []
        is_corrected = False
        for claim in claims:
            is_corrected |= self._claims.replaces(claim)
            if self._claims.add(claim):
                new.append(claim)
        if is_corrected:
            self._by_place, self._judged = {}, {}
        for claim in self._claims if is_corrected else new:
            self._by_place.setdefault(place_of(claim), []).append(claim)
        return new

    def advance(self, now: datetime) -> None:
        """See the protocol."""
        self._now = now if self._now is None else max(now, self._now)

    def incidents(self) -> dict[str, AnyIncident]:
        """See the protocol."""
        found: dict[str, AnyIncident] = {}
        if self._now is not None:
            for place in sorted(self._by_place):
                found |= self._look_at(place, self._now).incidents
        return found

    @property
    def next_due(self) -> datetime | None:
        """See the protocol."""
        if self._now is None:
            return earliest(*(claim.occurred_at for claim in self._claims))
        return earliest(*(self._look_at(place, self._now).due for place in self._by_place))

    def _look_at(self, place: Place, now: datetime) -> _JudgedPlace:
        """Judge a place, unless nothing changed and nothing is due."""
        places = self._holding(place)
        known = self._judged.get(place)
        if known is None:
            known = self._judged[place] = self._unjudged(places)
        fresh = self._unseen(known, places)
        at = known.timeline.at
        if at is not None and any(claim.occurred_at <= at for claim in fresh):
            known = self._judged[place] = self._unjudged(places)
            fresh = self._unseen(known, places)
        if fresh or (known.due is not None and known.due <= now):
            known.waiting += fresh
            self._judge(place, known, now)
        return known

    def _unjudged(self, places: Sequence[Place]) -> _JudgedPlace:
        return _JudgedPlace(PromotionTimeline(places, self._rules, self._agree))

    def _unseen(self, known: _JudgedPlace, places: Sequence[Place]) -> list[Claim]:
        """The claims that hold at a place and that it has not got yet."""
        found: list[Claim] = []
        for one in places:
            claims = self._by_place.get(one, [])
            found += claims[known.seen.get(one, 0) :]
            known.seen[one] = len(claims)
        return found

    def _holding(self, place: Place) -> list[Place]:
        """The places whose statements hold at a place, the nearest first."""
        if self._rules.locations_may_differ or place == EVERYWHERE:
            return [place]
        zone = self._rules.zone_of.get(place.name) if place.rank == STORE_RANK else None
        return [place, *([Place(ZONE_RANK, zone)] if zone else []), EVERYWHERE]

    def _judge(self, place: Place, known: _JudgedPlace, now: datetime) -> None:
        known.waiting.sort()
        split = bisect_right(known.waiting, now, key=attrgetter("occurred_at"))
        dues = [known.timeline.run(known.waiting[:split], now)]
        del known.waiting[:split]
        dues += [claim.occurred_at for claim in known.waiting[:1]]
        known.incidents = {}
        for one in known.timeline.differences():
            due_at = one.since + self._grace(one.latest)
            if one.until is not None and one.until <= due_at:
                continue
            incident = self._incident(place, one, due_at, now)
            known.incidents[incident.incident_id] = incident
            dues += [due_at] if due_at > now else []
        known.due = earliest(*dues)

    def _agree(self, own: SaidTerms, other: SaidTerms, term: PromotionTerm) -> bool:
        """Whether anything that both say of a term is the same."""
        return any(
            value == another or self._is_same_time(one, two, term)
            for value, one in own.values(term)
            for another, two in other.values(term)
        )

    def _is_same_time(
        self, one: StandingPromotion, other: StandingPromotion, term: PromotionTerm
    ) -> bool:
        is_end = term is END
        times = [
            one.claim.valid_to if is_end else one.claim.valid_from
            for one in (one, other)
            if term in (BEGIN, END)
        ]
        known = [time for time in times if time is not None]
        if len(known) < 2:
            return False
        apart = abs(known[0] - known[1])
        if one.is_long != other.is_long:
            return True  # daily lists send a promotion with the end of the day, every day anew
        if not one.is_long:
            return apart <= self._rules.short_tolerance_minutes * MINUTE
        if apart <= timedelta(hours=self._rules.tolerance_hours):
            return True
        dates = {(at.astimezone(self._zone) - is_end * MINUTE).date() for at in known}
        return len(dates) == 1

    def _grace(self, one: TermContradiction) -> timedelta:
        lengths = (p.claim.valid_to - p.begin for p in one.own.promotions if p.claim.valid_to)
        return self._rules.grace(one.own.channel, False, min(lengths, default=None))

    def _incident(
        self, place: Place, one: TermDifference, due_at: datetime, now: datetime
    ) -> AnyIncident:
        own, expected, term = one.latest.own, one.latest.expected, one.latest.term
        promotion = own.promotions[0].promotion
        state = IncidentState.OPEN if one.until is None else IncidentState.RESOLVED
        if due_at > now:
            state = IncidentState.PENDING if one.since <= now else IncidentState.UPCOMING
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(
                    self.book, (promotion, term), place, own.channel, one.since
                ),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": own.channel,
                "location": place.label,
                "fault_id": fault_id(self.book, own.channel, promotion, term),
                "state": state,
                "severity": Severity.MEDIUM,
                "cause": one.latest.cause,
                "since": one.since,
                "due_at": due_at,
                "until": one.until,
                "opened_at": due_at if due_at <= now else None,
                "resolved_at": one.until,
                "evidence": [_event_ids(own, term), _event_ids(expected, term)],
                "details": PromotionDetails(
                    promotion=promotion,
                    term=term,
                    expected=_shown(expected, term),
                    observed=_shown(own, term),
                ),
            }
        )


def _shown(said: SaidTerms, term: PromotionTerm) -> str:
    said_values = {value for value, _ in said.values(term)}
    values = sorted(written(one) if isinstance(one, datetime) else one for one in said_values)
    return ", ".join(values[:VALUES_SHOWN_MAX])


def _event_ids(said: SaidTerms, term: PromotionTerm) -> list[str]:
    named = dict.fromkeys(one.claim.event_id for _, one in said.values(term))
    return list(named)[:EVIDENCE_MAX]


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """The promotions that a channel publishes, and what it withdraws."""
    return [(one, NOTHING_SOLD) for one in promotion_statements(heard, NAME)]


def met(
    _incident: Incident[PromotionDetails],
    _observations: Iterable[Observation],
    _rules: PromotionRules,
) -> list[Met]:
    """No event tells who read the terms of a promotion."""
    return []


KIND = Kind(
    name=NAME,
    title="Promotion mismatch",
    subject=SubjectType.PRODUCT,
    causes=tuple(Cause),
    rules=PromotionRules,
    details=PromotionDetails,
    claims=claims,
    hears=OFFERING,
    judge=PromotionsBook,
    met=met,
)
