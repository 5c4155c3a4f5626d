"""Builds the sample stream in a process of its own, because pyarrow and pandas need much memory."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.children import answer
from devtools.sample import build_sample


def main() -> None:
    """`python -m bench.stream HOUSEHOLDS SEED OUT`: write the stream, print what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("households", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    report = build_sample(given.households, given.seed, given.out, None)
    answer({"households": report.households, "seed": report.seed})


if __name__ == "__main__":
    main()
