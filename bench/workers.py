"""How fast the ingest worker is beside other ways to do its job, on one broker and one store.

The contestants take turns (A B C … A B C …), each in a fresh process on an empty database, and all
read the same topic, filled before any clock starts. Before that all three workers take a steady
stream: how long until an event can be queried, and how much memory each of them holds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.arena import Arena, Contestant, Worker
from bench.children import ChildFailed, Result, machine, progress, run_child

REPORT_VERSION = 1
HOUSEHOLDS = 300
BATCH_EVENTS = 5_000
ROUNDS = 3
EVENTS_MAX = 70_000
SINGLE_EVENTS = 300
"""One insert per event is so slow that fewer must do."""
RATE = 2_000
SECONDS = 70.0
OURS, PAIR, BARE, SINGLE = "ours", "ours-2", "bare", "faust-single"
CONTESTANTS = (
    BARE, OURS, PAIR, "faust-packed", "faust-take", SINGLE, "quix-whole", "quix-split",
)  # fmt: skip
STORELESS = (BARE,)
QUIX_PYTHON = Path(__file__).parents[1] / ".venv-quix" / "bin" / "python"
SERVICES = ("ingest", "identity", "consistency")
FIGURES = ("events_per_second", "cpu_us_per_event", "peak_mib")
FRESHNESS = "c360_freshness_seconds_bucket"


def measure(
    file: Path | None = None,
    households: int = HOUSEHOLDS,
    seed: int = 1,
    rounds: int = ROUNDS,
    batch: int = BATCH_EVENTS,
    rate: int = RATE,
    seconds: float = SECONDS,
    contestants: Sequence[str] = CONTESTANTS,
) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md). Ours always takes part.

    Raises:
        ChildFailed: a run ended with an error, or stored another number of events than the others.
    """
    contestants = [name for name in CONTESTANTS if name in contestants or name == OURS]
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
        progress("a broker and a store …")
        with Arena() as arena:
            steady = _steady(arena, file, rate, seconds)
            events, runs = _races(arena, file, rounds, batch, contestants)
    return {
        "version": REPORT_VERSION,
        "benchmark": "workers",
        "machine": begun_on,
        "stream": origin | {"events": events},
        "batch_events_max": batch,
        "rounds": rounds,
        "runs": runs,
        "medians": {name: _medians(runs, name) for name in contestants},
        "ratios": {name: _ratio(runs, name) for name in contestants if name != OURS},
        "steady": steady,
    }


def _races(
    arena: Arena, file: Path, rounds: int, batch: int, contestants: Sequence[str]
) -> tuple[int, list[Result]]:
    events = arena.fill(file, batch, EVENTS_MAX)
    progress(f"{events:,} events are in the topic")
    runs = [
        _race(arena, name, turn, events, batch) for turn in range(rounds) for name in contestants
    ]
    stored = {run["stored"] for run in runs if run["stored"] and run["events"] == events}
    if len(stored) != 1:
        raise ChildFailed(f"the contestants stored different numbers of events: {sorted(stored)}")
    return events, runs


def _race(arena: Arena, name: str, turn: int, events: int, batch: int) -> Result:
    members = 2 if name == PAIR else 1
    if name == SINGLE:
        events = min(events, SINGLE_EVENTS)
    gate = arena.directory / f"gate-{turn}-{name}"
    with arena.run(storing=name not in STORELESS) as settings:
        settings["C360_WORKER_BATCH_EVENTS_MAX"] = str(batch)
        commands = [_command(name, events, batch, gate)] * members
        started: list[Contestant] = []
        try:
            for number, command in enumerate(commands):
                log = arena.directory / f"{turn}-{name}-{number}.log"
                started.append(Contestant(command, settings, log))
            if name in (OURS, PAIR):
                _open(gate, started)
            results = [one.result() for one in started]
        finally:
            for one in started:
                one.end()
        stored = 0 if name in STORELESS else arena.stored_events(settings)
    run = {"round": turn + 1, **_together(name, results), "stored": stored}
    progress(
        f"round {turn + 1} {name:>12}: {run['events_per_second']:>7,} events/s, "
        f"{run['cpu_us_per_event']:>7.1f} µs CPU/event, peak {run['peak_mib']:,.0f} MiB"
    )
    return run


def _command(name: str, events: int, batch: int, gate: Path) -> list[str]:
    numbers = [str(events), str(batch)]
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
    """Our speed divided by that of another, round by round; of two members, theirs by ours."""
    ours = [run["events_per_second"] for run in runs if run["contestant"] == OURS]
    others = [run["events_per_second"] for run in runs if run["contestant"] == name]
    pairs = zip(ours, others, strict=True)
    quotients = [b / a if name == PAIR else a / b for a, b in pairs]
    return {
        "speed": round(median(quotients), 3),
        "lowest": round(min(quotients), 3),
        "highest": round(max(quotients), 3),
    }


def _steady(arena: Arena, file: Path, rate: int, seconds: float) -> Result:
    """All three workers under a steady stream."""
    progress(f"all three workers, {rate:,} events/s for {seconds:g} s …")
    with arena.run() as settings:
        workers = [
            Worker(service, settings, arena.directory / f"{service}.log") for service in SERVICES
        ]
        try:
            for worker in workers:
                worker.wait_ready()
            before = {worker.service: worker.cpu_s() for worker in workers}
            arguments = (str(file), str(rate), str(seconds))
            begun_s = time.monotonic()
            told = run_child("bench.worker_pace", *arguments, settings=settings)
            lasted_s = time.monotonic() - begun_s
            return told | {
                "own_metric_p99_s_max": _quantile(workers[0].metrics(), 0.99),
                "own_metric_p50_s_max": _quantile(workers[0].metrics(), 0.5),
                "peak_mib": {worker.service: worker.peak_mib() for worker in workers},
                "cpu_share": {
                    worker.service: round((worker.cpu_s() - before[worker.service]) / lasted_s, 2)
                    for worker in workers
                },
            }
        finally:
            for worker in workers:
                worker.stop()


def _quantile(page: str, share: float) -> float:
    """The bound of the bucket of the worker's own metric that holds this share of the batches."""
    buckets: list[tuple[float, float]] = []
    for line in page.splitlines():
        if line.startswith(FRESHNESS) and 'since="received"' in line:
            bound = line.partition('le="')[2].partition('"')[0]
            buckets.append((float(bound), float(line.rpartition(" ")[2])))
    wanted = share * max(count for _, count in buckets)
    return next(bound for bound, count in sorted(buckets) if count >= wanted)


AIMS = {BARE: 0.5, "faust-take": 4.0, "quix-whole": 2.0}


def tell(report: Result) -> str:
    """The report for people."""
    medians, ratios, steady = report["medians"], report["ratios"], report["steady"]
    lines = [
        f"Workers: {report['stream']['events']:,} events, batches of "
        f"{report['batch_events_max']:,}, {report['rounds']} rounds; load "
        f"{report['machine']['load_average'][0]} when they began",
        f"  {'':<14}{'events/s':>10}{'(slowest – fastest)':>22}{'µs CPU':>9}{'MiB':>6}   ours ÷ it",
    ]
    for name, found in medians.items():
        spread = f"({found['slowest']:,} – {found['fastest']:,})"
        lines.append(
            f"  {name:<14}{found['events_per_second']:>10,.0f}{spread:>22}"
            f"{found['cpu_us_per_event']:>9,.1f}{found['peak_mib']:>6,.0f}   "
            f"{_told_ratio(name, ratios.get(name))}"
        )
    peaks = ", ".join(f"{name} {mib:,.0f}" for name, mib in steady["peak_mib"].items())
    lines += [
        f"  steady {steady['rate']:,} events/s for {steady['seconds']:g} s, all three workers: "
        f"queryable after {steady['p50_ms']:,.0f} ms (p50), {steady['p99_ms']:,.0f} ms (p99), "
        f"{steady['max_ms']:,.0f} ms at most; {steady['never_seen']} of {steady['sampled']:,} "
        "never seen",
        f"  peak memory, MiB: {peaks}",
    ]
    return "\n".join(lines)


def _told_ratio(name: str, ratio: Result | None) -> str:
    if ratio is None:
        return ""
    told = f"{ratio['speed']:.2f} ({ratio['lowest']:.2f} – {ratio['highest']:.2f})"
    if name == PAIR:
        return f"it ÷ ours {told}"
    aim = AIMS.get(name)
    if aim is None:
        return told
    return f"{told}, aim {aim:g}: {'reached' if ratio['speed'] >= aim else 'not reached'}"
