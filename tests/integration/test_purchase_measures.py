"""Measures of purchases on the real engine: the store counts what the pure core says of each
customer."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import date, datetime
from typing import Any

import pytest

from services.measures.core.coming_due import DayOfBuying, DueState, replenishment
from services.measures.core.customer_potential import PeerSpending, potential_of
from services.measures.core.population import is_few
from services.store.database import Database
from tests.measure_stories import (
    BERLIN,
    DAY,
    MEMBERS,
    UNTIL,
    Step,
    happened,
    measured,
    outcome,
)
from tests.profile_store import Store, event

pytestmark = pytest.mark.any_store
YEAR = 365


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def buys(day: int, sku: str = "filter", number: str = "", **more: Any) -> Step:
    """An order of one article, so many days after 2 March."""
    line = {
        "sku": sku,
        "category": more.pop("category", ""),
        "quantity": more.pop("quantity", 1),
        "total": more.pop("total", "9.00"),
    }
    body = {"order_id": f"{number or day}-", "lines": [line], **more}
    return "order.placed", day * DAY, body


def contract(kind: str, day: int, **more: Any) -> Step:
    """Something happens to a contract."""
    times = {
        name: datetime.combine(
            date.fromordinal(UNTIL.toordinal() + days), datetime.min.time(), BERLIN
        )
        for name, days in more.items()
        if name in ("until", "notice_until")
    }
    about = {name: at.isoformat() for name, at in times.items()}
    return f"contract.{kind}", day * DAY, {"contract_id": "A", **(more | about)}


@pytest.mark.parametrize("seed", range(3))
def test_habits_of_random_customers(store: Store, seed: int) -> None:
    """The store finds as many due and missed as the pure core, for every article."""
    draw = random.Random(seed)
    events, habits = list[Any](), defaultdict[tuple[str, str], Counter[date]](Counter)
    for number in range(400):
        who, sku = f"p{draw.randrange(30)}@example.org", draw.choice(["beans", "filter"])
        minutes, quantity = draw.randrange(-300 * DAY, 17 * DAY), draw.randrange(4)
        line = {"sku": sku, "quantity": quantity, "total": "9.00"}
        events.append(
            one := event(
                f"o{number}", "order.placed", minutes, f"email={who}",
                order_id=f"O{number}", lines=[line],
            )
        )  # fmt: skip
        at = datetime.fromisoformat(one["occurred_at"]).astimezone(BERLIN)
        habits[who, sku][at.date()] += quantity
    store.take(*events)
    expected = Counter[tuple[str, DueState]]()
    persons = defaultdict[str, set[DueState]](set)
    for (who, sku), days in habits.items():
        found = replenishment([DayOfBuying(day, many) for day, many in days.items()], UNTIL)
        if found is not None:
            expected[sku, found.state] += 1
            persons[who].add(found.state)
    result = measured(store, "due", days=YEAR)
    cells = {one.key: one.value for one in result.breakdown if one.by == "sku"}
    assert cells == {sku: expected[sku, DueState.DUE] for sku in ("beans", "filter")}
    missed = sum(DueState.MISSED in one for one in persons.values())
    assert result.counts["goods"] == sum(DueState.DUE in one for one in persons.values()) > 0
    assert result.counts.get("missed") == (None if is_few(missed) else missed)
    assert missed
    assert result.n == len(persons)


def test_ends_of_contracts(store: Store) -> None:
    """Five persons of each: ends soon, ends within 90 days, was renewed, was ended, runs on."""
    happened(
        store,
        [contract("started", -300, until=20, notice_until=-10)],
        [contract("started", -300, until=80, notice_until=20)],
        [contract("started", -300, until=20), contract("renewed", -20, until=400)],
        [contract("started", -300, until=20), contract("ended", -20, until=20)],
        [contract("started", -300)],
        [contract("started", -300, until=-5)],
    )
    found = measured(store, "due", days=YEAR)
    assert (found.n, found.value) == (25, 5)
    assert found.counts == {
        "goods": 0, "missed": 0, "contract_soon": 5, "contract_ahead": 10, "notice_soon": 5,
        "persons": 25,
    }  # fmt: skip


def test_expectations_that_came_true(store: Store) -> None:
    """After gaps of 30 days one group buys after 30, one after 40, and one after 20."""
    steady = [buys(-100), buys(-70), buys(-40)]
    happened(store, [*steady, buys(-10)], [*steady, buys(0)], [*steady, buys(-20)])
    cells = {
        (one.by, one.key): (one.n, one.value) for one in measured(store, "due", days=YEAR).breakdown
    }
    assert cells["hit", "sku"] == cells["late", "sku"] == pytest.approx((15, 1 / 3))


def order(minutes: int, *lines: dict[str, Any], number: str = "", **more: Any) -> Step:
    """An order of some lines."""
    return "order.placed", minutes, {"order_id": f"{number or minutes}-", "lines": [*lines], **more}


def line(sku: str = "x", category: str = "", total: str = "9.00", **more: Any) -> dict[str, Any]:
    """A line of an order."""
    return {"sku": sku, "category": category, "total": total, **more}


def looked(minutes: int, sku: str = "x", category: str = "lamps") -> Step:
    """A product is viewed."""
    return "product.viewed", minutes, {"sku": sku, "category": category}


LAMP = line(category="lamps")
DEAR, CHEAP = line("dear", "lamps", "50.00"), line("cheap", "lamps", "1.00")
COFFEE, USUAL = line("coffee", "food"), line("p1", "lamps", "10.00")
DECIDED: dict[str, tuple[list[Step], str]] = {
    "again and again": ([order(-n * DAY, COFFEE) for n in (60, 30, 0)], "habitual"),
    "at odd intervals": ([order(-n * DAY, COFFEE) for n in (300, 2, 0)], "limited"),
    "an appointment": (
        [("appointment.booked", -89 * DAY, {"appointment_id": "A"}), order(0, line())], "extensive",
    ),
    "one of long ago": (
        [("appointment.booked", -91 * DAY, {"appointment_id": "A"}), order(0, line())], "unknown",
    ),
    "compared": ([*(looked(-n, f"v{n}") for n in range(5)), order(1, LAMP)], "extensive"),
    "compared four": ([*(looked(-n, f"v{n}") for n in range(4)), order(1, USUAL)], "unknown"),
    "looked long at something dear": ([looked(-3 * DAY, "dear"), order(0, DEAR)], "extensive"),
    "two days": ([looked(-2 * DAY, "dear"), order(0, DEAR)], "unknown"),
    "looked long at something cheap": ([looked(-3 * DAY, "cheap"), order(0, CHEAP)], "unknown"),
    "something of the category": ([order(-400 * DAY, LAMP), order(0, DEAR)], "limited"),
    "cheap, seen just now": ([looked(-29, "cheap"), order(0, CHEAP)], "impulsive"),
    "cheap, seen for an hour": ([looked(-60, "cheap"), order(0, CHEAP)], "unknown"),
    "reduced": ([order(0, line("dear", "lamps", "50.00", sale_kind="clearance"))], "impulsive"),
    "dear": ([order(0, DEAR)], "unknown"),
    "cheap at the till": ([order(0, CHEAP, channel="pos")], "unknown"),
    "cheap at the till, seen before": (
        [looked(-9, "cheap"), order(0, CHEAP, channel="pos")], "impulsive",
    ),
}  # fmt: skip


def test_how_lines_were_decided(store: Store) -> None:
    """Every story is of its type. Five lamps that somebody bought a year ago say what is dear."""
    prices = [("cheap", "1.00"), ("x", "9.00"), ("p1", "10.00"), ("p2", "11.00"), ("dear", "50.00")]
    shop = [order(-200 * DAY, *(line(sku, "lamps", total) for sku, total in prices))]
    happened(store, *([*shop] for _ in range(4)), *(steps for steps, _ in DECIDED.values()))
    wanted = Counter(kind for _, kind in DECIDED.values())
    found = outcome(measured(store, "decision_type"))
    assert found == {**wanted, "lines": len(DECIDED)}


def test_what_is_paid_for_reduced_goods(store: Store) -> None:
    """Bands by the money of customers with five lines; four lines are too few."""
    reduced, regular = line(total="20.00", sale_kind="clearance"), line(total="20.00")
    coupon = {**regular, "discounts": [{"kind": "coupon", "amount": "1.00"}]}
    staff = {**regular, "discounts": [{"kind": "staff", "amount": "1.00"}]}
    happened(
        store,
        [order(0, *[regular] * 4, staff)],
        [order(0, *[regular] * 3, reduced, coupon)],
        [order(0, *[regular] * 3), order(1, reduced), order(2, reduced)],
        [order(0, *[reduced] * 5)],
        [order(0, *[reduced] * 4)],
        [order(-40 * DAY, reduced), order(0, *[regular] * 4)],
    )
    result = measured(store, "discount_dependence")
    assert (result.n, result.value) == (20, 0.45)
    bands = {one.key: one.n for one in result.breakdown if one.by == "band"}
    assert bands == {"none": 5, "below_50": 10, "from_75": 5}


def test_what_other_sellers_sell_is_no_money_of_the_retailer(store: Store) -> None:
    """Half of what is paid to the retailer is for reduced goods, whatever others sell beside it."""
    reduced, regular = line(total="20.00", sale_kind="clearance"), line(total="20.00")
    dear, cheap = ({**one, "total": "90.00", "seller": "other"} for one in (regular, reduced))
    happened(store, [order(0, reduced, regular, dear), order(1, reduced, regular, cheap)])
    result = measured(store, "discount_dependence")
    assert (result.n, result.value) == (5, 0.5)


def test_pairs_in_orders(store: Store) -> None:
    """Tea and cups are together in 25 of 60 orders, tea and salt never; a pair counts once."""
    tea, cup, salt = line("tea"), line("cup"), line("salt")
    happened(
        store,
        *([order(n, tea, cup, tea)] for n in range(5)),
        *([order(n, salt)] for n in range(5)),
        [order(0, tea)], [order(0, cup)],
    )  # fmt: skip
    result = measured(store, "affinity")
    assert result.counts == {"persons": 60, "orders": 60, "pairs": 1}
    assert {one.key for one in result.breakdown} == {"cup + tea"}
    cells = {one.by: one.value for one in result.breakdown}
    assert cells["lift"] == pytest.approx(25 * 60 / (30 * 30))
    assert cells["support"] == pytest.approx(25 / 60)


def test_who_joined_a_programme(store: Store) -> None:
    """Members spend 9 and then 18, others alike 9 and 9; who had spent otherwise is no match."""
    joins = "loyalty.changed", -210 * DAY, {"programme": "card", "points_balance": 7}
    before, after = order(-250 * DAY, line()), order(-190 * DAY, line(total="18.00"))
    happened(
        store,
        [before, joins, after],
        [before, order(-190 * DAY, line())],
        [order(-250 * DAY, line(total="900.00")), order(-190 * DAY, line())],
        [before, ("loyalty.changed", -900 * DAY, {"programme": "card"})],
        [before, ("loyalty.changed", -20 * DAY, {"programme": "card", "points_balance": 3})],
    )
    result = measured(store, "programme_effect", days=YEAR)
    assert (result.n, result.value) == (MEMBERS, 9.0)
    assert result.counts["others"] == MEMBERS
    [points] = [one for one in result.breakdown if one.by == "points"]
    assert (points.n, points.value) == (2 * MEMBERS, 50)


def test_days_since_the_last_order_are_those_of_the_realm(store: Store) -> None:
    """Members had bought thirty days before they joined, on 4 August, and others thirty days before
    15 August begins in Berlin, which is 29 in UTC: they are alike."""
    joins = "loyalty.changed", -210 * DAY, {"programme": "card"}
    after = order(-190 * DAY, line(total="18.00"))
    happened(
        store,
        [order(-240 * DAY, line()), joins, after],
        [order(-229 * DAY, line()), order(-190 * DAY, line())],
    )
    result = measured(store, "programme_effect", days=YEAR)
    assert (result.n, result.value) == (MEMBERS, 9.0)


@pytest.mark.parametrize("seed", range(2))
def test_potential_of_random_customers(store: Store, seed: int) -> None:
    """The store finds what the pure core says of every customer, with peers of equal power; a
    customer whose peers are too few has those of the largest category, or all."""
    draw = random.Random(seed)
    spent, events = defaultdict[str, Counter[str]](Counter), list[Any]()
    for number in range(500):
        who, money = f"p{draw.randrange(90)}@example.org", draw.randrange(1, 60)
        category = draw.choice("aaabbbcd")
        spent[who][category] += money
        one = line(category, category, f"{money}.00")
        minutes = -draw.randrange(300 * DAY)
        events.append(
            event(
                f"o{number}", "order.placed", minutes, f"email={who}", order_id=f"O{number}",
                lines=[one],
            )
        )  # fmt: skip
    store.take(*events)
    largest = {
        who: [c for c, _ in sorted(own.items(), key=lambda x: (-x[1], x[0]))]
        for who, own in spent.items()
    }
    keys = {who: (str(sorted(own[:3])), own[0], "") for who, own in largest.items()}
    sizes = [Counter(key[width] for key in keys.values()) for width in range(3)]
    total, widths = 0.0, Counter[int]()
    for who, own in spent.items():
        width = next(n for n in range(3) if sizes[n][keys[who][n]] >= 20)
        peers = [spent[other] for other in keys if keys[other][width] == keys[who][width]]
        total += potential_of(own, _spending(peers)).total
        widths[width + 1] += 1
    result = measured(store, "potential", days=YEAR)
    assert result.n == len(spent)
    assert result.value == pytest.approx(total / len(spent), abs=0.006)
    assert {n: result.counts[f"peers_{n}"] for n in widths} == widths
    assert len(widths) > 1
    shares = {one.key: one.value for one in result.breakdown if one.by == "potential_of_priority"}
    assert shares["A"] == pytest.approx(0.5, abs=0.05)


def _spending(peers: list[Counter[str]]) -> dict[str, PeerSpending]:
    """What peers do in each category."""
    found = {}
    for category in {one for peer in peers for one in peer}:
        buying = sorted(peer[category] for peer in peers if category in peer)
        place = 0.75 * (len(buying) - 1)
        low, high = buying[int(place)], buying[min(int(place) + 1, len(buying) - 1)]
        upper = low + (high - low) * (place - int(place))
        found[category] = PeerSpending(upper, len(buying) / len(peers))
    return found
