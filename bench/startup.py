"""What commands cost to start: against an empty interpreter, and one that loads two libraries.

Each command is a process of its own, on a small store that no `c360 up` holds; all take turns
within a round. The processor time is that of the process, all its threads included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.children import ChildFailed, Result, environment, machine, progress

REPORT_VERSION = 1
ROUNDS = 11
EMPTY, LIBRARIES = "an empty interpreter", "the libraries alone"
PROGRAM = "from services.cli import main; main()"
BARE = {EMPTY: "pass", LIBRARIES: "import pydantic, clickhouse_connect"}
COMMANDS = (
    "--help",
    "version",
    "config",
    "profile --help",
    "ingest events.jsonl",
    "profile get anna.1@example.com",
    "profile list",
    "events list",
    "incidents list",
    "rejected list",
    "keys list",
    "state digest",
)
EVENTS = 100
SECRET = "customer360-bench-identity-secret"


def measure(rounds: int = ROUNDS) -> Result:
    """Run the benchmark; the JSON report. Raises ChildFailed when a command does."""
    begun_on = machine()
    runs: list[Result] = []
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        place = Path(directory)
        (place / "events.jsonl").write_text("".join(map(_event, range(EVENTS))), "utf-8")
        _run(place, _arguments("ingest events.jsonl"))
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}")
            for name in (*BARE, *COMMANDS):
                runs.append({"command": name, "round": number, **_run(place, _arguments(name))})
    cpu_seconds = {name: _median(runs, name, "cpu_seconds") for name in (*BARE, *COMMANDS)}
    return {
        "version": REPORT_VERSION,
        "benchmark": "startup",
        "machine": begun_on,
        "rounds": rounds,
        "runs": runs,
        "medians": {
            name: {key: _median(runs, name, key) for key in ("seconds", "cpu_seconds")}
            for name in (*BARE, *COMMANDS)
        },
        "ratios": {
            name: {bare: round(cpu_seconds[name] / cpu_seconds[bare], 2) for bare in BARE}
            for name in COMMANDS
        },
    }


def _event(number: int) -> str:
    event = {
        "event_id": f"bench-{number}",
        "occurred_at": "2026-03-02T10:00:00Z",
        "channel": "shop",
        "type": "page.viewed",
        "identifiers": [{"type": "email", "value": f"anna.{number}@example.com"}],
    }
    return json.dumps(event) + "\n"


def _arguments(name: str) -> list[str]:
    if name in BARE:
        return ["-c", BARE[name]]
    return ["-c", PROGRAM, "--data-dir", "store", *name.split()]


def _run(place: Path, arguments: list[str]) -> Result:
    begun = time.perf_counter()
    with (place / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=place,
            env=environment({"C360_IDENTITY_SECRET": SECRET}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        told = (place / "output").read_text("utf-8", "replace")
        raise ChildFailed(f"{' '.join(arguments[2:])} ended with {process.returncode}: {told}")
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": used.ru_utime + used.ru_stime,
    }


def _median(runs: list[Result], name: str, key: str) -> float:
    return float(median(run[key] for run in runs if run["command"] == name))


def tell(report: Result) -> str:
    """The report as text."""
    lines = [
        f"start-up, median of {report['rounds']} rounds; load average at the start "
        f"{report['machine']['load_average'][0]}",
        f"{'':34}{'wall ms':>9}{'cpu ms':>9}{'÷ empty':>9}{'÷ libraries':>13}",
    ]
    for name, figures in report["medians"].items():
        ratios = report["ratios"].get(name)
        shown = f"{ratios[EMPTY]:>9.1f}{ratios[LIBRARIES]:>13.2f}" if ratios else ""
        wall, cpu = (1000 * figures[key] for key in ("seconds", "cpu_seconds"))
        lines.append(f"{name:34}{wall:>9.0f}{cpu:>9.0f}{shown}")
    return "\n".join(lines)
