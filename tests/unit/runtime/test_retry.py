"""Transient faults are waited out; everything else comes through at once."""

from __future__ import annotations

import pytest

from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from services.runtime.retry import LONGEST_S, until_done


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

    assert await until_done(attempt, "store", metrics, sleep) == "done"
    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert pauses[-1] == LONGEST_S
    assert metrics.retries._value.get() == 11


async def test_other_errors_are_not_tried_again() -> None:
    """A broken invariant is not retried."""

    async def attempt() -> None:
        raise Fatal("broken")

    with pytest.raises(Fatal):
        await until_done(attempt, "store", Metrics())
