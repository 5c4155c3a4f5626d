"""What a customer will spend in the next twelve months, and how likely the customer is still one.

By the models of the measure with the parameters of its kept answer: expected purchases (BG/NBD)
times expected spend (Gamma-Gamma), month by month, discounted, times the margin. Beside it what the
customer spent so far. See core/buying_and_dying.py for the models and their source.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from schemas.api.insights import InsightScore, ScoreAbsence
from schemas.currency import digits_of
from services.measures.catalogue.clv import (
    DAYS_OF_A_WEEK,
    MEASURE,
    MONTHS,
    WEEKS_OF_A_MONTH,
)
from services.measures.core.occasions import Occasion, occasions_of
from services.measures.core.person import (
    PersonContext,
    PersonFacts,
    PersonScore,
    absent,
    reason,
)
from services.measures.core.result import SHARE, MeasureResult
from services.measures.core.window import day_of

NAME, ALIVE, HISTORIC = MEASURE.name, "clv_alive", "clv_historic"
BUYING = ("r", "alpha", "a", "b", "log_likelihood")
SPENDING = ("p", "q", "v")


class ExpectedSpending(NamedTuple):
    """What follows from the history of one customer."""

    alive: float
    """Probability that the customer still is one."""
    orders: float
    """Purchases in the next twelve months."""
    spend: float
    """On each of them."""
    worth: float
    """All of it, discounted, before the margin."""


class OwnHistory(NamedTuple):
    """What the models ask of one customer."""

    repeats: int
    """Occasions after the first."""
    recency_weeks: float
    """From the first to the last."""
    age_weeks: float
    """From the first to now."""
    mean: float
    """What was spent on an occasion after the first; 0 if nothing was."""


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    purchases = [one for one in facts.purchases if one.at < context.now]
    occasions = occasions_of(purchases, context.zone, context.currency)
    if not occasions:
        for name in (NAME, ALIVE, HISTORIC):
            what = "nothing bought yet"
            yield absent(name, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
        return
    yield _historic(facts, context, occasions)
    yield from _expected(facts, context, occasions)


def _historic(
    facts: PersonFacts, context: PersonContext, occasions: list[Occasion]
) -> InsightScore:
    """What the customer was worth so far."""
    refunds = [
        one for one in facts.refunds if one.at < context.now and one.currency == context.currency
    ]
    money = sum((one.revenue for one in occasions), Decimal(0))
    money -= sum((one.amount for one in refunds), Decimal(0))
    margin = context.rules.margin
    what = (
        f"{len(occasions)} occasions, {money:.2f} {context.currency} less what was returned, "
        f"{_of_margin(margin)}"
    )
    purchases = [purchase for one in occasions for purchase in one.purchases]
    return InsightScore(
        score=HISTORIC,
        definition=MEASURE.definition,
        value=rounded(float(money) * (1.0 if margin is None else margin), context),
        unit=context.currency,
        since=purchases[-1].at,
        reasons=[reason(what, [*purchases, *refunds])],
    )


def _expected(
    facts: PersonFacts, context: PersonContext, occasions: list[Occasion]
) -> Iterator[InsightScore]:
    """What the models say, by the parameters of the kept answer."""
    kept = context.kept.get(MEASURE.definition)
    parameters = None if kept is None else parameters_of(kept)
    why, what = ScoreAbsence.NO_KEPT_ANSWER, "no answer of the measure is kept"
    found = None
    if kept is not None and parameters is None:
        why, what = ScoreAbsence.NOT_SHOWN, "no model fitted when the kept answer was computed"
    history = history_of(occasions, context)
    if parameters is not None:
        try:
            found = expected_of(history, parameters, context.rules.discount_a_year)
        except ModuleNotFoundError:
            why, what = ScoreAbsence.NOT_INSTALLED, "SciPy is not installed"
        except ValueError:
            why, what = ScoreAbsence.NOT_SHOWN, "the model does not fit so many purchases"
    if kept is None or found is None:
        for name in (NAME, ALIVE):
            yield absent(name, MEASURE.definition, why, what)
        return
    margin = context.rules.margin
    purchases = [purchase for one in occasions for purchase in one.purchases]
    worth = found.worth * (1.0 if margin is None else margin)
    what = (
        f"{found.orders:.2f} purchases are expected in {MONTHS} months, "
        f"{found.spend:.2f} {context.currency} on each, {_of_margin(margin)}"
    )
    common = {
        "definition": MEASURE.definition,
        "since": purchases[-1].at,
        "compared_with": kept.as_of,
    }
    yield InsightScore(
        score=NAME, value=rounded(worth, context), unit=context.currency,
        reasons=[reason(what, purchases)], **common,
    )  # fmt: skip
    what = (
        f"{history.repeats} purchases after the first, the last one "
        f"{history.age_weeks - history.recency_weeks:.1f} weeks ago, of {history.age_weeks:.1f} "
        "weeks as a customer"
    )
    yield InsightScore(
        score=ALIVE, value=found.alive, unit=SHARE, reasons=[reason(what, purchases)], **common
    )


def _of_margin(margin: float | None) -> str:
    return "no margin is set" if margin is None else f"{100 * margin:g} % of it are margin"


def rounded(value: float, context: PersonContext) -> float:
    """Money in whole units of the smallest coin."""
    return round(value, digits_of(context.currency))


def history_of(occasions: list[Occasion], context: PersonContext) -> OwnHistory:
    """The history of a customer, in the weeks of the models; days are those of the realm."""
    first, last = occasions[0].day, occasions[-1].day
    repeats = len(occasions) - 1
    spent = sum((one.revenue for one in occasions[1:]), Decimal(0))
    return OwnHistory(
        repeats,
        (last - first).days / DAYS_OF_A_WEEK,
        (day_of(context.now, context.zone) - first).days / DAYS_OF_A_WEEK,
        max(0.0, float(spent) / max(repeats, 1)),
    )


def parameters_of(kept: MeasureResult) -> dict[str, float] | None:
    """The parameters of the models; None where the answer does not show all of them."""
    found = {
        one.key: one.value
        for one in kept.breakdown
        if one.by == "parameter" and one.value is not None
    }
    return found if found.keys() >= {*BUYING, *SPENDING} else None


def expected_of(
    history: OwnHistory, parameters: dict[str, float], discount_a_year: float
) -> ExpectedSpending:
    """What the models expect. Raises ModuleNotFoundError without SciPy, and ValueError for numbers
    beyond what can be computed with."""
    import numpy as np

    from services.measures.core.buying_and_dying import (
        Buying,
        History,
        Spending,
        chance_alive,
        expected_purchases,
        expected_spend,
    )

    buying = Buying(*(parameters[name] for name in BUYING))
    spending = Spending(*(parameters[name] for name in SPENDING))
    own = History(*(np.array([one], dtype=np.float64) for one in (*history[:3], 1.0)))
    # Who spent nothing on repeats says nothing of amounts, and is expected to spend as others do.
    repeats, mean = (own.repeats, history.mean) if history.mean > 0 else (np.zeros(1), 0.0)
    spend = float(expected_spend(spending, repeats, np.array([mean]))[0])
    orders = worth = 0.0
    for month in range(1, MONTHS + 1):
        until = float(expected_purchases(buying, own, month * WEEKS_OF_A_MONTH)[0])
        worth += (until - orders) * spend / (1 + discount_a_year) ** (month / MONTHS)
        orders = until
    return ExpectedSpending(float(chance_alive(buying, own)[0]), orders, spend, worth)


SCORE = PersonScore(MEASURE.definition, compute, compares=True)
