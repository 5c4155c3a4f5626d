"""The identity worker with faults at any call: it ends in the one right state."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from schemas.rules.identity import IdentityRules
from services.identity import rules_change
from services.identity.rebuild import RebuiltPart, rebuilt_parts
from tests.tiers import always, volumes
from tests.unit.identity.rehearsal import Killed, Rehearsal, rehearsed


@pytest.mark.parametrize("seeds", volumes(20, 150))
def test_seeds_with_faults_everywhere(seeds: int) -> None:
    """Runs in which every thirtieth call fails end in the one right state."""
    deaths = replaced = 0
    for seed in range(seeds):
        try:
            rehearsal = rehearsed(seed, rate=0.03)
            rehearsal.check()
        except Exception as error:
            pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")
        deaths += rehearsal.deaths
        replaced += rehearsal.replaced
    assert deaths > seeds
    assert replaced > seeds // 4, "rules that are still being applied are replaced, too"


@pytest.mark.parametrize("seed", always({14}, [2, 14]))
def test_each_single_call_may_fail(seed: int) -> None:
    """One fault at the first call, at the second, and so on to the last: all of them heal."""
    calls = rehearsed(seed).faults.calls
    assert calls > 50
    for number in range(calls):
        rehearsal = rehearsed(seed, fault_at=number)
        assert rehearsal.faults.struck == 1
        rehearsal.check()


def test_rules_that_no_worker_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker dies in the middle of them, until others replace them. These come later in the
    log, and all that is between has its place."""
    deaths = replaced = 0
    for seed in range(60):
        rehearsal, rng, deadly = Rehearsal(seed), Random(seed), list[IdentityRules]()
        for changed in rehearsal.changed.values():
            half = (len(changed) + 1) // 2
            deadly += [changed[at] for at in (0, half) if len(changed) == 4]
            good = [
                one for at, one in enumerate(changed) if len(changed) < 4 or at not in (0, half)
            ]
            deadly = [one for one in deadly if one not in good]

        def killing(
            source: Any,
            realm: str,
            rules: IdentityRules,
            *given: Any,
            rng: Random = rng,
            deadly: list[IdentityRules] = deadly,
            **named: Any,
        ) -> Iterator[RebuiltPart]:
            for part in rebuilt_parts(source, realm, rules, *given, **named):
                if rules in deadly and rng.random() < 0.5:
                    raise Killed("too large")
                yield part
            if rules in deadly:
                raise Killed("too large")

        monkeypatch.setattr(rules_change, "rebuilt_parts", killing)
        if not deadly:
            continue
        asyncio.run(rehearsal.run())
        rehearsal.check()
        deaths += rehearsal.deaths
        replaced += rehearsal.replaced
    assert min(deaths, replaced) > 20
