"""Measures on the real engine: which orders count, whose they are, and who is a person."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, cast

import pytest

from schemas.rules.insights import insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.catalogue import MEASURES
from services.measures.core.result import Flag, MeasureResult
from services.runtime.errors import NotFound
from services.store.database import Database
from tests.profile_store import (
    READ_AT,
    REALM,
    REALMS,
    Store,
    bought,
    event,
    node,
)

pytestmark = pytest.mark.any_store
DAY = 24 * 60
GIVEN = ("realm", "kinds", "from_ms", "until_ms", "zone", "currency", "acts")
"""What every statement may ask for."""
FIRST, UNTIL = date(2026, 3, 1), date(2026, 3, 20)


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def rate(store: Store, until: date = UNTIL) -> MeasureResult:
    """The repeat purchase rate of the window."""
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    return reader.measure("repeat_purchase_rate", REALM, FIRST, until)


def persons(count: int, minutes: int) -> list[Any]:
    """One order each, by e-mail addresses."""
    return [
        bought(f"p{minutes}-{n}", f"P{minutes}-{n}", "10.00", minutes, f"email=p{n}@example.org")
        for n in range(count)
    ]


def test_repeat_purchases(store: Store) -> None:
    """8 persons buy, 3 of them on a second day: 37.5 %; cookies and receipts are nobody."""
    store.take(*persons(8, 0), *persons(3, 3 * DAY))
    store.take(
        bought("c1", "C1", "9.00", 0, "cookie=c-1"),
        bought("c2", "C2", "9.00", DAY, "cookie=c-1"),
        bought("r1", "R1", "9.00", 0, system="till"),
    )
    found = rate(store)
    assert (found.n, found.value, found.flags) == (8, 0.375, [])
    assert found.counts == {"buyers": 8, "repeat_buyers": 3, "returning_buyers": 3}


def test_only_orders_that_count(store: Store) -> None:
    """Cancelled, synthetic, repeated and second reports of an order are no second purchase."""
    store.take(*persons(6, 0))
    anna = "email=p0@example.org"
    store.take(
        bought("e1", "A1", "20.00", 3 * DAY, anna),
        event("e2", "order.cancelled", 4 * DAY, order_id="A1", system="erp"),
        bought("e3", "A3", "20.00", 3 * DAY, anna, synthetic=True),
        bought("e4", "P0-1", "10.00", 5 * DAY, channel="pos", system="till"),
        bought("e5", "P0-0", "10.00", 5 * DAY, anna, system="till"),
        bought("e6", "P0-0", "10.00", 6 * DAY, anna, system="till", revision=1),
    )
    assert rate(store).counts == {"buyers": 6, "repeat_buyers": 0, "returning_buyers": 0}


def test_occasions_of_a_day_are_numbered_by_time(store: Store) -> None:
    """Who buys in the shop and then in the app, which sorts first, first bought in the shop."""
    for person in range(5):
        who = f"email=p{person}@example.org"
        store.take(
            bought(f"s{person}", f"S{person}", "30.00", 0, who, channel="shop"),
            bought(f"a{person}", f"A{person}", "10.00", 60, who, channel="app"),
        )
    cells = {one.key: one.value for one in rate(store).breakdown if one.by == "occasion"}
    assert cells == {"1": 30.0, "2": 10.0}


def test_cancelled_lines_reduce_the_revenue(store: Store) -> None:
    """The mean of the first occasion is that of what was not cancelled."""
    store.take(*persons(5, 0))
    store.take(
        event("e2", "order.cancelled", 9, order_id="P0-0", system="erp", lines=[{"total": "5.00"}])
    )
    [first] = [cell for cell in rate(store).breakdown if cell.by == "occasion"]
    assert (first.n, first.value) == (5, 9.0)


def test_todays_map_decides_whose_orders_they_are(store: Store) -> None:
    """Two addresses of one person are one buyer with two occasions as soon as the map says so."""
    store.take(*persons(8, 0))
    store.take(bought("e1", "A1", "20.00", 3 * DAY, "email=other@example.org"))
    assert rate(store).counts["repeat_buyers"] == 0
    one = node("email", "p0@example.org")
    store.place(one, one, node("email", "other@example.org"))
    assert rate(store).counts == {"buyers": 8, "repeat_buyers": 1, "returning_buyers": 1}


def test_shared_profiles_are_no_persons(store: Store) -> None:
    """An address that belongs to nobody buys nothing as a person."""
    store.take(*persons(6, 0), *persons(6, 3 * DAY))
    shared = node("email", "p0@example.org")
    store.place(shared, shared, kind="shared")
    assert rate(store).counts["buyers"] == 5


def test_few_customers_and_unfinished_windows_are_flagged(store: Store) -> None:
    """Four buyers are not shown; a window that is not over says so."""
    store.take(*persons(4, 0))
    found = rate(store, date(2026, 4, 2))
    assert (found.n, found.value, found.counts, found.breakdown) == (None, None, {}, [])
    assert found.flags == [Flag.SUPPRESSED, Flag.INCOMPLETE_WINDOW]


def test_unknown_names(store: Store) -> None:
    """An unknown measure or realm is not found."""
    reader = MeasureReader(store.database, REALMS, insight_rules())
    with pytest.raises(NotFound, match="repeat_purchase_rate"):
        reader.measure("happiness", REALM)
    with pytest.raises(NotFound, match="not configured"):
        reader.measure("repeat_purchase_rate", "nowhere")


@pytest.mark.parametrize("name", MEASURES)
def test_each_measure_says_what_it_is(name: str) -> None:
    """Before any figure, from what it is made of: its text, its limits here, and its statements."""
    rules = insight_rules()
    reader = MeasureReader(cast(Any, None), REALMS, rules, lambda: READ_AT)
    found = reader.explained(name, REALM)
    assert (found.measure, found.definition) == (name, MEASURES[name].definition)
    assert len(found.meaning) > len(found.title) / 2
    assert [one.name for one in found.inputs] == list(MEASURES[name].rows)
    for one in found.inputs:
        assert one.reads
        asked_for = set(re.findall(r"\{(\w+):", one.sql))
        assert asked_for <= {*found.settings, *GIVEN}, asked_for
    assert not {*found.settings} & {*GIVEN}, "days are those of the window"
