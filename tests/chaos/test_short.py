"""The short form of `make chaos`: what no other test does to a whole run, on three brokers.

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
DISTURBANCES: tuple[done.Disturbance, ...] = (
    done.kill("ingest"),
    done.poison,
    done.store_faults,
    done.fail_leader,
    done.recreate_topics,
)
PARTS = 6


def test_the_state_is_that_of_the_undisturbed_run(
    stream: Stream, reference: Reference, tmp_path: Path
) -> None:
    """A kill, poison, a faulty store, failover and recreated topics: the state is that of the
    undisturbed run."""
    with Chaos("short", tmp_path, stream.file, SEED, brokers=3, parts=PARTS) as chaos:
        for disturb in DISTURBANCES:
            disturb(chaos)
        tally = chaos.account(reference.digest)
    assert tally.passed, asdict(tally)
    assert tally.kills >= 2
    assert tally.rebalances > 0
