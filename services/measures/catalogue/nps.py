"""Net promoter score: the share of those who would recommend us less that of those who would not.

Answers from 0 to 10: 9 and 10 are promoters, 7 and 8 passives, the others detractors. Answers from
1 to 10 are judged by the same classes, and flagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

from services.measures.core.answers import (
    SEPARATOR,
    by_group,
    dimensions,
    instrument,
    of_all,
    shown_key,
)
from services.measures.core.intervals import LEVEL, Z
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS, hidden
from services.measures.core.result import POINTS, Cell, Flag, Interval

SAMPLE_MIN = 100
"""Fewer answers do not speak for the customers."""
EXTREMES, MIDDLE = 0.75, 1.5
"""What the adjusted Wald interval adds to promoters and detractors, and to passives."""


class NpsGroup(NamedTuple):
    """The answers of a group."""

    by: str
    key: str
    respondents: int
    """Of valid answers."""
    promoters: int
    passives: int
    detractors: int
    invalid: int
    """Off the scale, not whole, or on another scale than to 10."""
    from_one: int
    """Valid answers on a scale from 1."""
    first_ms: int
    """When the first of them was given."""

    @property
    def answers(self) -> int:
        """Valid ones."""
        return self.promoters + self.passives + self.detractors


class NpsAnswers(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[NpsGroup]


def score(promoters: float, passives: float, detractors: float) -> tuple[float, float]:
    """The net promoter score of so many, at least one, and its standard error, in points."""
    n = promoters + passives + detractors
    plus, minus = promoters / n, detractors / n
    variance = max(0.0, plus + minus - (plus - minus) ** 2)
    return 100 * (plus - minus), 100 * sqrt(variance / n)


def bounds(promoters: int, passives: int, detractors: int) -> Interval:
    """The adjusted Wald interval (Rocks, The American Statistician 70(4), 2016): the plain one has
    no width where all are promoters."""
    middle, error = score(promoters + EXTREMES, passives + MIDDLE, detractors + EXTREMES)
    low, high = max(-100.0, middle - Z * error), min(100.0, middle + Z * error)
    return Interval(low=low, high=high, level=LEVEL)


def compute(rows: NpsAnswers, context: MeasureContext) -> Figures:
    """See the module."""
    whole = of_all(rows.groups) or NpsGroup("", "", 0, 0, 0, 0, 0, 0, 0)
    value, interval, flags = _figure(whole)
    counts = {
        name: getattr(whole, name) for name in ("promoters", "passives", "detractors", "invalid")
    }
    cells = [*by_group(rows.groups, _cell), *_changes(dimensions(rows.groups).get("wave", []))]
    return Figures(whole.respondents, value, POINTS, interval, counts, cells, flags)


def _figure(group: NpsGroup) -> tuple[float | None, Interval | None, list[Flag]]:
    if not group.answers:
        return None, None, []
    classes = (group.promoters, group.passives, group.detractors)
    flags = [Flag.SMALL_SAMPLE] if group.answers < SAMPLE_MIN else []
    if group.from_one:
        flags.append(Flag.MIXED_SCALE)
    return score(*classes)[0], bounds(*classes), flags


def _cell(group: NpsGroup) -> Cell:
    value, interval, flags = _figure(group)
    return Cell(
        by=group.by,
        key=shown_key(group),
        n=group.respondents,
        value=value,
        unit=POINTS,
        interval=interval,
        flags=flags,
    )


def _changes(waves: Sequence[NpsGroup]) -> Iterator[Cell]:
    """From each wave of a survey to its next. None from or to a wave that is not shown, which would
    follow from it."""
    unseen = hidden([wave.respondents for wave in waves])
    named = [wave for place, wave in enumerate(waves) if wave.key and wave.answers]
    seen = {wave for place, wave in enumerate(waves) if place not in unseen}
    named.sort(key=lambda wave: (_survey(wave), wave.first_ms, wave.key))
    for before, after in pairwise(named):
        if _survey(before) == _survey(after) and {before, after} <= seen:
            yield _change(before, after)


def _survey(wave: NpsGroup) -> str:
    return wave.key.partition(SEPARATOR)[0]


def _change(before: NpsGroup, after: NpsGroup) -> Cell:
    was, error_before = score(before.promoters, before.passives, before.detractors)
    now, error_after = score(after.promoters, after.passives, after.detractors)
    error = sqrt(error_before**2 + error_after**2)
    change = now - was
    is_proven = abs(change) >= Z * error and change != 0
    return Cell(
        by="change",
        key=f"{shown_key(before)} to {after.key.partition(SEPARATOR)[2]}",
        n=min(before.respondents, after.respondents),
        value=change,
        unit=POINTS,
        interval=Interval(low=change - Z * error, high=change + Z * error, level=LEVEL),
        flags=[] if is_proven else [Flag.NOT_SIGNIFICANT],
    )


MEASURE = Measure(
    "nps",
    1,
    "Net promoter score: those who would recommend us less those who would not",
    RESPONDENTS,
    NpsAnswers,
    compute,
    instrument("nps"),
)
