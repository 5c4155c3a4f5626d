"""How fast the ingest worker is beside other ways to do its job, on one broker and one store.

The contestants take turns (A B C … A B C …), each in a fresh process on an empty database, and all
read the same topic, filled before any clock starts. Before that all three workers take steady
streams: how long until an event can be queried, and how much memory each of them holds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import worker_jvm, worker_steady
from bench.arena import Arena, Contestant
from bench.children import ChildFailed, Result, machine, progress, run_child

REPORT_VERSION = 2
HOUSEHOLDS = 300
BATCH_EVENTS = 5_000
ROUNDS = 3
EVENTS_MAX = 70_000
SINGLE_EVENTS = 300
"""One insert per event is so slow that fewer must do."""
PACE = (2_000, 5_000)
SECONDS = 70.0
OURS, PAIR, BARE, SINGLE, JVM = "ours", "ours-2", "bare", "faust-single", "kafka-streams"
PLAIN = "quix-plain"
CONTESTANTS = (
    BARE, OURS, PAIR, "faust-packed", "faust-take", SINGLE, PLAIN, "quix-whole", "quix-split", JVM,
)  # fmt: skip
SHORT: Result = {
    "rounds": 1,
    "households": 75,
    "events_max": 30_000,
    "contestants": (OURS, BARE, PLAIN, JVM, "faust-take"),
    "pace": PACE[:1],
    "seconds": 15.0,
}
"""What matters most, within some minutes."""
STORELESS = (BARE,)
RULES_OF_THEIR_OWN = (PLAIN, JVM)
"""What these refuse beyond the models is written for the sample; other files have other faults."""
STRAY_SHARE = 0.01
QUIX_PYTHON = Path(__file__).parents[1] / ".venv-quix" / "bin" / "python"
SERVERS = ("store_cpu_us_per_event", "broker_cpu_us_per_event")
FIGURES = ("events_per_second", "cpu_us_per_event", "peak_mib", *SERVERS)


def measure(
    file: Path | None = None,
    households: int = HOUSEHOLDS,
    seed: int = 1,
    rounds: int = ROUNDS,
    batch: int = BATCH_EVENTS,
    events_max: int = EVENTS_MAX,
    pace: Sequence[int] = PACE,
    seconds: float = SECONDS,
    contestants: Sequence[str] = CONTESTANTS,
    pin: bool = False,
) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md). Ours always takes part.

    Args:
        events_max: of the races, at most.
        pace: events per second of the steady streams, one after the other; none for races alone.
        seconds: of each of them, or as long as the sample lasts.
        pin: give every member a CPU of its own, and the rest to broker and store.

    Raises:
        ChildFailed: a run ended with an error, or stored another number of events than the others;
            or there are too few CPUs to pin.
    """
    contestants = [name for name in CONTESTANTS if name in contestants or name == OURS]
    cpus = placement(sorted(os.sched_getaffinity(0)), contestants) if pin else None
    if any(name.startswith("quix") for name in contestants) and not QUIX_PYTHON.is_file():
        raise ChildFailed(
            f"{QUIX_PYTHON} is not there: 'make bench' makes the environment of Quix Streams"
        )
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        origin: Result = {}
        if file is None:
            file = Path(directory) / "sample.jsonl"
            progress(f"sample stream of {households} households …")
            origin = run_child("bench.stream", str(households), str(seed), str(file))
        begun_on = machine()
        steady = [worker_steady.measure(file, rate, seconds) for rate in pace]
        progress("a broker and a store …")
        with Arena() as arena:
            if cpus is not None:
                arena.pin(cpus[-1])
            events = arena.fill(file, batch, events_max)
            progress(f"{events:,} events are in the topic")
            runs = [
                _race(arena, name, turn, events, batch, cpus)
                for turn in range(rounds)
                for name in contestants
            ]
        require_same([run for run in runs if run["events"] == events])
    return {
        "version": REPORT_VERSION,
        "benchmark": "workers",
        "machine": begun_on,
        "stream": origin | {"events": events},
        "batch_events_max": batch,
        "rounds": rounds,
        "pinned": cpus is not None,
        "runs": runs,
        "medians": {name: _medians(runs, name) for name in contestants},
        "ratios": {name: _ratio(runs, name) for name in contestants if name != OURS},
        "steady": steady,
    }


def placement(cpus: Sequence[int], contestants: Sequence[str]) -> list[set[int]]:
    """The CPUs of each member, one for each, and at last those of broker and store.

    Raises:
        ChildFailed: none would be left for broker and store.
    """
    members = 2 if PAIR in contestants else 1
    if len(cpus) <= members:
        raise ChildFailed(f"--pin needs {members + 1} CPUs for {', '.join(contestants)}")
    return [*({cpu} for cpu in cpus[:members]), set(cpus[members:])]


def require_same(runs: Sequence[Result]) -> None:
    """All of them stored the same number of events, those with rules of their own about the same.

    Raises:
        ChildFailed: they did not.
    """
    stored = {
        run["stored"] for run in runs if run["contestant"] not in (*STORELESS, *RULES_OF_THEIR_OWN)
    }
    if len(stored) != 1:
        raise ChildFailed(f"the contestants stored different numbers of events: {sorted(stored)}")
    [wanted] = stored
    for run in runs:
        name, found = run["contestant"], run["stored"]
        if name in RULES_OF_THEIR_OWN and abs(found - wanted) > STRAY_SHARE * wanted:
            raise ChildFailed(f"{name} stored {found:,} events where ours stored {wanted:,}")


def _race(
    arena: Arena,
    name: str,
    turn: int,
    events: int,
    batch: int,
    cpus: Sequence[set[int]] | None,
) -> Result:
    members = 2 if name == PAIR else 1
    if name == SINGLE:
        events = min(events, SINGLE_EVENTS)
    gate = arena.directory / f"gate-{turn}-{name}"
    with arena.run(storing=name not in STORELESS) as settings:
        settings["C360_WORKER_BATCH_EVENTS_MAX"] = str(batch)
        commands = [_command(name, events, batch, gate)] * members
        before = arena.cpu_s()
        started: list[Contestant] = []
        try:
            for number, command in enumerate(commands):
                log = arena.directory / f"{turn}-{name}-{number}.log"
                started.append(Contestant(command, settings, log))
                if cpus is not None:
                    started[-1].pin(cpus[number])
            if name in (OURS, PAIR):
                _open(gate, started)
            results = [one.result() for one in started]
            used = [(now - then) * 1e6 for now, then in zip(arena.cpu_s(), before, strict=True)]
        finally:
            for one in started:
                one.end()
        stored = 0 if name in STORELESS else arena.stored_events(settings)
    run = {"round": turn + 1, **_together(name, results), "stored": stored}
    run |= {key: round(us / run["events"], 1) for key, us in zip(SERVERS, used, strict=True)}
    progress(
        f"round {turn + 1} {name:>13}: {run['events_per_second']:>7,} events/s, "
        f"{run['cpu_us_per_event']:>7.1f} µs CPU/event, store {run[SERVERS[0]]:>6.1f}, "
        f"peak {run['peak_mib']:,.0f} MiB"
    )
    return run


def _command(name: str, events: int, batch: int, gate: Path) -> list[str]:
    numbers = [str(events), str(batch)]
    if name == JVM:
        return worker_jvm.command(events, batch, gate.with_suffix(".state"))
    if name.startswith("quix"):
        return [str(QUIX_PYTHON), "-m", "bench.worker_quix", name.removeprefix("quix-"), *numbers]
    module = [sys.executable, "-m", "bench.worker_contestants"]
    if name in (OURS, PAIR):
        return [*module, OURS, *numbers, str(gate)]
    return [*module, name, *numbers]


def _open(gate: Path, members: Sequence[Contestant]) -> None:
    """Let the members read once the partitions are shared out evenly."""
    held = [0] * len(members)
    while min(held) == 0 or max(held) != min(held):
        behind = held.index(max(held)) if min(held) else held.index(0)
        held[behind] = int(members[behind].hear()["held"])
    gate.touch()


def _together(name: str, results: Sequence[Result]) -> Result:
    """The results of all members as one: from the first record of any to the last of all."""
    events = sum(one["events"] for one in results)
    seconds = max(one["ended_s"] for one in results) - min(one["begun_s"] for one in results)
    used_us = sum(one["cpu_us_per_event"] * one["events"] for one in results)
    return {
        "contestant": name,
        "events": events,
        "seconds": round(seconds, 3),
        "events_per_second": round(events / seconds),
        "cpu_us_per_event": round(used_us / events, 1),
        "peak_mib": max(one["peak_mib"] for one in results),
    }


def _medians(runs: Sequence[Result], name: str) -> Result:
    mine = [run for run in runs if run["contestant"] == name]
    found: Result = {key: round(median(run[key] for run in mine), 1) for key in FIGURES}
    speeds = [run["events_per_second"] for run in mine]
    return found | {"slowest": min(speeds), "fastest": max(speeds)}


def _ratio(runs: Sequence[Result], name: str) -> Result:
    """Our speed divided by that of another contestant, round by round; of two members, theirs by
    ours. `cpu` is its processor time per event divided by ours, whoever it is."""
    ours = [run for run in runs if run["contestant"] == OURS]
    others = [run for run in runs if run["contestant"] == name]
    pairs = list(zip(ours, others, strict=True))
    speeds = [(a["events_per_second"], b["events_per_second"]) for a, b in pairs]
    quotients = [b / a if name == PAIR else a / b for a, b in speeds]
    return {
        "speed": round(median(quotients), 3),
        "lowest": round(min(quotients), 3),
        "highest": round(max(quotients), 3),
        "cpu": round(median(b["cpu_us_per_event"] / a["cpu_us_per_event"] for a, b in pairs), 3),
    }


AIMS = {BARE: 0.55, PAIR: 1.7, "faust-take": 4.0, PLAIN: 2.0, "quix-whole": 1.2, JVM: 0.5}


def tell(report: Result) -> str:
    """The report for people."""
    medians, ratios = report["medians"], report["ratios"]
    where = "a CPU for each member" if report["pinned"] else "all on the same CPUs"
    lines = [
        f"Workers: {report['stream']['events']:,} events, batches of "
        f"{report['batch_events_max']:,}, {report['rounds']} rounds, {where}; load "
        f"{report['machine']['load_average'][0]} when they began",
        f"  {'':<14}{'events/s':>10}{'(slowest – fastest)':>22}{'µs CPU':>9}{'of store':>9}"
        f"{'MiB':>6}   ours ÷ it",
    ]
    for name, found in medians.items():
        spread = f"({found['slowest']:,} – {found['fastest']:,})"
        lines.append(
            f"  {name:<14}{found['events_per_second']:>10,.0f}{spread:>22}"
            f"{found['cpu_us_per_event']:>9,.1f}{found[SERVERS[0]]:>9,.1f}"
            f"{found['peak_mib']:>6,.0f}   {_told_ratio(name, ratios.get(name))}"
        )
    if PAIR in ratios and not report["pinned"]:
        lines.append(
            f"  two members take {ratios[PAIR]['cpu']:.2f} of the CPU per event of one; what they "
            "reach is limited by the CPUs that all share"
        )
    return "\n".join([*lines, *map(worker_steady.tell, report["steady"])])


def _told_ratio(name: str, ratio: Result | None) -> str:
    if ratio is None:
        return ""
    told = f"{ratio['speed']:.2f} ({ratio['lowest']:.2f} – {ratio['highest']:.2f})"
    if name == PAIR:
        told = f"it ÷ ours {told}"
    told += f", CPU {ratio['cpu']:.2f}"
    aim = AIMS.get(name)
    if aim is None:
        return told
    return f"{told}, aim {aim:g}: {'reached' if ratio['speed'] >= aim else 'not reached'}"
