"""Contact pressure: rolling windows, one contact for all its reports, exact begin and end."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState
from schemas.offer import Basis
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.kinds.contact_pressure import (
    KIND,
    NAME,
    Cause,
    PressureBook,
    PressureRules,
    claims,
)
from tests.events import event
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.customer(7))
RULES = PressureRules()
DAY = 24


def sent(at: float, channel: str = "email", key: str = "", version: int = 0) -> Statement:
    """A contact at an hour, by what its reports have in common."""
    name = f"{channel}-{at:g}-{key}"
    return Statement(
        BOOK, hour(at), name, 0, version, channel, "", "", Basis.PUBLISHED, key or name
    )


def book(said: list[Statement], now: float, rules: PressureRules = RULES) -> PressureBook:
    """A book with the latest tick at an hour."""
    made = PressureBook(BOOK, rules)
    made.add(said)
    made.advance(hour(now))
    return made


def found(said: list[Statement], now: float, rules: PressureRules = RULES) -> list[AnyIncident]:
    """What follows, the earliest first."""
    incidents = book(said, now, rules).incidents().values()
    return sorted(incidents, key=lambda one: (one.cause, one.since))


def test_the_contact_over_the_cap_opens_it_and_the_oldest_ends_it() -> None:
    """A contact counts for seven times 24 hours, to the second."""
    week = [sent(0), sent(2 * DAY), sent(3 * DAY), sent(7 * DAY - 1)]
    assert found(week[:3], 6 * DAY) == []
    [one] = found(week, 7 * DAY - 1)
    assert (one.state, one.since, one.due_at) == (IncidentState.OPEN, *[hour(7 * DAY - 1)] * 2)
    assert one.details.model_dump()["next_allowed_at"] == hour(9 * DAY)
    [one] = found(week, 7 * DAY)
    assert (one.state, one.resolved_at) == (IncidentState.RESOLVED, hour(7 * DAY))
    assert found([*week[:3], sent(7 * DAY)], 8 * DAY) == []


def test_reports_of_one_contact_are_one() -> None:
    """At the time of the earliest, whichever arrives first."""
    said = [sent(0), sent(1, key="m"), sent(0.5, "sms", key="m"), sent(2), sent(3)]
    [one] = found(said, 4)
    details = one.details.model_dump()
    assert (details["contacts"], details["by_channel"]) == (4, {"email": 3, "sms": 1})
    assert one.evidence == [["email-3-"], ["email-0-", "sms-0.5-m", "email-2-"]]


def test_other_channels_do_not_count() -> None:
    """Only those that the rules name."""
    said = [sent(n, "chat") for n in range(9)]
    assert found(said, 10) == []
    assert len(found(said, 10, PressureRules(channels=["chat"]))) == 2


def test_a_corrected_report_is_taken_back() -> None:
    """Its event claims nothing under a higher version: the book is read without it."""
    said = [sent(n) for n in range(4)]
    assert found(said, 5) != []
    assert found(said[:3], 5) == []


def test_severity_from_twice_the_cap_on() -> None:
    """Six contacts where three are allowed."""
    assert [one.severity for one in found([sent(n) for n in range(5)], 9)] == ["low"]
    assert [one.severity for one in found([sent(n) for n in range(6)], 9)] == ["medium"]


@pytest.mark.parametrize("type_", ["message.sent", "email.sent"])
def test_what_is_a_contact(type_: str) -> None:
    """Marketing, surveys and cart reminders; one message id is one contact on every channel."""

    def heard(purpose: str, **body: str) -> list[Statement]:
        fields = event(type_, channel="email", body={"purpose": purpose, **body})
        touchpoint = TouchpointAdapter.validate_python(fields)
        said = claims(Heard(touchpoint, hour(1), 0, 7, "DE", "EUR"))
        return [claim for claim, _ in said]

    assert [len(heard(one)) for one in ("marketing", "survey", "cart_reminder")] == [1, 1, 1]
    assert [heard(one) for one in ("service", "transactional")] == [[], []]
    [first], [second] = heard("marketing", message_id="m"), heard("survey", message_id="m")
    assert first.value == second.value
    assert heard("marketing")[0].value != heard("marketing")[0].value


def naive(said: list[Statement], now: datetime, days: int, cap: int) -> list[tuple[datetime, bool]]:
    """Begin of each excess, and whether it is over: by counting at every moment of change."""
    reports: dict[str, datetime] = {}
    for one in said:
        if one.occurred_at <= now and one.channel in RULES.channels:
            reports[one.value] = min(one.occurred_at, reports.get(one.value, one.occurred_at))
    window, spans = timedelta(days=days), list[list[datetime | None]]()
    moments = sorted({t for at in reports.values() for t in (at, at + window)})
    for moment in moments:
        over = sum(at <= moment < at + window for at in reports.values()) > cap
        if over and (not spans or spans[-1][1] is not None):
            last = spans[-1][1] if spans else None
            if last is not None and moment - last <= RULES.reopen_within:
                spans[-1][1] = None
            else:
                spans.append([moment, None])
        elif not over and spans and spans[-1][1] is None:
            spans[-1][1] = moment
    return [(begin, end is not None and end <= now) for begin, end in spans if begin]


def test_random_histories_agree_with_counting() -> None:
    """In any order of arrival, with repetitions, and from one tick to the next as from scratch."""
    rng = random.Random(7)
    for _ in range(150):
        said = [
            sent(
                rng.randrange(60 * DAY),
                rng.choice(("email", "sms", "chat")),
                rng.choice(("", "", f"m-{rng.randrange(4)}")),
            )
            for _ in range(rng.randrange(26))
        ]
        arrived = [*said, *rng.sample(said, len(said) // 3)]
        rng.shuffle(arrived)
        ticked = PressureBook(BOOK, RULES)
        half = len(arrived) // 2
        ticked.add(arrived[:half])
        ticked.advance(hour(rng.randrange(30 * DAY)))
        ticked.incidents()
        ticked.add(arrived[half:])
        now = rng.randrange(30 * DAY, 100 * DAY)
        ticked.advance(hour(now))
        fresh = book(said, now)
        assert ticked.incidents() == fresh.incidents()
        assert ticked.next_due == fresh.next_due
        for cause, days, cap in ((Cause.OVER_7_DAYS, 7, 3), (Cause.OVER_30_DAYS, 30, 8)):
            mine = [one for one in found(said, now) if one.cause == cause]
            assert [(one.since, one.resolved_at is not None) for one in mine] == naive(
                said, hour(now), days, cap
            )


def test_nothing_changes_before_it_is_due() -> None:
    """Between a tick and the next due time the incidents stay the same; then they may not."""
    rng = random.Random(11)
    for _ in range(60):
        said = [sent(rng.randrange(40 * DAY)) for _ in range(rng.randrange(20))]
        made = book(said, rng.randrange(50 * DAY))
        before, due = made.incidents(), made.next_due
        made.advance((due or hour(90 * DAY)) - timedelta(seconds=1))
        assert made.incidents() == before
    assert PressureBook(BOOK, RULES).next_due is None
    assert PressureBook(BOOK, RULES).incidents() == {}


def test_it_is_about_the_customer_alone() -> None:
    """There is no exposure to count."""
    [one] = found([sent(n) for n in range(4)], 5)
    assert KIND.met(one, [], RULES) == []
    assert KIND.name == one.kind == NAME
