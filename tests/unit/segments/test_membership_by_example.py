"""Membership by example: ends of windows, timers, and what time alone changes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.instants import from_ms, to_ms
from schemas.rules.profile import profile_rules
from schemas.rules.segments import SegmentScope, checked_segments
from services.profiles.core.consent import ConsentRecord
from services.segments.core.compiler import SegmentSetting, compiled
from services.segments.core.facts import CustomerEvent, CustomerFacts, DatedValues
from services.segments.core.plan import SegmentPlan, because, member, needs_of, next_flip

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_767_610_800_000  # 2026-01-05 12:00 in Berlin
SETTING = SegmentSetting(ZoneInfo("Europe/Berlin"), "EUR", profile_rules().consent)


def plan(*conditions: dict[str, Any], **more: Any) -> SegmentPlan:
    """The plan of a segment that has all of these conditions."""
    mine = {"title": "x", "purpose": "service", "all": list(conditions), **more}
    scope = SegmentScope(profile_rules(), ["score"])
    return compiled(checked_segments({"segment": {"mine": mine}}, scope), SETTING)["mine"]


def order(day: float, number: int = 1, value: str = "10", **body: Any) -> CustomerEvent:
    """An order of some day."""
    fields = {"order_value": Decimal(value), "currency": "EUR", **body}
    return CustomerEvent("order.placed", int(NOON + day * DAY), f"o-{number}", "shop", "", fields)


def event(name: str, day: float, number: int = 1, **body: Any) -> CustomerEvent:
    """Any other event."""
    return CustomerEvent(name, int(NOON + day * DAY), f"{name}-{number}", "shop", "", body)


def person(*events: CustomerEvent, **attributes: str) -> CustomerFacts:
    """Somebody with attributes that were always so."""
    said = {name: [DatedValues(0, (value,))] for name, value in attributes.items()}
    return CustomerFacts("person", events, said)


def test_a_window_ends_with_its_event_and_begins_after_it() -> None:
    """An event counts from its own millisecond on, until exactly the length of the window later."""
    mine = plan({"did": "order.placed", "within": "60d"})
    who = person(order(0))
    assert not member(who, mine, NOON - 1)
    assert next_flip(who, mine, NOON - 1) == NOON
    assert member(who, mine, NOON)
    assert member(who, mine, NOON + 60 * DAY - 1)
    assert next_flip(who, mine, NOON) == NOON + 60 * DAY
    assert not member(who, mine, NOON + 60 * DAY)
    assert next_flip(who, mine, NOON + 60 * DAY) is None


def test_who_did_not_is_a_member_from_the_last_event_plus_the_window_on() -> None:
    """The timer of `did_not` is exact, and a count of zero means the same."""
    bought = {"did": "order.placed", "count": ">= 2", "within": "365d"}
    who = person(order(0, 1), order(9, 2))
    for none in ({"did_not": "order.placed"}, {"did": "order.placed", "count": "= 0"}):
        mine = plan(bought, {**none, "within": "60d"})
        assert not member(who, mine, NOON + 69 * DAY - 1)
        assert next_flip(who, mine, NOON + 10 * DAY) == NOON + 69 * DAY
        assert member(who, mine, NOON + 69 * DAY)
        assert next_flip(who, mine, NOON + 69 * DAY) == NOON + 365 * DAY


@pytest.mark.parametrize(
    "condition",
    [
        {"did_not": "order.placed", "within": "60d"},
        {"did": "order.placed", "count": "<= 3"},
        {"did": "order.placed", "sum": "order_value < 100"},
        {"attribute": "city", "exists": False},
        {"consent": {"purpose": "marketing", "channel": "email", "allowed": False}},
        {"any": [{"did": "order.placed"}, {"did_not": "page.viewed"}]},
        {"none": [{"did": "order.placed"}]},
    ],
    ids=str,
)
def test_nobody_belongs_to_a_segment_by_nothing(condition: dict[str, Any]) -> None:
    """What would hold of everybody of whom nothing is known needs to say so."""
    with pytest.raises(ValueError, match="everybody of whom nothing is known"):
        plan(condition)
    assert member(person(), plan(condition, everybody=True), NOON)
    known = plan(condition, {"attribute": "company", "exists": True})
    assert not member(person(), known, NOON)


def test_who_stopped_came_back_and_buys_regularly() -> None:
    """Each from the instant on at which it is so, and until the one at which it no longer is."""
    who = person(order(0, 1), order(40, 2), order(100, 3), order(130, 4))
    spans: list[tuple[str, dict[str, str], list[tuple[int, int]]]] = [
        ("stopped", {"pause": "45d"}, [(85, 100), (175, 999)]),
        ("restarted", {"pause": "50d", "within": "7d"}, [(100, 107)]),
        # The first order is 120 days ago on day 120, the second one on day 160.
        ("regularly", {"every": "30d", "in": "3 of 4"}, [(100, 120), (130, 160)]),
        ("first", {"not_within": "10d"}, [(10, 999)]),
        ("last", {"within": "5d"}, [(0, 5), (40, 45), (100, 105), (130, 135)]),
    ]
    for word, more, expected in spans:
        mine = plan({word: "order.placed", **more})
        found = []
        day: int | None = -1
        while day is not None and day < 999:
            flip = next_flip(who, mine, NOON + day * DAY)
            end = 999 if flip is None else (flip - NOON) // DAY
            if member(who, mine, NOON + day * DAY):
                found.append((day, end))
            day = None if flip is None else end
        assert found == expected, word


def test_a_day_has_24_hours_also_when_the_clocks_change() -> None:
    """One day before noon of 29 March in Berlin it is eleven, and the order of noon is inside."""
    noon = to_ms(from_ms(1_774_778_400_000))  # 2026-03-29 12:00 in Berlin, after the change
    mine = plan({"did": "order.placed", "within": "1d"})
    eleven = CustomerEvent("order.placed", noon - DAY, "o", "shop", "")
    assert not member(person(eleven), mine, noon)
    assert member(person(eleven._replace(at_ms=noon - DAY + 1)), mine, noon)


def test_a_calendar_day_is_one_of_the_realm() -> None:
    """It begins at midnight in Berlin, and so does the next flip."""
    mine = plan({"did": "order.placed", "calendar": "day"})
    who = person(order(0.4))  # 21:36
    assert member(who, mine, NOON + DAY // 2 - 1)
    assert next_flip(who, mine, NOON + DAY * 2 // 5) == NOON + DAY // 2
    assert not member(who, mine, NOON + DAY // 2)


def test_a_cart_without_an_order_within_two_hours() -> None:
    """The sequence is complete when the two hours are over, and for the time it says."""
    steps = ["cart.updated", {"without": "order.placed", "within": "2h"}]
    mine = plan({"sequence": steps, "within": "7d"})
    left = person(event("cart.updated", 0), order(2 / 24 + 0.001))
    assert next_flip(left, mine, NOON) == NOON + 2 * HOUR
    assert not member(left, mine, NOON + 2 * HOUR - 1)
    assert member(left, mine, NOON + 2 * HOUR)
    assert next_flip(left, mine, NOON + 2 * HOUR) == NOON + 2 * HOUR + 7 * DAY
    bought = person(event("cart.updated", 0), order(2 / 24))
    assert not member(bought, mine, NOON + 3 * HOUR)


def test_lines_hold_together() -> None:
    """Several terms about lines hold for one and the same line."""
    where = {"lines.category": "coffee", "lines.quantity": ">= 2"}
    mine = plan({"did": "order.placed", "where": where})
    lines = [
        {"category": "coffee", "quantity": Decimal(1)},
        {"category": "tea", "quantity": Decimal(9)},
    ]
    assert not member(person(order(0, lines=lines)), mine, NOON)
    lines.append({"category": "coffee", "quantity": Decimal(2)})
    assert member(person(order(0, lines=lines)), mine, NOON)


def test_money_of_other_currencies_is_not_added() -> None:
    """Only amounts in the currency of the realm count."""
    mine = plan({"did": "order.placed", "sum": "order_value >= 500"})
    francs = order(0, 2, "400", currency="CHF")
    assert not member(person(order(0, 1, "499.99"), francs), mine, NOON)
    assert member(person(order(0, 1, "100.01"), order(1, 3, "399.99")), mine, NOON + DAY)


def test_a_cancelled_order_does_not_count() -> None:
    """It counts until it is cancelled, and not from then on."""
    mine = plan({"did": "order.placed"})
    who = person(order(0)._replace(until_ms=NOON + DAY))
    assert member(who, mine, NOON + DAY - 1)
    assert next_flip(who, mine, NOON) == NOON + DAY
    assert not member(who, mine, NOON + DAY)


@pytest.mark.parametrize(
    ("day", "is_in"),
    # 29 February has its anniversary on 1 March of years without one; fourteen days before that
    # is 15 February, and it is over when the day is.
    [("2026-02-14T23:59", False), ("2026-02-15T00:00", True), ("2026-03-01T23:59", True),
     ("2026-03-02T00:00", False)],
)  # fmt: skip
def test_birthdays(day: str, is_in: bool) -> None:
    """An anniversary counts some days before, and on its day."""
    mine = plan({"attribute": "birth_date", "anniversary_within": "14d"})
    at_ms = to_ms(datetime.fromisoformat(f"{day}+01:00"))
    assert member(person(birth_date="2004-02-29"), mine, at_ms) is is_in


def test_age_changes_on_the_birthday() -> None:
    """Somebody is 18 from the beginning of the day on, in the time zone of the realm."""
    mine = plan({"attribute": "birth_date", "age": "18..30"})
    who = person(birth_date="2008-01-06")
    assert not member(who, mine, NOON)
    assert next_flip(who, mine, NOON) == NOON + DAY // 2
    assert member(who, mine, NOON + DAY // 2)


def test_what_must_last_damps() -> None:
    """Who fulfils the conditions for less than that time never enters."""
    steps = ["cart.updated", {"without": "order.placed"}]
    mine = plan({"sequence": steps}, for_at_least="2h")
    soon = person(event("cart.updated", 0), order(1 / 24))
    assert not any(member(soon, mine, NOON + minutes * 60_000) for minutes in range(0, 300, 5))
    late = person(event("cart.updated", 0), order(3 / 24))
    assert next_flip(late, mine, NOON) == NOON + 2 * HOUR
    assert member(late, mine, NOON + 2 * HOUR)
    assert not member(late, mine, NOON + 3 * HOUR)


def test_who_objected_leaves_marketing_and_scores() -> None:
    """An objection to profiling or marketing ends membership at once, until a later opt-in."""
    bought: dict[str, Any] = {"did": "order.placed"}
    scored = plan(bought, {"measure": "score", "at_least": 5})
    for purpose, ends in (("marketing", ["marketing"]), ("profiling", ["marketing", "scored"])):
        said = ConsentRecord("objection", purpose, "", 0, "", False, "c-1", from_ms(NOON + DAY))
        opt_in = said._replace(
            action="given", channel="email", address=7, event_id="c-2",
            occurred_at=from_ms(NOON + 2 * DAY),
        )  # fmt: skip
        who = CustomerFacts(
            "person", [order(0)], consents=[said, opt_in], measures={"score": Decimal(5)}
        )
        plans = {
            "marketing": plan(bought, purpose="marketing"), "scored": scored,
            "service": plan(bought),
        }  # fmt: skip
        for name, mine in plans.items():
            assert member(who, mine, NOON)
            assert member(who, mine, NOON + DAY) is (name not in ends), (purpose, name)
            assert member(who, mine, NOON + 2 * DAY)


def test_messages_and_reactions() -> None:
    """A reaction belongs to the message of its id; programs do not react, bounces do not reach."""
    sent = event("email.sent", 0, campaign="spring", message_id="m1")
    seen = plan({"reacted": "opened", "campaign": "spring"})
    unmoved = plan({"reacted": "none", "campaign": "spring", "within": "7d"})
    by_program = event("email.opened", 1, message_id="m1", user_agent="GoogleImageProxy")
    other = event("email.opened", 1, 2, message_id="m2", campaign="spring")
    for extra in ((), (by_program,), (other,)):
        assert not member(person(sent, *extra), seen, NOON + DAY)
        assert member(person(sent, *extra), unmoved, NOON + DAY)
    click = event("email.clicked", 1, message_id="m1")
    assert member(person(sent, click), seen, NOON + DAY)
    assert not member(person(sent, click), unmoved, NOON + DAY)
    reached = plan({"was_reached": "spring"})
    bounce = event("email.bounced", 0.5, message_id="m1")
    assert member(person(sent), reached, NOON + DAY)
    assert not member(person(sent, bounce), reached, NOON + DAY)
    assert not member(person(sent, bounce), unmoved, NOON + DAY)


def test_a_plan_names_what_it_reads_and_why() -> None:
    """Only types and fields that conditions ask for are read; the latest events explain."""
    plans = [
        plan({"did": "order.placed", "where": {"lines.total": ">= 5"}}),
        plan({"did": "page.viewed"}, {"attribute": "city", "equals": "Ulm"}),
    ]
    needs = needs_of(plans)
    assert dict(needs.fields) == {
        "order.placed": frozenset({"lines.total", "currency"}),
        "page.viewed": frozenset(),
    }
    assert needs.attributes == {"city"}
    assert not needs.consents
    many = person(*(event("page.viewed", day, day) for day in range(9)))
    expected = [f"page.viewed-{day}" for day in (7, 6, 5, 4, 3)]
    assert because(many, plans[1], NOON + 7 * DAY) == expected
