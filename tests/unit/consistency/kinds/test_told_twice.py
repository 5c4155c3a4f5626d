"""Told twice: what is one matter, who waits, and what is never told again."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.core.matters import plain
from services.consistency.kinds.told_twice import (
    KIND,
    NAME,
    Cause,
    ToldDetails,
    ToldTwiceRules,
    claims,
)
from tests.events import event
from tests.unit.consistency.market import hour

RULES = ToldTwiceRules()
TYPES = {
    "asks": "support.contacted",
    "complains": "complaint.opened",
    "answers": "support.answered",
    "closes": "complaint.closed",
}
AUTHORS = {"writes": "customer", "bot": "bot", "hands_over": "bot", "agent": "agent"}


def says(what: str, at: float, channel: str, number: str, **fields: Any) -> Statement:
    """What an event about a case or, if somebody writes, a conversation says at an hour."""
    body: dict[str, Any] = {
        "case_id": number,
        "conversation_id": number,
        "subject": fields.pop("subject", ""),
        "repeated": fields.pop("repeated", False),
        "author": AUTHORS.get(what, "customer"),
        "handed_over": what == "hands_over",
    }
    source = {"agent": fields.pop("by", "")}
    name = f"{what}-{channel}-{number}-{at:g}"[:100].replace("\x1f", "-")
    raw = event(
        TYPES.get(what, "message.exchanged"),
        channel=channel, body=body, source=source, event_id=name,
    )  # fmt: skip
    heard = Heard(TouchpointAdapter.validate_python(raw), hour(at), 0, 7, "DE", "EUR")
    [(claim, quantity)] = claims(heard)
    assert quantity == Decimal(0)
    return claim._replace(**fields)


BOOK = says("asks", 0, "email", "T-1").book


def incidents(
    said: Iterable[Statement], now: float, rules: ToldTwiceRules = RULES
) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(hour(now))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))


def test_a_mail_without_an_answer_and_a_call() -> None:
    """The ticket and the call have other numbers: it is told again at the call, until the answer
    to either."""
    said = [says("asks", 0, "email", "T-1"), says("asks", 5, "phone", "P-9")]
    assert incidents(said, 4.9) == []
    [found] = incidents(said, 5)
    assert (found.since, found.due_at, found.opened_at) == (hour(5), hour(5), hour(5))
    assert (found.state, found.severity) == (IncidentState.OPEN, Severity.LOW)
    assert (found.cause, found.channel) == (Cause.ASKED_ELSEWHERE, "phone")
    assert found.evidence == [["asks-phone-P-9-5"], ["asks-email-T-1-0"]]
    assert found.details == ToldDetails(
        first_channel="email", first_case="T-1", case="P-9", times=2
    )
    assert found.details.in_words() == "told 2 times, first as T-1 on email"
    assert found.about == Subject.customer(7)
    [over] = incidents([*said, says("answers", 30, "email", "T-1")], 40)
    assert (over.incident_id, over.state, over.until) == (
        found.incident_id, IncidentState.RESOLVED, hour(30),
    )  # fmt: skip
    [forgotten] = incidents(said, 5 + 14 * 24)
    assert (forgotten.state, forgotten.until) == (IncidentState.RESOLVED, hour(5 + 14 * 24))


MAIL = says("asks", 0, "email", "T-1")
PARCEL = says("asks", 0, "email", "T-1", subject="Where is my parcel?")


@pytest.mark.parametrize(
    ("said", "cause", "severity"),
    [
        # the same case on another channel, days later
        ([MAIL, says("asks", 300, "phone", "T-1")], Cause.SAME_CASE, Severity.MEDIUM),
        # the same subject in another case; marks of replies say nothing
        (
            [PARCEL, says("asks", 300, "phone", "P-9", subject="AW: where is my PARCEL")],
            Cause.SAME_SUBJECT, Severity.MEDIUM,
        ),
        # a subject that says nothing is none
        (
            [PARCEL, says("asks", 24, "phone", "P-9", subject="Kontakt-Anfrage")],
            Cause.ASKED_ELSEWHERE, Severity.LOW,
        ),
        # a complaint is worse
        ([MAIL, says("complains", 9, "letter", "B-1")], Cause.ASKED_ELSEWHERE, Severity.HIGH),
        # a bot has handed over, and nobody came
        (
            [says("writes", 0, "chat", "5"), says("hands_over", 0.01, "chat", "5"),
             says("asks", 1, "phone", "P-9")],
            Cause.ASKED_ELSEWHERE, Severity.LOW,
        ),
        # the bot answered first, then handed over
        (
            [says("writes", 0, "chat", "5"), says("bot", 0.01, "chat", "5"),
             says("hands_over", 0.02, "chat", "5"), says("asks", 1, "phone", "P-9")],
            Cause.ASKED_ELSEWHERE, Severity.LOW,
        ),
        # two calls are heard, but others sat there
        (
            [says("asks", 0, "phone", "T-1", by="a"), says("asks", 50, "pos", "T-1", by="b")],
            Cause.SAME_CASE, Severity.MEDIUM,
        ),
        # the customer says so: nothing else is needed
        ([says("asks", 0, "phone", "P-9", repeated=True)], Cause.REPEATED, Severity.MEDIUM),
        ([says("answers", 0, "phone", "P-9", repeated=True)], Cause.REPEATED, Severity.MEDIUM),
        (
            [MAIL, says("answers", 1, "email", "T-1"),
             says("asks", 90, "email", "T-1", repeated=True)],
            Cause.REPEATED, Severity.MEDIUM,
        ),
    ],
)  # fmt: skip
def test_told_again(said: list[Statement], cause: Cause, severity: Severity) -> None:
    """Each signal, and how certain it is."""
    [found] = incidents(said, 330)
    assert (found.cause, found.severity) == (cause, severity)


@pytest.mark.parametrize(
    "said",
    [
        [MAIL],
        # reminders: the same case, another one, the same subject, all on the same channel
        [MAIL, says("asks", 9, "email", "T-1"), says("asks", 10, "email", "T-2")],
        [PARCEL, says("asks", 99, "email", "T-2", subject="Where is my parcel?")],
        # answered in between, at the last moment
        [MAIL, says("answers", 5, "email", "T-1"), says("asks", 5, "phone", "P-9")],
        [MAIL, says("closes", 4, "letter", "T-1"), says("asks", 5, "phone", "T-1")],
        # a reminder that got a number of its own was answered
        [MAIL, says("asks", 3, "email", "T-2"), says("answers", 4, "email", "T-2"),
         says("asks", 5, "phone", "P-9")],
        # thanks after the answer
        [MAIL, says("answers", 1, "email", "T-1"), says("asks", 2, "email", "T-1"),
         says("asks", 5, "phone", "P-9")],
        [says("writes", 0, "chat", "5"), says("agent", 0.01, "chat", "5"),
         says("writes", 0.02, "chat", "5"), says("asks", 1, "email", "T-1")],
        # two matters
        [PARCEL, says("asks", 5, "phone", "P-9", subject="Broken lamp")],
        # more than a day later, without a subject
        [MAIL, says("asks", 24.1, "phone", "P-9")],
        # nobody remembers
        [PARCEL, says("asks", 14 * 24 + 1, "phone", "P-9", subject="Where is my parcel?")],
        [MAIL, says("asks", 14 * 24 + 1, "phone", "T-1")],
        # a bot that knows
        [says("writes", 0, "chat", "5"), says("bot", 0.01, "chat", "5"),
         says("asks", 1, "email", "T-1")],
        # handed over to a person on another channel, with the conversation
        [says("writes", 0, "voice", "V-5"), says("hands_over", 0.01, "voice", "V-5"),
         says("asks", 0.3, "phone", "V-5")],
        [says("writes", 0, "chat", "5"), says("hands_over", 0.01, "chat", "5"),
         says("writes", 0.5, "messenger", "5"), says("agent", 0.6, "messenger", "5")],
        # one contact, reported by two systems
        [MAIL, says("asks", 5 / 60, "shop", "W-1")],
        # the same person took both
        [says("asks", 0, "email", "T-1", by="a"), says("asks", 5, "phone", "T-1", by="a")],
        # heard at the first call, as far as anybody knows
        [says("asks", 0, "phone", "P-1"), says("asks", 5, "email", "T-1")],
        [says("asks", 0, "phone", "P-1", by="a"), says("asks", 5, "email", "P-1")],
        # what nobody asked
        [says("answers", 0, "email", "T-1"), says("answers", 1, "phone", "P-1")],
    ],
)  # fmt: skip
def test_never_reported(said: list[Statement]) -> None:
    """Reminders, answered and unrelated matters, hand-overs, and whatever is in doubt."""
    assert incidents(said, 400) == []


def test_three_channels_are_one_incident() -> None:
    """It is told for the third time, and begins at the second."""
    said = [MAIL, says("asks", 5, "phone", "P-9"), says("complains", 9, "letter", "T-1")]
    [found] = incidents(said, 10)
    assert (found.since, found.cause, found.severity) == (hour(5), Cause.SAME_CASE, Severity.HIGH)
    assert found.model_dump()["details"]["times"] == 3
    assert found.evidence == [["asks-phone-P-9-5", "complains-letter-T-1-9"], ["asks-email-T-1-0"]]


def test_who_has_told_it_before() -> None:
    """A customer who says so means the latest contact that may be about it."""
    again = says("asks", 100, "phone", "P-9", repeated=True)
    answered = [PARCEL, says("answers", 1, "email", "T-1")]
    lamp = says("asks", 50, "chat", "T-2", subject="Broken lamp")
    [found] = incidents([*answered, again], 100)
    assert found.evidence[1] == [PARCEL.event_id]
    about = says("asks", 100, "phone", "P-9", repeated=True, subject="Where is my parcel?")
    [found] = incidents([*answered, lamp, about], 100)
    assert found.evidence[1] == [PARCEL.event_id]
    assert found.model_dump()["details"]["first_case"] == "T-1"
    other = says("asks", 100, "phone", "P-9", repeated=True, subject="Invoice")
    [found] = incidents([*answered, lamp, other], 100)
    assert found.evidence == [[other.event_id], []]


def test_a_second_incident_of_one_case() -> None:
    """A complaint after the answer begins anew."""
    said = [
        MAIL, says("asks", 5, "phone", "T-1"), says("answers", 6, "email", "T-1"),
        says("complains", 40, "email", "T-1"), says("asks", 50, "phone", "T-1"),
    ]  # fmt: skip
    first, second = incidents(said, 51)
    assert (first.state, second.state) == (IncidentState.RESOLVED, IncidentState.OPEN)
    assert (first.since, second.since) == (hour(5), hour(50))


def test_rules_change_what_counts() -> None:
    """Hours elsewhere, minutes of one contact, bots, and subjects that say nothing."""
    said = [MAIL, says("asks", 5, "phone", "P-9")]
    assert incidents(said, 10, ToldTwiceRules(elsewhere_hours=0, one_contact_minutes=0)) == []
    assert incidents(said, 10, ToldTwiceRules(one_contact_minutes=300)) == []
    chat = [says("writes", 0, "chat", "5"), says("bot", 0.01, "chat", "5"),
            says("asks", 1, "email", "T-1")]  # fmt: skip
    assert len(incidents(chat, 10, ToldTwiceRules(bot_answers=False))) == 1
    subjects = [PARCEL, says("asks", 300, "phone", "P-9", subject="Where is my parcel?")]
    rules = ToldTwiceRules(general_subjects=["Where is my parcel"])
    assert incidents(subjects, 300, rules) == []
    with pytest.raises(ValidationError):
        ToldTwiceRules(within_days=0)


def test_late_and_corrected_events() -> None:
    """A late answer disproves it; a corrected subject replaces the former one."""
    said = [PARCEL, says("asks", 30, "phone", "P-9", subject="Where is my parcel?")]
    book = KIND.judge(BOOK, RULES)
    assert book.next_due is None
    assert book.add(said) == said
    assert book.add(said) == []
    assert book.incidents() == {}
    assert book.next_due == hour(0)
    book.advance(hour(40))
    assert len(book.incidents()) == 1
    other = says("asks", 30, "phone", "P-9", subject="Broken lamp", version=1)
    book.add([other])
    assert book.incidents() == {}
    book.add([other._replace(value=said[1].value, version=2)])
    assert len(book.incidents()) == 1
    book.add([says("answers", 29, "email", "T-1")])
    assert book.incidents() == {}
    with pytest.raises(ValueError, match="in the book of"):
        book.add([MAIL._replace(book=Book("other", NAME, BOOK.subject))])


def _parts(one: Statement) -> list[str]:
    return one.value.split("\x1f")


def _contacts(matter: list[Statement]) -> list[Statement]:
    return [one for one in matter if _parts(one)[0] in ("asked", "complained")]


def _answered(matter: list[Statement]) -> bool:
    steps = [_parts(one)[0] for one in matter]
    if "answered" in steps:
        return True
    return "bot_answered" in steps and "handed_over" not in steps


def _last(matter: list[Statement]) -> datetime:
    return max(one.occurred_at for one in matter)


def _spoken(one: Statement) -> bool:
    return one.channel in ("phone", "pos", "kiosk", "voice")


def _handed(matter: list[Statement], one: Statement) -> bool:
    number = one.terms.split("\x1f")[1]
    return any(
        _parts(step)[0] == "handed_over" and step.terms.split("\x1f")[1] == number
        for step in matter
    )


def _related(matter: list[Statement], one: Statement) -> bool:
    mine = {_parts(step)[2] for step in _contacts(matter)} - {""}
    if _handed(matter, one):
        return True
    if mine and _parts(one)[2]:
        return _parts(one)[2] in mine
    latest = _contacts(matter)[-1]
    apart = one.occurred_at - latest.occurred_at
    if apart <= timedelta(minutes=5):
        return True
    return apart <= timedelta(hours=24) and not _spoken(latest)


def _again(matter: list[Statement], one: Statement) -> bool:
    told = _contacts(matter)
    by = {_parts(step)[3] for step in told} - {""}
    return (
        one.channel not in {step.channel for step in told}
        and _parts(one)[3] not in by
        and not _handed(matter, one)
        and one.occurred_at - told[-1].occurred_at > timedelta(minutes=5)
        and (not all(map(_spoken, told)) or bool(by and _parts(one)[3]))
    )


def oracle(said: Sequence[Statement], now: datetime) -> dict[str, list[str]]:
    """By definition, under the default rules: events that tell a matter again, by its first.

    Matters are lists of events, and everything about them is looked up anew each time.
    """
    order = ["asked", "complained", "handed_over", "bot_answered", "answered"]

    matters: list[list[Statement]] = []
    thanks: dict[int, datetime] = {}
    told: dict[int, list[str]] = {}
    mine_of: dict[str, int] = {}

    def alive(number: int, one: Statement) -> bool:
        latest = max(_last(matters[number]), thanks.get(number, _last(matters[number])))
        return one.occurred_at - latest <= timedelta(days=14)

    known = [one for one in said if one.occurred_at <= now]
    for one in sorted(
        known, key=lambda one: (one.occurred_at, order.index(_parts(one)[0]), one.event_id)
    ):
        mine = mine_of.get(one.terms)
        if mine is not None and not alive(mine, one):
            mine = None
        if _parts(one)[0] not in ("asked", "complained"):
            if mine is not None:
                matters[mine].append(one)
            continue
        if mine is not None and _answered(matters[mine]):
            if _parts(one)[0] == "asked":
                thanks[mine] = one.occurred_at
                continue
            mine = None
        elif mine is None:
            mine = next(
                (
                    number
                    for number in reversed(range(len(matters)))
                    if alive(number, one)
                    and not _answered(matters[number])
                    and _related(matters[number], one)
                ),
                None,
            )
        if mine is None:
            matters.append([])
            mine = len(matters) - 1
        elif _again(matters[mine], one):
            told.setdefault(mine, []).append(one.event_id)
        matters[mine].append(one)
        mine_of[one.terms] = mine
    return {matters[number][0].event_id: ids for number, ids in told.items()}


def random_history(rng: random.Random) -> list[Statement]:
    """What a customer with a few cases and conversations may say in some weeks."""
    found: list[Statement] = []
    for at in sorted(rng.sample(range(4 * 300), k=rng.randint(2, 14))):
        hours = at / 4 if rng.random() < 0.7 or not found else at / 4 + 0.02
        if rng.random() < 0.6:
            what, channel = rng.choice(list(TYPES)), rng.choice(["email", "phone", "shop"])
            number = rng.choice(["T-1", "T-2", "5"])
            subject = rng.choice(["", "", "parcel", "lamp"])
            by = rng.choice(["", "", "a", "b"])
            found.append(says(what, hours, channel, number, subject=subject, by=by))
        else:
            channel = rng.choice(["chat", "messenger"])
            found.append(says(rng.choice(list(AUTHORS)), hours, channel, rng.choice(["5", "6"])))
    return found


def test_as_the_oracle_says_in_any_order() -> None:
    """400 random customers, shuffled, doubled and judged step by step, give what follows from the
    definition; and time changes something only when it is due."""
    rng = random.Random(11)
    hits = 0
    for _ in range(400):
        said = random_history(rng)
        now = hour(rng.randint(100, 400))
        book = KIND.judge(BOOK, RULES)
        for one in rng.sample(said * 2, k=2 * len(said)):
            book.add([one])
            if rng.random() < 0.3:
                book.advance(hour(rng.randint(0, 100)))
                book.incidents()
        book.advance(now)
        found = book.incidents()
        wanted = oracle(said, now)
        hits += len(wanted)
        assert sorted(one.evidence[0] for one in found.values()) == sorted(wanted.values())
        assert all(one.evidence[1][0] in wanted for one in found.values())
        assert found == {one.incident_id: one for one in incidents(said, 0 + _hours(now))}
    assert hits > 100


def _hours(at: datetime) -> float:
    return (at - hour(0)) / timedelta(hours=1)


def test_nothing_changes_before_it_is_due() -> None:
    """The times at which something is due are all that a judge needs to look at."""
    rng = random.Random(12)
    for _ in range(60):
        lazy = KIND.judge(BOOK, RULES)
        lazy.add(random_history(rng))
        lazy.advance(hour(0))
        before = lazy.incidents()
        while (due := lazy.next_due) is not None:
            lazy.advance(due - timedelta(milliseconds=1))
            assert lazy.incidents() == before
            lazy.advance(due)
            before = lazy.incidents()


def test_what_is_compared_of_a_subject() -> None:
    """Words in small letters, without marks of replies; long ones are cut."""
    assert plain("AW: Re: Wo ist mein PAKET?") == "wo ist mein paket"
    assert plain("Straße") == plain("STRASSE")
    assert plain(" ") == plain("Re:") == ""
    assert len(plain("ﷺ" * 300)) == 300


def test_other_events_say_nothing_of_it() -> None:
    """No claim, whatever they are; the largest statement keeps its bound."""
    heard = Heard(TouchpointAdapter.validate_python(event()), hour(0), 0, 7, "DE", "EUR")
    assert claims(heard) == []
    large = says("asks", 0, "email", "\x1f" * 100, subject="ﷺ" * 300, by="\x1f" * 100)
    assert len(large.value) <= 1000
    [found] = incidents([large, says("asks", 1, "phone", "P-9")], 2)
    assert found.model_dump()["details"]["first_case"] == "\x1f" * 100


def test_nobody_met_it() -> None:
    """It concerns one customer."""
    [found] = incidents([says("asks", 0, "phone", "P-9", repeated=True)], 1)
    assert KIND.met(found, [], RULES) == []
