"""The contestants of the ingest benchmark, each to be run in a process of its own.

`bare` reads the lines, validates each with pydantic and discards it: the minimum that any intake
with these models must do. `msgspec` does so with the structs made from the models, and leaves to
pydantic what these refuse. `engine` is the embedded ingest on a fresh data directory: durable
facts, identity and price incidents. Lines, batch size, models and garbage-collector settings are
the same.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from pydantic import SecretStr, ValidationError

from bench.children import Result, answer, cpu_s, peak_mib
from schemas.touchpoint import Touchpoint, TouchpointAdapter
from services.embedded.engine import Engine
from services.ingest.core.structs import read_event
from services.ingest.lines import Line
from services.ingest.stage import Result as EventResult
from services.intake.files import read_lines
from services.runtime.batching import bounded
from services.runtime.logging import configure_logging
from services.runtime.metrics import Metrics
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import load_settings

STAGE_SUM = "c360_stage_duration_seconds_sum"
SECRET = "identity-secret-of-the-benchmark"


class Stopwatch:
    """Wall and processor time from its making on, and the memory held before."""

    def __init__(self) -> None:
        self._idle_mib = peak_mib()
        self._cpu_s = cpu_s()
        self._begun = time.perf_counter()

    def result(self, contestant: str, events: int, **more: object) -> Result:
        """The output of a run. `events` are the lines read, whatever their result."""
        seconds, used_s = time.perf_counter() - self._begun, cpu_s() - self._cpu_s
        peak = peak_mib()
        return {
            "contestant": contestant,
            "events": events,
            "seconds": round(seconds, 3),
            "events_per_second": round(events / seconds),
            "cpu_seconds": round(used_s, 3),
            "cpu_us_per_event": round(used_s / max(1, events) * 1e6, 1),
            "peak_mib": peak,
            "grown_mib": round(peak - self._idle_mib, 1),
            **more,
        }


def run_bare(file: str, batch_events_max: int) -> Result:
    """Read and validate with pydantic."""
    return _run_loop("bare", TouchpointAdapter.validate_json, file, batch_events_max)


def run_msgspec(file: str, batch_events_max: int) -> Result:
    """Read and validate with structs. What the engine does beside, so that structs decide as
    pydantic does (`is_read_alike`), is left out: this is the floor of any reading with structs."""
    return _run_loop("msgspec", _read_by_struct, file, batch_events_max)


def _read_by_struct(line: bytes) -> Touchpoint:
    """Raises ValidationError: it is no event."""
    try:
        event = read_event(orjson.loads(line), line)
    except orjson.JSONDecodeError:
        event = None
    return TouchpointAdapter.validate_json(line) if event is None else event


def _run_loop(
    contestant: str, read: Callable[[bytes], Touchpoint], file: str, batch_events_max: int
) -> Result:
    """Read and discard; the events of a batch live until it ends, as they do in the engine."""
    tune_garbage_collector()
    counts: Counter[str] = Counter()
    watch = Stopwatch()
    for part in bounded(read_lines(file), batch_events_max):
        valid = _validated(part, read)
        counts.update(accepted=valid, rejected=len(part) - valid)
    return watch.result(contestant, counts.total(), statuses=dict(counts))


def _validated(part: list[Line], read: Callable[[bytes], Touchpoint]) -> int:
    events: list[Touchpoint] = []
    for line in part:
        if line.is_whole:
            try:
                events.append(read(line.content))
            except ValidationError:
                continue
    return len(events)


def run_engine(file: str, batch_events_max: int) -> Result:
    """Ingest the file into a fresh data directory, to the last tick. Opening is timed apart."""
    counts: Counter[str] = Counter()

    def report(results: list[EventResult]) -> None:
        counts.update(one.status.value for one in results)

    with TemporaryDirectory(prefix="c360-bench-") as directory:
        settings = load_settings(
            Path(directory), identity_secret=SecretStr(SECRET), batch_events_max=batch_events_max
        )
        configure_logging(settings)
        opening = time.perf_counter()
        with Engine.open(settings) as engine:
            open_s = round(time.perf_counter() - opening, 3)
            watch = Stopwatch()
            engine.ingest(read_lines(file), report)
            return watch.result(
                "engine",
                counts.total(),
                statuses=dict(counts),
                open_seconds=open_s,
                stage_seconds=stage_seconds(engine.metrics),
            )


def stage_seconds(metrics: Metrics) -> dict[str, float]:
    """Seconds spent in each stage. `decode` runs beside the others, on a thread of its own."""
    return {
        sample.labels["stage"]: round(sample.value, 3)
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == STAGE_SUM
    }


CONTESTANTS = {"bare": run_bare, "msgspec": run_msgspec, "engine": run_engine}


def main() -> None:
    """`python -m bench.contestants CONTESTANT FILE BATCH`: one run, as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("file")
    parser.add_argument("batch_events_max", type=int)
    given = parser.parse_args()
    answer(CONTESTANTS[given.contestant](given.file, given.batch_events_max))


if __name__ == "__main__":
    main()
