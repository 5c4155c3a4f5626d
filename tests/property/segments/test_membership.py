"""Membership and its next change, at every instant of random histories, as the oracle says.

All times are whole hours, so an answer can change at whole hours only: each hour and the
millisecond before it are looked at.
"""

from __future__ import annotations

import random

import pytest

from schemas.rules.segments import checked_segments
from services.segments.core.compiler import compiled
from services.segments.core.plan import SegmentPlan, member, outlook
from tests.property.segments.histories import (
    HORIZON,
    LEAVES,
    SCOPE,
    SETTING,
    Customer,
    Json,
    at,
    customer,
    definition,
)
from tests.property.segments.oracle import Oracle
from tests.tiers import volumes

PROBES = sorted(at(hour) - before for hour in range(-3, HORIZON) for before in (0, 1))


def plans_of(definitions: dict[str, Json]) -> dict[str, SegmentPlan]:
    """The plans of definitions as a file has them."""
    return compiled(checked_segments({"segment": definitions}, SCOPE), SETTING)


def check(who: Customer, definitions: dict[str, Json], told: str) -> None:
    """The core says of everybody, at every instant, what the oracle says; no change is missed."""
    plans, facts, oracle = plans_of(definitions), who.facts(), Oracle(who, definitions)
    for name, plan in plans.items():
        truth = [oracle.belongs(name, t) for t in PROBES]
        until, was = -1, False  # nothing may change before this instant
        for t, is_in in zip(PROBES, truth, strict=True):
            found = outlook(facts, plan, t)
            assert member(facts, plan, t) == found.holds == is_in, (told, name, t, definitions)
            assert found.flip_ms is None or found.flip_ms > t
            assert t >= until or is_in == was, (told, name, t, definitions)
            reach = PROBES[-1] + 1 if found.flip_ms is None else found.flip_ms
            until, was = max(until, reach), is_in


@pytest.mark.parametrize("maker", dict.fromkeys(LEAVES), ids=lambda one: one.__name__.strip("_"))
@pytest.mark.parametrize("count", volumes(10, 300))
def test_each_leaf(maker: object, count: int) -> None:
    """A leaf alone holds when the oracle says so, and its next change is never later."""
    for seed in range(count):
        rng = random.Random(f"{maker.__name__}-{seed}")  # type: ignore[attr-defined]
        base = {"title": "x", "everybody": True, "kinds": ["person", "anonymous"]}
        others = {"other": {**base, "purpose": "service", "all": [LEAVES[0](rng, ())]}}
        leaf = maker(rng, ["other"])  # type: ignore[operator]
        mine = {"mine": {**base, "purpose": "service", "all": [leaf]}}
        check(customer(rng), others | mine, f"{seed}")


@pytest.mark.parametrize("count", volumes(80, 10_000))
def test_any_definition(count: int) -> None:
    """The same of nested groups, segments in segments, and what must last for a while."""
    for seed in range(count):
        rng = random.Random(seed)
        first = definition(rng)
        second = definition(rng, ["first"])
        check(customer(rng), {"first": first, "second": second}, f"{seed}")


@pytest.mark.parametrize("count", volumes(100, 2_000))
def test_order_and_repetition_make_no_difference(count: int) -> None:
    """Shuffled, repeated and corrected events give the same answers, and so do plans made apart."""
    for seed in range(count):
        rng = random.Random(seed)
        who, definitions = customer(rng), {"mine": definition(rng)}
        facts, [plan] = who.facts(), plans_of(definitions).values()
        events = who.events * 2
        rng.shuffle(events)
        others, [again] = who.facts(events), plans_of(definitions).values()
        for t in rng.sample(PROBES, 12):
            assert outlook(others, again, t) == outlook(facts, plan, t), (seed, t)
