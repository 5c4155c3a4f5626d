"""Recency, frequency and monetary value of a customer among the buyers of the kept answer.

The scores are those that the measure gave when its answer was kept: the same window, and the worst
values that had each score then. Who has bought nothing in it has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.api.insights import InsightScore, ScoreAbsence, ScoreReason
from services.measures.catalogue.rfm import (
    FREQUENCY_BOUND,
    MEASURE,
    MONETARY_BOUND,
    RECENCY_BOUND,
    SCORE_MAX,
)
from services.measures.core.occasions import Occasion, occasions_of
from services.measures.core.person import (
    PersonContext,
    PersonFacts,
    PersonScore,
    Purchase,
    Refund,
    absent,
    reason,
)
from services.measures.core.result import MeasureResult
from services.measures.core.window import day_of

Bounds = Mapping[int, float | None]
"""The worst value that has each score; null where it is not shown."""


class Bought(NamedTuple):
    """What a customer bought in the window."""

    days: int
    """From the last purchase to the last day of the window."""
    occasions: list[Occasion]
    money: Decimal
    """Less what was returned."""
    purchases: list[Purchase]
    refunds: list[Refund]


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    kept = context.kept.get(MEASURE.definition)
    if kept is None:
        what = "no answer of the measure is kept: nobody to compare with"
        yield absent(MEASURE.name, MEASURE.definition, ScoreAbsence.NO_KEPT_ANSWER, what)
        return
    bought = bought_in(facts, context, kept)
    if not bought.occasions:
        what = "nothing bought in the year of the kept answer"
        yield absent(MEASURE.name, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
        return
    yield _scored(bought, context, kept)


def bought_in(facts: PersonFacts, context: PersonContext, kept: MeasureResult) -> Bought:
    """What was bought in the window of an answer."""
    start, end = kept.window.from_, kept.window.until
    first, last = (day_of(one, context.zone) for one in (start, end - timedelta(milliseconds=1)))
    purchases = [one for one in facts.purchases if one.at < end]
    occasions = [
        one for one in occasions_of(purchases, context.zone, context.currency) if one.day >= first
    ]
    refunds = [one for one in facts.refunds if start <= one.at < end]
    back = sum((one.amount for one in refunds if one.currency == context.currency), Decimal(0))
    return Bought(
        days=(last - occasions[-1].day).days if occasions else 0,
        occasions=occasions,
        money=sum((one.revenue for one in occasions), -back),
        purchases=[purchase for one in occasions for purchase in one.purchases],
        refunds=refunds,
    )


def _scored(bought: Bought, context: PersonContext, kept: MeasureResult) -> InsightScore:
    bounds = {
        name: _bounds(kept, name) for name in (RECENCY_BOUND, FREQUENCY_BOUND, MONETARY_BOUND)
    }
    recency = score_of(-bought.days, _negative(bounds[RECENCY_BOUND]))
    frequency = score_of(len(bought.occasions), bounds[FREQUENCY_BOUND])
    monetary = score_of(float(bought.money), bounds[MONETARY_BOUND])
    if recency is None or frequency is None or monetary is None:
        what = "the kept answer does not show every score: too few buyers have it"
        return absent(MEASURE.name, MEASURE.definition, ScoreAbsence.NOT_SHOWN, what)
    return InsightScore(
        score=MEASURE.name,
        definition=MEASURE.definition,
        word=context.rules.rfm_group(recency, frequency),
        since=bought.purchases[-1].at,
        compared_with=kept.as_of,
        reasons=_reasons(bought, context.currency, recency, frequency, monetary),
    )


def _reasons(
    bought: Bought, currency: str, recency: int, frequency: int, monetary: int
) -> list[ScoreReason]:
    last = bought.occasions[-1].purchases
    often, money = len(bought.occasions), f"{bought.money:.2f} {currency}"
    return [
        reason(
            f"recency: last bought {bought.days} days before the end of the window", last, recency
        ),
        reason(f"frequency: {often} occasions in the year", bought.purchases, frequency),
        reason(
            f"monetary value: {money}, less what was returned",
            [*bought.purchases, *bought.refunds],
            monetary,
        ),
    ]


def _bounds(kept: MeasureResult, by: str) -> Bounds:
    return {int(one.key): one.value for one in kept.breakdown if one.by == by}


def _negative(bounds: Bounds) -> Bounds:
    return {score: None if bound is None else -bound for score, bound in bounds.items()}


def score_of(value: float, bounds: Bounds) -> int | None:
    """The highest score whose worst value is not better than this one; None where the answer does
    not show which it is. Who is worse than everybody in the answer has 1."""
    for score in range(SCORE_MAX, 0, -1):
        if score in bounds:
            bound = bounds[score]
            if bound is None:
                return None
            if value >= bound:
                return score
    return 1


SCORE = PersonScore(MEASURE.definition, compute, compares=True)
