"""Plays seeds of operations on the engine: `python -m tests.simulation.operations --runs 20`.

Prints each seed with what was done in it. Exit code 1 if one failed; its trace is printed.
"""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from services.runtime.settings import Settings
from services.store.database import open_embedded
from services.store.migrations import migrate
from tests.conftest import empty_tables
from tests.events import SECRET
from tests.simulation.engine_workers import KINDS
from tests.simulation.engine_world import EngineWorld


def main() -> int:
    """Play; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.operations")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    failed = 0
    with TemporaryDirectory() as directory, closing(open_embedded(Path(directory))) as engine:
        migrate(engine)
        settings = Settings.model_validate(
            {"data_dir": directory, "identity_secret": SECRET.decode()}
        )
        for seed in range(arguments.first, arguments.first + arguments.runs):
            empty_tables(engine)
            world = EngineWorld(seed, engine, settings)
            try:
                world.run(KINDS)
                sys.stdout.write(f"{seed} holds: {dict(world.done)}\n")
            except Exception as error:
                failed = 1
                told = [str(world.options), *world.chance.trace, f"seed {seed}: {error!r}"]
                sys.stdout.write("\n".join([*told, ""]))
            sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
