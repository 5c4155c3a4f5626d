"""`python -m tests.deploy.pictures`: draw docs/pictures/ from the answers of a live run."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from devtools.dashboards.drawing import Curve, drawn
from tests.deploy.reading import Reading, boards, named, targets
from tests.deploy.seen import seen_run

DIRECTORY = Path(__file__).parents[2] / "docs" / "pictures"
WAVES = 40
FOOT = (
    "Drawn from the answers of a Prometheus that scraped a run of {seconds:.0f} seconds on one "
    "machine with invented customers ({day}). No screenshot of Grafana: it draws the same numbers "
    "its own way."
)


def main() -> int:
    """Run, ask, draw; the exit code."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, seen_run(Path(temporary), WAVES) as seen:
        day = datetime.now(UTC).date().isoformat()
        foot = FOOT.format(seconds=seen.end - seen.start, day=day)
        for name, board in boards().items():
            reading = Reading(board, *seen)
            answers = {
                (one.panel["id"], one.query["refId"]): [
                    Curve(named(one.legend, series.labels), series.points[::2] or series.points)
                    for series in reading.answer(one)
                ]
                for one in targets(board)
            }
            (DIRECTORY / f"{name}.svg").write_text(drawn(board, answers, foot), "utf-8")
            sys.stdout.write(f"drawn: docs/pictures/{name}.svg\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
