"""Measures of growth on the real engine: what is sold across and up, who is sent, who returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.rules.insights import InsightRules
from services.store.database import Database
from tests.measure_stories import DAY, MEMBERS, Step, happened, measured, outcome, sent
from tests.profile_store import Store, event

pytestmark = pytest.mark.any_store
YEAR = 365
CHEAP, DEAR = "s00", "s09"


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def line(sku: str, category: str = "", total: str = "9.00", **more: Any) -> dict[str, Any]:
    """A line of an order."""
    return {"sku": sku, "category": category, "total": total, **more}


def buys(day: int, *lines: dict[str, Any], **more: Any) -> Step:
    """An order, so many days after 2 March."""
    return "order.placed", day * DAY, {"order_id": f"{day}-", "lines": list(lines), **more}


def step(kind: str, day: int, **more: Any) -> Step:
    """Something else happens, so many days after 2 March."""
    return kind, day * DAY, more


LAMP, CHAIR, NAMELESS = line("l", "lamps"), line("c", "chairs"), line("x")
LATER_ON_THE_DAY = "order.placed", DAY + 60, {"order_id": "again", "lines": [CHAIR]}
CROSSED: dict[str, tuple[list[Step], str]] = {
    "a first order": ([buys(1, LAMP)], ""),
    "the same": ([buys(-500, LAMP), buys(1, LAMP)], "orders"),
    "another category": ([buys(-500, LAMP), buys(1, LAMP, CHAIR)], "cross_sold"),
    "one of long ago": ([buys(-500, CHAIR), buys(-40, LAMP), buys(1, CHAIR)], "orders"),
    "no category": ([buys(-500, LAMP), buys(1, NAMELESS)], "unknown"),
    "after something without one": ([buys(-500, NAMELESS), buys(1, LAMP)], "cross_sold"),
    "a split delivery": ([buys(1, LAMP), LATER_ON_THE_DAY], ""),
    "shipping is no category": (
        [buys(-500, LAMP), buys(1, LAMP, line("s", "parcels", kind="shipping"))], "orders",
    ),
    "before the window": ([buys(-500, LAMP), buys(-40, CHAIR)], ""),
    "cancelled": (
        [buys(-500, LAMP), buys(1, CHAIR), step("order.cancelled", 2, order_id="1-")], "",
    ),
}  # fmt: skip


def test_what_is_sold_across(store: Store) -> None:
    """Every order of a returning customer is counted as its story says."""
    happened(store, *(steps for steps, _ in CROSSED.values()))
    result = measured(store, "cross_sell_rate")
    ends = [wanted for _, wanted in CROSSED.values() if wanted]
    assert outcome(result) == {
        "orders": len(ends), "cross_sold": ends.count("cross_sold"),
        "unknown": ends.count("unknown"),
    }  # fmt: skip
    assert {one.key: one.n for one in result.breakdown} == {"chairs": 5, "lamps": 5}


def assortment() -> Iterator[Step]:
    """Ten lamps of rising prices, which somebody bought in the last year, and nine chairs."""
    for n in range(10):
        yield buys(-100 - n, line(f"s{n:02d}", "lamps", f"{10 + n}.00"))
        if n < 9:
            yield buys(-200 - n, line(f"c{n:02d}", "chairs", f"{10 + n}.00"))


def test_what_is_sold_up(store: Store) -> None:
    """From the cheapest fifth to the dearest; not down, not within a fifth, and not by quantity."""
    cheap, near, dear = (line(sku, "lamps") for sku in (CHEAP, "s01", DEAR))
    stories: list[tuple[list[Step], str]] = [
        ([*assortment()], ""),
        ([buys(-500, cheap), buys(1, dear)], "up_sold"),
        ([buys(-500, dear), buys(1, cheap)], "orders"),
        ([buys(-500, cheap), buys(1, near)], "orders"),
        ([buys(-500, dear), buys(-400, cheap), buys(1, dear)], "orders"),
        ([buys(-500, line("c00", "chairs")), buys(1, line("c08", "chairs"))], "unknown"),
        ([buys(-500, line("c00", "chairs")), buys(1, dear)], "orders"),
        ([buys(1, cheap), buys(2, dear)], "up_sold"),
    ]
    # The orders before the window set no price: those of the assortment are more.
    happened(store, *([*assortment()] for _ in range(3)), *(steps for steps, _ in stories))
    ends = [wanted for _, wanted in stories if wanted]
    result = measured(store, "up_sell_rate")
    assert outcome(result) == {
        "orders": len(ends), "up_sold": ends.count("up_sold"), "unknown": ends.count("unknown"),
    }  # fmt: skip
    [lamps] = [one for one in result.breakdown if one.key == "lamps"]
    assert (lamps.n, lamps.value) == pytest.approx((6 * MEMBERS, 2 / 6))


def test_a_price_between_two(store: Store) -> None:
    """Half pay 12 and half 18 for a lamp, which so costs 15: no more than the one they had."""
    had = buys(-500, line("s05", "lamps"))
    cheap, dear = (line("odd", "lamps", price) for price in ("12.00", "18.00"))
    happened(store, [*assortment()], [had, buys(1, cheap)], [had, buys(1, dear)])
    assert outcome(measured(store, "up_sell_rate")) == {"orders": 2}


def test_who_is_sent(store: Store) -> None:
    """New customers with a code, customers who recommend, and reviews of four and five stars."""
    happened(
        store,
        [buys(1, LAMP), step("referral.redeemed", 1, code="R")],
        [buys(1, LAMP)],
        [buys(-40, LAMP), step("referral.made", 1, code="R"), step("referral.made", 2, code="R")],
        [buys(-40, LAMP), step("referral.made", -40, code="R")],
        [buys(-500, LAMP), step("referral.made", 1, code="R")],
        [buys(-40, LAMP), *(step("review.posted", n, sku="l", rating=n) for n in (3, 4, 5))],
        [step("referral.made", 1, code="R")],
    )
    result = measured(store, "referral")
    assert outcome(result) == {
        "customers": 5, "referrers": 1, "new_customers": 2, "referred": 1, "good_reviews": 2,
    }  # fmt: skip
    assert result.value == 0.2


def test_who_comes_back(store: Store) -> None:
    """Contacted or held out, within 90 days of the first contact; prospects who buy for the first
    time; and nobody else."""
    begins = [
        event(
            f"c-{name}", "campaign.published", -400 * DAY, channel="email", campaign=name,
            purpose=purpose,
        )
        for name, purpose in (("back", "win_back"), ("new", "acquisition"), ("other", "retention"))
    ]  # fmt: skip
    store.take(*begins)
    held = step("campaign.held_out", -95, campaign="back")
    back = {"campaign": "back"}
    happened(
        store,
        [buys(-400, LAMP), sent(-95 * DAY, "a", **back), buys(-6, LAMP)],  # 89 days later
        [buys(-400, LAMP), sent(-95 * DAY, "a", **back), buys(-5, LAMP)],
        [buys(-400, LAMP), held, buys(-90, LAMP)],
        [buys(-400, LAMP), held],
        [buys(-400, LAMP), held, sent(-94 * DAY, "a", **back)],
        [sent(-95 * DAY, "a", **back), buys(-90, LAMP)],  # was no customer before
        [buys(-400, LAMP), sent(-60 * DAY, "a", **back), buys(1, LAMP)],  # 90 days are not over
        [buys(-400, LAMP), sent(-95 * DAY, "a", campaign="other"), buys(-90, LAMP)],
        [sent(-95 * DAY, "a", campaign="new"), buys(-90, LAMP)],
        [sent(-95 * DAY, "a", campaign="new")],
        [buys(-400, LAMP), sent(-95 * DAY, "a", campaign="new"), buys(-90, LAMP)],
    )
    result = measured(store, "win_back", days=YEAR)
    assert outcome(result) == {
        "contacted": 2, "returned": 1, "held_out": 3, "held_out_returned": 1, "prospects": 2,
        "prospects_bought": 1,
    }  # fmt: skip
    assert result.value == pytest.approx(1 / 2 - 1 / 3)


def published(name: str, day: int, cost: str, **more: Any) -> dict[str, Any]:
    """A campaign and its cost."""
    body = {"campaign": name, "cost": cost, "purpose": "acquisition", **more}
    return event(f"{name}{day}{cost}", "campaign.published", day * DAY, **body)


def test_what_a_new_customer_costs(store: Store) -> None:
    """Costs of two channels add up, a later report replaces one; other money and times do not
    count. Five new customers are there for 10 days and five for 19."""
    store.take(
        published("spring", 1, "50.00", channel="email"),
        published("spring", 1, "70.00", channel="print"),
        published("spring", 2, "90.00", channel="print"),
        published("", 2, "5.00", channel="print"),
        published("", 3, "5.00", channel="print"),
        published("swiss", 3, "999.00", channel="print", currency="CHF"),
        published("before", -40, "999.00", channel="print"),
        published("keep", 2, "30.00", channel="print", purpose="retention"),
    )
    happened(store, [buys(8, LAMP)], [buys(-1, LAMP), buys(8, LAMP)], [buys(-40, LAMP)])
    result = measured(store, "acquisition_cost")
    assert (result.n, result.value, result.flags) == (10, 15.0, [])
    assert {one.key: one.value for one in result.breakdown} == {
        "new": 15.0, "kept": 6.0, "ratio": 2.5,
    }  # fmt: skip
    rules = InsightRules(margin=0.5)
    found = measured(store, "payback", rules)
    monthly = 135 * 0.5 / (5 * (10 + 19) / (365 / 12))
    assert found.value == pytest.approx(15.0 / monthly)
    assert (found.n, found.unit) == (10, "months")
