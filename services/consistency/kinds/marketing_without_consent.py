"""Marketing without consent: a marketing message was sent to somebody who had refused it.

Whether there was permission says the consent core, of everything that the person had said under any
identifier. What was said under one that only later proved to be of the same person is late
knowledge. Within the grace after a refusal nothing is reported.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from pydantic import Field

from schemas.claim import Claim, Statement
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import PUBLISHED
from schemas.rules.consistency import Hours, KindRules, Name
from schemas.subject import SubjectType, written_subject
from schemas.touchpoint import EVENT_TYPES
from services.consistency.core.book import incident_id
from services.consistency.core.contacts import contact_channel
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import fault_id, hour_of
from services.consistency.core.joins import Joins, Link
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.permissions import (
    CONSENT,
    FREQUENT,
    MESSAGE,
    MarketingMessage,
    Permissions,
    Word,
    read_links,
    read_message,
    read_word,
    statements_of,
)
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook
from services.profiles.core.consent import (
    ConsentReason,
    ConsentRecord,
    Permission,
)

NAME = "marketing_without_consent"
NOTHING_SOLD = Decimal(0)
GRACE_HOURS: dict[str, float] = {"default": 48, "letter": 336}


class ConsentBreachRules(KindRules):
    """How soon a sender must heed a refusal."""

    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours from a refusal on in which messages that were under way may still be sent, by channel
    of contact."""
    grace_of_sender_hours: dict[Name, Hours] = Field(default={}, max_length=100)
    """The same by `source.system` of the message, instead of the hours of its channel."""
    no_basis_channels: list[Name] = Field(default=[], max_length=60)
    """Channels of contact of which every permission is sent to this service, also that of existing
    customers; on them a message without any is reported, too."""
    published_max_age_days: int = Field(default=30, ge=1, le=36_500)
    """Days after the last message without permission until the incident resolves by itself."""

    def grace_of(self, channel: str, sender: str) -> timedelta:
        """How long after a refusal a message may still be sent."""
        if sender in self.grace_of_sender_hours:
            return timedelta(hours=self.grace_of_sender_hours[sender])
        return self.grace(channel, promotion_ended=False)


class Cause(StrEnum):
    """Why there was no permission."""

    OBJECTED = "objected"
    WITHDRAWN = "withdrawn"
    COMPLAINED = "complained"
    UNCONFIRMED = "unconfirmed"
    NO_BASIS = "no_basis"
    LATE_KNOWLEDGE = "late_knowledge"


CAUSES = {
    ConsentReason.OBJECTED: Cause.OBJECTED,
    ConsentReason.WITHDRAWN: Cause.WITHDRAWN,
    ConsentReason.COMPLAINED: Cause.COMPLAINED,
    ConsentReason.UNCONFIRMED: Cause.UNCONFIRMED,
    ConsentReason.NO_BASIS: Cause.NO_BASIS,
}
SEVERITIES = {
    Cause.OBJECTED: Severity.CRITICAL,
    Cause.WITHDRAWN: Severity.HIGH,
    Cause.COMPLAINED: Severity.HIGH,
    Cause.UNCONFIRMED: Severity.MEDIUM,
    Cause.NO_BASIS: Severity.MEDIUM,
    Cause.LATE_KNOWLEDGE: Severity.LOW,
}


class ConsentBreachDetails(Details):
    """What was sent, and since when it must not be."""

    purpose: str
    """Purpose of the messages."""
    sender: str
    """`source.system` of the messages."""
    messages: int
    """How many messages were sent without permission; one that two events report is one."""
    refused_at: datetime | None
    """Since when there is no permission, by the latest word; null without any."""

    def in_words(self) -> str:
        """How many of what."""
        sender = f" by {self.sender}" if self.sender else ""
        what = "message" if self.messages == 1 else "messages"
        return f"{self.messages} {self.purpose} {what}{sender} without permission"


class ConsentBreach(NamedTuple):
    """A message without permission."""

    message: MarketingMessage
    cause: Cause
    by: ConsentRecord | None
    """What decided; None if nobody ever said anything."""
    known_at: datetime
    link: Link | None
    """What proved later that the refusal is of the same person."""
    until: datetime
    """When it is over: there is permission again, or it is too old."""


class BreachFinder:
    """Finds the messages without permission among the claims that are not later than now."""

    def __init__(self, claims: Iterable[Claim], rules: ConsentBreachRules, now: datetime) -> None:
        self._rules = rules
        said = [one for one in claims if isinstance(one, Statement)]
        known = [one for one in said if one.occurred_at <= now]
        self._messages = sorted(read_message(one) for one in known if one.terms == MESSAGE)
        self._permissions = Permissions(read_word(one) for one in known if one.terms == CONSENT)
        self._words = self._permissions.words
        self._times = [word.record.occurred_at for word in self._words]
        nodes = {word.anchor for word in self._words}
        nodes.update(one.anchor for one in self._messages)
        nodes.update(one.address for one in self._messages if one.address is not None)
        # Links are read ahead of the tick: when they prove something does not change later.
        links = [link for one in said for link in read_links(one)]
        nodes.update(link.a for link in links)
        self._joins = Joins(links, nodes)
        self._known: dict[tuple[NodeId, NodeId | None], list[tuple[datetime, int]]] = {}

    def breaches(self) -> Iterator[ConsentBreach]:
        """In the order of time."""
        if not self._words and not self._rules.no_basis_channels:
            return
        for message in self._messages:
            breach = self._breach(message)
            if breach is not None and breach.known_at < breach.until:
                yield breach

    def _breach(self, message: MarketingMessage) -> ConsentBreach | None:
        said = [(time, number) for number, time in enumerate(self._times)]
        in_truth = self._refusal(message, said)
        if in_truth is None:
            return None
        as_known = self._refusal(message, self._known_of(message))
        refusal = as_known or in_truth
        cause = CAUSES[ConsentReason(refusal.reason)] if as_known else Cause.LATE_KNOWLEDGE
        link = None
        if as_known is None and refusal.by is not None:
            link = self._link_of(message, refusal.by)
        known_at = max(message.at, link.at) if link else message.at
        return ConsentBreach(message, cause, refusal.by, known_at, link, self._until(message))

    def _refusal(
        self, message: MarketingMessage, known: list[tuple[datetime, int]]
    ) -> Permission | None:
        """Why the message must not have been sent, by words that are known since some time, in the
        order of these times; None if it may have been, also by the grace after a refusal."""
        at, channel = message.at, message.channel
        now = self._permission(message, known, at)
        knows_all = channel in self._rules.no_basis_channels
        if now.allowed or (now.by is None and not knows_all):
            return None
        begin = at - self._rules.grace_of(channel, message.sender)
        for time in (begin, *(time for time, _ in known if begin < time <= at)):
            then = self._permission(message, known, time)
            was_open = then.by is None and not knows_all
            if then.allowed or (was_open and now.reason != ConsentReason.UNCONFIRMED):
                return None
        return now

    def _permission(
        self, message: MarketingMessage, known: list[tuple[datetime, int]], time: datetime
    ) -> Permission:
        end = bisect_right(known, time, key=itemgetter(0))
        return self._permissions.permission(message, tuple(sorted(one for _, one in known[:end])))

    def _known_of(self, message: MarketingMessage) -> list[tuple[datetime, int]]:
        """Since when each word is known to be the addressee's, as far as it is; in this order."""
        key = message.anchor, message.address
        if key not in self._known:
            found: list[tuple[datetime, int]] = []
            for number, word in enumerate(self._words):
                link = self._link(message, word)
                if link is not None:
                    found.append((max(link.at, word.record.occurred_at), number))
                elif self._is_direct(message, word):
                    found.append((word.record.occurred_at, number))
            self._known[key] = sorted(found)
        return self._known[key]

    def _is_direct(self, message: MarketingMessage, word: Word) -> bool:
        names = (message.anchor, message.address)
        return word.anchor in names or word.record.address == message.address

    def _link(self, message: MarketingMessage, word: Word) -> Link | None:
        """What proved that a word is the addressee's; None if it needs no proof, or has none."""
        if self._is_direct(message, word):
            return None
        ends = [message.anchor] if message.address is None else [message.anchor, message.address]
        links = (self._joins.between(word.anchor, end) for end in ends)
        return min((link for link in links if link is not None), default=None)

    def _link_of(self, message: MarketingMessage, record: ConsentRecord) -> Link | None:
        """What proved first that one who said this is the addressee; several may have said it."""
        words = [word for word in self._words if word.record == record]
        links = [link for word in words if (link := self._link(message, word)) is not None]
        return min(links, default=None)

    def _until(self, message: MarketingMessage) -> datetime:
        until = message.at + self._rules.published_max_age
        for number in range(bisect_right(self._times, message.at), len(self._times)):
            said = tuple(range(bisect_right(self._times, self._times[number])))
            if self._permissions.permission(message, said).allowed:
                return min(until, self._times[number])
        return until


class ConsentBook(RecomputedBook[ConsentBreachRules]):
    """What one customer did and got."""

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        return (self._incident(breaches, now) for breaches in self._episodes(now))

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        for breach in self._once(self._breaches, now):
            yield breach.known_at
            yield breach.until

    def _episodes(self, now: datetime) -> Iterator[list[ConsentBreach]]:
        """The breaches known by now, those that follow each other before they are over together."""
        known = [one for one in self._once(self._breaches, now) if one.known_at <= now]
        for _, mine in groupby(sorted(known, key=_scope), key=_scope):
            current: list[ConsentBreach] = []
            for breach in sorted(mine, key=lambda one: one.message):
                if current and breach.message.at >= _end(current):
                    yield current
                    current = []
                current.append(breach)
            yield current

    def _breaches(self, now: datetime) -> list[ConsentBreach]:
        return list(BreachFinder(self._claims, self._rules, now).breaches())

    def _incident(self, breaches: Sequence[ConsentBreach], now: datetime) -> AnyIncident:
        first, end = breaches[0].message, _end(breaches)
        worst = max(breaches, key=lambda one: SEVERITIES[one.cause].rank)
        opened_at = min(one.known_at for one in breaches)
        resolved_at = end if end <= now else None
        sent = list(dict.fromkeys(one.message.event_id for one in breaches))
        said = dict.fromkeys(
            event_id
            for one in breaches
            for event_id in (one.by and one.by.event_id, one.link and one.link.event_id)
            if event_id
        )
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(
                    self.book, _scope(breaches[0])[1:], EVERYWHERE, first.channel, first.at
                ),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": first.channel,
                "location": "",
                "fault_id": self._fault(breaches[0]),
                "state": IncidentState.RESOLVED if resolved_at else IncidentState.OPEN,
                "severity": SEVERITIES[worst.cause],
                "cause": worst.cause,
                "since": first.at,
                "due_at": opened_at,
                "until": resolved_at,
                "opened_at": opened_at,
                "resolved_at": resolved_at,
                "evidence": [sent[:EVIDENCE_MAX], list(said)[:EVIDENCE_MAX]],
                "details": {
                    "purpose": first.purpose,
                    "sender": first.sender,
                    "messages": len({one.message.key for one in breaches}),
                    "refused_at": worst.by.occurred_at if worst.by else None,
                },
            }
        )

    def _fault(self, breach: ConsentBreach) -> str:
        """One campaign that went to many, or what was sent within an hour."""
        sent, scope = breach.message, _scope(breach)
        campaign = sent.campaign or hour_of(sent.at)
        return fault_id(self.book, sent.channel, *scope, breach.cause, campaign)


def _scope(breach: ConsentBreach) -> tuple[str, ...]:
    """What one incident is about. What was known and what was not are told apart."""
    late = Cause.LATE_KNOWLEDGE if breach.cause is Cause.LATE_KNOWLEDGE else ""
    message = breach.message
    return message.channel, message.purpose, message.sender, late


def _end(breaches: Iterable[ConsentBreach]) -> datetime:
    return max(one.until for one in breaches)


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """A marketing message, what was said about contact, and which identifiers are one person's."""
    event = heard.event
    if event.type in FREQUENT and not heard.consents:  # most events: they say nothing of contact
        return []
    channel = contact_channel(event)
    return [
        (
            Statement(
                heard.customer_book(NAME), heard.occurred_at, event.event_id, ordinal,
                heard.version, channel, "", "", PUBLISHED, value, terms,
            ),
            NOTHING_SOLD,
        )
        for ordinal, (terms, value) in enumerate(statements_of(heard))
    ]  # fmt: skip


def met(
    _incident: Incident[ConsentBreachDetails],
    _observations: Iterable[Observation],
    _rules: ConsentBreachRules,
) -> list[Met]:
    """It concerns the customer, whom its subject names."""
    return []


KIND = Kind(
    name=NAME,
    title="Marketing without consent",
    subject=SubjectType.CUSTOMER,
    causes=tuple(Cause),
    rules=ConsentBreachRules,
    details=ConsentBreachDetails,
    claims=claims,
    hears=tuple(row.body for name, row in EVENT_TYPES.items() if name not in FREQUENT),
    judge=ConsentBook,
    met=met,
)
