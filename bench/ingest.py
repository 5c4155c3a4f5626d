"""How fast the embedded ingest is, as a ratio to a bare loop that validates and discards.

Beside the loop that validates with pydantic stands one that does so with structs (msgspec), which
is how the engine reads most events. The contestants take turns (A B C A B C …), each run in a fresh
process, so that what else the machine does hits all alike. Speed is compared round by round; the
median of these ratios is the result.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.children import ChildFailed, Result, machine, progress, run_child
from services.runtime.settings import Settings

REPORT_VERSION = 1
HOUSEHOLDS = 150
BATCH_EVENTS: int = Settings.model_fields["batch_events_max"].default
BARE, STRUCTS, ENGINE = "bare", "msgspec", "engine"
ORDER = (BARE, STRUCTS, ENGINE)
FIGURES = (
    "events_per_second", "seconds", "cpu_seconds", "cpu_us_per_event", "peak_mib", "grown_mib",
)  # fmt: skip


def measure(
    file: Path | None = None,
    households: int = HOUSEHOLDS,
    seed: int = 1,
    rounds: int = 3,
    batch_events_max: int = BATCH_EVENTS,
) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md).

    Without a file the sample stream of so many households is built first.

    Raises:
        ChildFailed: a run ended with an error, or the contestants read different lines.
    """
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        origin: Result = {}
        if file is None:
            file = Path(directory) / "sample.jsonl"
            progress(f"sample stream of {households} households …")
            origin = run_child("bench.stream", str(households), str(seed), str(file))
        origin |= {"bytes": file.stat().st_size}
        begun_on = machine()
        runs = [
            _run(name, turn, file, batch_events_max) for turn in range(rounds) for name in ORDER
        ]
    if len({run["events"] for run in runs}) != 1:
        raise ChildFailed("the contestants read different numbers of lines")
    return {
        "version": REPORT_VERSION,
        "benchmark": "ingest",
        "machine": begun_on,
        "stream": origin | {"events": runs[0]["events"]},
        "batch_events_max": batch_events_max,
        "rounds": rounds,
        "runs": runs,
        "medians": {name: _medians(runs, name) for name in ORDER},
        "ratios": _ratios(runs),
    }


def _run(name: str, turn: int, file: Path, batch_events_max: int) -> Result:
    run = run_child("bench.contestants", name, str(file), str(batch_events_max))
    progress(
        f"round {turn + 1} {name:>7}: {run['events_per_second']:>7,} events/s, "
        f"{run['cpu_us_per_event']:>6.1f} µs CPU/event, peak {run['peak_mib']:,.0f} MiB"
    )
    return {"round": turn + 1, **run}


def _medians(runs: list[Result], name: str) -> Result:
    mine = [run for run in runs if run["contestant"] == name]
    found: Result = {key: round(median(run[key] for run in mine), 3) for key in FIGURES}
    stages = mine[0].get("stage_seconds", {})
    if stages:
        found["stage_seconds"] = {
            stage: round(median(run["stage_seconds"][stage] for run in mine), 3) for stage in stages
        }
        found["open_seconds"] = median(run["open_seconds"] for run in mine)
    return found


def _ratios(runs: list[Result]) -> Result:
    """Engine divided by bare loop, round by round; `msgspec_…` by the loop with structs."""
    speeds = _quotients(runs, BARE, "events_per_second")
    return {
        "speed": round(median(speeds), 3),
        "speed_lowest": round(min(speeds), 3),
        "speed_highest": round(max(speeds), 3),
        "cpu_per_event": round(median(_quotients(runs, BARE, "cpu_us_per_event")), 3),
        "peak_memory": round(median(_quotients(runs, BARE, "peak_mib")), 3),
        "msgspec_speed": round(median(_quotients(runs, STRUCTS, "events_per_second")), 3),
        "msgspec_cpu_per_event": round(median(_quotients(runs, STRUCTS, "cpu_us_per_event")), 3),
    }


def _quotients(runs: list[Result], other: str, key: str) -> list[float]:
    """A figure of the engine divided by that of another contestant, round by round."""
    engines, others = (
        [run[key] for run in runs if run["contestant"] == name] for name in (ENGINE, other)
    )
    return [engine / one for engine, one in zip(engines, others, strict=True)]


def tell(report: Result) -> str:
    """The report for people."""
    ratios, medians = report["ratios"], report["medians"]
    engine = medians[ENGINE]
    lines = [
        f"Ingest: {report['stream']['events']:,} events, batches of "
        f"{report['batch_events_max']:,}, {report['rounds']} rounds",
        f"  speed: {ratios['speed']:.2f} of the bare validation loop "
        f"({ratios['speed_lowest']:.2f} to {ratios['speed_highest']:.2f})",
        f"  CPU per event: {ratios['cpu_per_event']:.1f} x, peak memory: "
        f"{ratios['peak_memory']:.1f} x",
        f"  beside a loop with structs (msgspec): speed {ratios['msgspec_speed']:.2f}, "
        f"CPU per event {ratios['msgspec_cpu_per_event']:.1f} x",
        *(_told_median(name, medians[name]) for name in ORDER),
        f"  where the engine's {engine['seconds']:.2f} s go (decode runs beside the others):",
    ]
    for stage, seconds in sorted(engine["stage_seconds"].items(), key=lambda one: -one[1]):
        lines.append(f"    {stage:>12} {seconds:>7.2f} s {seconds / engine['seconds']:>5.0%}")
    return "\n".join(lines)


def _told_median(name: str, figures: Result) -> str:
    return (
        f"  {name:>7}: {figures['events_per_second']:>9,.0f} events/s, "
        f"{figures['cpu_us_per_event']:>6.1f} µs CPU/event, peak {figures['peak_mib']:>6,.0f} MiB "
        f"(grown by {figures['grown_mib']:,.0f})"
    )
