"""Quality of relationships: satisfaction, trust and commitment, as surveys of them ask.

Each dimension is the mean of its questions from 0 to 100, the value is the mean of the three of who
answered about all. Alpha of Cronbach (Psychometrika 16, 1951) says whether the questions of a
dimension measure one thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import MEAN_MIN, Moments
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import POINTS, Cell, Flag

DIMENSIONS = ("satisfaction", "trust", "commitment")
TOTAL = ""
ALPHA_MIN = 0.7
"""Below, the questions of a dimension measure different things."""


class DimensionGroup(NamedTuple):
    """Respondents by their mean of one dimension, or TOTAL: of all three."""

    dimension: str
    respondents: int
    total: float
    squares: float


class ItemGroup(NamedTuple):
    """Answers to one question of a dimension, of those who answered all its questions; of the empty
    question the sum of all."""

    dimension: str
    question: str
    respondents: int
    total: float
    squares: float


class QualityAnswers(NamedTuple):
    """What the measure is made of."""

    dimensions: Sequence[DimensionGroup]
    items: Sequence[ItemGroup]


def compute(rows: QualityAnswers, _context: MeasureContext) -> Figures:
    """See the module."""
    groups = {one.dimension: one for one in rows.dimensions}
    whole = groups.get(TOTAL, DimensionGroup(TOTAL, 0, 0, 0))
    moments = Moments(whole.respondents, whole.total, whole.squares)
    counts = {"whole": whole.respondents}
    cells = list[Cell]()
    for name in DIMENSIONS:
        one = groups.get(name, DimensionGroup(name, 0, 0, 0))
        counts[name] = one.respondents
        cells.append(_mean(one))
        cells += _reliability(name, [item for item in rows.items if item.dimension == name])
    return Figures(whole.respondents, moments.mean, POINTS, moments.interval, counts, cells)


def _mean(one: DimensionGroup) -> Cell:
    moments = Moments(one.respondents, one.total, one.squares)
    return Cell(
        by="dimension", key=one.dimension, n=one.respondents, value=moments.mean, unit=POINTS,
        interval=moments.interval,
    )  # fmt: skip


def _reliability(name: str, items: Sequence[ItemGroup]) -> Iterator[Cell]:
    """Alpha of a dimension with several questions, of enough respondents."""
    single = [one for one in items if one.question]
    together = next((one for one in items if not one.question), None)
    if together is None or len(single) < 2 or together.respondents < MEAN_MIN:
        return
    alpha = cronbach([_variance(one) for one in single], _variance(together))
    flags = [Flag.QUESTIONABLE] if alpha is not None and alpha < ALPHA_MIN else []
    yield Cell(by="alpha", key=name, n=together.respondents, value=alpha, unit="", flags=flags)


def _variance(one: ItemGroup) -> float:
    mean = one.total / one.respondents
    return max(0.0, (one.squares - one.total * mean) / (one.respondents - 1))


def cronbach(variances: Sequence[float], of_sum: float) -> float | None:
    """Alpha of questions by their variances and that of their sum; None if that does not vary."""
    count = len(variances)
    return count / (count - 1) * (1 - sum(variances) / of_sum) if of_sum > 0 else None


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {"dimensions": list(DIMENSIONS)}


MEASURE = Measure(
    "relationship_quality",
    1,
    "Satisfaction, trust and commitment of customers in a relationship",
    RESPONDENTS,
    QualityAnswers,
    compute,
    parameters,
)
