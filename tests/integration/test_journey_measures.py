"""Measures of journeys on the real engine, against the rules for single customers."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from schemas.rules.insights import InsightRules, LeadRules
from services.measures.core.deeds import Deed
from services.measures.core.lead_points import Grade, LeadFacts, lead_score
from services.measures.core.phases import CyclePhase, PlacedOrder, Sign, phase_at, proofs
from services.measures.core.population import GROUP_MIN
from services.measures.core.result import MeasureResult
from services.store.database import Database
from tests.measure_stories import BERLIN, DAY, END, START, Step, happened, measured
from tests.profile_store import Store, event

pytestmark = pytest.mark.any_store
PERSONS = 300
Event = dict[str, Any]


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def at(one: Event) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(one["occurred_at"])


def moves(draw: random.Random, person: int) -> Iterator[Event]:
    """What a person does in the cycle, over a year and mostly within the last weeks."""
    who = f"email=p{person}@example.org"
    for n in range(draw.randrange(5)):
        name, minutes = f"{person}-{n}", draw.randrange(-60 * DAY, 17 * DAY)
        if draw.random() < 0.4:
            minutes -= draw.randrange(400 * DAY)
        category = draw.choice(["lamps", "chairs"])
        view = {"sku": "S", "category": category}
        yield from draw.choice([
            [event(name, "product.viewed", minutes, who, **view)],
            [event(f"{name}-{k}", "product.viewed", minutes + k * DAY * draw.randrange(1, 4), who,
                   **view) for k in range(3)],
            [event(name, "search.performed", minutes, who, query="lamp")],
            [event(name, "cart.updated", minutes, who, items=draw.choice([[], [{"sku": "S"}]]))],
            [event(name, "email.opened", minutes, who, automated=draw.random() < 0.5)],
            [event(name, "support.contacted", minutes, who, case_id=name,
                   direction=draw.choice(["us", "customer"]))],
            [event(name, "loyalty.changed", minutes, who, points_change=draw.choice([9, -9]))],
            [event(name, "survey.answered", minutes, who, kind="open",
                   answers=[{"question": "q", "text": "Gut."}])],
            [*_order(draw, name, minutes, who, category)],
            [*_order(draw, name, minutes, who, category)],
        ])  # fmt: skip


def _order(
    draw: random.Random, name: str, minutes: int, who: str, category: str
) -> Iterator[Event]:
    """An order, and mostly that it arrived, which names nobody."""
    lines = [{"sku": "S", "category": category, "total": "9.00"}]
    channel = draw.choice(["shop", "shop", "pos"])
    yield event(name, "order.placed", minutes, who, order_id=name, lines=lines, channel=channel)
    if draw.random() < 0.6:
        there = min(minutes + draw.randrange(-DAY, 20 * DAY), 27 * DAY)
        status = draw.choice(["delivered", "delivered", "shipped"])
        yield event(f"{name}-d", "order.status_changed", there, order_id=name, status=status)


def facts_of(events: list[Event]) -> tuple[list[Sign], list[PlacedOrder]]:
    """What a person's events say of the cycle."""
    signs, orders = list[Sign](), list[PlacedOrder]()
    there = {
        one["body"]["order_id"]: one for one in events
        if one["type"] == "order.status_changed" and one["body"]["status"] == "delivered"
    }  # fmt: skip
    for one in events:
        body = one["body"]
        is_void = (
            body.get("automated") or body.get("direction") == "us" or body.get("items") == []
            or body.get("points_change", 1) < 0
        )  # fmt: skip
        if one["type"] == "order.placed":
            came = there.get(body["order_id"])
            seen = came is not None and at(came) < END
            orders.append(
                PlacedOrder(
                    at(one), one["event_id"], one["channel"], [body["lines"][0]["category"]],
                    at(came) if came is not None and seen else None, f"{one['event_id']}-d",
                )
            )  # fmt: skip
        elif not is_void:
            category = body.get("category", "")
            signs.append(Sign(at(one), one["event_id"], one["type"], one["channel"], category))
    return signs, orders


def test_phases_of_the_store(store: Store) -> None:
    """Everybody of whom something is known, by the phase when the window ends, of each category."""
    draw = random.Random(8)
    by_person = {person: [*moves(draw, person)] for person in range(PERSONS)}
    store.take(*(one for those in by_person.values() for one in those))
    counted, in_category = Counter[CyclePhase](), defaultdict[str, Counter[CyclePhase]](Counter)
    for events in by_person.values():
        signs, orders = facts_of([one for one in events if at(one) < END])
        found = proofs(signs, orders, BERLIN)
        if found:
            counted[phase_at(found, END).phase] += 1
        for category in {one.category for one in found if one.category}:
            in_category[category][phase_at(found, END, category).phase] += 1
    result = measured(store, "buying_cycle")
    every = {phase.name.lower(): counted[phase] for phase in CyclePhase}
    assert result.counts.items() <= {"persons": counted.total(), **every}.items()
    few = {name for name, many in every.items() if many < GROUP_MIN}
    assert {*every} - {*result.counts} == few | {min({*every} - few, key=every.__getitem__)}
    assert all(counted[phase] for phase in CyclePhase)
    shown = {(one.by, one.key): one.n for one in result.breakdown if one.n and one.by != "phase"}
    assert len(shown) >= 4
    for (by, phase), n in shown.items():
        assert in_category[by.removeprefix("in ")][CyclePhase[phase.upper()]] == n


def cells_of(result: MeasureResult, by: str) -> dict[str, Any]:
    """Values of one dimension."""
    return {one.key: one.value for one in result.breakdown if one.by == by}


def test_credits_of_the_store(store: Store) -> None:
    """Five persons each come by mail and a search, by four channels or by three. Others see an ad
    31 days before, order without anything, or see the ad and order nothing."""
    long_ago = -40 * DAY
    happened(
        store,
        [clicked(-2 * DAY), searched(-DAY), ordered(0)],
        [reached(-31 * DAY), ordered(0)],
        [ordered(0), searched(DAY)],
        [reached(long_ago), reached(long_ago + 9)],
        [clicked(-DAY), searched(-DAY + 1), clicked(-DAY + 2), reached(-5), ordered(0, "pos")],
        [clicked(-3 * DAY), searched(-2 * DAY), visited(-DAY), ordered(0)],
    )
    result = measured(store, "attribution")
    assert (result.n, result.counts) == (25, {"orders": 25, "led": 15})
    assert result.value == pytest.approx(0.6)
    assert cells_of(result, "first") == {"email": 15, "none": 10}
    assert cells_of(result, "last") == {"shop": 5, "social": 5, "pos": 5, "none": 10}
    linear = {"email": 1 / 2 + 2 / 4 + 1 / 3, "shop": 1 / 2 + 1 / 4 + 1 / 3, "social": 1 / 4}
    linear = {channel: 5 * part for channel, part in linear.items()} | {"pos": 5 / 3, "none": 10}
    assert cells_of(result, "linear") == pytest.approx(linear, abs=1e-4)
    position = {"email": 5 * (0.5 + 0.4 + 0.1 + 0.4), "shop": 5 * (0.5 + 0.1 + 0.2)}
    position |= {"social": 5 * 0.4, "pos": 5 * 0.4, "none": 10}
    assert cells_of(result, "position") == pytest.approx(position, abs=1e-4)
    weights = [2.0 ** (-day / 7) for day in (3, 2, 1)]
    later = [2.0 ** (-(DAY - n) / 7 / DAY) for n in (0, 1, 2)] + [2.0 ** (-5 / 7 / DAY)]
    email = weights[1] / sum(weights[1:]) + weights[0] / sum(weights)
    email += (later[0] + later[2]) / sum(later)
    assert cells_of(result, "time_decay")["email"] == pytest.approx(5 * email, abs=1e-4)
    for model in ("first", "last", "linear", "position", "time_decay"):
        assert sum(cells_of(result, model).values()) == pytest.approx(25, abs=1e-9)
    assert sum(cells_of(result, "markov").values()) == pytest.approx(15, abs=1e-9)


def test_only_what_customers_do_leads_them(store: Store) -> None:
    """A program that opens and clicks, an agent who writes and a call of ours lead nobody."""
    mail = {"channel": "email", "automated": True}
    talk = {"channel": "chat", "conversation_id": "V"}
    call = {"channel": "phone", "case_id": "C"}
    happened(
        store,
        [("email.opened", -DAY, mail), ("email.clicked", -DAY + 1, mail), ordered(0)],
        [("message.exchanged", -DAY, {**talk, "author": "agent"}), ordered(0)],
        [("support.contacted", -DAY, {**call, "direction": "us"}), ordered(0)],
        [("message.exchanged", -DAY, {**talk, "author": "customer"}), ordered(0)],
    )
    result = measured(store, "attribution")
    assert (result.counts["led"], cells_of(result, "first")) == (5, {"chat": 5, "none": 15})


def test_a_customer_of_many_orders_is_one(store: Store) -> None:
    """Four persons order twice each, led to by another channel each time: too few to be shown."""
    for person in range(4):
        who = f"email=few{person}@example.org"
        first = event(f"{person}-c", "email.clicked", 0, who, channel="email")
        then = event(f"{person}-v", "store.visited", 9 * DAY, who, channel="pos")
        store.take(first, then)
        for number, minutes in ((1, DAY), (2, 10 * DAY)):
            store.take(ordered_by(f"{person}-{number}", minutes, who))
    assert measured(store, "attribution").counts == {}


def clicked(minutes: int) -> Step:
    """A click in a mail."""
    return "email.clicked", minutes, {"channel": "email"}


def searched(minutes: int, **more: Any) -> Step:
    """A search in the shop."""
    return "search.performed", minutes, {"query": "lamp", "results": 3, **more}


def reached(minutes: int) -> Step:
    """An advertisement."""
    return "campaign.reached", minutes, {"campaign": "spring", "channel": "social"}


def ordered(minutes: int, channel: str = "shop") -> Step:
    """An order of one article."""
    lines = [{"sku": "S", "total": "9.00"}]
    return "order.placed", minutes, {"order_id": f"O{minutes}-", "lines": lines, "channel": channel}


def visited(minutes: int) -> Step:
    """A visit to a store."""
    return "store.visited", minutes, {"channel": "pos"}


def test_paths_of_the_store(store: Store) -> None:
    """Journeys end with an order or after 30 days; what follows itself on a channel is one. Those
    that were over before the window began, or are not over yet, do not count."""
    happened(
        store,
        [clicked(0), searched(9), searched(19), ordered(DAY)],
        [searched(0), ordered(3 * DAY, "pos")],
        [searched(0), ordered(7 * DAY + 1, "pos")],
        [visited(0), ordered(DAY)],
        [searched(-20 * DAY)],
        [searched(0)],
        [searched(-40 * DAY), searched(-9 * DAY), ordered(0)],
        [searched(0, results=0), visited(DAY)],
        [searched(0, results=0), visited(DAY + 1)],
    )
    result = measured(store, "paths")
    assert result.counts == {"journeys": 30, "orders": 25}
    assert cells_of(result, "path") == pytest.approx({
        "email > shop": 1 / 6, "shop > pos": 1 / 3, "pos > shop": 1 / 6, "shop": 1 / 3,
    })  # fmt: skip
    assert cells_of(result, "path_conversion")["shop"] == pytest.approx(1 / 2)
    assert cells_of(result, "path_time")["email > shop"] == DAY * 60
    assert cells_of(result, "from_shop") == {"pos": 1}
    assert cells_of(result, "figure") == pytest.approx({
        "changed_channel": 2 / 3, "online_before_store": 0.5, "store_before_online": 1 / 3,
        "forced_switch": 0.5,
    })  # fmt: skip


def test_a_scraper_is_counted_in_time(store: Store) -> None:
    """Thousands of vain searches of a person, and visits on other channels: what follows within a
    day is counted for each, whether or not it is on the same channel."""
    events = [
        event(f"{who}-{n}", "search.performed", n, f"email=s{who}@example.org", query="x",
              results=0)
        for who in range(5) for n in range(2_000)
    ]  # fmt: skip
    events += [
        event(f"{who}-v", "store.visited", DAY + 999, f"email=s{who}@example.org", channel="pos")
        for who in range(5)
    ]
    events += [ordered_by(f"{who}-o", 3 * DAY, f"email=s{who}@example.org") for who in range(5)]
    store.take(*events)
    assert cells_of(measured(store, "paths"), "figure")["forced_switch"] == pytest.approx(
        1_001 / 2_000
    )


def test_months_of_the_flywheel(store: Store) -> None:
    """February of five persons each: a cart that is left and one that is ordered, good and bad
    experiences, contacts of both sides, and a campaign that names nobody."""
    at_noon = -9 * DAY
    cart = ("cart.updated", at_noon, {"items": [{"sku": "S"}]})
    good, bad = ([{"question": "recommend", "score": score}] for score in (9, 6))
    happened(
        store,
        [cart, ordered(at_noon + 7 * DAY)],
        [cart, ordered(at_noon + 7 * DAY + 1)],
        [("survey.answered", at_noon, {"kind": "nps", "answers": good})],
        [("survey.answered", at_noon, {"kind": "nps", "answers": bad})],
        [("complaint.opened", at_noon, {"case_id": "C"}),
         ("complaint.opened", at_noon + DAY, {"case_id": "C"})],  # the desk reports it, too
        [("support.contacted", at_noon, {"case_id": "D", "direction": "us"})],
        [("support.contacted", at_noon, {"case_id": "E", "repeated": True})],
        [("message.exchanged", at_noon, {"conversation_id": "V", "author": "bot",
                                         "handed_over": True})],
        [("referral.made", at_noon - 40 * DAY, {})],
    )  # fmt: skip
    store.take(event("campaign", "campaign.published", at_noon, campaign="spring"))
    result = measured(store, "flywheel", days=78)  # from 1 January on
    assert result.counts == {"months": 2, "positive": 10, "negative": 10}
    month: dict[str, Any] = {
        one.by: (one.n, one.value) for one in result.breakdown if one.key == "2026-02"
    }
    known, active = result.n, month["friction"][0]
    assert known is not None
    assert active is not None
    assert month["weight"] == (15, pytest.approx(1 / 3))
    assert month["push"] == (known, pytest.approx(1_000 * 6 / known / 4))
    for name in ("carts_left", "complaints", "handovers", "repeated"):
        assert month[name] == (active, pytest.approx(100 * 5 / active)), name
    assert result.n == 35, "whom only the retailer or its bot spoke to did nothing"


def test_scores_of_leads_on_the_store(store: Store) -> None:
    """Who has not bought, by the rule for one person, when the window begins and when it ends; who
    bought since has won."""
    rules = LeadRules(fit={"country=DE": 36, "category=lamps": 10}, competitors=["rival.example"])
    draw = random.Random(4)
    by_person = {person: [*chances(draw, person)] for person in range(2 * PERSONS)}
    store.take(*(one for those in by_person.values() for one in those))
    grades, won = Counter[Grade](), Counter[tuple[Grade, bool]]()
    for events in by_person.values():
        bought = min((at(one) for one in events if one["type"] == "order.placed"), default=END)
        for as_of in (END, START):
            facts = lead_facts([one for one in events if at(one) < as_of])
            if bought < as_of or not is_lead(facts):
                continue
            grade = lead_score(facts, as_of, rules).grade
            if as_of == END:
                grades[grade] += 1
            else:
                won[grade, bought < END] += 1
    result = measured(store, "lead_score", InsightRules(leads=rules))
    assert result.counts == {
        "leads": grades.total(), **{grade.lower(): grades[grade] for grade in Grade}
    }  # fmt: skip
    assert all(grades[grade] > 4 for grade in Grade)
    shown: dict[str, Any] = {
        one.key: (one.n, one.value) for one in result.breakdown if one.by == "won_by_grade"
    }
    for grade in Grade:
        n = won[grade, True] + won[grade, False]
        if shown.get(grade, (None, None))[0] is not None:
            assert shown[grade] == (n, pytest.approx(won[grade, True] / n))
    assert len([one for one in shown.values() if one[0] is not None]) >= 2


def is_lead(facts: LeadFacts) -> bool:
    """Whether anything is known that the rules name."""
    last = max(
        (one for one in facts.traits if one.what.startswith("country")),
        key=lambda one: (one.at, one.event_id), default=None,
    )  # fmt: skip
    fits = [one for one in facts.traits if one.what.startswith("category")]
    return bool(facts.deeds or fits or (last is not None and last.what == "country=DE"))


def chances(draw: random.Random, person: int) -> Iterator[Event]:
    """What somebody does who may buy, over the last two months."""
    who = f"email=p{person}@example.org"
    for n in range(draw.randrange(1, 9)):
        name, minutes = f"{person}-{n}", draw.randrange(-60 * DAY, 17 * DAY)
        rival = {"email": f"p{person}@rival.example"}
        yield draw.choice([
            event(name, "product.viewed", minutes, who, category=draw.choice(["lamps", "chairs"])),
            event(name, "quote.sent", minutes, who, quote_id=name),
            event(name, "appointment.booked", minutes, who, appointment_id=name),
            event(name, "email.unsubscribed", minutes, who, channel="email"),
            event(name, "profile.updated", minutes, who,
                  attributes={"country": draw.choice([*["DE"] * 6, "FR", None])}),
            event(name, "page.viewed", minutes, who, url="https://x.org/"),
            *([event(name, "profile.updated", minutes, who, attributes=rival)] if n > 6 else []),
            *([ordered_by(name, minutes, who)] if n > 4 else []),
        ])  # fmt: skip


def ordered_by(name: str, minutes: int, who: str) -> Event:
    """An order of somebody."""
    lines = [{"sku": "S", "total": "9.00"}]
    return event(name, "order.placed", minutes, who, order_id=name, lines=lines)


def lead_facts(events: list[Event]) -> LeadFacts:
    """What the rules ask for."""
    traits, deeds, domains = list[Deed](), list[Deed](), list[str]()
    for one in events:
        deed, body = Deed(at(one), one["event_id"]), one["body"]
        attributes = body.get("attributes", {})
        if one["type"] in (*LeadRules().behaviour, *LeadRules().against):
            deeds.append(deed._replace(what=one["type"]))
        if body.get("category") == "lamps":
            traits.append(deed._replace(what="category=lamps"))
        if "country" in attributes:
            traits.append(deed._replace(what=f"country={attributes['country'] or ''}"))
        if "email" in attributes:
            domains.append("rival.example")
    return LeadFacts(traits, deeds, domains)


def test_who_is_a_lead(store: Store) -> None:
    """Persons whose country is known, even if nobody looks at it; no cookies. Who is identified by
    an address of a competitor has no points."""
    rules = LeadRules(fit={"country=DE": 40}, competitors=["rival.example"])
    country = {"country": "DE"}
    store.take(*(
        event(f"{n}-{who}", "profile.updated", n, f"{who.format(n)}", attributes=country)
        for n in range(7)
        for who in ("cookie=c{}", "email=p{}@example.org", "email=p{}@rival.example")
    ))  # fmt: skip
    result = measured(store, "lead_score", InsightRules(leads=rules))
    assert result.counts == {"leads": 14, "a": 0, "b": 7, "c": 7}
