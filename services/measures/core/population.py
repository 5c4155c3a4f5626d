"""Whom a measure counts, and how few of them may be shown.

A figure about fewer than GROUP_MIN customers would describe single persons. It is suppressed, and
so is the next smallest group if it alone would be suppressed: it would follow by subtraction.
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


def hidden(sizes: Sequence[int]) -> frozenset[int]:
    """Positions of the groups of a breakdown that must not be shown, by their sizes."""
    small = {place for place, size in enumerate(sizes) if size < GROUP_MIN}
    if len(small) == 1:
        rest = [place for place in range(len(sizes)) if place not in small]
        small |= {min(rest, key=lambda place: (sizes[place], place))} if rest else set()
    return frozenset(small)
