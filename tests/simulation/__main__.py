"""Plays seeds until one fails: `python -m tests.simulation --runs 200 [--first N] [--trace]`.

Prints the failing seed with its reason, and how many were played. Exit code 1 if one failed.
"""

from __future__ import annotations

import argparse
import logging
import sys

import structlog

from tests.simulation.workers import KINDS
from tests.simulation.world import World


def main() -> int:
    """Play; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--trace", action="store_true", help="print what happened in each run")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for seed in range(arguments.first, arguments.first + arguments.runs):
        world, failure = World(seed), ""
        try:
            world.run(KINDS)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
        if arguments.trace:
            sys.stdout.write("\n".join([f"seed {seed}: {world.options}", *world.chance.trace, ""]))
        if failure:
            count = seed - arguments.first + 1
            sys.stdout.write(f"seed {seed} fails, the {count}. one played: {failure}\n")
            return 1
    sys.stdout.write(f"{arguments.runs} seeds hold\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
