"""Replies: who waits, until when, and what is no question or needs no answer."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.offer import Basis
from schemas.subject import Subject, SubjectType
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.case_steps import CaseStep
from services.consistency.core.kind import Heard
from services.consistency.kinds.reply_overdue import (
    KIND,
    NAME,
    Cause,
    ReplyDetails,
    ReplyRules,
    claims,
    met,
)
from tests.events import event
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject(SubjectType.CASE, "C-1"))
RULES = ReplyRules()
ASKED, COMPLAINED, HANDED, BOT, ANSWERED = CaseStep


def says(step: CaseStep, at: float, channel: str = "email", **fields: Any) -> Statement:
    """A step of case C-1 at an hour."""
    name = f"{step}-{channel}-{at:g}"
    said = Statement(BOOK, hour(at), name, 0, 0, channel, "", "", Basis.PUBLISHED, step)
    return said._replace(**fields)


def incidents(said: list[Statement], now: float, rules: ReplyRules = RULES) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(hour(now))
    return sorted(book.incidents().values(), key=lambda one: one.since)


def test_a_question_that_nobody_answers() -> None:
    """Not a word while it may still be answered; open when the day is over, until the answer."""
    asked = [says(ASKED, 0)]
    assert incidents(asked, 23.9) == []
    [found] = incidents(asked, 24)
    assert (found.since, found.due_at, found.opened_at) == (hour(0), hour(24), hour(24))
    assert (found.state, found.severity) == (IncidentState.OPEN, Severity.MEDIUM)
    assert (found.cause, found.channel) == (Cause.QUESTION_UNANSWERED, "email")
    assert found.details == ReplyDetails(promised_minutes=1440, contacts=1)
    assert found.details.in_words() == "asked once, no answer within 1440 minutes"
    [over] = incidents([*asked, says(ANSWERED, 30, "phone")], 40)
    assert (over.incident_id, over.state, over.until) == (
        found.incident_id, IncidentState.RESOLVED, hour(30),
    )  # fmt: skip
    assert over.evidence == [["asked-email-0"], ["answered-phone-30"]]


@pytest.mark.parametrize(
    "said",
    [
        [says(ASKED, 0), says(ANSWERED, 23)],
        [says(ASKED, 0), says(ANSWERED, 24)],  # at the last moment
        [says(ASKED, 0), says(ANSWERED, 0)],  # at the same one
        [says(ASKED, 0, "phone")],  # they talk to each other
        [says(ASKED, 0, "pos"), says(COMPLAINED, 5, "pos")],
        [says(ANSWERED, 0)],
        [says(BOT, 0, "chat")],
        [says(ASKED, 0, "chat"), says(BOT, 0.01, "chat")],
    ],
)
def test_never_reported(said: list[Statement]) -> None:
    """What was answered in time, spoken word, and answers to what nobody asked."""
    assert incidents(said, 50) == []


def test_who_asks_again_waits_since_the_first_time() -> None:
    """A complaint in between makes it worse; an answer ends the wait, the next question begins
    another one."""
    said = [says(ASKED, 0), says(ASKED, 10), says(COMPLAINED, 20)]
    [found] = incidents(said, 30)
    assert (found.since, found.severity, found.cause) == (
        hour(0), Severity.HIGH, Cause.COMPLAINT_UNANSWERED,
    )  # fmt: skip
    assert found.model_dump()["details"]["contacts"] == 3
    said += [says(ANSWERED, 31), says(ASKED, 40)]
    assert [one.state for one in incidents(said, 63)] == [IncidentState.RESOLVED]
    first, second = incidents(said, 64)
    assert (first.state, second.state) == (IncidentState.RESOLVED, IncidentState.OPEN)
    assert second.since == hour(40)


def test_a_bot_that_hands_over() -> None:
    """Its message is no answer: the customer waits for a person; bots may count for nothing."""
    chat = [says(ASKED, 0, "chat"), says(BOT, 0.01, "chat"), says(HANDED, 1, "chat")]
    [found] = incidents(chat, 2)
    assert (found.since, found.cause) == (hour(1), Cause.HAND_OVER_UNANSWERED)
    waiting = [says(ASKED, 0, "chat"), says(HANDED, 0.01, "chat")]
    [found] = incidents(waiting, 2)
    assert (found.since, found.cause) == (hour(0), Cause.HAND_OVER_UNANSWERED)
    [found] = incidents(chat[:2], 2, ReplyRules(bot_answers=False))
    assert (found.since, found.cause) == (hour(0), Cause.QUESTION_UNANSWERED)


def test_conversations_of_two_channels_with_one_number() -> None:
    """An answer in the chat is none to the messenger's conversation of that number."""
    said = [says(ASKED, 0, "messenger", terms="messenger"), says(ASKED, 0, "chat", terms="chat")]
    said.append(says(ANSWERED, 0.01, "chat", terms="chat"))
    assert [one.channel for one in incidents(said, 1)] == ["messenger"]


def test_hours_of_service() -> None:
    """The promise runs only then: asked on Monday at midnight, due after 24 hours of service."""
    rules = ReplyRules(service_hours={"Mo-Fr": "9-18"}, service_time_zone="UTC")
    [found] = incidents([says(ASKED, 0)], 500, rules)
    assert found.due_at - found.since == timedelta(days=2, hours=15)


def test_what_nobody_answers_is_forgotten() -> None:
    """After ninety days it is over, and a question older than its promise was never overdue."""
    [found] = incidents([says(ASKED, 0)], 24 * 91)
    assert (found.state, found.until) == (IncidentState.RESOLVED, hour(24 * 90))
    assert found.evidence[1] == []
    rules = ReplyRules(promise_minutes={"default": 525_600})
    assert incidents([says(ASKED, 0)], 24 * 400, rules) == []


def test_when_time_alone_changes_something() -> None:
    """The next claim, the end of a promise, the end of memory."""
    book = KIND.judge(BOOK, RULES)
    assert book.next_due is None
    book.add([says(ASKED, 0), says(ASKED, 200, terms="chat", channel="chat")])
    assert book.incidents() == {}
    assert book.next_due == hour(0)
    for now, due in ((0, 24), (24, 200), (199, 200), (200, 200 + 1 / 60), (201, 24 * 90)):
        book.advance(hour(now))
        assert book.next_due == hour(due), now
    book.advance(hour(24 * 200))
    assert book.next_due is None


def test_a_corrected_event_counts_once_and_others_are_refused() -> None:
    """The newest version of an event replaces the former one; a claim of another case is none."""
    said = says(ASKED, 0)
    book = KIND.judge(BOOK, RULES)
    assert book.add([said, said]) == [said]
    corrected = said._replace(version=1, value=CaseStep.ANSWERED)
    assert book.add([corrected, said]) == [corrected]
    book.advance(hour(50))
    assert book.incidents() == {}
    other = said._replace(book=Book("default", NAME, Subject(SubjectType.CASE, "C-2")))
    with pytest.raises(ValueError, match="in the book of"):
        book.add([other])


def test_order_repetition_and_batches_change_nothing() -> None:
    """300 random cases, shuffled, doubled and judged step by step, give the same incidents; the
    times at which something is due are all that a judge needs to look at."""
    rng = random.Random(5)
    for _ in range(300):
        said = [
            says(rng.choice(list(CaseStep)), at, rng.choice(["email", "chat", "phone"]))
            for at in sorted(rng.sample(range(120), k=8))
        ]
        wanted = incidents(said, 200)
        book = KIND.judge(BOOK, RULES)
        for one in rng.sample(said * 2, k=16):
            book.add([one])
            book.advance(hour(rng.randint(0, 120)))
            book.incidents()
        book.advance(hour(200))
        assert sorted(book.incidents().values(), key=lambda one: one.since) == wanted
        lazy = KIND.judge(BOOK, RULES)
        lazy.add(said)
        lazy.advance(hour(0))
        before = lazy.incidents()
        while (due := lazy.next_due) is not None and due <= hour(200):
            lazy.advance(due - timedelta(milliseconds=1))
            assert lazy.incidents() == before
            lazy.advance(due)
            before = lazy.incidents()


@pytest.mark.parametrize(
    ("kind", "body", "heard"),
    [
        ("support.contacted", {"case_id": "C-1"}, (ASKED, "")),
        ("support.answered", {"case_id": "C-1"}, (ANSWERED, "")),
        ("complaint.opened", {"case_id": "C-1"}, (COMPLAINED, "")),
        ("complaint.closed", {"case_id": "C-1"}, (ANSWERED, "")),
        ("message.exchanged", {"conversation_id": "C-1"}, (ASKED, "chat")),
        ("message.exchanged", {"conversation_id": "C-1", "author": "agent"}, (ANSWERED, "chat")),
        ("message.exchanged", {"conversation_id": "C-1", "author": "bot"}, (BOT, "chat")),
        ("message.exchanged", {"conversation_id": "C-1", "author": "bot", "handed_over": True},
         (HANDED, "chat")),
        ("page.viewed", {}, None),
    ],
)  # fmt: skip
def test_what_is_heard(kind: str, body: dict[str, Any], heard: tuple[CaseStep, str] | None) -> None:
    """Steps of cases and conversations; those of a conversation within their channel."""
    one = TouchpointAdapter.validate_python(
        event() | {"type": kind, "channel": "chat", "body": body}
    )
    found = claims(Heard(one, hour(0), 7, 1, "DE", "EUR"))
    assert [(claim.value, claim.terms) for claim, _ in found] == ([heard] if heard else [])
    assert [(claim.book, claim.version, quantity) for claim, quantity in found] == [
        (BOOK, 7, Decimal(0)) for _ in found
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"promise_minutes": {"chat": 1}},
        {"promise_minutes": {"default": 0}},
        {"service_time_zone": "Europe/Atlantis"},
        {"service_hours": {"Mo": "whenever"}},
    ],
)
def test_rules_that_cannot_be(wrong: dict[str, Any]) -> None:
    """Each is refused with what is wrong."""
    with pytest.raises(ValidationError):
        ReplyRules(**wrong)


def test_nobody_met_it() -> None:
    """It concerns the customer of the case."""
    [found] = incidents([says(ASKED, 0)], 24)
    assert met(found, [], RULES) == []  # type: ignore[arg-type]
