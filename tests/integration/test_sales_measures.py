"""Measures of sales on the real engine: how far leads come, and whose work it was."""

from __future__ import annotations

from typing import Any

import pytest

from services.store.database import Database
from tests.measure_stories import (
    DAY,
    MEMBERS,
    Step,
    happened,
    measured,
    outcome,
    wanted_of,
)
from tests.profile_store import Store, event

pytestmark = pytest.mark.any_store


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def moves(minutes: int, stage: str, **more: Any) -> Step:
    """An opportunity comes to a stage."""
    more = {"opportunity_id": "D", "stage": stage, "owner": "s-1", **more}
    return "opportunity.changed", minutes, more


def buys(minutes: int, number: str = "O") -> Step:
    """An order."""
    return "order.placed", minutes, {"order_id": number, "lines": [{"sku": "1", "total": "9.00"}]}


QUOTE: Step = "quote.sent", 2, {"quote_id": "Q"}
WAYS: dict[str, tuple[list[Step], str]] = {
    "interest only": ([moves(0, "Lead")], "interest"),
    "a stage that nobody knows": ([moves(0, "interest"), moves(1, "lost")], "interest"),
    "only such a stage": ([moves(0, "lost")], ""),
    "an appointment": ([("appointment.booked", 0, {"appointment_id": "A"})], "talk"),
    "a visit with advice": ([("store.visited", 0, {"advised": True})], "talk"),
    "a visit without": ([("store.visited", 0, {})], ""),
    "a quote at once": ([QUOTE], "offer"),
    "won": ([moves(0, "interest"), moves(DAY, "WON")], "contract"),
    "back to a talk": ([moves(0, "offer"), moves(DAY, "talk")], "offer"),
    "a contract after a talk": (
        [moves(0, "talk"), ("contract.started", DAY, {"contract_id": "V"})], "contract",
    ),
    "a contract without a way": ([("contract.started", 0, {"contract_id": "V"})], ""),
    "the first order": ([QUOTE, buys(DAY)], "contract"),
    "a regular who gets a quote": ([buys(-9 * DAY, "P"), QUOTE, buys(DAY)], "offer"),
    "an order without a way": ([buys(0)], ""),
    "began before the window": ([moves(-9 * DAY, "interest"), moves(0, "won")], ""),
}  # fmt: skip


def test_how_far_leads_come(store: Store) -> None:
    """Every story ends as it says; a later stage implies the earlier ones."""
    happened(store, *(steps for steps, _ in WAYS.values()))
    wanted, found = wanted_of(WAYS), outcome(measured(store, "funnel"))
    order = ("interest", "talk", "offer", "contract")
    assert found == {
        stage: sum(wanted[later] for later in order[number:]) for number, stage in enumerate(order)
    }


def test_what_leads_are_worth_and_why_they_are_lost(store: Store) -> None:
    """The latest amount counts, and no reason of those who came to a contract in the end."""
    price = {"lost_reason": "price"}
    happened(
        store,
        [moves(0, "interest", amount="100.00"), moves(3 * DAY, "talk", amount="90.00")],
        [moves(0, "talk", amount="5.00", currency="USD"), moves(DAY, "lost", **price)],
        [moves(0, "talk"), moves(DAY, "lost", **price), moves(2 * DAY, "won")],
    )
    values = {(one.by, one.key): one.value for one in measured(store, "funnel").breakdown}
    assert values["worth", "talk"] == 90 * MEMBERS
    assert values["lost", "price"] == MEMBERS
    assert values["median_days", "talk"] == 0
    assert values["median_days", "contract"] == 0


def test_whose_work_it_was(store: Store) -> None:
    """An opportunity is its owner's, a visit and a quote are the agent's; each once."""
    happened(
        store,
        [moves(0, "talk"), moves(1, "talk"), moves(2, "offer"), moves(3, "won", owner="s-2")],
        [moves(0, "interest"), moves(-9 * DAY, "talk"), moves(1, "talk")],
    )
    visits = [
        event(f"v{n}", "store.visited", n, f"email=p0-{n}@example.org", agent="s-3")
        for n in range(MEMBERS)
    ]
    store.take(*visits)
    found = measured(store, "sales_plan")
    assert outcome(found) == {"orders": 1, "visits": 1, "quotes": 1, "first_calls": 1}
    owned = {(one.by, one.key): one.value for one in found.breakdown if one.by != "total"}
    assert owned == {
        ("first_calls", "s-1"): MEMBERS, ("quotes", "s-1"): MEMBERS, ("orders", "s-2"): MEMBERS,
        ("visits", "s-3"): MEMBERS,
    }  # fmt: skip
