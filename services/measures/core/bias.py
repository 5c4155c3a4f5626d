"""Whether a score chooses some groups of customers less often than others.

Compared is the share of a group at each level of the score with that of everybody (four fifths, as
the Uniform Guidelines on Employee Selection Procedures of 1978 have it). It says that shares
differ, not why. Groups too small to be shown are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.measures.core.intervals import LEVEL, wilson
from services.measures.core.measure import Figures
from services.measures.core.population import GROUP_MIN, hidden, is_few
from services.measures.core.result import Flag, GroupSelection, Interval

FOUR_FIFTHS = 0.8


class GroupLevels(NamedTuple):
    """How many of a group are at each level."""

    by: str
    key: str
    persons: int
    levels: Mapping[str, int]


def levels_of(figures: Figures, by: str) -> dict[str, int]:
    """How many are at each level: a dimension of the breakdown, or the count of who is chosen."""
    found = {one.key: one.n or 0 for one in figures.breakdown if one.by == by}
    return found or ({by: figures.counts[by]} if by in figures.counts else {})


def compared(everybody: GroupLevels, groups: Iterable[GroupLevels]) -> list[GroupSelection]:
    """Every group at every level, against everybody; groups of too few persons are not named."""
    known = sorted(
        (one for one in groups if one.persons >= GROUP_MIN and one.levels),
        key=lambda one: (one.by, one.key),
    )
    found = list[GroupSelection]()
    for by in dict.fromkeys(one.by for one in known):
        some = [one for one in known if one.by == by]
        for level, many in sorted(everybody.levels.items()):
            if many >= GROUP_MIN:
                found += _at_level(some, level, many / everybody.persons)
    return sorted(found, key=lambda one: (one.by, one.key, one.level))


def _at_level(groups: Sequence[GroupLevels], level: str, usual: float) -> Iterator[GroupSelection]:
    unseen = hidden([one.levels.get(level, 0) for one in groups])
    is_any_few = any(is_few(one.levels.get(level, 0)) for one in groups)
    for place, one in enumerate(groups):
        chosen = one.levels.get(level, 0)
        about = {"by": one.by, "key": one.key, "level": level, "n": one.persons}
        # That nobody of a group is chosen may be said, unless it covers a group of few.
        if place in unseen and (chosen or is_any_few):
            yield GroupSelection.model_validate({**about, "flags": [Flag.SUPPRESSED]})
        else:
            yield _selection(about, chosen, one.persons, usual)


def _selection(
    about: Mapping[str, object], chosen: int, persons: int, usual: float
) -> GroupSelection:
    bounds, ratio, flags = wilson(chosen, persons), chosen / persons / usual, list[Flag]()
    if ratio < FOUR_FIFTHS:
        flags.append(Flag.UNEQUAL)
        if bounds.high >= usual:
            flags.append(Flag.NOT_SIGNIFICANT)
    interval = Interval(low=bounds.low / usual, high=bounds.high / usual, level=LEVEL)
    return GroupSelection.model_validate(
        {**about, "share": chosen / persons, "ratio": ratio, "interval": interval, "flags": flags}
    )
