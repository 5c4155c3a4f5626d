"""What tracing costs: off, one request in a hundred, and all of them, in turns within one run.

Batches of the embedded engine take turns within one process, linked to the spans of requests.
`c360 up` takes events over HTTP and answers reads, started anew for each mode. Service, load
generator and a collector that drops all spans share the machine. Each is compared round by round;
on a busy machine processor time says more than speed.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.api import Sent, Service, filled_store
from bench.arena import Settings, answers, wait
from bench.children import ChildFailed, Result, machine, progress, run_child
from devtools.child import end_all, spawn
from devtools.ports import HOST, free_port

REPORT_VERSION = 1
ROUNDS = 5
SECONDS = 6.0
HOUSEHOLDS = 150
BATCH = 1_000
PROFILES = 20_000
CONNECTIONS = 4
POSTED = 100
"""Events of a request."""
REQUESTS = 1_500
"""More than are answered in the time of one load."""
OFF, ALL = "off", "100 %"
RATIO = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
MODES: dict[str, Settings] = {
    OFF: {},
    "1 %": {"C360_TRACING": "true", **RATIO, "OTEL_TRACES_SAMPLER_ARG": "0.01"},
    ALL: {"C360_TRACING": "true", **RATIO, "OTEL_TRACES_SAMPLER_ARG": "1"},
}
KINDS = {
    "batch": f"batches of {BATCH:,}, events/s",
    "intake": f"events over HTTP, requests/s of {POSTED} events",
    "profile": "profiles read from the store, requests/s",
    "whoami": "GET /v1/whoami (no store), requests/s",
}


def measure(
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    households: int = HOUSEHOLDS,
    profiles: int = PROFILES,
) -> Result:
    """Run the benchmark; the JSON report.

    Raises:
        ChildFailed: a process ended with an error, or spans were sent where none should, or none
            where some should.
    """
    begun_on = machine()
    with TemporaryDirectory(prefix="c360-bench-") as directory, _sink() as sink:
        place = Path(directory)
        runs = [
            *_batch_runs(place, sink, rounds, households),
            *_service_runs(place, sink, rounds, seconds, profiles),
        ]
    return {
        "version": REPORT_VERSION,
        "benchmark": "tracing",
        "machine": begun_on,
        "rounds": rounds,
        "runs": runs,
        "ratios": {
            kind: {mode: _ratio(runs, kind, mode) for mode in _modes(kind) if mode != OFF}
            for kind in KINDS
        },
        "medians": {
            kind: {mode: _median(runs, kind, mode, "per_second") for mode in _modes(kind)}
            for kind in KINDS
        },
        "cpu_us_each": {
            kind: {mode: _median(runs, kind, mode, "cpu_us_each") for mode in _modes(kind)}
            for kind in KINDS
        },
    }


def _modes(kind: str) -> list[str]:
    return [OFF, ALL] if kind == "batch" else list(MODES)


class _Sink:
    """Where the spans go."""

    def __init__(self, url: str) -> None:
        self.settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        self._url = url
        self._seen = 0

    def taken(self) -> int:
        """Bytes of spans since the last call."""
        with urllib.request.urlopen(self._url, timeout=30) as answer:
            seen = int(answer.read())
        before, self._seen = self._seen, seen
        return seen - before


@contextmanager
def _sink() -> Iterator[_Sink]:
    url = f"http://{HOST}:{free_port()}"
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        log = Path(directory) / "sink.log"
        process = spawn([sys.executable, "-m", "bench.span_sink", url.rpartition(":")[2]], log)
        try:
            wait(lambda: answers(url), "the collector", [process], log)
            yield _Sink(url)
        finally:
            end_all([process], 1)


def _turns(rounds: int) -> Iterator[tuple[int, str]]:
    """Rounds and modes; each round begins with another one."""
    names = list(MODES)
    for number in range(rounds):
        first = number % len(names)
        yield from ((number + 1, mode) for mode in names[first:] + names[:first])


def _batch_runs(place: Path, sink: _Sink, rounds: int, households: int) -> list[Result]:
    file = place / "sample.jsonl"
    progress(f"sample stream of {households} households …")
    run_child("bench.stream", str(households), "1", str(file))
    runs = []
    for number in range(1, rounds + 1):
        both = [
            run_child("bench.traced_batches", str(file), str(BATCH), turn, settings=sink.settings)
            for turn in "01"
        ]
        for mode, name in ((OFF, "off"), (ALL, "on")):
            sums = {key: sum(one[name][key] for one in both) for key in both[0][name]}
            run = {
                "kind": "batch",
                "round": number,
                "mode": mode,
                "per_second": round(sums["events"] / sums["seconds"], 1),
                "cpu_us_each": round(sums["cpu_seconds"] / sums["events"] * 1e6, 2),
            }
            runs.append(_shown(run))
        if not sink.taken():
            raise ChildFailed("no spans came")
    return runs


def _service_runs(
    place: Path, sink: _Sink, rounds: int, seconds: float, profiles: int
) -> list[Result]:
    filled = filled_store(place / "data", profiles, 1)
    ids = iter(filled["ids"])
    runs = []
    for number, mode in _turns(rounds):
        with Service(place / "data", place, MODES[mode] | sink.settings) as service:
            loads: dict[str, Sequence[Sent]] = {
                "intake": list(_posts(f"{number}-{mode[0]}{len(mode)}")),
                "profile": [
                    {"method": "GET", "path": f"/v1/profiles/{one}"}
                    for one, _ in zip(ids, range(int(200 * seconds)), strict=False)
                ],
                "whoami": [{"method": "GET", "path": "/v1/whoami"}],
            }
            for kind, requests in loads.items():
                if not requests:
                    raise ChildFailed("the store has too few profiles for so long a run")
                again = kind == "whoami"
                told = service.load(requests, CONNECTIONS, seconds, again=again)
                if set(told["statuses"]) != {"200"}:
                    raise ChildFailed(f"{kind}: {told['statuses']}")
                found = {
                    "kind": kind,
                    "round": number,
                    "mode": mode,
                    "per_second": told["per_second"],
                    "cpu_us_each": round(told["service_cpu_us_each"], 1),
                }
                runs.append(_shown(found))
        if (mode == OFF) != (sink.taken() == 0):
            raise ChildFailed(f"tracing {mode}: spans came, or did not")
    return runs


def _posts(run: str) -> Iterator[Sent]:
    """Requests with events that never came before, of customers that come again and again."""
    for number in range(REQUESTS):
        batch = [
            {
                "event_id": f"traced-{run}-{number}-{place}",
                "occurred_at": "2025-06-01T10:00:00Z",
                "channel": "shop",
                "type": "page.viewed",
                "identifiers": [{"type": "cookie", "value": f"traced-{number % 50}-{place}"}],
                "source": {"system": "webshop"},
                "body": {"url": f"https://shop.example/{place}"},
            }
            for place in range(POSTED)
        ]
        yield {"method": "POST", "path": "/v1/touchpoints", "body": json.dumps({"batch": batch})}


def _shown(run: Result) -> Result:
    progress(
        f"round {run['round']} {run['kind']:>8} {run['mode']:>5}: {run['per_second']:>9,.0f} /s, "
        f"{run['cpu_us_each']:>8.1f} µs CPU each"
    )
    return run


def _of(runs: Sequence[Result], kind: str, mode: str) -> list[Result]:
    return [run for run in runs if (run["kind"], run["mode"]) == (kind, mode)]


def _median(runs: Sequence[Result], kind: str, mode: str, figure: str) -> float:
    figures: list[float] = [run[figure] for run in _of(runs, kind, mode)]
    return round(median(figures), 1)


def _ratio(runs: Sequence[Result], kind: str, mode: str) -> Result:
    """Traced divided by not traced, of the same round."""
    by_round: dict[int, Result] = {run["round"]: run for run in _of(runs, kind, OFF)}
    pairs = [(run, by_round[run["round"]]) for run in _of(runs, kind, mode)]
    speeds = [on["per_second"] / off["per_second"] for on, off in pairs]
    used = [on["cpu_us_each"] / off["cpu_us_each"] for on, off in pairs]
    return {
        "speed": round(median(speeds), 3),
        "speed_lowest": round(min(speeds), 3),
        "speed_highest": round(max(speeds), 3),
        "cpu_each": round(median(used), 3),
        "cpu_lowest": round(min(used), 3),
        "cpu_highest": round(max(used), 3),
    }


def tell(report: Result) -> str:
    """The report for people."""
    lines = [f"Tracing: {report['rounds']} rounds, each mode in turn"]
    for kind, what in KINDS.items():
        lines.append(f"  {what}: {report['medians'][kind][OFF]:,.0f} with tracing off")
        for mode, ratio in report["ratios"][kind].items():
            lines.append(
                f"    {mode:>5}: {ratio['speed']:.3f} of it ({ratio['speed_lowest']:.3f} to "
                f"{ratio['speed_highest']:.3f}), processor time {ratio['cpu_each']:.3f} of it "
                f"({ratio['cpu_lowest']:.3f} to {ratio['cpu_highest']:.3f})"
            )
    return "\n".join(lines)
