"""Facts of customers read from the store: what counts, from when on, whoever held it before."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.instants import to_ms
from schemas.rules.profile import profile_rules
from schemas.rules.segments import SegmentScope, checked_segments
from services.profiles.adapters.history import HistoryReader
from services.segments.adapters.facts import FactReader
from services.segments.core.compiler import SegmentSetting, compiled
from services.segments.core.facts import CustomerFacts
from services.segments.core.plan import Needs, SegmentPlan, member, outlook
from services.store.database import Database
from tests.profile_store import (
    ANNA,
    ANNA_CARD,
    BERT,
    NOON,
    PEOPLE,
    REALM,
    Store,
    at,
    bought,
    event,
    node,
    random_event,
)

pytestmark = pytest.mark.any_store
SETTING = SegmentSetting(ZoneInfo("Europe/Berlin"), "EUR", profile_rules().consent)
ANNA_NODE, CARD_NODE = node("email", "anna@example.org"), node("loyalty_card", "77")
BERT_NODE = node("email", "bert@example.org")
MINUTE = 60_000


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def facts_of(store: Store, needs: Needs, *profiles: int) -> dict[int, CustomerFacts]:
    """The facts of profiles."""
    reader = FactReader(store.database, HistoryReader(store.reader), profile_rules(), {REALM: "DE"})
    return reader.facts(REALM, profiles, needs)


def plan(*conditions: dict[str, Any], **more: Any) -> SegmentPlan:
    """The plan of a segment with these conditions."""
    mine = {"title": "x", "purpose": "service", "all": list(conditions), **more}
    definitions = checked_segments({"segment": {"mine": mine}}, SegmentScope(profile_rules()))
    return compiled(definitions, SETTING)["mine"]


def among(store: Store, mine: SegmentPlan, minutes: int, profiles: Collection[int]) -> set[int]:
    """Which of the profiles belong to a segment some minutes after noon."""
    found = facts_of(store, mine.needs, *profiles)
    return {one for one, facts in found.items() if member(facts, mine, to_ms(at(minutes)))}


ORDERED = {"did": "order.placed"}


def test_an_order_that_two_systems_report_counts_once(store: Store) -> None:
    """The shop and the till report it; with the customer it is one order, and none of the till."""
    store.take(
        bought("t-1", "A1", "9.00", 0, issuer="shop", channel="pos"),
        bought("s-1", "A1", "9.00", 1, ANNA, issuer="shop"),
        bought("s-2", "A1", "9.00", 2, ANNA, issuer="shop", system="erp"),
    )
    once, twice = plan({**ORDERED, "count": "= 1"}), plan({**ORDERED, "count": ">= 2"})
    assert among(store, once, 5, [ANNA_NODE]) == {ANNA_NODE}
    assert among(store, twice, 5, [ANNA_NODE]) == set()
    assert among(store, plan({**ORDERED, "channel": "pos"}), 5, [ANNA_NODE]) == set()


def test_cancelled_in_part_and_as_a_whole(store: Store) -> None:
    """An order is worth less from the one on and does not count from the other on."""
    half = [{"sku": "4711", "total": "60.00"}]
    store.take(
        bought("s-1", "A1", "100.00", 0, ANNA),
        event("c-1", "order.cancelled", 10, ANNA, order_id="A1", lines=half),
        event("c-2", "order.cancelled", 20, order_id="A1"),
    )
    dear = plan({**ORDERED, "sum": "order_value >= 100"})
    cheap = plan({**ORDERED, "sum": "order_value = 40"})
    for minute, is_dear, is_cheap, is_any in (
        (9, True, False, True), (10, False, True, True), (19, False, True, True),
        (20, False, False, False),
    ):  # fmt: skip
        expected = [{ANNA_NODE} if one else set() for one in (is_dear, is_cheap, is_any)]
        found = [among(store, one, minute, [ANNA_NODE]) for one in (dear, cheap, plan(ORDERED))]
        assert found == expected, minute
    [facts] = facts_of(store, dear.needs, ANNA_NODE).values()
    assert outlook(facts, dear, to_ms(at(0))).flip_ms == to_ms(at(10))


def test_merge_and_unmerge(store: Store) -> None:
    """A membership follows the map: both histories count after a merge, and each its own again."""
    store.take(bought("s-1", "A1", "9.00", 0, ANNA), bought("s-2", "A2", "9.00", 1, ANNA_CARD))
    twice = plan({**ORDERED, "count": ">= 2"})
    both = [ANNA_NODE, CARD_NODE]
    assert among(store, twice, 5, both) == set()
    store.place(ANNA_NODE, *both)
    assert among(store, twice, 5, both) == {ANNA_NODE}
    store.place(ANNA_NODE, ANNA_NODE)
    store.place(CARD_NODE, CARD_NODE)
    assert among(store, twice, 5, both) == set()


def test_a_correction_replaces_what_its_event_said(store: Store) -> None:
    """In content, in time, and in its type."""

    def viewed(revision: int, minute: int, sku: str) -> dict[str, Any]:
        return event("v-1", "product.viewed", minute, ANNA, sku=sku, revision=revision)

    saw = plan({"did": "product.viewed", "where": {"sku": "4711"}})
    store.take(viewed(0, 0, "4711"))
    assert among(store, saw, 5, [ANNA_NODE]) == {ANNA_NODE}
    store.take(viewed(1, 3, "4711"))
    assert among(store, saw, 2, [ANNA_NODE]) == set()
    store.take(viewed(2, 3, "4712"))
    assert among(store, saw, 5, [ANNA_NODE]) == set()
    store.take(event("v-1", "page.viewed", 3, ANNA, revision=3))
    assert among(store, plan({"did": "product.viewed"}), 5, [ANNA_NODE]) == set()
    assert among(store, plan({"did": "page.viewed"}), 5, [ANNA_NODE]) == {ANNA_NODE}


def test_journeys_of_tests_count_for_nobody(store: Store) -> None:
    """Whom only synthetic events know belongs to no segment, not even to one of everybody."""
    store.take(
        event("p-1", "page.viewed", 0, ANNA, synthetic=True), event("p-2", "page.viewed", 0, BERT)
    )
    everybody = plan({"did_not": "order.placed"}, everybody=True)
    viewed = plan({"did": "page.viewed"})
    for mine in (everybody, viewed):
        assert among(store, mine, 5, [ANNA_NODE, BERT_NODE]) == {BERT_NODE}


def test_attributes_as_they_were(store: Store) -> None:
    """A value counts from its event on, and one that is taken back no longer."""
    for number, (minute, value) in enumerate(((0, "Ulm"), (10, "Bern"), (20, None))):
        store.take(
            event(f"u-{number}", "profile.updated", minute, ANNA, attributes={"city": value})
        )
    ulm, somewhere = (
        plan({"attribute": "city", **test}) for test in ({"equals": "Ulm"}, {"exists": True})
    )
    expected = [(0, True, True), (9, True, True), (10, False, True), (20, False, False)]
    for minute, is_ulm, is_known in expected:
        assert among(store, ulm, minute, [ANNA_NODE]) == ({ANNA_NODE} if is_ulm else set())
        assert among(store, somewhere, minute, [ANNA_NODE]) == ({ANNA_NODE} if is_known else set())


def test_permission_as_it_was(store: Store) -> None:
    """From the opt-in on, until it is withdrawn."""
    said = {"purpose": "marketing", "channel": "email", "address": "anna@example.org"}
    store.take(
        event("c-1", "consent.given", 5, ANNA, basis="consent", **said),
        event("c-2", "consent.withdrawn", 9, ANNA, **said),
    )
    mine = plan({"consent": {"purpose": "marketing", "channel": "email"}})
    assert [
        bool(among(store, mine, minute, [ANNA_NODE])) for minute in (4, 5, 8, 9)
    ] == [False, True, True, False]  # fmt: skip


def test_fields_without_a_column_of_their_own(store: Store) -> None:
    """They are read from the body, in the written form of the contract."""
    store.take(
        event("q-1", "search.performed", 0, ANNA, query="shoes", results=0),
        event("m-1", "email.sent", 0, ANNA, purpose="marketing", message_id="m", campaign="c"),
        event("m-2", "email.clicked", 1, ANNA, message_id="m"),
        event(
            "s-1", "survey.answered", 2, ANNA, kind="nps",
            answers=[{"question": "recommend", "score": "3"}],
        ),
    )  # fmt: skip
    for condition in (
        {"did": "search.performed", "where": {"results": 0, "query": "shoes"}},
        {"reacted": "clicked", "campaign": "c"},
        {"did": "survey.answered", "where": {"kind": "nps", "answers.score": "0..6"}},
        {
            "did": "survey.answered",
            "where": {"answers.question": "recommend", "wave": {"exists": False}},
        },
        {"did": "search.performed", "where": {"source.system": "webshop"}},
    ):
        assert among(store, plan(condition), 5, [ANNA_NODE]) == {ANNA_NODE}, condition
    missed = plan({"did": "search.performed", "where": {"results": ">= 1"}})
    assert among(store, missed, 5, [ANNA_NODE]) == set()


def test_the_population_is_everybody_once(store: Store) -> None:
    """In portions of any size, profiles are met once each, those that were merged no longer."""
    people = [f"email=p{number}@example.org" for number in range(23)]
    store.take(*(event(f"e-{who}", "page.viewed", 0, who) for who in people))
    nodes = [node(*who.split("=")) for who in people]
    store.place(nodes[0], *nodes[:5])
    for size in (1, 4, 100):
        reader = FactReader(
            store.database, HistoryReader(store.reader), profile_rules(), {}, portion_nodes=size
        )
        met = [one for some in reader.population(REALM) for one in some]
        assert sorted(met) == sorted([nodes[0], *nodes[5:]])


@pytest.mark.parametrize("seed", range(4))
def test_orders_are_those_of_profiles(store: Store, seed: int) -> None:
    """In random histories each profile has as many orders, returns and as much revenue as its
    golden record says."""
    draw = random.Random(seed)
    store.take(*(random_event(draw, number) for number in range(120)))
    nodes = [node(*who.split("=")) for who in PEOPLE]
    store.place(nodes[0], *nodes[:2])
    profiles = [nodes[0], *nodes[2:]]
    needs = plan({**ORDERED, "sum": "order_value >= 1"}, {"did": "order.returned"}).needs
    found = facts_of(store, needs, *profiles)
    tick = to_ms(NOON + timedelta(days=1))
    for one in store.reader.profiles(REALM, profiles):
        facts = found[one.profile_id.int]
        by_type: dict[str, list[Decimal]] = {"order.placed": [], "order.returned": []}
        for happened in facts.events():
            if happened.from_ms <= tick < happened.until_ms:
                euros = happened.fields["currency"] in ("", "EUR")
                value = happened.fields["order_value"]
                by_type[happened.type].append(value if euros else Decimal(0))
        assert len(by_type["order.placed"]) == one.orders
        assert len(by_type["order.returned"]) == one.returns
        assert sum(by_type["order.placed"]) == one.revenue
