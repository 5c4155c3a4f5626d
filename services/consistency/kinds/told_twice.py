"""Told twice: a customer had to tell a matter again, on another channel, before it was answered.

The numbers differ, because nobody knew: the mail is a ticket, the chat a conversation. So the
claims are those of the customer, and what makes two contacts one matter is a case, a subject, or
that the first still waits. In doubt nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import Field

from schemas.claim import Statement
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import Basis
from schemas.rules.consistency import Days, Hours, KindRules, Name
from schemas.subject import SubjectType, written_subject
from services.consistency.core.book import incident_id
from services.consistency.core.case_steps import ASKING, CASE_BODIES, SPOKEN_CHANNELS, CaseStep
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import subject_fault_id
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.matters import Matter, Said, plain, said_by
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook

NAME = "told_twice"
NOTHING_SOLD = Decimal(0)
GENERAL_SUBJECTS = [
    "allgemeine anfrage", "allgemeines", "anfrage", "anliegen", "contact", "contact form",
    "customer service", "enquiry", "feedback", "frage", "general", "general enquiry",
    "general inquiry", "hallo", "hello", "help", "hilfe", "inquiry", "kein betreff", "kontakt",
    "kontaktanfrage", "kontaktformular", "kundenservice", "message", "nachricht", "no subject",
    "ohne betreff", "other", "question", "request", "service", "sonstiges", "support",
    "support request",
]  # fmt: skip


class ToldTwiceRules(KindRules):
    """When two contacts are about one matter, and who counts as knowing of it."""

    within_days: Days = 14
    """Days after the latest contact within which another one may be about the same matter."""
    elsewhere_hours: Hours = 24
    """Hours within which a customer who waits and turns to another channel is taken to tell the
    same matter, if one of the contacts has no subject. 0: never."""
    one_contact_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    """Contacts so close to each other are one, reported by two systems or handed over."""
    spoken_channels: list[Name] = SPOKEN_CHANNELS
    """Channels on which people talk to each other: whoever was heard there does not wait."""
    bot_answers: bool = True
    """Whether the answer of a bot counts; one that hands over to a person never does."""
    general_subjects: Annotated[list[Name], Field(max_length=200)] = GENERAL_SUBJECTS
    """Subjects that say nothing of the matter."""
    published_max_age_days: Days = 14
    """Days after which a matter that nobody answered is no longer told."""

    @cached_property
    def within(self) -> timedelta:
        """How long a matter is remembered."""
        return timedelta(days=self.within_days)

    @cached_property
    def elsewhere(self) -> timedelta:
        """How soon a contact elsewhere is about the same matter."""
        return timedelta(hours=self.elsewhere_hours)

    @cached_property
    def one_contact(self) -> timedelta:
        """How close two reports of one contact are."""
        return timedelta(minutes=self.one_contact_minutes)

    @cached_property
    def says_nothing(self) -> frozenset[str]:
        """The general subjects as they are compared."""
        return frozenset(plain(one).replace(" ", "") for one in self.general_subjects)


class Cause(StrEnum):
    """What makes it the same matter; the most certain first."""

    REPEATED = "repeated"
    SAME_CASE = "same_case"
    SAME_SUBJECT = "same_subject"
    ASKED_ELSEWHERE = "asked_elsewhere"


CERTAINTY = tuple(Cause)


class ToldDetails(Details):
    """Where the matter was told, and how often."""

    first_channel: str
    """Where it was told first."""
    first_case: str
    """Number of the case or conversation there."""
    case: str
    """Number of the case or conversation in which it was told again."""
    times: int
    """How many times it was told."""

    def in_words(self) -> str:
        """How often, and where first."""
        return f"told {self.times} times, first as {self.first_case} on {self.first_channel}"


class CustomerMatters:
    """The matters of one customer, from everything said in order."""

    def __init__(self, rules: ToldTwiceRules) -> None:
        self._rules = rules
        self._by_case: dict[tuple[str, str], Matter] = {}
        self._recent: list[Matter] = []
        self.all: list[Matter] = []

    def hear(self, said: Said) -> None:
        """Take the next thing that was said."""
        self._recent = [one for one in self._recent if said.at - one.latest <= self._rules.within]
        case = said.conversation, said.number
        matter = self._by_case.get(case)
        if matter is not None and said.at - matter.latest > self._rules.within:
            matter = None
        if said.step in ASKING:
            self._by_case[case] = self._contact(said, matter)
        elif matter is not None or said.repeated:
            self._reply(said, matter)

    def _reply(self, said: Said, matter: Matter | None) -> None:
        if matter is None:
            matter = self._begin(said, None)
        elif said.repeated:
            matter.tell_again(said, Cause.REPEATED)
        matter.latest = said.at
        if said.step is CaseStep.HANDED_OVER:
            matter.handed_over.add(said.number)
            if matter.answer is not None and matter.answer.step is CaseStep.BOT_ANSWERED:
                matter.answer = None
        elif said.step is CaseStep.ANSWERED or (self._rules.bot_answers and not matter.handed_over):
            matter.answer = matter.answer or said
            matter.tellings = [  # who was answered at the same moment did not wait
                one for one in matter.tellings if one[0].at < said.at or one[1] == Cause.REPEATED
            ]

    def _contact(self, said: Said, known: Matter | None) -> Matter:
        """The matter of a contact, which is added to it; `known` is the one of its case."""
        if known is not None and known.answer is not None:
            if not (said.repeated or said.step is CaseStep.COMPLAINED):
                known.latest = said.at  # perhaps only thanks
                return known
            return self._begin(said, known)
        if known is not None:
            self._join(said, known, Cause.SAME_CASE)
            return known
        for matter in reversed(self._recent):
            cause = self._relation(matter, said)
            if cause is not None and matter.answer is None:
                self._join(said, matter, cause)
                return matter
        return self._begin(said, None)

    def _begin(self, said: Said, former: Matter | None) -> Matter:
        matter = Matter(said.at)
        if said.repeated:
            matter.told_before = self._told_before(said, former)
            matter.tell_again(said, Cause.REPEATED)
        matter.add(said, self._subject(said))
        self._recent.append(matter)
        self.all.append(matter)
        return matter

    def _told_before(self, said: Said, former: Matter | None) -> list[Said]:
        """Contacts that a customer may mean who says that he has told it before."""
        if former is not None:
            return former.contacts[:]
        subject = self._subject(said)
        for one in reversed(self._recent):
            if not (subject and one.subjects) or subject in one.subjects:
                return one.contacts[:]
        return []

    def _join(self, said: Said, matter: Matter, cause: Cause) -> None:
        if said.repeated:
            matter.tell_again(said, Cause.REPEATED)
        elif self._is_told_again(said, matter):
            matter.tell_again(said, cause)
        matter.add(said, self._subject(said))

    def _is_told_again(self, said: Said, matter: Matter) -> bool:
        if said.claim.channel in matter.channels or said.agent in matter.agents:
            return False
        if said.number in matter.handed_over:  # with all that was said there
            return False
        if said.at - matter.contacts[-1].at <= self._rules.one_contact:
            return False
        return self._waits(matter) or bool(matter.agents and said.agent)

    def _waits(self, matter: Matter) -> bool:
        return any(not self._is_spoken(one) for one in matter.contacts)

    def _relation(self, matter: Matter, said: Said) -> Cause | None:
        """What makes a contact in another case one of this matter; None if nothing does."""
        if said.number in matter.handed_over:
            return Cause.SAME_CASE
        subject = self._subject(said)
        if subject and matter.subjects:
            return Cause.SAME_SUBJECT if subject in matter.subjects else None
        latest = matter.contacts[-1]
        if said.at - latest.at <= self._rules.one_contact:
            return Cause.ASKED_ELSEWHERE
        if self._is_spoken(latest) or said.at - latest.at > self._rules.elsewhere:
            return None
        return Cause.ASKED_ELSEWHERE

    def _subject(self, said: Said) -> str:
        is_general = said.subject.replace(" ", "") in self._rules.says_nothing
        return "" if is_general else said.subject

    def _is_spoken(self, said: Said) -> bool:
        return said.claim.channel in self._rules.spoken_channels


class ToldBook(RecomputedBook[ToldTwiceRules]):
    """What one customer did and got."""

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        return (self._incident(matter, now) for matter in self._told(now))

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        return (self._end_of(matter) for matter in self._told(now))

    def _told(self, now: datetime) -> Iterator[Matter]:
        """The matters that were told again, by the claims that are not later than now."""
        matters = CustomerMatters(self._rules)
        known = (one for one in self._claims if isinstance(one, Statement))
        read = (Said.of(one) for one in known if one.occurred_at <= now)
        for said in sorted(read, key=lambda one: one.order):
            matters.hear(said)
        return (one for one in matters.all if one.tellings)

    def _end_of(self, matter: Matter) -> datetime:
        forgotten = matter.tellings[-1][0].at + self._rules.published_max_age
        return min(matter.answer.at, forgotten) if matter.answer else forgotten

    def _incident(self, matter: Matter, now: datetime) -> AnyIncident:
        (again, _), first = matter.tellings[0], (matter.told_before or matter.contacts)[0]
        end = self._end_of(matter)
        is_over = end <= now
        since, channel = again.at, again.claim.channel
        identity = (again.conversation, again.number)
        told = list(dict.fromkeys(one.claim.event_id for one, _ in matter.tellings))
        before = dict.fromkeys(one.claim.event_id for one in matter.told_before)
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(self.book, identity, EVERYWHERE, channel, since),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": channel,
                "location": "",
                "fault_id": subject_fault_id(self.book, channel, *identity),
                "state": IncidentState.RESOLVED if is_over else IncidentState.OPEN,
                "severity": severity(matter),
                "cause": min((cause for _, cause in matter.tellings), key=CERTAINTY.index),
                "since": since,
                "due_at": since,
                "until": end if is_over else None,
                "opened_at": since,
                "resolved_at": end if is_over else None,
                "evidence": [
                    told[:EVIDENCE_MAX],
                    [one for one in before if one not in told][:EVIDENCE_MAX],
                ],
                "details": {
                    "first_channel": first.claim.channel,
                    "first_case": first.number,
                    "case": again.number,
                    "times": len(told) + 1,
                },
            }
        )


def severity(matter: Matter) -> Severity:
    """A complaint is worse than a question, what is only likely less than what is certain."""
    if any(one.step is CaseStep.COMPLAINED for one in (*matter.told_before, *matter.contacts)):
        return Severity.HIGH
    guessed = all(cause is Cause.ASKED_ELSEWHERE for _, cause in matter.tellings)
    return Severity.LOW if guessed else Severity.MEDIUM


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """A contact or an answer, with what tells whether it is about the same matter."""
    said = said_by(heard)
    if said is None or not heard.event.identifiers:  # nobody knows whose it is
        return []
    event, (value, terms) = heard.event, said
    statement = Statement(
        heard.customer_book(NAME),
        heard.occurred_at,
        event.event_id,
        0,
        heard.version,
        event.channel,
        "",
        "",
        Basis.PUBLISHED,
        value,
        terms,
    )
    return [(statement, NOTHING_SOLD)]


def met(
    _incident: Incident[ToldDetails], _observations: Iterable[Observation], _rules: ToldTwiceRules
) -> list[Met]:
    """It concerns one customer, who is its subject."""
    return []


KIND = Kind(
    name=NAME,
    title="Told twice",
    subject=SubjectType.CUSTOMER,
    causes=tuple(Cause),
    rules=ToldTwiceRules,
    details=ToldDetails,
    claims=claims,
    hears=CASE_BODIES,
    judge=ToldBook,
    met=met,
)
