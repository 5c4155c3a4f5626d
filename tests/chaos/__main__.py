"""`make chaos`: every disturbance on real parts, several times, each in a run of its own.

The same seed does the same things; at what moment they hit is the machine's affair. Prints a table
as it goes; exit code 1 if anything was lost, doubled or different.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos import disturbances as done
from tests.chaos.chaos import Chaos, Tally
from tests.e2e.distributed import SERVICES
from tests.e2e.runs import c360, digest

AWAY_S = 30
COLUMNS = (
    "scenario", "kills", "stops", "cut short", "restarts", "rebalances", "events", "redelivered",
    "lost", "doubled", "seconds", "same state",
)  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """A run: its disturbances, in an order that the seed decides."""

    disturbances: tuple[done.Disturbance, ...]
    brokers: int = 1
    parts: int = 8


KILLS = tuple(done.kill(service) for service in SERVICES)
STOPS = tuple(done.terminate(service) for service in SERVICES)
SCENARIOS = {
    "SIGKILL of workers in mid-batch": Scenario(4 * KILLS, parts=14),
    "SIGKILL of workers at any moment": Scenario(5 * (done.kill_at_any_moment,)),
    "SIGTERM in mid-batch": Scenario(2 * STOPS),
    "1, 3, 1 workers": Scenario(3 * (done.scale(*SERVICES),)),
    "broker restarted": Scenario(2 * (done.restart_broker,)),
    "leader killed, three brokers": Scenario(3 * (done.fail_leader,), brokers=3),
    "store down for 30 s": Scenario(2 * (done.store_away(AWAY_S),)),
    "store refuses, answers lost": Scenario(4 * (done.store_faults,)),
    "store's disk full": Scenario(2 * (done.fill_disk,)),
    "poison in every topic": Scenario(3 * (done.poison,)),
    "every compression": Scenario(4 * (done.compress,)),
    "topics emptied by retention": Scenario(2 * (done.empty_topics,)),
    "replay from offset 0": Scenario(2 * (done.replay,)),
    "topics recreated": Scenario(2 * (done.recreate_topics,)),
    "all at once, three brokers": Scenario(
        (
            *KILLS, *STOPS, done.kill_at_any_moment, done.scale(*SERVICES), done.fail_leader,
            done.store_away(5), done.store_faults, done.fill_disk, done.poison, done.compress,
            done.empty_topics, done.replay, done.recreate_topics,
        ),
        brokers=3,
        parts=24,
    ),
}  # fmt: skip


def main() -> int:
    """Run the scenarios; 0 if all of them ended in the undisturbed state."""
    options = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--households", type=int, default=24, help="size of the sample")
    options.add_argument("--only", default="", help="scenarios whose name holds this")
    options.add_argument("--keep", type=Path, help="directory for logs and data, kept afterwards")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    console = Console(stderr=True)
    tallies, failures = list[Tally](), 0
    with ExitStack() as stack:
        throw_away = tempfile.TemporaryDirectory(prefix="c360-chaos-")
        directory = given.keep or Path(stack.enter_context(throw_away))
        file, reference = _undisturbed(directory, given.households, given.seed)
        for number, (name, scenario) in enumerate(SCENARIOS.items()):
            if given.only not in name:
                continue
            console.print(f"{name} …", highlight=False)
            try:
                tally = run(name, scenario, directory / str(number), file, given.seed, reference)
            except Exception:
                failures += 1
                console.print(traceback.format_exc(), markup=False)
                continue
            tallies.append(tally)
            failures += not tally.passed
            console.print(f"  {tally}", markup=False, highlight=False)
    _print(tallies, given.seed)
    return 1 if failures or not tallies else 0


def run(
    name: str, scenario: Scenario, directory: Path, file: Path, seed: int, reference: dict[str, str]
) -> Tally:
    """One scenario."""
    with Chaos(
        name, directory, file, seed, brokers=scenario.brokers, parts=scenario.parts
    ) as chaos:
        disturbances = list(scenario.disturbances)
        chaos.rng.shuffle(disturbances)
        for disturb in disturbances:
            disturb(chaos)
        return chaos.account(reference)


def _undisturbed(directory: Path, households: int, seed: int) -> tuple[Path, dict[str, str]]:
    """The sample, and the digest that every run of it has to come to."""
    file, data_dir = directory / "sample.jsonl", directory / "undisturbed"
    c360(None, "sample", "build", "--households", str(households), "--seed", str(seed),
         "--out", str(file), "--truth", str(directory / "truth"))  # fmt: skip
    c360(data_dir, "ingest", str(file))
    return file, digest(data_dir)


def _print(tallies: list[Tally], seed: int) -> None:
    table = Table(*COLUMNS, title=f"chaos, seed {seed}")
    for one in tallies:
        table.add_row(
            one.name,
            *map(str, (one.kills, one.stops, one.cut_short, one.restarts, one.rebalances,
                       one.events, one.redelivered, one.lost, one.doubled, round(one.seconds))),
            "yes" if not one.differences else ", ".join(one.differences)[:60],
        )  # fmt: skip
    Console(width=160).print(table)


if __name__ == "__main__":
    sys.exit(main())
