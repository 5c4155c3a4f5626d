"""Whom a measure counts, and how few of them may be shown.

A figure about fewer than GROUP_MIN customers would describe single persons. It is suppressed, and
so are the next smallest groups until what is suppressed is about as many: it would follow by
subtraction from the whole.
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


def hidden(sizes: Sequence[int]) -> frozenset[int]:
    """Positions of the groups of a breakdown that must not be shown, by their sizes."""
    by_size = sorted(range(len(sizes)), key=lambda place: (sizes[place], place))
    small = [place for place in by_size if sizes[place] < GROUP_MIN]
    if not small:
        return frozenset()
    count = max(2, len(small))  # of one alone, the next smallest
    while count < len(by_size) and sum(sizes[place] for place in by_size[:count]) < GROUP_MIN:
        count += 1
    return frozenset(by_size[:count])
