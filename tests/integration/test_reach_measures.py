"""Measures of channels, searches and campaigns on the real engine."""

from __future__ import annotations

import pytest

from services.measures.core.result import Cell
from services.store.database import Database
from tests.measure_stories import (
    DAY,
    MEMBERS,
    MINUTE_MAX,
    Step,
    asks,
    happened,
    measured,
    outcome,
    sent,
)
from tests.profile_store import Store, event

pytestmark = pytest.mark.any_store


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def cells(store: Store, name: str) -> dict[tuple[str, str], Cell]:
    """The breakdown of a measure."""
    return {(one.by, one.key): one for one in measured(store, name).breakdown}


def buys(minutes: int, number: str = "O", channel: str = "pos", total: str = "10.00") -> Step:
    """An order."""
    body = {"order_id": number, "lines": [{"sku": "1", "total": total}], "channel": channel}
    return "order.placed", minutes, body


def visit(age: int, channel: str = "pos") -> Step:
    """A visit, so many days before the window ends."""
    return "store.visited", MINUTE_MAX - age * DAY, {"channel": channel}


def test_worked_example_of_a_preference(store: Store) -> None:
    """In the store 10, 40 and 100 days ago, 2.124; in the shop 5 and 200, 1.176; on the telephone
    3, 0.977: the store, with 49.6 %."""
    ages = {"pos": (10, 40, 100), "shop": (5, 200), "phone": (3,)}
    happened(store, [visit(age, one) for one, found in ages.items() for age in found])
    found = measured(store, "channel_preference", days=365)
    [part] = [one for one in found.breakdown if one.by == "part"]
    assert part.key == "pos"
    assert part.value == pytest.approx(2.1237 / 4.2774, abs=2e-5)


def test_a_channel_weighs_less_with_age(store: Store) -> None:
    """In the window, 10 and 12 days before its end in the store, today on the telephone twice, and
    stated by one: the store has 2^(-10/90) + 2^(-12/90) of the weight."""
    phone = [asks(MINUTE_MAX - 1, channel="phone"), asks(MINUTE_MAX - 2, channel="phone")]
    happened(store, [visit(10), visit(12), *phone], [visit(10), visit(12), visit(14)], [visit(1)])
    found = measured(store, "channel_preference")
    assert outcome(found) == {"known": 2}
    assert found.n == 3 * MEMBERS
    assert found.value == pytest.approx(2 / 3)
    values = {(one.by, one.key): one.value for one in found.breakdown}
    assert (values["channel", "phone"], values["channel", "pos"]) == (0.5, 0.5)
    store_weight = 2 ** (-10 / 90) + 2 ** (-12 / 90)
    assert values["part", "phone"] == pytest.approx(2 / (2 + store_weight), abs=1e-4)


def test_a_wish_wins(store: Store) -> None:
    """The latest one; one that was taken back says nothing more."""
    wish = "profile.updated", 0, {"attributes": {"preference.channel": "letter"}}
    back = "profile.updated", 1, {"attributes": {"preference.channel": None}}
    visits = [visit(1), visit(2), visit(3)]
    happened(store, [*visits, wish], [*visits, wish, back], [visit(1), wish])
    found = measured(store, "channel_preference")
    assert found.counts == {"persons": 3 * MEMBERS, "known": 3 * MEMBERS, "stated": 2 * MEMBERS}
    assert cells(store, "channel_preference")["channel", "letter"].n == 2 * MEMBERS


def searches(minutes: int, term: str = "lamp", results: int | None = 3) -> Step:
    """A search in the shop."""
    return "search.performed", minutes, {"query": term, "results": results}


VIEW: Step = "product.viewed", 10, {"sku": "1"}
CART: Step = "cart.updated", 5, {"cart_id": "K", "items": [{"sku": "1"}]}
SEARCHES: list[list[Step]] = [
    [searches(0, results=0)],
    [searches(0, results=None), VIEW],
    [searches(0), VIEW, CART],
    [searches(0), ("product.viewed", 11, {"sku": "1"})],
    [("product.viewed", 0, {"sku": "1"}), searches(5)],
    [searches(-9 * DAY, results=0)],
    [searches(0, " Anna@Example.org", results=0)],
    [searches(0, "0171 234567", results=0)],
]


def test_what_searches_lead_to(store: Store) -> None:
    """A look counts for ten minutes after the search, and not before it; terms that may name
    somebody are masked."""
    happened(store, *SEARCHES)
    assert measured(store, "search_quality").counts == {
        "visitors": 7 * MEMBERS, "searches": 7 * MEMBERS, "nothing_found": 3 * MEMBERS,
        "no_click": 2 * MEMBERS, "no_cart": 3 * MEMBERS,
    }  # fmt: skip
    terms = {
        key: one.value for (by, key), one in cells(store, "search_quality").items() if by == "term"
    }
    assert terms == {"lamp": 0.6, "(masked)": 1}


def test_rare_terms_are_not_shown(store: Store) -> None:
    """Nobody may see what four persons searched for, not even its letters."""
    happened(store, [searches(0)])
    store.take(*(
        event(f"r{n}", "search.performed", 0, f"email=r{n}@example.org", query="erika", results=0)
        for n in range(4)
    ))  # fmt: skip
    shown = {key for by, key in cells(store, "search_quality") if by == "term"}
    assert shown == {"lamp"}


HELD_OUT: Step = "campaign.held_out", -DAY, {"campaign": "spring"}
MAIL = sent(0, campaign="spring")


def test_who_was_addressed_and_who_ordered(store: Store) -> None:
    """Orders of the 30 days after count. The window of three weeks has no room for them, so this
    one is longer."""
    early = -25 * DAY
    mail, held_out = sent(early, campaign="spring"), (HELD_OUT[0], early, HELD_OUT[2])
    happened(
        store,
        [mail, buys(early + 1)],
        [mail, buys(early + 30 * DAY)],
        [mail, buys(early - 1)],
        [held_out, buys(early + 5)],
        [held_out],
        [mail, held_out],
        [sent(early, campaign="autumn", purpose="service")],
        [MAIL, buys(1)],
    )
    found = measured(store, "campaign_effect", days=60)
    assert found.counts == {
        "persons": 6 * MEMBERS, "campaigns": 1, "treated": 3 * MEMBERS,
        "treated_converted": MEMBERS, "held_out": 3 * MEMBERS, "held_out_converted": MEMBERS,
    }  # fmt: skip
    assert found.value == pytest.approx(0)


def test_a_person_of_several_campaigns_is_one(store: Store) -> None:
    """Five persons are in two campaigns each."""
    happened(store, [sent(-40 * DAY, campaign="spring"), sent(-39 * DAY, campaign="summer")])
    found = measured(store, "campaign_effect", days=60)
    assert (found.n, found.counts) == (MEMBERS, {"persons": MEMBERS, "campaigns": 2})
