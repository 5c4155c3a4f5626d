"""Customer satisfaction: the share of answers in the two best boxes of their scale.

On a scale from 1 to 5 these are 4 and 5. Answers on any scale count; the mean is shown where all
are on one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.measures.core.answers import by_group, dimensions, instrument, of_all, shown_key
from services.measures.core.intervals import Moments, share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import POINTS, SHARE, Cell, Flag


class SatisfactionGroup(NamedTuple):
    """The answers of a group."""

    by: str
    key: str
    respondents: int
    """Of valid answers."""
    answers: int
    """Valid ones."""
    top_two: int
    invalid: int
    """Off the scale, or not whole."""
    scales: int
    """How many different ones."""
    total: float
    """Sum of the valid answers."""
    squares: float
    """Sum of their squares."""


class SatisfactionAnswers(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[SatisfactionGroup]


NOBODY = SatisfactionGroup("", "", 0, 0, 0, 0, 0, 0, 0)


def compute(rows: SatisfactionAnswers, context: MeasureContext) -> Figures:
    """See the module."""
    whole = of_all(rows.groups) or NOBODY
    value, interval = share(whole.top_two, whole.answers)
    counts = {"answers": whole.answers, "top_two": whole.top_two, "invalid": whole.invalid}
    cells = [*by_group(rows.groups, _cell), *_means(rows.groups)]
    return Figures(whole.respondents, value, SHARE, interval, counts, cells, _flags(whole))


def _flags(group: SatisfactionGroup) -> list[Flag]:
    return [Flag.MIXED_SCALE] if group.scales > 1 else []


def _cell(group: SatisfactionGroup) -> Cell:
    value, interval = share(group.top_two, group.answers)
    return Cell(
        by=group.by,
        key=shown_key(group),
        n=group.respondents,
        value=value,
        unit=SHARE,
        interval=interval,
        flags=_flags(group),
    )


def _means(groups: Sequence[SatisfactionGroup]) -> Iterator[Cell]:
    """The mean of each question, on its own scale."""
    for group in dimensions(groups).get("question", []):
        moments = Moments(group.answers, group.total, group.squares)
        is_one = group.scales <= 1
        yield Cell(
            by="mean",
            key=shown_key(group),
            n=group.respondents,
            value=moments.mean if is_one else None,
            unit=POINTS,
            interval=moments.interval if is_one else None,
            flags=_flags(group),
        )


MEASURE = Measure(
    "csat",
    1,
    "Customer satisfaction: share of answers in the two best boxes",
    RESPONDENTS,
    SatisfactionAnswers,
    compute,
    instrument("csat"),
)
