"""Repeat purchase rate: worked examples, and a naive count over random orders."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.measures.catalogue.repeat_purchase_rate import Purchase, compute
from services.measures.core.measure import MeasureContext
from services.measures.core.window import Window

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2026, 3, 1, tzinfo=BERLIN), datetime(2026, 4, 1, tzinfo=BERLIN)
CONTEXT = MeasureContext(Window(START, END), BERLIN, "EUR")


def order(
    person: int, day: float, amount: str = "10", place: str = "shop", currency: str = "EUR"
) -> Purchase:
    """An order some days after the beginning of the window."""
    return Purchase(UUID(int=person), START + timedelta(days=day), place, currency, Decimal(amount))


def test_worked_example() -> None:
    """120 buyers, 42 of them with two occasions: 35 %."""
    orders = [order(person, 1) for person in range(120)]
    orders += [order(person, 9) for person in range(42)]
    orders += [order(person, -3) for person in range(200, 300)]  # buyers of the time before
    found = compute(orders, CONTEXT)
    assert (found.n, found.value) == (120, 0.35)
    assert found.counts == {"buyers": 120, "repeat_buyers": 42, "returning_buyers": 42}
    assert found.interval is not None
    assert (round(found.interval.low, 3), round(found.interval.high, 3)) == (0.271, 0.439)


def test_one_day_and_place_is_one_occasion() -> None:
    """A split delivery is no second purchase; another store or day is."""
    split = [order(1, 2.1), order(1, 2.6)]
    assert compute(split, CONTEXT).counts["repeat_buyers"] == 0
    assert compute([*split, order(1, 2.3, place="12")], CONTEXT).counts["repeat_buyers"] == 1
    assert compute([*split, order(1, 3.1)], CONTEXT).counts["repeat_buyers"] == 1


def test_days_are_those_of_the_realm() -> None:
    """23:30 and 00:30 in Berlin are two days, though one in UTC; the window begins at midnight."""
    two = [order(1, 4 - 0.5 / 24), order(1, 4 + 0.5 / 24)]
    assert {one.occurred_at.astimezone(UTC).date() for one in two} == {date(2026, 3, 4)}
    assert compute(two, CONTEXT).counts["repeat_buyers"] == 1
    assert compute([order(1, -0.01)], CONTEXT).n == 0


def test_returning_counts_earlier_purchases() -> None:
    """An occasion before the window makes a buyer return, not repeat in the window."""
    found = compute([order(1, -200), order(1, 3), order(2, 3), order(3, 40)], CONTEXT)
    assert found.counts == {"buyers": 2, "repeat_buyers": 0, "returning_buyers": 1}
    [returning] = [cell for cell in found.breakdown if cell.by == "figure"]
    assert (returning.key, returning.n, returning.value) == ("returning", 2, 0.5)


def test_revenue_by_occasion() -> None:
    """The mean of first, second … occasions of the window, numbered over the whole history."""
    orders = [
        order(1, -9, "99"), order(1, 1, "20"), order(1, 1.1, "5"), order(1, 2, "30"),
        order(2, 1, "11"), order(3, 1, "12", currency="CHF"),
        *(order(4, day, "1") for day in range(7)),
    ]  # fmt: skip
    cells = [cell for cell in compute(orders, CONTEXT).breakdown if cell.by == "occasion"]
    assert [(cell.key, cell.n, cell.value, cell.unit) for cell in cells] == [
        ("1", 3, 4.0, "EUR"),  # 11, nothing in EUR, 1
        ("2", 2, 13.0, "EUR"),  # 25 on one day, 1
        ("3", 2, 15.5, "EUR"),
        ("4", 1, 1.0, "EUR"),
        ("5+", 1, 1.0, "EUR"),
    ]


def test_nobody_bought() -> None:
    """Without buyers the rate is undefined, not zero."""
    found = compute([], CONTEXT)
    assert (found.n, found.value, found.interval) == (0, None, None)


@pytest.mark.parametrize("seed", range(20))
def test_equals_a_naive_count(seed: int) -> None:
    """Random orders in any order give what counting days and places by hand gives."""
    chance = random.Random(seed)
    orders = [
        order(chance.randrange(30), chance.uniform(-40, 40), place=chance.choice("ab"))
        for _ in range(200)
    ]
    inside: Counter[UUID] = Counter()
    before: Counter[UUID] = Counter()
    for person, day, _ in {
        (one.profile, one.occurred_at.astimezone(BERLIN).date(), one.place) for one in orders
    }:
        if day < START.date():
            before[person] += 1
        elif day < END.date():
            inside[person] += 1
    found = compute(orders, CONTEXT)
    assert found.counts == {
        "buyers": len(inside),
        "repeat_buyers": sum(count > 1 for count in inside.values()),
        "returning_buyers": sum(inside[person] + before[person] > 1 for person in inside),
    }
    chance.shuffle(orders)
    assert compute(orders, CONTEXT) == found
