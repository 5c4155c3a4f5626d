"""Incidents are a function of the set of claims, the tick and the rules, and of nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.claim import PriceClaim
from schemas.incident import AnyIncident
from services.consistency.rules import ConsistencyRules
from tests.tiers import volumes
from tests.unit.consistency.histories import QUICK, STEP_HOURS, some_claims
from tests.unit.consistency.market import BOOK, hour, price_book, rules

RULE_SETS = [
    rules(**QUICK),
    rules(**QUICK, reference_channels=["erp"]),
    rules(**QUICK, locations_may_differ=True),
    rules(**QUICK, max_age_without_end_days={"fair": 1, "pos": 2}),
    rules(**QUICK, right_price="lowest", locations_may_differ=True),
    rules(**QUICK, reference_channels=["erp"], may_differ=[["shop", "pos"], ["pos", "app"]]),
    rules(**QUICK, right_price="lowest", reference_channels=["erp", "shop"]),
    rules(**QUICK, overlapping_promotions={"default": "lowest", "pos": "latest"}),
    rules(**QUICK, reference_channels=["erp"], overlapping_promotions={"default": "lowest"}),
]


def in_one_pass(
    claims: list[PriceClaim], now: datetime, using: ConsistencyRules
) -> tuple[dict[str, AnyIncident], datetime | None]:
    """The incidents and the next due time, from scratch."""
    book = price_book(BOOK, using)
    book.add(sorted(claims, key=lambda one: (one.occurred_at, one.event_id, one.ordinal)))
    book.advance(now)
    return book.incidents(), book.next_due


def batches(rng: random.Random, claims: list[PriceClaim]) -> Iterator[list[PriceClaim]]:
    """The claims shuffled, some of them twice, in batches of 1, 2, 3, 7 or all."""
    arriving = claims + rng.sample(claims, k=len(claims) // 2)
    if rng.random() < 0.7:
        rng.shuffle(arriving)
    else:
        arriving.sort(key=lambda one: one.occurred_at)
    size = rng.choice([1, 2, 3, 7, len(arriving)])
    for begin in range(0, len(arriving), size):
        yield arriving[begin : begin + size]


def check_any_order(rng: random.Random) -> int:
    """Feed one random history in a random way; returns how many incidents it has."""
    claims, using = some_claims(rng), rng.choice(RULE_SETS)
    book, now = price_book(BOOK, using), -STEP_HOURS
    for batch in batches(rng, claims):
        book.add(batch)
        if rng.random() < 0.5:
            now += rng.randint(0, 6) * STEP_HOURS // 2
            book.advance(hour(now))
        if rng.random() < 0.5:
            book.incidents()
    book.advance(hour(now := max(now, rng.randint(0, 200))))
    incidents, next_due = in_one_pass(claims, hour(now), using)
    assert (book.incidents(), book.next_due) == (incidents, next_due)
    check_times(incidents, hour(now))
    return len(incidents)


def check_times(incidents: dict[str, AnyIncident], now: datetime) -> None:
    """The times of an incident stand in their order, and none but upcoming ones lie ahead."""
    for one in incidents.values():
        times = [one.since, one.due_at, one.opened_at, one.resolved_at]
        given_times = [time for time in times if time is not None]
        assert given_times == sorted(given_times)
        if one.state == "upcoming":
            assert one.since > now
        elif one.state == "pending":
            assert one.since <= now < one.due_at
        else:
            assert one.opened_at is not None
            assert given_times[-1] <= now


@pytest.mark.parametrize("often", volumes(500, 5_000))
def test_any_order_repetition_batching_and_ticks_give_the_same_incidents(often: int) -> None:
    """Random histories, each fed in a random way, equal one sorted pass."""
    rng = random.Random(2026)
    found = sum(check_any_order(rng) for _ in range(often))
    assert found > often, "the histories must contain incidents for this to prove anything"


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_shrunk(rng: random.Random) -> None:
    """The same property, where a counterexample would be shrunk."""
    check_any_order(rng)


def test_time_alone_changes_nothing_before_the_next_due_time() -> None:
    """From any time until just before `next_due` the incidents stay what they are."""
    rng = random.Random(4)
    for _ in range(300):
        claims, using = some_claims(rng), rng.choice(RULE_SETS)
        now = hour(rng.randint(0, 150))
        incidents, due = in_one_pass(claims, now, using)
        latest = due - timedelta(seconds=1) if due else hour(10_000)
        assert in_one_pass(claims, latest, using) == (incidents, due)


@pytest.mark.parametrize("often", volumes(30, 300))
def test_ticks_on_the_way_change_nothing(often: int) -> None:
    """Walking from due time to due time ends where one leap ends."""
    rng = random.Random(5)
    for _ in range(often):
        claims, using = some_claims(rng), rng.choice(RULE_SETS)
        book = price_book(BOOK, using)
        book.add(claims)
        while (due := book.next_due) is not None and due < hour(400):
            book.advance(due)
            assert book.incidents() == in_one_pass(claims, due, using)[0]
        book.advance(hour(400))
        assert book.incidents() == in_one_pass(claims, hour(400), using)[0]
