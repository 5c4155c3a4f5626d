"""Whom a measure counts, and how few of them may be shown.

A figure about fewer than GROUP_MIN customers would describe single persons. It is suppressed, and
so is the next smallest group of enough customers: what is suppressed follows by subtraction from
the whole. Groups that are too small do not hide each other, for the same customers may be in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

GROUP_MIN = 5


class Population(NamedTuple):
    """Profiles of these kinds."""

    name: str
    kinds: frozenset[str]


PERSONS = Population("persons", frozenset({"person"}))
EVERYBODY = Population("everybody", frozenset({"person", "anonymous"}))
"""Visitors whom nobody has recognised, too."""
RESPONDENTS = Population("respondents", frozenset({"person", "anonymous"}))
"""Whoever answered: surveys may be anonymous."""


def is_few(customers: int) -> bool:
    """Whether a figure about so many would describe single persons. One about nobody does not."""
    return 0 < customers < GROUP_MIN


def hidden(sizes: Sequence[int]) -> frozenset[int]:
    """Positions of the groups of a breakdown that must not be shown, by their sizes."""
    by_size = sorted(range(len(sizes)), key=lambda place: (sizes[place], place))
    small = sum(1 for size in sizes if size < GROUP_MIN)
    return frozenset(by_size[: small + any(is_few(size) for size in sizes)])
