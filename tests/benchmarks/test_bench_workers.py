"""The benchmark of the workers runs and reports what its documentation says; no speed is judged."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from bench.workers import _quantile
from tests.unit.test_tidy import imports

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "bench" / "requirements-quix.lock"
DEADLINE_S = 300
LINE = (
    '{{"event_id":"v-{0}","occurred_at":"2026-03-02T18:20:00Z","channel":"shop","type":'
    '"page.viewed","identifiers":[{{"type":"cookie","value":"c-{0}"}}],"body":{{}}}}\n'
)
LOADED_BY_QUIX = """
import sys
from types import ModuleType

class Anything(ModuleType):
    Application = BatchingSink = SinkBatch = type("Any", (), {})

sys.modules["quixstreams"] = sys.modules["quixstreams.sinks"] = Anything("quixstreams")
import bench.worker_quix
ours = ("bench", "schemas", "services")
print(*(one.__file__ for name, one in sys.modules.items() if name.partition(".")[0] in ours))
"""


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
    sizes = ("--rounds", "1", "--batch", "500", "--rate", "300", "--seconds", "3")
    report = reported("workers", "--file", str(file), *sizes, "--contestants", *names)
    assert report["stream"]["events"] == 1_000  # whole batches only
    assert [run["contestant"] for run in report["runs"]] == names
    assert [run["stored"] for run in report["runs"]] == [0, 1_000, 1_000, 1_000]
    for name in names:
        assert min(report["medians"][name].values()) > 0
    assert set(report["ratios"]) == {"bare", "ours-2", "faust-take"}
    steady = report["steady"]
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


def test_the_environment_of_quix_streams_has_what_our_code_imports() -> None:
    """Models and insert are ours in that environment, too, so its lock names all they load."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY_QUIX], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for file in done.stdout.split() for name in imports(Path(file))}
    known = packages_distributions()
    wanted = {_normal(name) for top in tops for name in known.get(top, ())} - {"customer360"}
    locked = {_normal(name) for name in re.findall(r"(?m)^([\w.-]+)==", LOCK.read_text("utf-8"))}
    assert {"pydantic", "orjson", "clickhouse-connect"} <= wanted
    assert wanted <= locked
    assert "http" not in re.sub(r"httpcore|httpx", "", LOCK.read_text("utf-8"))  # no addresses


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("share", "bound"), [(0.5, 0.5), (0.99, 2.5), (1.0, float("inf"))])
def test_a_share_of_batches_is_read_off_the_metric(share: float, bound: float) -> None:
    """The bound of the first bucket that holds the share; other labels do not count."""
    counts = {"0.25": 0, "0.5": 60, "2.5": 99, "+Inf": 100}
    page = "".join(
        f'c360_freshness_seconds_bucket{{le="{le}",since="{since}"}} {count}.0\n'
        for since in ("occurred", "received")
        for le, count in counts.items()
        if since == "received" or le == "+Inf"
    )
    assert _quantile(page, share) == bound
