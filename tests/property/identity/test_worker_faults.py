"""The identity worker with faults at any call: it ends in the one right state."""

from __future__ import annotations

import pytest

from tests.tiers import always, volumes
from tests.unit.identity.rehearsal import rehearsed


@pytest.mark.parametrize("seeds", volumes(20, 150))
def test_seeds_with_faults_everywhere(seeds: int) -> None:
    """Runs in which every thirtieth call fails end in the one right state."""
    deaths = 0
    for seed in range(seeds):
        try:
            rehearsal = rehearsed(seed, rate=0.03)
            rehearsal.check()
        except Exception as error:
            pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")
        deaths += rehearsal.deaths
    assert deaths > seeds


@pytest.mark.parametrize("seed", always({5}, [2, 5]))
def test_each_single_call_may_fail(seed: int) -> None:
    """One fault at the first call, at the second, and so on to the last: all of them heal."""
    calls = rehearsed(seed).faults.calls
    assert calls > 50
    for number in range(calls):
        rehearsal = rehearsed(seed, fault_at=number)
        assert rehearsal.faults.struck == 1
        rehearsal.check()
