"""Identities change in every way at once, under faults, in workers on the real engine.

A seed that fails prints itself; `python -m tests.simulation.operations --first N` plays it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import structlog

from services.runtime.settings import Settings
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import SECRET
from tests.grants import missing
from tests.simulation.engine_store import ProcessDatabase
from tests.simulation.engine_workers import KINDS
from tests.simulation.engine_world import EngineWorld
from tests.tiers import LONG

CHEAP = (21, 2)
"""Short runs: changes of rules; erasures that keep sales, a decision and expiry among traffic."""
SEEDS = range(15)
TRACE_LINES_MAX = 300


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No log lines, and no pause before a mutation is looked at."""
    monkeypatch.setattr("services.store.waiting.pauses", lambda: iter(lambda: 0.005, 0.0))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def play(seed: int, engine: Database, directory: Path) -> EngineWorld:
    """Run one seed; a failure is reported with everything needed to reproduce it."""
    empty_tables(engine)
    settings = Settings.model_validate({"data_dir": directory, "identity_secret": SECRET.decode()})
    world = EngineWorld(seed, engine, settings)
    try:
        world.run(KINDS)
    except Exception as error:
        story = "\n".join([f"seed {seed}: {world.options}", *world.chance.trace[-TRACE_LINES_MAX:]])
        message = f"{story}\n\n{type(error).__name__} with seed {seed}: {error}"
        pytest.fail(message, pytrace=False)
    return world


@pytest.mark.parametrize("seeds", [CHEAP, pytest.param(SEEDS, marks=LONG)], ids=("few", "many"))
def test_operations_and_traffic_give_the_state_that_the_log_says(
    database: Database, tmp_path: Path, seeds: Sequence[int]
) -> None:
    """Events, decisions, rules, erasures and expiry in any order, and workers, store and log that
    fail at any call. And a server with users would have let them do what they did."""
    ProcessDatabase.asked.clear()
    done = Counter[str]()
    for seed in seeds:
        done += play(seed, database, tmp_path).done
    assert done["erasure"]
    assert done["expiry"]
    assert done["rules"]
    assert missing(ProcessDatabase.asked, "c360-worker") == set()
    if len(seeds) > 10:  # few runs need not have everything
        assert done.keys() >= {
            "events", "again", "decision", "rules", "erasure", "expiry", "kept sales",
        }  # fmt: skip
        assert done["sales"]
