"""Measures of service on the real engine: who asked, who answered, and when a case comes back."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from schemas.rules.insights import InsightRules
from services.consistency.core.service_time import week_of
from services.measures.core.result import Flag
from services.measures.core.service_clock import service_time
from services.store.database import Database
from tests.measure_stories import (
    BERLIN,
    DAY,
    HOUR,
    MINUTE_MAX,
    Step,
    answers,
    asks,
    happened,
    measured,
    outcome,
    says,
    sent,
    wanted_of,
)
from tests.profile_store import NOON, Store, event

pytestmark = pytest.mark.any_store


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


RESPONSES: dict[str, tuple[list[Step], str]] = {
    "within a day": ([asks(0), answers(DAY)], "in_time"),
    "after a day": ([asks(0), answers(DAY + 1)], "late"),
    "never": ([asks(0)], "unanswered"),
    "not yet": ([asks(MINUTE_MAX - HOUR)], "open"),
    "to a question of before": ([asks(-3 * DAY), answers(0)], ""),
    "a bot by mail": ([asks(0), answers(1, kind_of_agent="bot")], "unanswered"),
    "a bot on chat": ([says(0, "customer"), says(1, "bot")], "in_time"),
    "a bot that hands over": (
        [says(0, "customer"), says(1, "bot", handed_over=True), says(5, "agent")],
        "late",
    ),
    "on hold for a minute": ([asks(0, channel="phone", wait_s=60)], "in_time"),
    "on hold for longer": ([asks(0, channel="phone", wait_s=61)], "late"),
    "on the telephone": ([asks(0, channel="phone")], "unknown"),
    "asked again": ([asks(0), asks(DAY), answers(DAY + HOUR)], "late"),
    "begun by us": ([asks(0, direction="us"), answers(1)], ""),
    "a complaint": (
        [("complaint.opened", 0, {"case_id": "C"}), ("complaint.closed", 1, {"case_id": "C"})],
        "in_time",
    ),
    "an answer of before": ([answers(0), asks(1)], "unanswered"),
    "thanks to an agent": ([says(0, "agent"), says(5, "customer")], ""),
    "greeted by a bot": ([says(0, "bot"), says(1, "customer"), says(2, "agent")], "in_time"),
    "a test": ([asks(0, synthetic=True), answers(1, synthetic=True)], ""),
}


def test_what_is_an_answer(store: Store) -> None:
    """Every story ends as it says."""
    happened(store, *(steps for steps, _ in RESPONSES.values()))
    assert outcome(measured(store, "response")) == wanted_of(RESPONSES)


def test_conversations_of_two_channels(store: Store) -> None:
    """A number of a conversation is one within its channel, that of a case everywhere."""
    chat, messenger = says(0, "customer"), says(0, "customer", channel="messenger")
    happened(store, [chat, messenger, says(1, "bot", channel="messenger")])
    assert outcome(measured(store, "response")) == {"in_time": 1, "unanswered": 1}


def test_the_service_clock(store: Store) -> None:
    """What is in time by the hours of two teams is what counting by hand gives."""
    draw, hours = random.Random(7), {"default": {"Mo-Fr": "9-18"}, "late": {"Mo-Su": "16-2"}}
    promise = {"default": {"within_s": 4 * 3600, "in_service_hours": True}}
    rules = InsightRules.model_validate({"service_hours": hours, "promise": promise})
    wanted, events = 0, list[Any]()
    for n in range(60):
        team, minutes = draw.choice(["desk", "late"]), draw.randrange(14 * DAY)
        wait = draw.randrange(2 * DAY)
        week = week_of(hours.get(team, hours["default"]))
        asked = NOON + timedelta(minutes=minutes)
        served = service_time(asked, asked + timedelta(minutes=wait), week, BERLIN)
        wanted += served <= timedelta(hours=4)
        who = f"email=p{n}@example.org"
        events += (
            event(f"a{n}", "support.contacted", minutes, who, case_id=f"C{n}", channel="email"),
            event(f"b{n}", "support.answered", minutes + wait, who, case_id=f"C{n}", team=team),
        )
    store.take(*events)
    found = measured(store, "response", rules)
    assert (found.counts["in_time"], found.counts["late"]) == (wanted, 60 - wanted)
    assert 0 < wanted < 60


def complains(minutes: int, **more: Any) -> Step:
    """A complaint about the case."""
    return "complaint.opened", minutes, {"case_id": "C", "channel": "phone", **more}


SOLVED: dict[str, tuple[list[Step], str]] = {
    "answered once": ([asks(0), answers(1)], "solved"),
    "marked as solved": (
        [asks(MINUTE_MAX - DAY), answers(MINUTE_MAX - HOUR, solved=True)],
        "solved",
    ),
    "not solved": ([asks(0), answers(1, solved=False)], "unsolved"),
    "no answer": ([asks(0)], "unsolved"),
    "a second contact": ([asks(0), answers(1), asks(2)], "unsolved"),
    "may come back": ([asks(MINUTE_MAX - 7 * DAY), answers(MINUTE_MAX - DAY)], "open"),
    "had its time": ([asks(MINUTE_MAX - 7 * DAY - 1), answers(MINUTE_MAX - DAY)], "solved"),
    "a complaint is opened in the call": ([asks(0), complains(5), answers(60)], "solved"),
    "a complaint after the call": ([asks(0), complains(11), answers(60)], "unsolved"),
    "taken on the telephone": ([asks(0, channel="phone", wait_s=5)], "solved"),
}


def test_what_is_solved_at_once(store: Store) -> None:
    """Every story ends as it says."""
    happened(store, *(steps for steps, _ in SOLVED.values()))
    assert outcome(measured(store, "first_contact_solved")) == wanted_of(SOLVED)


def test_a_subject_that_comes_back_in_another_case(store: Store) -> None:
    """Within seven days the first case did not settle it; the second one, and cases that are
    further apart, are solved."""
    happened(store, *(
        [
            asks(0, subject="Lampe"), answers(1),
            asks(minutes, subject="LAMPE", case_id="D"), answers(minutes + 1, case_id="D"),
        ]
        for minutes in (7 * DAY, 7 * DAY + 1)
    ))  # fmt: skip
    assert outcome(measured(store, "first_contact_solved")) == {"solved": 3, "unsolved": 1}


def test_an_answer_says_no_subject(store: Store) -> None:
    """It belongs to the subject of its case: a customer who comes back in it was not helped."""
    happened(store, [
        asks(0, subject="Lampe"), answers(1), asks(2 * DAY, case_id="D", subject="Lampe"),
        answers(3 * DAY, case_id="D", solved=True),
    ])  # fmt: skip
    assert outcome(measured(store, "first_contact_solved")) == {"solved": 1, "unsolved": 1}


def changed(*, days: int = 1, settled: bool = False, **then: Any) -> list[Step]:
    """A case of a subject that continues on the telephone, with somebody else."""
    then = {"channel": "phone", "subject": "Lampe", "team": "hotline", **then}
    answered = answers(5, team="desk", subject="Lampe", **({"solved": True} if settled else {}))
    return [asks(0, subject="Lampe"), answered, asks(days * DAY, **then)]


TOLD: dict[str, tuple[list[Step], int]] = {
    "said so": ([asks(0, repeated=True)], 1),
    "said in the answer": ([asks(0), answers(1, repeated=True)], 1),
    "elsewhere to somebody else": (changed(), 1),
    "in another case of the subject": (changed(case_id="D"), 1),
    "answers that say no subject": (
        [
            asks(0, subject="Lampe"),
            answers(5, team="desk"),
            asks(DAY, channel="phone", subject="Lampe"),
            answers(DAY + 5, team="hotline"),
        ],
        1,
    ),
    "a contact that says no subject": (changed(subject=""), 1),
    "a complaint that another system reports": (
        [asks(0, agent="a"), answers(1, agent="a"), complains(5, agent="b")],
        0,
    ),
    "on the same channel": (changed(channel="email"), 0),
    "to the same team": (changed(team="desk"), 0),
    "after it was solved": (changed(settled=True), 0),
    "on the fourteenth day": (changed(days=14), 1),
    "on the fifteenth day": (changed(days=15), 0),
    "nobody had dealt with it": ([asks(0), asks(DAY, channel="phone", team="hotline")], 0),
}


def test_what_is_told_twice(store: Store) -> None:
    """Of these stories, and no other one."""
    happened(store, *(steps for steps, _ in TOLD.values()))
    found = outcome(measured(store, "told_twice"))
    assert found["told_twice"] == sum(many for _, many in TOLD.values())


def test_hands_through_which_a_case_goes(store: Store) -> None:
    """From the desk to the workshop and back: passed on twice, and one case of two."""
    hands = [answers(n, team=team) for n, team in enumerate(("desk", "desk", "shop", "desk"), 1)]
    happened(store, [asks(0), *hands], [asks(0), answers(1, team="desk")])
    counts = outcome(measured(store, "told_twice"))
    assert (counts["cases"], counts["passed_on"], counts["transfers"]) == (2, 1, 2)


def orders(promised_days: int, *more: Step, placed: int = 0, **body: Any) -> list[Step]:
    """An order with a promise, and what comes after."""
    promised = (NOON + timedelta(days=promised_days)).isoformat()
    lines = [{"sku": "1", "total": "9.00"}]
    body = {"order_id": "O", "lines": lines, "promised_at": promised, **body}
    return [("order.placed", placed, body), *more]


def arrives(minutes: int, **more: Any) -> Step:
    """Somebody who names nobody says that the goods are there."""
    more = {"order_id": "O", "status": "delivered", "nobody": True, **more}
    return "order.status_changed", minutes, more


def reduced() -> Step:
    """An order of something in a sale, without a promise."""
    lines = [{"sku": "1", "total": "9.00", "sale_kind": "clearance"}]
    return "order.placed", 0, {"order_id": "O", "lines": lines}


DELIVERIES: dict[str, tuple[list[Step], str]] = {
    "to the minute": (orders(3, arrives(3 * DAY)), "kept"),
    "a minute late": (orders(3, arrives(3 * DAY + 1)), "late"),
    "may be collected": (orders(3, arrives(1, status="ready_for_collection")), "kept"),
    "in capitals": (orders(3, arrives(1, status="DELIVERED")), "kept"),
    "the first report counts": (orders(3, arrives(1), arrives(9 * DAY)), "kept"),
    "was only shipped": (orders(3, arrives(1, status="shipped")), "overdue"),
    "may still come": (orders(90), ""),
    "was cancelled": (orders(3, ("order.cancelled", 1, {"order_id": "O"})), ""),
    "of another issuer": (orders(3, arrives(1, issuer="erp"), issuer="shop"), "overdue"),
    "arrived before the window": (orders(-3, arrives(-4 * DAY), placed=-9 * DAY), ""),
    "a void receipt": (orders(3, arrives(1), receipt_kind="void"), ""),
    "reduced, and nothing promised": ([reduced(), arrives(9 * DAY)], ""),
    "another promise later": (
        [*orders(3, arrives(5 * DAY)), *orders(9, placed=1, system="erp")], "late",
    ),
}  # fmt: skip


def test_which_promises_are_kept(store: Store) -> None:
    """Every story ends as it says."""
    happened(store, *(steps for steps, _ in DELIVERIES.values()))
    assert outcome(measured(store, "promise_kept")) == wanted_of(DELIVERIES)


def talks(*more: Step, at: int = 0) -> list[Step]:
    """A customer and a bot, and what comes then."""
    return [says(at, "customer", intent="return"), says(at + 1, "bot"), *more]


HANDED = [says(0, "customer"), says(1, "bot", handed_over=True)]
ENDS: dict[str, tuple[list[Step], str]] = {
    "the bot ends it": (talks(), "contained"),
    "the customer thanks": (talks(says(2, "customer")), "contained"),
    "back after a day": (talks(says(1 + DAY, "customer", conversation_id="W")), "came_back"),
    "back a minute later": (talks(says(2 + DAY, "customer", conversation_id="W")), "contained"),
    "back by mail": (talks(asks(HOUR)), "came_back"),
    "written to by us": (talks(says(HOUR, "agent", conversation_id="W")), "contained"),
    "back after a message of ours": (
        talks(says(HOUR, "agent", conversation_id="W"), asks(2 * HOUR)),
        "came_back",
    ),
    "called back": (talks(asks(HOUR, direction="us")), "contained"),
    "handed over": ([*HANDED, says(5, "agent"), says(6, "customer")], "handed_over"),
    "nobody is there": ([says(0, "customer", intent="return")], ""),
    "a person comes in": (talks(says(5, "agent"), says(6, "customer")), "handed_over"),
    "may come back": (talks(at=MINUTE_MAX - DAY), "open"),
    "a person only": ([says(0, "customer"), says(1, "agent")], ""),
    "began before": (talks(at=-3 * DAY), ""),
    "says no more": ([*HANDED, says(5, "agent")], "handed_over"),
}


def test_how_conversations_end(store: Store) -> None:
    """Every story ends as it says; of three hand-overs one customer says nothing more."""
    happened(store, *(steps for steps, _ in ENDS.values()))
    found = measured(store, "dialogue")
    assert outcome(found) == {**wanted_of(ENDS), "lost": 1}
    waits = [cell.value for cell in found.breakdown if cell.by == "handover_wait"]
    assert waits == [4 * 60, 4 * 60]
    [shown] = [cell for cell in found.breakdown if cell.by == "contained"]
    assert (shown.key, shown.value) == ("return", 5 / 9)


def test_a_bot_that_writes_first(store: Store) -> None:
    """Its message alone is no contact of the customer; with an answer to it, it was a greeting."""
    greeting = says(HOUR, "bot", conversation_id="W")
    reply = says(HOUR + 1, "customer", conversation_id="W")
    happened(store, talks(greeting), talks(greeting, reply))
    assert outcome(measured(store, "dialogue")) == {"contained": 3, "came_back": 1}


def test_a_person_who_comes_in_unasked(store: Store) -> None:
    """The bot announced nobody, so nobody waited: neither no time, nor until now."""
    happened(store, talks(says(9, "agent"), says(10, "customer")), [*HANDED, says(5, "agent")])
    found = [one for one in measured(store, "dialogue").breakdown if one.by == "handover_wait"]
    assert [(one.value, one.n) for one in found] == [(4 * 60, 5)] * 2


def test_a_figure_is_about_those_whom_it_judges(store: Store) -> None:
    """Of one person something is known; four others, who are still open, do not hide it."""
    late = (NOON + timedelta(days=1)).isoformat()
    goods = {"lines": [{"sku": "1", "total": "9.00"}], "promised_at": late}
    store.take(*(
        event(f"{kind}{n}", kind, minutes, f"email=p{n}@example.org", **body)
        for n in range(5)
        for kind, minutes, body in (
            ("support.contacted", 0 if not n else MINUTE_MAX - 5,
             {"case_id": f"C{n}", "channel": "email"}),
            ("message.exchanged", 0 if not n else MINUTE_MAX - 5,
             {"conversation_id": f"V{n}", "channel": "chat", "author": "bot"}),
            ("order.placed", 0, {"order_id": f"O{n}", **goods}),
        )
    ))  # fmt: skip
    store.take(
        event("a", "support.answered", 5, "email=p0@example.org", case_id="C0", channel="email"),
        event("d", "order.status_changed", 5, order_id="O0", status="delivered"),
    )
    for name in ("response", "first_contact_solved", "promise_kept", "dialogue"):
        assert measured(store, name).flags == [Flag.SUPPRESSED], name


def test_a_hand_over_that_still_waits(store: Store) -> None:
    """Nobody came, so the wait has lasted until the end of the window, and has no median."""
    happened(store, HANDED, [*HANDED, says(5, "agent")], HANDED)
    waits = [
        one.value for one in measured(store, "dialogue").breakdown if one.by == "handover_wait"
    ]
    assert waits == [None, None]


def days(*numbers: int) -> list[Step]:
    """A message at noon of each of these days."""
    return [sent(number * DAY) for number in numbers]


PRESSURES: dict[str, tuple[list[Step], str]] = {
    "three in a week": (days(0, 1, 6), ""),
    "four in a week": (days(0, 1, 2, 6), "over_7_days"),
    "the first one is a week ago": (days(0, 1, 2, 7), ""),
    "the week before counts": (days(-6, -6, -6, -1), "over_7_days"),
    "all of it before": (days(-9, -9, -9, -9, 9), ""),
    "service is no contact": ([*days(0, 1, 2), sent(1, purpose="service")], ""),
    "a survey is one": ([*days(0, 1, 2), sent(1, purpose="survey")], "over_7_days"),
    "so is a text message": (
        [*days(0, 1, 2), sent(1, kind="message.sent", channel="sms")],
        "over_7_days",
    ),
    "a page is none": ([*days(0, 1, 2), sent(1, kind="message.sent", channel="shop")], ""),
    "one message of two systems": (
        [sent(n, "M" if n else "N", system=f"s{n}") for n in range(6)],
        "",
    ),
    "nine in thirty days": (days(*range(-23, 2, 3)), "over_30_days"),
}


def test_who_gets_too_many_contacts(store: Store) -> None:
    """Every story says which cap it exceeds; caps are those of any 7 and 30 days."""
    happened(store, *(steps for steps, _ in PRESSURES.values()))
    found = outcome(measured(store, "contact_pressure"))
    wanted = wanted_of(PRESSURES)
    assert {name: found[name] for name in wanted} == wanted
    assert found["over"] == sum(wanted.values())


def test_who_has_had_enough(store: Store) -> None:
    """Opt-outs belong to the number of contacts up to them; those long after are nobody's."""
    out = "email.unsubscribed", DAY + 5, {"channel": "email"}
    late = "email.complained", 9 * DAY, {"channel": "email"}
    happened(store, [*days(0, 1), out], [*days(0), late], [*days(0), out])
    found = [(one.key, one.value) for one in measured(store, "contact_pressure").breakdown]
    assert found == [("email", 1), ("1", 1000 / 3), ("2", 1000)]


def test_two_systems_report_an_unsubscription(store: Store) -> None:
    """By the message it is one; a complaint about that message is another thing."""
    out = {"channel": "email", "message_id": "M"}
    happened(store, [
        sent(0, "M"), ("email.unsubscribed", 5, out),
        ("email.unsubscribed", 6, {**out, "system": "other"}), ("email.complained", 7, out),
    ])  # fmt: skip
    found = [(one.key, one.value) for one in measured(store, "contact_pressure").breakdown]
    assert found == [("email", 1), ("1", 2000)]


def test_who_may_get_no_more(store: Store) -> None:
    """With three contacts in the last seven days of the window another one would be too much."""
    last = MINUTE_MAX - 7 * DAY + 1
    stories = [
        [sent(last), sent(last + 1), sent(last + 2)],
        [sent(last - 2), sent(last), sent(last)],
    ]
    happened(store, *stories)
    assert outcome(measured(store, "contact_pressure"))["blocked"] == 1
