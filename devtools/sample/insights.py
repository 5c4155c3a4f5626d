"""Everything that is said for measures alone, behind the events of the data: these stay as they
are, to the byte.

It is the same for every number of households, and moves with the year that they span.
"""

from __future__ import annotations

from devtools.sample.insight_cast import Cast
from devtools.sample.insight_lives import Lives
from devtools.sample.insight_sales import Sales
from devtools.sample.insight_service import ServiceCases
from devtools.sample.insight_surveys import Surveys
from devtools.sample.insight_truth import InsightTruth
from devtools.sample.stream import Stream


def say_insights(stream: Stream, seed: int, start: int, end: int) -> InsightTruth:
    """Say it, between two epoch seconds that are a year apart; returns what must be found."""
    cast, truth = Cast(stream, seed), InsightTruth()
    Surveys(cast, truth, start).say()
    ServiceCases(cast, truth, start).say()
    Sales(cast, truth, start, end).say()
    Lives(cast, truth, start, end).say()
    return truth
