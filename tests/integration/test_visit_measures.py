"""Measures of visits and messages on the real engine: what is ordered, what is abandoned, what is
relevant."""

from __future__ import annotations

from typing import Any

import pytest

from services.store.database import Database
from tests.measure_stories import (
    DAY,
    HOUR,
    MINUTE_MAX,
    Step,
    asks,
    happened,
    measured,
    outcome,
    sent,
    wanted_of,
)
from tests.profile_store import Store

pytestmark = pytest.mark.any_store


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def cart(minutes: int, *skus: str, **more: Any) -> Step:
    """The cart as it is then."""
    return (
        "cart.updated",
        minutes,
        {"cart_id": "K", "items": [{"sku": one} for one in skus], **more},
    )


def buys(minutes: int, sku: str = "lamp", number: str = "O", **more: Any) -> Step:
    """An order of one article."""
    lines = [{"sku": sku, "category": more.pop("category", ""), "total": "9.00"}]
    return "order.placed", minutes, {"order_id": number, "lines": lines, **more}


VISITS: dict[str, tuple[list[Step], str]] = {
    "orders": ([cart(0, "lamp"), buys(5)], "ordered"),
    "in a store": ([cart(0, "lamp"), buys(DAY, channel="pos")], "ordered"),
    "a day later": ([cart(0, "lamp"), buys(DAY + 1)], ""),
    "something else": ([cart(0, "lamp"), buys(5, "table")], "ordered"),
    "comes again": ([cart(0, "lamp"), cart(DAY, "lamp"), buys(DAY + 5)], "ordered"),
    "collected on another visit": (
        [cart(0, "lamp"), buys(5), cart(2 * DAY, "chair"), buys(2 * DAY + 9, channel="pos")],
        "ordered",
    ),
    "an empty cart": ([cart(0), buys(5)], "no visit"),
    "before the window": ([cart(-3 * DAY, "lamp"), buys(1 - 3 * DAY)], "no visit"),
    "the order was cancelled": (
        [cart(0, "lamp"), buys(5), ("order.cancelled", 9, {"order_id": "O"})], "",
    ),
    "is not over": ([cart(MINUTE_MAX - DAY, "lamp")], "open"),
}  # fmt: skip


def test_which_visits_end_in_an_order(store: Store) -> None:
    """Every story ends as it says; two of them have two visits."""
    happened(store, *(steps for steps, _ in VISITS.values()))
    found, wanted = outcome(measured(store, "conversion")), wanted_of(VISITS)
    assert (found["ordered"], found["open"]) == (wanted["ordered"], wanted["open"])
    assert found["visits"] == len(VISITS) + 2 - wanted["no visit"] - wanted["open"]


def test_regulars_and_dialogues(store: Store) -> None:
    """Who ordered before is a regular; a dialogue counts until the order."""
    happened(
        store,
        [buys(-9 * DAY, number="P"), cart(0, "lamp"), asks(1), buys(5)],
        [cart(0, "lamp"), buys(5), asks(6)],
        [cart(0, "lamp"), asks(6)],
    )
    found = {one.key: one.value for one in measured(store, "conversion").breakdown}
    assert found == {
        "regulars": 1, "newcomers": 0.5, "with_dialogue": 0.5, "without_dialogue": 1,
    }  # fmt: skip


def reminder(minutes: int) -> Step:
    """A mail about the cart."""
    return sent(minutes, purpose="cart_reminder")


def nameless(minutes: int, *skus: str) -> Step:
    """The cart of a shop that gives carts no id."""
    return cart(minutes, *skus, cart_id="")


CARTS: dict[str, tuple[list[Step], str]] = {
    "reminded, and ordered": ([cart(0, "lamp"), reminder(DAY), buys(2 * DAY)], "rescued"),
    "called, and ordered": ([cart(0, "lamp"), asks(DAY), buys(2 * DAY)], "rescued"),
    "ordered something else": ([cart(0, "lamp"), reminder(DAY), buys(2 * DAY, "chair")], "lost"),
    "ordered without": ([cart(0, "lamp"), buys(2 * DAY)], "alone"),
    "ordered before the reminder": ([cart(0, "lamp"), buys(DAY), reminder(2 * DAY)], "alone"),
    "ordered too late": ([cart(0, "lamp"), reminder(DAY), buys(8 * DAY + 1)], "lost"),
    "ordered in time": ([cart(0, "lamp"), reminder(DAY), buys(8 * DAY)], "rescued"),
    "ordered within the hour": ([cart(0, "lamp"), buys(60)], ""),
    "changed within the hour": ([cart(0, "lamp"), cart(50, "lamp"), buys(100)], ""),
    "emptied": ([cart(0, "lamp"), cart(50)], ""),
    "comes back for it": (
        [cart(0, "lamp"), reminder(DAY), cart(DAY + 5, "lamp", "chair"), buys(DAY + 9)], "rescued",
    ),
    "a reminder brings a second order": (
        [cart(0, "lamp"), buys(DAY), reminder(2 * DAY), buys(3 * DAY, number="P")], "alone",
    ),
    "of a month before, and again": (
        [cart(-30 * DAY, "lamp"), cart(0, "chair"), reminder(DAY), buys(2 * DAY, "chair")],
        "rescued",
    ),
    "no id, ordered before": (
        [nameless(-30 * DAY, "lamp"), buys(-29 * DAY, number="P"), nameless(0, "lamp")], "lost",
    ),
    "nobody came": ([cart(0, "lamp"), reminder(DAY)], "lost"),
    "somebody may come": ([cart(MINUTE_MAX - DAY, "lamp")], "open"),
    "is not abandoned yet": ([cart(MINUTE_MAX - HOUR + 5, "lamp")], ""),
    "before the window": ([cart(-9 * DAY, "lamp"), reminder(DAY), buys(2 * DAY)], ""),
}  # fmt: skip


def test_which_carts_are_rescued(store: Store) -> None:
    """Every story ends as it says."""
    happened(store, *(steps for steps, _ in CARTS.values()))
    found = outcome(measured(store, "cart_rescue"))
    abandoned = found.pop("abandoned")
    assert found == wanted_of(CARTS)
    assert abandoned == sum(found.values()) - found["open"]


NAMELESS: dict[str, tuple[list[Step], int]] = {
    "left twice": ([nameless(0, "lamp"), nameless(DAY, "lamp")], 1),
    "emptied between": ([nameless(0, "lamp"), nameless(DAY), nameless(2 * DAY, "lamp")], 2),
    "ordered between": ([nameless(0, "lamp"), buys(DAY), nameless(2 * DAY, "lamp")], 2),
    "ordered at once": ([nameless(0, "lamp"), buys(0), nameless(DAY, "lamp")], 1),
}


def test_carts_without_an_id(store: Store) -> None:
    """Until an order or an emptied cart it is one cart, then the next one begins."""
    happened(store, *(steps for steps, _ in NAMELESS.values()))
    found = outcome(measured(store, "cart_rescue"))
    assert found["abandoned"] == sum(many for _, many in NAMELESS.values())


def test_a_reminder_after_the_order_did_nothing(store: Store) -> None:
    """The cart was ordered with nothing in between, whatever is sent later."""
    happened(store, [cart(0, "lamp"), buys(DAY), reminder(2 * DAY)])
    [one] = measured(store, "cart_rescue").breakdown
    assert (one.key, one.value) == ("nothing", 1)


def views(minutes: int, category: str, campaign: str = "") -> Step:
    """A look at a product; a campaign may have led there."""
    more = {"sku": "x", "category": category, "led_by": campaign}
    return "product.viewed", minutes, {name: text for name, text in more.items() if text}


MAIL = sent(0, campaign="spring")
LED = [MAIL, views(60, "lamps", "spring")]
RELEVANCES: dict[str, tuple[list[Step], str]] = {
    "looked at lamps": ([views(-5, "lamps"), MAIL], "relevant"),
    "bought one": ([buys(-9 * DAY, category="lamps"), MAIL], "relevant"),
    "a year ago": ([views(-365 * DAY, "lamps"), MAIL], "relevant"),
    "longer ago": ([views(-366 * DAY, "lamps"), MAIL], ""),
    "something else": ([views(-5, "chairs"), MAIL], ""),
    "only by the mail": (LED, ""),
    "a mail about nothing known": ([views(-5, "lamps"), sent(0, campaign="x")], "unknown"),
    "no campaign": ([views(-5, "lamps"), sent(0)], "unknown"),
    "no marketing": ([views(-5, "lamps"), sent(0, purpose="survey", campaign="spring")], "none"),
}


def test_which_messages_are_relevant(store: Store) -> None:
    """A campaign is about lamps, for it led to them."""
    happened(store, *(steps for steps, _ in RELEVANCES.values()))
    found, wanted = outcome(measured(store, "relevance")), wanted_of(RELEVANCES)
    assert (found["relevant"], found["unknown"]) == (wanted["relevant"], wanted["unknown"])
    assert found["messages"] == len(RELEVANCES) - wanted["unknown"] - wanted["none"]
