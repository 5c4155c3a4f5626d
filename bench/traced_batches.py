"""Batches of the embedded engine, traced and not traced in turns within one process.

What differs between two runs of a process, or between two moments of a busy machine, hits both
alike; so small differences show. The processor time until its spans are sent counts for a batch,
the waiting for the collector does not: outside of a benchmark it is another thread's.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from bench.children import Result, answer, cpu_s
from bench.live_customers import SECRET
from services.embedded.engine import Engine
from services.ingest.core.outcome import Intake
from services.intake.files import read_lines
from services.runtime import tracing
from services.runtime.batching import bounded
from services.runtime.logging import configure_logging
from services.runtime.otel_spans import exported_spans
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import load_settings

POSTED = 100
"""Events of a request; a batch is linked to so many fewer spans."""


def measure(file: str, batch_events: int, turn: int, data_dir: Path) -> Result:
    """Events, seconds and processor time, with and without spans.

    Of two batches one is traced; which of them comes first, changes from pair to pair. Batches
    differ, so a second run with the other `turn` (0 or 1) traces the others.
    """
    settings = load_settings(data_dir, identity_secret=SecretStr(SECRET))
    configure_logging(settings)
    spans = exported_spans("c360-up")
    used, took, events = [0.0, 0.0], [0.0, 0.0], [0, 0]
    with Engine.open(settings) as engine:
        tune_garbage_collector()
        for number, lines in enumerate(bounded(read_lines(file), batch_events)):
            if len(lines) < batch_events:
                break
            is_traced = (number % 4 in (1, 2)) == bool(turn)
            begun_s, begun_cpu_s = time.perf_counter(), cpu_s()
            tracing.switch(spans if is_traced else None)
            carriers = (_carrier(place // POSTED) for place in range(len(lines)))
            with tracing.batch(len(lines), carriers):
                engine.pipeline.finish(engine.pipeline.decode(lines, Intake.SERVER))
            took[is_traced] += time.perf_counter() - begun_s
            if is_traced:
                spans.flush()
            used[is_traced] += cpu_s() - begun_cpu_s
            events[is_traced] += len(lines)
        tracing.switch(None)
    spans.stop()
    return {
        name: {
            "events": events[is_traced],
            "seconds": took[is_traced],
            "cpu_seconds": used[is_traced],
        }
        for name, is_traced in (("off", False), ("on", True))
    }


def _carrier(number: int) -> bytes:
    return f"00-{number + 1:032x}-{number + 1:016x}-01".encode()


def main() -> None:
    """`python -m bench.traced_batches FILE BATCH TURN`; the collector is the environment's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("batch", type=int)
    parser.add_argument("turn", type=int, choices=(0, 1))
    given = parser.parse_args()
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        answer(measure(given.file, given.batch, given.turn, Path(directory) / "data"))


if __name__ == "__main__":
    main()
