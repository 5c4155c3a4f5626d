"""Reply overdue: a customer asked or complained, and nobody answered within what was promised.

It compares nothing: a question without an answer contradicts the promise. Whoever asks again before
an answer waits since the first time. Channels on which people talk to each other are never late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Annotated, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from schemas.base import TimeZone
from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import Basis
from schemas.rules.consistency import KindRules, Name
from schemas.subject import Subject, SubjectType, written_subject
from services.consistency.core.book import incident_id
from services.consistency.core.case_steps import (
    ASKING,
    CASE_BODIES,
    SPOKEN_CHANNELS,
    STEP_ORDER,
    CaseStep,
    step_of,
)
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import subject_fault_id
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook
from services.consistency.core.service_time import Week, due_at, week_of

NAME = "reply_overdue"
NOTHING_SOLD = Decimal(0)
Minutes = Annotated[int, Field(ge=1, le=525_600)]
PROMISE_MINUTES: dict[str, int] = {"default": 24 * 60, "chat": 1, "messenger": 15}


class ReplyRules(KindRules):
    """Within how long a customer is promised an answer."""

    promise_minutes: dict[Name, Minutes] = PROMISE_MINUTES
    """Minutes within which a question on a channel is answered; `default` for all others."""
    spoken_channels: list[Name] = SPOKEN_CHANNELS
    """Channels on which people talk to each other, so that no event tells of the answer; questions
    there are never overdue."""
    bot_answers: bool = True
    """Whether the answer of a bot counts; one that hands over to a person never does."""
    service_hours: dict[Name, Name] = Field(default={}, max_length=7)
    """When somebody is there, as `Mo-Fr = "9-18"`; the promise runs only then. None: always."""
    service_time_zone: TimeZone = "Europe/Berlin"
    """IANA time zone of the service hours."""
    published_max_age_days: int = Field(default=90, ge=1, le=36_500)
    """Days after which a question that nobody answered is no longer told."""

    @model_validator(mode="after")
    def _check_hours(self) -> Self:
        week_of(self.service_hours)
        return self

    def due_at(self, channel: str, asked_at: datetime) -> datetime:
        """When a question on a channel must have been answered."""
        promise = timedelta(minutes=self.promised(channel))
        return due_at(asked_at, promise, self._week, ZoneInfo(self.service_time_zone))

    def promised(self, channel: str) -> int:
        """Minutes within which a question on a channel is answered."""
        return self.promise_minutes.get(channel, self.promise_minutes["default"])

    @cached_property
    def _week(self) -> Week:
        return week_of(self.service_hours)


class Cause(StrEnum):
    """What the customer waits for."""

    QUESTION_UNANSWERED = "question_unanswered"
    COMPLAINT_UNANSWERED = "complaint_unanswered"
    HAND_OVER_UNANSWERED = "hand_over_unanswered"


class ReplyDetails(Details):
    """How long a customer waits, and how often he has asked."""

    promised_minutes: int
    """Minutes of service within which the answer was promised."""
    contacts: int
    """How many times the customer has asked since."""

    def in_words(self) -> str:
        """The promise, and how often it was asked."""
        times = "once" if self.contacts == 1 else f"{self.contacts} times"
        return f"asked {times}, no answer within {self.promised_minutes} minutes"


class Wait(NamedTuple):
    """A customer who waits, or waited: what was asked, and the answer if there is one."""

    asked: list[Statement]
    answer: Statement | None
    is_handed_over: bool

    @property
    def first(self) -> Statement:
        """The question from which on the customer waits."""
        return self.asked[0]


class RepliesBook(RecomputedBook[ReplyRules]):
    """The questions and answers of one case."""

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        """A question is told once it is overdue, never while it is not."""
        for wait in self._waits(now):
            due, end = self._due_at(wait), self._end_of(wait)
            if due <= now and due < end:
                yield self._incident(wait, due, end if end <= now else None)

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        for wait in self._waits(now):
            if wait.answer is None:
                yield self._due_at(wait)
                yield self._end_of(wait)

    def _waits(self, now: datetime) -> Iterator[Wait]:
        """Those who waited and wait, by the claims that are not later than now."""
        known = [
            one for one in self._claims if isinstance(one, Statement) and one.occurred_at <= now
        ]
        for _, said in groupby(sorted(known, key=_in_order), key=attrgetter("terms")):
            yield from self._waits_of(said)

    def _waits_of(self, said: Iterable[Statement]) -> Iterator[Wait]:
        """Those of one conversation, given in order."""
        asked: list[Statement] = []
        is_handed_over = False
        for one in said:
            step = CaseStep(one.value)
            if step in ASKING:
                asked.append(one)
            elif step is CaseStep.HANDED_OVER:
                is_handed_over = True
                asked = asked or [one]
            elif asked and (step is CaseStep.ANSWERED or self._rules.bot_answers):
                yield Wait(asked, one, is_handed_over)
                asked, is_handed_over = [], False
        if asked:
            yield Wait(asked, None, is_handed_over)

    def _due_at(self, wait: Wait) -> datetime:
        if wait.first.channel in self._rules.spoken_channels:
            return self._end_of(wait)
        return self._rules.due_at(wait.first.channel, wait.first.occurred_at)

    def _end_of(self, wait: Wait) -> datetime:
        """When it was answered, or nobody speaks of it any more."""
        forgotten = wait.first.occurred_at + self._rules.published_max_age
        return min(wait.answer.occurred_at, forgotten) if wait.answer else forgotten

    def _incident(self, wait: Wait, due: datetime, end: datetime | None) -> AnyIncident:
        first, terms = wait.first, (wait.first.terms,)
        is_complaint = any(one.value == CaseStep.COMPLAINED for one in wait.asked)
        cause = Cause.COMPLAINT_UNANSWERED if is_complaint else Cause.QUESTION_UNANSWERED
        if wait.is_handed_over and not is_complaint:
            cause = Cause.HAND_OVER_UNANSWERED
        asked = list(dict.fromkeys(one.event_id for one in wait.asked))[:EVIDENCE_MAX]
        since = first.occurred_at
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(self.book, terms, EVERYWHERE, first.channel, since),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": first.channel,
                "location": "",
                "fault_id": subject_fault_id(self.book, first.channel),
                "state": IncidentState.RESOLVED if end else IncidentState.OPEN,
                "severity": Severity.HIGH if is_complaint else Severity.MEDIUM,
                "cause": cause,
                "since": since,
                "due_at": due,
                "until": end,
                "opened_at": due,
                "resolved_at": end,
                "evidence": [asked, [wait.answer.event_id] if wait.answer and end else []],
                "details": {
                    "promised_minutes": self._rules.promised(first.channel),
                    "contacts": len(asked),
                },
            }
        )


def _in_order(said: Statement) -> tuple[str, datetime, int, str]:
    return said.terms, said.occurred_at, STEP_ORDER.index(CaseStep(said.value)), said.event_id


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """What happened in a case: a question, a complaint, or an answer."""
    found = step_of(heard)
    if found is None:
        return []
    case_id, step, conversation = found
    subject = Subject(SubjectType.CASE, case_id)
    statement = Statement(
        Book(heard.event.realm, NAME, subject),
        heard.occurred_at,
        heard.event.event_id,
        0,
        heard.version,
        heard.event.channel,
        "",
        "",
        Basis.PUBLISHED,
        step,
        conversation,
    )
    return [(statement, NOTHING_SOLD)]


def met(
    _incident: Incident[ReplyDetails], _observations: Iterable[Observation], _rules: ReplyRules
) -> list[Met]:
    """It concerns the customer of the case, who is named by the events of the evidence."""
    return []


KIND = Kind(
    name=NAME,
    title="Reply overdue",
    subject=SubjectType.CASE,
    causes=tuple(Cause),
    rules=ReplyRules,
    details=ReplyDetails,
    claims=claims,
    hears=CASE_BODIES,
    judge=RepliesBook,
    met=met,
)
