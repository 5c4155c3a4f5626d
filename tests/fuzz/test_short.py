"""A short fuzz run, with the same seeds each time; `make fuzz` goes on from there."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.targets import TARGETS

RUNS = {
    "line": 3_000, "batch": 2_000, "tracking": 2_000, "foreign": 2_000, "tills": 300,
    "file": 500, "request": 150, "operation": 2_000,
}  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    """Every seed of a short run holds; a failure names the one to play again."""
    for seed in range(RUNS[name]):
        try:
            TARGETS[name](Random(seed))
        except Exception as error:
            error.add_note(f"python -m tests.fuzz --target {name} --first {seed} --runs 1")
            raise
