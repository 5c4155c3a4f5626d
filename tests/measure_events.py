"""Random events of what measures count beside orders, so that a test of them can fail."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.profile_store import NOON, event

DAY = 24 * 60
CHANNELS = ("email", "chat", "phone", "contact_form")
CATEGORIES = ("lamps", "tables", "chairs")
NEWCOMERS = range(60, 74)
"""Persons beside the others who did nothing until ten months ago; half of them join a programme."""
Drawn = tuple[str, dict[str, Any]]


def one_of_service(draw: random.Random) -> Drawn:
    """A step of one of few cases or conversations."""
    case = {"case_id": f"C{draw.randrange(40)}", "subject": draw.choice(["", "Lampe", "Tisch"])}
    team = {"team": draw.choice(["desk", "hotline"]), "kind_of_agent": "person"}
    talk = {"conversation_id": f"V{draw.randrange(40)}", "channel": "chat"}
    found: list[Drawn] = [
        ("support.contacted", {**case, "channel": draw.choice(CHANNELS)}),
        ("support.contacted", {**case, "channel": "phone", "wait_s": draw.randrange(120)}),
        ("support.answered", {**case, **team, "solved": draw.random() < 0.7}),
        ("support.answered", {**case, **team, "repeated": draw.random() < 0.3}),
        ("complaint.opened", case),
        ("message.exchanged", {**talk, "author": "customer", "intent": draw.choice(["a", "b"])}),
        ("message.exchanged", {**talk, "author": "bot", "handed_over": draw.random() < 0.2}),
        ("message.exchanged", {**talk, "author": "agent"}),
    ]  # fmt: skip
    return draw.choice(found)


def one_of_messages(draw: random.Random) -> Drawn:
    """A message, what came of it, or a campaign."""
    campaign = {"campaign": draw.choice(["spring", "autumn"]), "channel": "email"}
    found: list[Drawn] = [
        ("email.sent", {**campaign, "purpose": "marketing"}),
        ("email.sent", {**campaign, "purpose": "marketing"}),
        ("email.sent", {"purpose": draw.choice(["survey", "cart_reminder"]), "channel": "email"}),
        ("email.unsubscribed", {"channel": "email"}),
        ("campaign.held_out", campaign),
        ("campaign.reached", campaign),
        ("campaign.published", {"campaign": "spring", "purpose": "retention", "cost": "90.00"}),
        ("campaign.published", {"campaign": "autumn", "purpose": "acquisition", "cost": "70.00"}),
        ("loyalty.changed", {"programme": "card", "points_balance": draw.randrange(90)}),
    ]  # fmt: skip
    return draw.choice(found)


def one_of_browsing(draw: random.Random) -> Drawn:
    """A search, a look at a product, or a cart."""
    category, n = draw.choice(CATEGORIES), draw.randrange(9)
    found: list[Drawn] = [
        ("search.performed", {"query": draw.choice(["lamp", "Tisch"]), "results": n // 3}),
        ("product.viewed", {"sku": f"S{n}", "category": category}),
        ("product.viewed", {"category": category, "led_by": draw.choice(["spring", "autumn"])}),
        ("cart.updated", {"cart_id": f"K{n}", "items": [{"sku": f"S{n}"}]}),
    ]  # fmt: skip
    return draw.choice(found)


def one_of_sales(draw: random.Random) -> Drawn:
    """A stage of an opportunity, or what stands for one."""
    stage = draw.choice(["interest", "talk", "offer", "contract", "lost"])
    deal = {"opportunity_id": f"D{draw.randrange(40)}", "stage": stage, "owner": "o1"}
    found: list[Drawn] = [
        ("opportunity.changed", deal), ("opportunity.changed", deal),
        ("quote.sent", {"quote_id": "Q"}), ("appointment.booked", {"appointment_id": "A"}),
    ]  # fmt: skip
    return draw.choice(found)


def one_of_feedback(draw: random.Random) -> Drawn:
    """An answer, a review, a recommendation, or a wish."""
    answers = [{"question": "recommend", "score": draw.randrange(11)}]
    found: list[Drawn] = [
        ("survey.answered", {"kind": "nps", "answers": answers, "survey": "s"}),
        ("review.posted", {"sku": "S1", "rating": draw.randrange(1, 6)}),
        ("referral.made", {"code": "R"}),
        ("referral.redeemed", {"code": "R"}),
        ("profile.updated", {"attributes": {"preference.channel": draw.choice(CHANNELS)}}),
    ]  # fmt: skip
    return draw.choice(found)


def one_of_promises(draw: random.Random) -> Drawn:
    """An order with a promise, or that it arrived."""
    number = f"P{draw.randrange(40)}"
    promised = (NOON + timedelta(days=draw.randrange(-20, 20))).isoformat()
    line = {"sku": f"S{draw.randrange(9)}", "category": draw.choice(CATEGORIES), "total": "9.00"}
    found: list[Drawn] = [
        ("order.placed", {"order_id": number, "lines": [line], "promised_at": promised}),
        ("order.status_changed", {"order_id": number, "status": "delivered"}),
    ]  # fmt: skip
    return draw.choice(found)


def one_of_relations(draw: random.Random) -> Drawn:
    """An invitation, what is done about feedback, a contract, points, or what customers do for
    others."""
    action = {"action_id": f"T{draw.randrange(20)}", "feedback": [f"s{draw.randrange(280)}"]}
    contract = {"contract_id": f"B{draw.randrange(20)}", "value_per_year": "120.00"}
    until = (NOON + timedelta(days=draw.randrange(-20, 400))).isoformat()
    points = {"programme": "p", "points_balance": draw.randrange(900), "tier": "gold"}
    found: list[Drawn] = [
        ("message.sent", {"purpose": "survey", "survey": "s", "wave": "1", "channel": "sms"}),
        ("action.planned", {**action, "due": until}),
        ("action.done", action),
        ("contract.started", contract),
        ("contract.renewed", {**contract, "until": until}),
        ("loyalty.changed", points),
        ("community.posted", {"community": "c", "text": "Schön."}),
        ("idea.submitted", {"idea_id": "I", "text": "Mehr Lampen."}),
        ("store.visited", {"advised": True, "agent": draw.choice(["a1", "a2"]), "channel": "pos"}),
    ]  # fmt: skip
    return draw.choice(found)


def one_of_purchases(draw: random.Random) -> Drawn:
    """An order of some articles, or what becomes of a contract."""
    lines = [
        {
            "sku": f"S{draw.randrange(9)}",
            "category": draw.choice(CATEGORIES),
            "quantity": draw.randrange(1, 4),
            "total": f"{draw.randrange(1, 90)}.00",
            "sale_kind": draw.choice(["regular", "clearance"]),
        }
        for _ in range(draw.randrange(1, 4))
    ]
    until = (NOON + timedelta(days=draw.randrange(-30, 120))).isoformat()
    contract = {"contract_id": f"T{draw.randrange(99)}", "until": until}
    found: list[Drawn] = [
        ("order.placed", {"order_id": f"L{draw.randrange(10_000)}", "lines": lines}),
        ("order.placed", {"order_id": f"L{draw.randrange(10_000)}", "lines": lines}),
        (draw.choice(["contract.started", "contract.ended"]), contract),
    ]
    return draw.choice(found)


KINDS: list[Callable[[random.Random], Drawn]] = [
    one_of_service, one_of_service, one_of_messages, one_of_browsing, one_of_sales, one_of_feedback,
    one_of_promises, one_of_relations, one_of_relations, one_of_purchases,
]  # fmt: skip


def won_back(who: Callable[[int], str], persons: int) -> list[Any]:
    """Former customers who are contacted or held out, of whom some buy again."""
    about = {"campaign": "comeback", "channel": "email"}
    found = [event("w", "campaign.published", -201 * DAY, **about, purpose="win_back")]
    for person in range(persons):
        kind = "campaign.held_out" if person % 3 == 0 else "email.sent"
        more = about if person % 3 == 0 else {**about, "purpose": "marketing"}
        email, order = f"email={who(person)}", {"order_id": f"W{person}", "lines": [{"total": "9"}]}
        found.append(event(f"w{person}", kind, -200 * DAY, email, **more))
        found.append(event(f"x{person}", "order.placed", -500 * DAY - person, email, **order))
        if person % 2 == 0:
            again = {**order, "order_id": f"V{person}"}
            found.append(event(f"y{person}", "order.placed", -150 * DAY, email, **again))
    return found


def new_customers(who: Callable[[int], str]) -> list[Any]:
    """Newcomers, who buy twice."""
    found = []
    for number in NEWCOMERS:
        email, lines = f"email={who(number)}", [{"sku": "S1", "total": "9.00"}]
        for days in (300, 150):
            order = {"order_id": f"N{number}-{days}", "lines": lines}
            found.append(event(f"n{number}-{days}", "order.placed", -days * DAY, email, **order))
        if number % 2:
            points = {"programme": "card", "points_balance": 5}
            found.append(event(f"j{number}", "loyalty.changed", -250 * DAY, email, **points))
    return found


def anything_else(draw: random.Random, who: Callable[[int], str], persons: int) -> list[Any]:
    """Events of all kinds of few persons, over two years and mostly within the last weeks."""
    found = []
    for number in range(600):
        kind, more = draw.choice(KINDS)(draw)
        day = draw.choice([draw.randrange(-700, 0), draw.randrange(17), draw.randrange(17)])
        minutes = day * DAY + draw.randrange(DAY)
        person = f"email={who(draw.randrange(persons))}"
        found.append(event(f"m{number:03d}", kind, minutes, person, **more))
    return found + won_back(who, persons) + new_customers(who)
