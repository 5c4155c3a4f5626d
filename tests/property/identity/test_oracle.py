"""`resolve` and a naive reading of the same rules give one map, in volume."""

from __future__ import annotations

from random import Random

import pytest

from services.identity.core.resolve import resolve
from tests.tiers import volumes
from tests.unit.identity.oracle import Oracle
from tests.unit.identity.stories import parts, random_story

FIRST = 400
"""The unit test has those below."""


@pytest.mark.parametrize("seeds", volumes(1_000, 4_000))
def test_thousands_of_stories_end_as_the_oracle_says(seeds: int) -> None:
    """Placements and refusals agree, by seed."""
    for seed in range(FIRST, FIRST + seeds):
        story = random_story(Random(seed))
        edges, decisions, marks = parts(story.items)
        result = resolve(edges, decisions, marks, story.rules)
        oracle = Oracle(edges, decisions, marks, story.rules)
        assert {n: tuple(p) for n, p in result.placements.items()} == oracle.placements, seed
        assert {tuple(refusal) for refusal in result.refusals} == oracle.refusals, seed
