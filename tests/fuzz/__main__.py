"""Fuzzes for some time: `python -m tests.fuzz --seconds 1800 [--target line]`.

A failure prints its target and seed; `--target line --first SEED --runs 1` plays it again.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from itertools import count, cycle
from random import Random

import structlog

from tests.fuzz.targets import TARGETS


def main() -> int:
    """Fuzz; the exit code is 1 if a case fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, help="cases of each target, instead of a time")
    parser.add_argument("--first", type=int, help="the first seed; by default one of the time")
    parser.add_argument("--target", choices=TARGETS)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    names = [arguments.target] if arguments.target else list(TARGETS)
    first = time.time_ns() if arguments.first is None else arguments.first
    end_s = time.monotonic() + arguments.seconds
    played = 0
    for seed, name in zip(_seeds(first, len(names)), cycle(names), strict=False):
        over = time.monotonic() > end_s if arguments.runs is None else played == arguments.runs
        if over and name == names[0]:
            break
        try:
            TARGETS[name](Random(seed))
        except Exception:
            sys.stdout.write(f"{traceback.format_exc()}\n--target {name} --first {seed} --runs 1\n")
            return 1
        played += name == names[0]
    sys.stdout.write(f"{played} cases of {', '.join(names)} from seed {first}: all hold\n")
    return 0


def _seeds(first: int, each: int) -> Iterator[int]:
    """Each seed as often as there are targets."""
    for number in count(first):
        for _ in range(each):
            yield number


if __name__ == "__main__":
    sys.exit(main())
