"""Reviews: the mean of public ratings, which mostly the very satisfied and the very dissatisfied
give.

Of one person and product the latest review counts. Never to be mixed with ratings that were asked
for (`stars`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.ratings import RatingGroup, figures
from services.measures.core.result import Flag

SKUS_MAX = 100
"""So many products are listed, those with the most reviews."""


class Reviews(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[RatingGroup]


def compute(rows: Reviews, context: MeasureContext) -> Figures:
    """See the module."""
    return figures(rows.groups, Flag.BIASED_SOURCE)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    lowest, highest = context.rules.review_scale
    return {
        "interaction_kinds": ["word_of_mouth"],
        "lowest": lowest,
        "highest": highest,
        "skus_max": SKUS_MAX,
    }


MEASURE = Measure(
    "reviews",
    1,
    "Mean of the ratings in public reviews",
    RESPONDENTS,
    Reviews,
    compute,
    parameters,
)
