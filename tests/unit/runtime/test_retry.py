"""Transient faults are waited out; everything else comes through at once."""

from __future__ import annotations

import random

import pytest

from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from services.runtime.retry import LONGEST_S, retrying, until_done
from services.runtime.retry import pauses as drawn


async def test_pauses_grow_to_a_limit() -> None:
    """Eleven failures: pauses double and stay at the longest; each one is counted."""
    pauses: list[float] = []
    metrics = Metrics()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def attempt() -> str:
        if len(pauses) < 11:
            raise Retry("away")
        return "done"

    done = await until_done(attempt, "store", metrics, sleep, draw=lambda: 1.0)
    assert done == "done"
    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert pauses[-1] == LONGEST_S
    assert metrics.retries._value.get() == 11


async def test_other_errors_are_not_tried_again() -> None:
    """A broken invariant is not retried."""

    async def attempt() -> None:
        raise Fatal("broken")

    with pytest.raises(Fatal):
        await until_done(attempt, "store", Metrics())


def test_pauses_are_spread() -> None:
    """Workers that failed together come back apart: between half and all of each bound."""
    rng = random.Random(1)
    for bound_s, pause_s in zip((0.2, 0.4, 0.8, 1.6), drawn(rng.random), strict=False):
        assert bound_s / 2 <= pause_s <= bound_s
    assert len({next(drawn(rng.random)) for _ in range(20)}) == 20


def test_a_blocking_call_is_tried_a_few_times() -> None:
    """It knows how often it failed; the last failure comes through."""
    slept: list[float] = []
    metrics = Metrics()

    def attempt(failures: int) -> int:
        if failures < fails:
            raise Retry("away")
        return failures

    fails = 2
    assert retrying(attempt, "store", metrics, 4, slept.append, lambda: 1.0) == 2
    assert slept == [0.2, 0.4]
    fails = 4
    with pytest.raises(Retry):
        retrying(attempt, "store", metrics, 4, slept.append)
    assert len(slept) == 5
    assert metrics.retries._value.get() == 5
