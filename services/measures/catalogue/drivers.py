"""Drivers of satisfaction: which attributes move the judgement on the whole, and how good they are.

The target is the question of satisfaction surveys about everything, or else the score of
recommendation; attributes are the other answers of the same respondents. What matters and is not
good is to be improved first. See core/importance.py for the method and its source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from services.measures.core.intervals import LEVEL
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import POINTS, SHARE, Cell, Flag, Interval
from services.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from services.measures.core.importance import Importance

RESPONDENTS_MIN, EACH_MIN = 50, 10
"""So many respondents are needed, and so many for each attribute."""
ATTRIBUTES_MAX = 30
VECTORS_MAX = 20_000
"""Different ways to answer that are read; of more a part, the same each time."""
QUADRANTS = {
    (True, True): "keep", (True, False): "improve_first", (False, True): "possible_overkill",
    (False, False): "low",
}  # fmt: skip
"""By whether an attribute matters more, and whether it is better, than the median of all."""
MISSING = "this measure needs NumPy, which is not installed: pip install 'customer360[insights]'"


class AnsweredAlike(NamedTuple):
    """Respondents who answered everything alike; scores from 0 (worst) to 100."""

    target_name: str
    """The question that is explained."""
    questions: Sequence[str]
    """The attributes."""
    target: float
    scores: Sequence[float]
    """Of the attributes."""
    respondents: int
    with_target: int
    """Respondents of all who answered the target, also those who left an attribute out."""


class Judgements(NamedTuple):
    """What the measure is made of."""

    answers: Sequence[AnsweredAlike]


def compute(rows: Judgements, _context: MeasureContext) -> Figures:
    """See the module. Raises ConfigurationError without NumPy."""
    answers = sorted(rows.answers)
    n = sum(one.respondents for one in answers)
    questions = answers[0].questions if answers else ()
    counts = {
        "respondents": n, "attributes": len(questions),
        "incomplete": answers[0].with_target - n if answers else 0,
    }  # fmt: skip
    nothing = Figures(n, None, SHARE, None, counts, [])
    if not questions or n < max(RESPONDENTS_MIN, EACH_MIN * len(questions)):
        return nothing._replace(flags=[Flag.SMALL_SAMPLE])
    try:
        found, means = _important(answers)
    except ValueError:
        return nothing._replace(flags=[Flag.NO_FIT])
    cells = [*_cells(questions, found, means, n)]
    cells.append(Cell(by="target", key=answers[0].target_name, n=n, value=None, unit=SHARE))
    return nothing._replace(value=found.explained, breakdown=cells)


def _important(answers: Sequence[AnsweredAlike]) -> tuple[Importance, Sequence[float]]:
    """What each attribute explains, and how good it is on the mean. Raises ValueError where nothing
    can be explained."""
    try:
        import numpy as np

        from services.measures.core.importance import importance
    except ModuleNotFoundError as error:
        raise ConfigurationError(MISSING, reason="insights_missing") from error
    target = np.array([one.target for one in answers], dtype=np.float64)
    scores = np.array([[*one.scores] for one in answers], dtype=np.float64)
    persons = np.array([one.respondents for one in answers], dtype=np.float64)
    means = persons @ scores / persons.sum()
    return importance(target, scores, persons), [float(one) for one in means]


def _cells(
    questions: Sequence[str], found: Importance, means: Sequence[float], n: int
) -> Iterator[Cell]:
    shares = [float(one) for one in found.shares]
    middle, good = median(shares), median(means)
    for place, question in enumerate(questions):
        interval = Interval(low=float(found.low[place]), high=float(found.high[place]), level=LEVEL)
        quadrant = QUADRANTS[shares[place] >= middle, means[place] >= good]
        yield Cell(
            by="importance", key=question, n=n, value=shares[place], unit=SHARE, interval=interval
        )
        yield Cell(by="performance", key=question, n=n, value=means[place], unit=POINTS)
        yield Cell(by=quadrant, key=question, n=n, value=shares[place], unit=SHARE)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {
        "overall": context.rules.overall_question,
        "attributes_max": ATTRIBUTES_MAX,
        "vectors_max": VECTORS_MAX,
        "respondents_min": RESPONDENTS_MIN,
    }


MEASURE = Measure(
    "drivers",
    1,
    "Which attributes move the judgement on the whole, and how good they are",
    RESPONDENTS,
    Judgements,
    compute,
    parameters,
)
