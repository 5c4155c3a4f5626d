"""Contact pressure: a customer gets more marketing contacts within some days than the caps allow.

All channels of one customer count together, under whatever identifiers; one contact counts once,
however many systems report it. Service and transactional messages never count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from schemas.base import Instant
from schemas.claim import Claim, Statement
from schemas.events.messages import MessageSent
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import Basis
from schemas.rules.consistency import KindRules, Name
from schemas.subject import SubjectType, written_subject
from services.consistency.core.book import incident_id
from services.consistency.core.contacts import contact_channel, contact_key, marketing_message
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import fault_id, hour_of
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook

NAME = "contact_pressure"
NOTHING_SOLD = Decimal(0)
SHORT, LONG = timedelta(days=7), timedelta(days=30)
CONTACT_CHANNELS: list[str] = ["email", "letter", "messenger", "phone", "push", "sms"]
Cap = Annotated[int, Field(ge=1, le=1000)]


class PressureRules(KindRules):
    """How many marketing contacts a customer may get."""

    cap_7_days: Cap = 3
    """The most contacts within 7 times 24 hours."""
    cap_30_days: Cap = 8
    """The most contacts within 30 times 24 hours."""
    channels: Annotated[list[Name], Field(max_length=60)] = CONTACT_CHANNELS
    """Channels on which a message counts as a contact."""


class Cause(StrEnum):
    """Which cap is exceeded."""

    OVER_7_DAYS = "over_7_days"
    OVER_30_DAYS = "over_30_days"


class PressureDetails(Details):
    """How many contacts there were, and when the next one is allowed."""

    window_days: int
    """Length of the window in days of 24 hours."""
    cap: int
    """The most contacts that the rules allow within it."""
    contacts: int
    """The most contacts that were within it at one time."""
    by_channel: dict[str, int]
    """Those contacts by channel."""
    next_allowed_at: Instant
    """From when on one more contact stays within the cap."""

    def in_words(self) -> str:
        """The number, the window and the cap."""
        return f"{self.contacts} contacts in {self.window_days} days, {self.cap} allowed"


class Contact(NamedTuple):
    """One marketing contact, by its earliest report."""

    at: datetime
    event_id: str
    channel: str


class Excess(NamedTuple):
    """A time in which more contacts are within the window than the cap allows."""

    begin: datetime
    end: datetime
    first: int
    """Number of the contact that exceeds the cap first …"""
    last: int
    """… and of the last one in this time."""


def contacts_of(claims: Iterable[Claim], channels: Iterable[str]) -> list[Contact]:
    """Each contact once, the earliest first."""
    allowed, found = frozenset(channels), dict[str, Contact]()
    for claim in claims:
        if isinstance(claim, Statement) and claim.channel in allowed:
            contact = Contact(claim.occurred_at, claim.event_id, claim.channel)
            found[claim.value] = min(contact, found.get(claim.value, contact))
    return sorted(found.values())


def excesses(
    contacts: Sequence[Contact], cap: int, window: timedelta, joined: timedelta
) -> Iterator[Excess]:
    """When more than `cap` contacts are within `window`; those at most `joined` apart are one.

    A contact counts from its time on until `window` later. With the contact number `last` the cap
    is exceeded as long as the one `cap` places before it counts as well.
    """
    current: Excess | None = None
    for last in range(cap, len(contacts)):
        begin, end = contacts[last].at, contacts[last - cap].at + window
        if begin >= end:
            continue
        if current is not None and begin <= current.end + joined:
            current = current._replace(end=max(current.end, end), last=last)
            continue
        if current is not None:
            yield current
        current = Excess(begin, end, last, last)
    if current is not None:
        yield current


class PressureBook(RecomputedBook[PressureRules]):
    """What one customer did and got."""

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        contacts = self._contacts(now)
        for cause in Cause:
            for one in self._excesses(contacts, cause):
                yield self._incident(contacts, one, cause, now)

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        contacts = self._contacts(now)
        return (one.end for cause in Cause for one in self._excesses(contacts, cause))

    def _contacts(self, now: datetime) -> list[Contact]:
        known = (one for one in self._claims if one.occurred_at <= now)
        return contacts_of(known, self._rules.channels)

    def _cap(self, cause: Cause) -> tuple[int, timedelta]:
        rules = self._rules
        return (
            (rules.cap_7_days, SHORT) if cause is Cause.OVER_7_DAYS else (rules.cap_30_days, LONG)
        )

    def _excesses(self, contacts: Sequence[Contact], cause: Cause) -> Iterator[Excess]:
        return excesses(contacts, *self._cap(cause), self._rules.reopen_within)

    def _incident(
        self, contacts: Sequence[Contact], found: Excess, cause: Cause, now: datetime
    ) -> AnyIncident:
        cap, window = self._cap(cause)
        within = max(_windows(contacts, found, window), key=len)
        exceeding = contacts[found.first : found.last + 1]
        before = contacts[found.first - cap : found.first]
        resolved_at = found.end if found.end <= now else None
        channel = exceeding[0].channel
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(self.book, (cause,), EVERYWHERE, channel, found.begin),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": channel,
                "location": "",
                "fault_id": fault_id(self.book, channel, cause, hour_of(found.begin)),
                "state": IncidentState.RESOLVED if resolved_at else IncidentState.OPEN,
                "severity": Severity.MEDIUM if len(within) >= 2 * cap else Severity.LOW,
                "cause": cause,
                "since": found.begin,
                "due_at": found.begin,
                "until": resolved_at,
                "opened_at": found.begin,
                "resolved_at": resolved_at,
                "evidence": [
                    [one.event_id for one in exceeding[:EVIDENCE_MAX]],
                    [one.event_id for one in before[-EVIDENCE_MAX:]],
                ],
                "details": {
                    "window_days": window.days,
                    "cap": cap,
                    "contacts": len(within),
                    "by_channel": Counter(sorted(one.channel for one in within)),
                    "next_allowed_at": contacts[found.last - cap + 1].at + window,
                },
            }
        )


def _windows(
    contacts: Sequence[Contact], found: Excess, window: timedelta
) -> Iterator[Sequence[Contact]]:
    """The contacts within the window at each contact that exceeds the cap."""
    begin = 0
    for last in range(found.first, found.last + 1):
        while contacts[begin].at + window <= contacts[last].at:
            begin += 1
        yield contacts[begin : last + 1]


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """A marketing contact, by what all reports of it have in common."""
    message = marketing_message(heard.event)
    if message is None:
        return []
    statement = Statement(
        heard.customer_book(NAME),
        heard.occurred_at,
        heard.event.event_id,
        0,
        heard.version,
        contact_channel(heard.event),
        "",
        "",
        Basis.PUBLISHED,
        contact_key(heard.event, message),
    )
    return [(statement, NOTHING_SOLD)]


def met(
    _incident: Incident[PressureDetails],
    _observations: Iterable[Observation],
    _rules: PressureRules,
) -> list[Met]:
    """It concerns the customer of the incident alone."""
    return []


KIND = Kind(
    name=NAME,
    title="Contact pressure",
    subject=SubjectType.CUSTOMER,
    causes=tuple(Cause),
    rules=PressureRules,
    details=PressureDetails,
    claims=claims,
    hears=(MessageSent,),
    judge=PressureBook,
    met=met,
)
