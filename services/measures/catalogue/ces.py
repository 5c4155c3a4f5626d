"""Customer effort: the share of answers that say it was easy, 5 to 7 on the scale from 1 to 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.answers import by_group, instrument, of_all, shown_key
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import SHARE, Cell


class EffortGroup(NamedTuple):
    """The answers of a group."""

    by: str
    key: str
    respondents: int
    """Of valid answers."""
    answers: int
    """Valid ones."""
    easy: int
    invalid: int
    """Off the scale, not whole, or on another scale than from 1 to 7."""


class EffortAnswers(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[EffortGroup]


def compute(rows: EffortAnswers, context: MeasureContext) -> Figures:
    """See the module."""
    whole = of_all(rows.groups) or EffortGroup("", "", 0, 0, 0, 0)
    value, interval = share(whole.easy, whole.answers)
    counts = {"answers": whole.answers, "easy": whole.easy, "invalid": whole.invalid}
    cells = list(by_group(rows.groups, _cell))
    return Figures(whole.respondents, value, SHARE, interval, counts, cells)


def _cell(group: EffortGroup) -> Cell:
    value, interval = share(group.easy, group.answers)
    return Cell(
        by=group.by,
        key=shown_key(group),
        n=group.respondents,
        value=value,
        unit=SHARE,
        interval=interval,
    )


MEASURE = Measure(
    "ces",
    1,
    "Customer effort: share of answers that say it was easy",
    RESPONDENTS,
    EffortAnswers,
    compute,
    instrument("ces"),
)
