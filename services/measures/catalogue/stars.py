"""Stars: the mean of the ratings that the retailer asked for, by what they are about.

Public reviews are a measure of their own (`reviews`): other people write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.answers import instrument
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.ratings import RatingGroup, figures


class StarAnswers(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[RatingGroup]


def compute(rows: StarAnswers, context: MeasureContext) -> Figures:
    """See the module."""
    return figures(rows.groups)


MEASURE = Measure(
    "stars",
    1,
    "Mean of the star ratings that customers were asked for",
    RESPONDENTS,
    StarAnswers,
    compute,
    instrument("stars"),
)
