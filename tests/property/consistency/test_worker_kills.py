"""The consistency worker, killed at every call, ends where one pass would."""

from __future__ import annotations

import random
from itertools import count

import pytest

from tests.tiers import volumes
from tests.unit.consistency.offer_log import (
    Fuse,
    World,
    story,
)
from tests.unit.consistency.test_worker import END_H, healed


@pytest.mark.parametrize("logs", volumes(20, 60))
async def test_any_batches_any_partitions(logs: int) -> None:
    """Without faults: 1 to 12 partitions, two realms, batches of any size."""
    kept = 0
    for seed in range(logs):
        rng = random.Random(seed)
        world = World(rng, Fuse(rng), rng.choice([1, 2, 3, 12]))
        kept += await healed(world, story(rng, world.partitions, END_H))
    assert kept > 3 * logs


@pytest.mark.parametrize("logs", volumes(1, 8))
async def test_killed_at_every_call(logs: int) -> None:
    """Some logs: one fault at each write and each await in turn, and none in the repetition."""
    burnt = 0
    for seed in range(logs):
        for at in count(1):
            rng = random.Random(seed)
            fuse = Fuse(random.Random(seed * 1_000 + at), at=at)
            world = World(rng, fuse, 1 + seed % 3)
            await healed(world, story(rng, world.partitions, END_H, claims_max=4))
            if not fuse.burnt:
                break
            burnt += 1
    assert burnt > 37 * logs


@pytest.mark.parametrize("logs", volumes(20, 150))
async def test_killed_again_and_again(logs: int) -> None:
    """Logs with faults at any calls, also while repeating what a fault left behind."""
    burnt = kept = 0
    for seed in range(logs):
        rng = random.Random(1_000 + seed)
        fuse = Fuse(rng, risk=rng.choice([0.01, 0.05]))
        world = World(rng, fuse, rng.choice([1, 2, 4]))
        kept += await healed(world, story(rng, world.partitions, END_H, claims_max=8))
        burnt += fuse.burnt
    assert burnt > 4 * logs
    assert kept > 2 * logs
