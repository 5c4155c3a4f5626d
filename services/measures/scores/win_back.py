"""What is at stake with a customer who slips, leaves or is lost, and what may win them back.

By the rules of lists for win-back (core/winning_back.py). Who objected to marketing has none: a
list like that leads to offers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from schemas.api.insights import InsightScore, ScoreAbsence
from services.measures.catalogue.win_back import MEASURE
from services.measures.core.leaving_customers import WEIGHTS
from services.measures.core.person import (
    PersonContext,
    PersonFacts,
    PersonScore,
    absent,
    reason,
)
from services.measures.core.window import day_of
from services.measures.core.winning_back import GONE_DAYS_MAX, YEARS, at_stake, win_back
from services.measures.scores import clv
from services.measures.scores.leaving import CustomerLeaving, leaving_of

NAME = MEASURE.name
YEAR_DAYS = 365


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    known = leaving_of(facts, context)
    if facts.refusals:
        yield InsightScore(
            score=NAME,
            definition=MEASURE.definition,
            absent=ScoreAbsence.REFUSED,
            reasons=[reason("the customer objected to marketing", facts.refusals)],
        )
    elif known is None or not known.purchases:
        what = "nothing bought yet"
        yield absent(NAME, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
    else:
        yield _judged(facts, context, known)


def _judged(facts: PersonFacts, context: PersonContext, known: CustomerLeaving) -> InsightScore:
    """Of somebody who bought."""
    found = {one.score: one for one in clv.compute(facts, context)}
    alive = found[clv.ALIVE]
    today = day_of(context.now, context.zone)
    last = day_of(known.purchases[-1].at, context.zone)
    entry = win_back("", known.found, last, today, 0.0)
    if entry is None:
        what = f"the customer is not leaving, or bought nothing for {GONE_DAYS_MAX} days"
        return absent(NAME, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
    if alive.value is None:
        why = alive.absent or ScoreAbsence.NOT_SHOWN
        what = f"whether the customer is gone is not known: {alive.reasons[0].what}"
        return absent(NAME, MEASURE.definition, why, what)
    stake = at_stake(_margins(facts, context), alive.value)
    what = (
        f"{100 * alive.value:.0f} % probably still a customer; the two best of {YEARS} years count"
    )
    signs = [
        reason(WEIGHTS[one.what].words, points=one.points).model_copy(
            update={"event_ids": list(one.event_ids)}
        )
        for one in known.found.because
    ]
    return InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        value=clv.rounded(stake, context),
        unit=context.currency,
        word=", ".join(entry.offers),
        since=known.purchases[-1].at,
        compared_with=alive.compared_with,
        reasons=[reason(what, known.purchases), *signs],
    )


def _margins(facts: PersonFacts, context: PersonContext) -> list[float]:
    """What was left of the last three years; revenue where no margin is set."""
    margin = 1.0 if context.rules.margin is None else context.rules.margin
    years = [Decimal(0)] * YEARS
    spent = [(one.at, one.currency, one.revenue) for one in facts.purchases]
    spent += [(one.at, one.currency, -one.amount) for one in facts.refunds]
    for at, currency, money in spent:
        year = _years_ago(at, context.now)
        if currency == context.currency and 0 <= year < YEARS:
            years[year] += money
    return [float(one) * margin for one in years]


def _years_ago(at: datetime, now: datetime) -> int:
    return (now - at) // timedelta(days=YEAR_DAYS)


SCORE = PersonScore(MEASURE.definition, compute)
