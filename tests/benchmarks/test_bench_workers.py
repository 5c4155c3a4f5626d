"""The benchmark of the workers runs and reports what its documentation says; no speed is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300
LINE = (
    '{{"event_id":"v-{0}","occurred_at":"2026-03-02T18:20:00Z","channel":"shop","type":'
    '"page.viewed","identifiers":[{{"type":"cookie","value":"c-{0}"}}],"body":{{}}}}\n'
)


def reported(benchmark: str, *options: str) -> Any:
    """The report of a benchmark, run as its users do."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", benchmark, "--json", *options],
        cwd=ROOT,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_every_contestant_of_ours_reports_and_stores_the_same(tmp_path: Path) -> None:
    """Broker, store, contestants and the steady stream run for real, at the smallest size."""
    file = tmp_path / "events.jsonl"
    file.write_text("".join(LINE.format(number) for number in range(1_250)))
    names = ["bare", "ours", "ours-2", "faust-take"]
    sizes = ("--rounds", "1", "--batch", "500", "--pace", "300", "--seconds", "3")
    report = reported("workers", "--file", str(file), *sizes, "--contestants", *names)
    assert report["stream"]["events"] == 1_000  # whole batches only
    assert [run["contestant"] for run in report["runs"]] == names
    assert [run["stored"] for run in report["runs"]] == [0, 1_000, 1_000, 1_000]
    for name in names:
        assert min(report["medians"][name].values()) > 0
    assert set(report["ratios"]) == {"bare", "ours-2", "faust-take"}
    assert min(ratio["cpu"] for ratio in report["ratios"].values()) > 0
    [steady] = report["steady"]
    assert (steady["events"], steady["never_seen"]) == (900, 0)
    assert 0 < steady["p50_ms"] <= steady["p99_ms"] <= steady["max_ms"]
    assert min(steady["peak_mib"].values()) > 0


def test_every_wrong_price_has_its_alert() -> None:
    """On a broker and all workers, at the smallest size: each wrong price is told, no right one."""
    sizes = ("--products", "3000", "--places", "3", "--rate", "100", "--seconds", "30")
    report = reported("alerts", *sizes)
    assert report["events"] == 3_000
    assert report["wrong"] > 5
    assert (report["never_seen"], report["others"]) == (0, 0)
    assert 0 < report["p50_ms"] <= report["p99_ms"] <= report["max_ms"]
    assert min(report["peak_mib"].values()) > 0


def test_few_events_are_measured_where_they_are_stored() -> None:
    """By the service and by workers, at the smallest size: all are answered, seen and counted."""
    report = reported("small", "--rate", "4", "--seconds", "3")
    up, workers = report["up"], report["workers"]
    assert set(up["one"]["statuses"]) == set(up["bulk"]["statuses"]) == {"200"}
    assert (workers["events"], workers["never_seen"]) == (12, 0)
    for counted in (up["quiet"], workers):
        assert counted["inserts"] > 0
        assert counted["rows"] > 0
        assert counted["blocks"]["touchpoints"] > 0


def test_the_segment_protocol_is_measured_beside_our_own() -> None:
    """In every size of batch, at the shortest: all requests are answered, and compared."""
    report = reported("tracking", "--seconds", "0.5")
    assert [one["events"] for one in report["batches"]] == [1, 20, 100]
    for one in report["batches"]:
        assert min(one["p50_ratio"], one["service_cpu_us_each_ratio"]) > 0
        assert set(one["statuses"]) == {"200"}
