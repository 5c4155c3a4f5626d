"""Orders of a customer: each once across systems, and together the figures of the profile."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from schemas.api.orders import OrderState, ProfileOrder
from services.profiles.adapters.order_history import OrderHistoryReader
from services.profiles.core.order_history import OrderPlace
from services.store.database import Database
from tests.profile_store import (
    ANNA,
    BERT,
    PEOPLE,
    REALM,
    REALMS,
    Store,
    bought,
    event,
    node,
    random_event,
)
from tests.tiers import always

pytestmark = pytest.mark.any_store
ANNA_NODE = node("email", "anna@example.org")
BACK: dict[str, Any] = {"order_id": "A1", "return_id": "R1", "lines": [{"total": "8.00"}]}


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def pages(store: Store, profile: int, limit: int = 50) -> Iterator[list[ProfileOrder]]:
    """All pages of the orders of a profile."""
    reader = OrderHistoryReader(store.database, REALMS, store.reader.settled)
    place: OrderPlace | None = None
    while True:
        orders, place = reader.page(REALM, profile, limit, place)
        yield orders
        if place is None:
            return


def history(store: Store, profile: int = ANNA_NODE) -> list[ProfileOrder]:
    """All orders of a profile."""
    return [one for page in pages(store, profile) for one in page]


def test_one_order_two_systems(store: Store) -> None:
    """The report that counts gives time, place and lines; the other one is listed."""
    store.take(
        bought("e1", "A1", "20.00", 0, ANNA),
        bought("e2", "A1", "20.00", 60, channel="pos", system="till"),
        event("e3", "order.cancelled", 70, ANNA, order_id="A1", lines=[{"total": "5.00"}]),
        event("e4", "order.returned", 80, BERT, channel="pos", **BACK),
        event("e5", "order.returned", 90, channel="pos", system="till", **BACK),
    )
    [one] = history(store)
    assert (one.order_id, one.event_id, one.channel) == ("A1", "e1", "shop")
    assert (one.state, one.value, one.revenue) == (OrderState.PLACED, Decimal(20), Decimal(15))
    assert [(line.sku, line.quantity, line.total) for line in one.lines] == [
        ("4711", Decimal(1), Decimal("20.00"))
    ]
    assert [(seen.event_id, seen.channel) for seen in one.reported_by] == [
        ("e1", "shop"),
        ("e2", "pos"),
    ]
    assert [(off.event_id, off.is_whole, off.value) for off in one.cancellations] == [
        ("e3", False, Decimal(5))
    ]
    assert [(back.event_id, back.value, back.reports) for back in one.returns] == [
        ("e4", Decimal(8), 2)
    ]
    assert history(store, node("email", "bert@example.org")) == []


def test_a_cancelled_order_and_a_return_without_its_order(store: Store) -> None:
    """Both are listed, with what is known of them."""
    store.take(
        bought("e1", "A2", "20.00", 0, ANNA),
        event("e2", "order.cancelled", 5, ANNA, order_id="A2"),
        event("e3", "order.returned", 9, ANNA, **BACK),
    )
    back, cancelled = history(store)
    assert (back.state, back.order_id, back.value) == (OrderState.UNKNOWN, "A1", None)
    assert [one.value for one in back.returns] == [Decimal("8.00")]
    assert (cancelled.state, cancelled.value, cancelled.revenue) == (
        OrderState.CANCELLED,
        Decimal(20),
        Decimal(0),
    )
    assert cancelled.cancellations[0].value is None


@pytest.mark.parametrize("seed", always({0}, range(3)))
def test_they_add_up_to_the_figures_of_the_profile(store: Store, seed: int) -> None:
    """Of every profile of a random stream, page by page, each order on exactly one page."""
    draw = random.Random(seed)
    store.take(*(random_event(draw, number) for number in range(260)))
    nodes = [node(*word.split("=")) for word in PEOPLE]
    for member in nodes[4:]:
        store.place(draw.choice(nodes[:4]), member)
    profiles = store.reader.profiles(REALM, nodes[:4])
    for profile in profiles:
        found = [one for page in pages(store, profile.profile_id.int, 3) for one in page]
        keys = [
            (one.issuer, one.order_id, one.returns[0].return_id)
            if one.state is OrderState.UNKNOWN
            else (one.issuer, one.order_id)
            for one in found
        ]
        assert len(keys) == len(set(keys))
        states = [one.state for one in found]
        assert states.count(OrderState.PLACED) == profile.orders
        assert states.count(OrderState.CANCELLED) == profile.cancellations
        assert sum(len(one.returns) for one in found) == profile.returns
        revenue: defaultdict[str, Decimal] = defaultdict(Decimal)
        returned: defaultdict[str, Decimal] = defaultdict(Decimal)
        for one in found:
            if one.state is OrderState.PLACED:
                revenue[one.currency] += one.revenue
            for back in one.returns:
                returned[back.currency] += back.value
        assert (revenue.pop("EUR", 0), revenue) == (profile.revenue, profile.other_currencies)
        assert returned.pop("EUR", 0) == profile.returned
        assert returned == profile.returned_other_currencies
    assert sum(one.orders for one in profiles) > 10


def test_nothing_is_skipped_or_repeated_while_orders_arrive(store: Store) -> None:
    """Orders that were there all along are on one page each, whatever comes between pages."""
    draw = random.Random(5)
    store.take(*(bought(f"e{n}", f"A{n}", "1.00", draw.randrange(30), ANNA) for n in range(25)))
    seen: list[str] = []
    for number, page in enumerate(pages(store, ANNA_NODE, 4)):
        seen += [one.order_id for one in page]
        store.take(bought(f"n{number}", f"N{number}", "1.00", draw.randrange(40), ANNA))
        store.take(event(f"c{number}", "order.cancelled", 50, ANNA, order_id=f"A{number}"))
    assert len(seen) == len(set(seen))
    assert {f"A{n}" for n in range(25)} <= set(seen)
