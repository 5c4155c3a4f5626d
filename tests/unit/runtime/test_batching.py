"""Cutting into bounded parts: nothing lost, nothing over a bound but what is too large itself."""

from __future__ import annotations

import random

import pytest

from services.runtime.batching import bounded


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([], []),
        ([4, 4, 4], [[4, 4], [4]]),  # ten bytes
        ([1] * 5, [[1, 1, 1], [1, 1]]),  # three items
        ([50, 1], [[50], [1]]),  # too large by itself
        ([10], [[10]]),
    ],
)
def test_parts(sizes: list[int], parts: list[list[int]]) -> None:
    """At most three items and ten bytes."""
    assert list(bounded(sizes, 3, 10, lambda size: size)) == parts


def test_nothing_is_lost() -> None:
    """Random items come out in their order, each bound kept."""
    rng = random.Random(2)
    for _ in range(200):
        items = [rng.randint(0, 12) for _ in range(rng.randrange(30))]
        found = list(bounded(items, 4, 15, lambda size: size))
        assert [one for part in found for one in part] == items
        assert all(len(part) <= 4 and (len(part) == 1 or sum(part) <= 15) for part in found)
