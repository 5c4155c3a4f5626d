"""Cutting into bounded parts: nothing lost, nothing over a bound but what is too large itself."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

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


def test_what_came_before_a_failure_comes_first() -> None:
    """A source that breaks off is an error only after its items are handed on."""

    def source() -> Iterator[int]:
        yield from range(5)
        raise ValueError("damaged")

    parts = bounded(source(), 3)
    assert [next(parts), next(parts)] == [[0, 1, 2], [3, 4]]
    with pytest.raises(ValueError, match="damaged"):
        next(parts)


def test_a_full_part_does_not_wait_for_the_next_item() -> None:
    """A slow source is handed on as soon as a part is full."""
    taken = itertools.count(1)
    assert next(bounded(taken, 3)) == [1, 2, 3]
    assert next(taken) == 4


def test_an_old_part_ends_with_the_next_item() -> None:
    """With no age allowed, every item is a part of its own."""
    assert list(bounded("abc", 3, age_s=-1)) == [["a"], ["b"], ["c"]]
