"""The short form of `make chaos`: almost one of everything in one run, on three brokers.

A replay from offset 0 is in tests/e2e/test_distributed.py.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from tests.chaos import disturbances as done
from tests.chaos.chaos import Chaos
from tests.e2e.conftest import Reference, Stream
from tests.e2e.conftest import reference as reference
from tests.e2e.conftest import stream as stream

SEED = 20
AWAY_S = 5
DISTURBANCES: tuple[done.Disturbance, ...] = (
    done.kill("ingest"),
    done.poison,
    done.kill("identity"),
    done.compress,
    done.kill("consistency"),
    done.scale("ingest"),
    done.store_faults,
    done.fail_leader,
    done.store_away(AWAY_S),
    done.fill_disk,
    done.terminate("ingest"),
    done.empty_topics,
    done.recreate_topics,
)
PARTS = 15


def test_one_of_everything(stream: Stream, reference: Reference, tmp_path: Path) -> None:
    """Kills, stops, scaling, failover, an absent, faulty and full store, poison, compression,
    retention and recreated topics: the state is that of the undisturbed run."""
    with Chaos("short", tmp_path, stream.file, SEED, brokers=3, parts=PARTS) as chaos:
        for disturb in DISTURBANCES:
            disturb(chaos)
        tally = chaos.account(reference.digest)
    assert tally.passed, asdict(tally)
    assert tally.kills >= 5
    assert tally.rebalances > 10
