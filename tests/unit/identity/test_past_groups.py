"""Groups of an earlier time: what resolving the whole graph of that time would say."""

from __future__ import annotations

from random import Random

from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import latest, merged
from services.identity.core.resolve import resolve
from services.identity.past_groups import PastGroup, group_of
from tests.unit.identity.stories import QUARTER_DAY_MS, parts, random_story

SEEDS = range(150)
REALM = "r"


def test_a_group_of_the_past_is_that_of_resolving_the_past() -> None:
    """For every node of random stories at several times; also reports that came later count."""
    for seed in SEEDS:
        story = random_story(Random(seed))
        edges, decisions, marks = parts(story.items)
        for until_ms in (4, 2 * QUARTER_DAY_MS, 5 * QUARTER_DAY_MS, 8 * QUARTER_DAY_MS):
            made = [one for one in latest(decisions).values() if one.decided_ms <= until_ms]
            seen = [one for one in edges if one.first_seen_ms <= until_ms]
            expected = resolve(seen, made, marks, story.rules).placements
            store = MemoryIdentityStore()
            there = [one for one in merged(edges).values() if one.first_seen_ms <= until_ms]
            store.write_edges(REALM, there)
            store.write_decisions(REALM, made)
            store.write_marks(REALM, marks)
            for node in {end for edge in edges for end in (edge.a, edge.b)}:
                placed = expected.get(node.id)
                group = PastGroup(node.id, None, frozenset({node.id}))
                if placed:
                    nodes = (n for n, other in expected.items() if other.profile == placed.profile)
                    group = PastGroup(placed.profile, placed.kind, frozenset(nodes))
                assert group_of(store, REALM, node, story.rules) == group, (seed, until_ms)
