"""Customer lifetime value: what the customers of today will spend in the next twelve months.

Expected repeat purchases (BG/NBD) times expected spend on each (Gamma-Gamma), month by month,
discounted, times the margin if the retailer has set one. See core/buying_and_dying.py for the
models and their source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import correlation
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.currency import digits_of
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import PURCHASES, SHARE, Cell, Flag
from services.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from services.measures.core.buying_and_dying import Buying, History, Spending

CUSTOMERS_MIN = 500
REPEATERS_MIN = 100
"""With fewer customers, or fewer who came back, no model is fitted."""
SAMPLE_MAX = 20_000
"""So many customers say how all of them buy, and as many spenders how amounts are distributed: with
them a mean is known to about one per cent, and fitting takes seconds."""
CORRELATION_MAX = 0.3
"""Above, who buys often spends more or less on each purchase, which Gamma-Gamma rules out."""
MONTHS = 12
WEEKS_OF_A_MONTH = 365 / 7 / MONTHS
DAYS_OF_A_WEEK = 7
MISSING = "this measure needs SciPy, which is not installed: pip install 'customer360[insights]'"


class HistoryGroup(NamedTuple):
    """Persons with the same history."""

    repeats: int
    """Occasions after the first."""
    recency: int
    """Days from the first to the last."""
    age: int
    """Days from the first to the end of the window."""
    persons: int
    spenders: int
    """Of these, those who spent something on repeat occasions."""
    means: float
    """Sum of the means of what spenders spent on a repeat occasion."""
    customers: int
    """Of all groups, also those that are in no part of the sample."""
    repeat_buyers: int
    """Of these, those with a repeat occasion."""


class Spender(NamedTuple):
    """A person who spent something on repeat occasions."""

    repeats: int
    mean: float


class Histories(NamedTuple):
    """What the measure is made of."""

    customers: Sequence[HistoryGroup]
    spenders: Sequence[Spender]


class _Fitted(NamedTuple):
    groups: Sequence[HistoryGroup]
    history: History
    buying: Buying
    spending: Spending


def compute(rows: Histories, context: MeasureContext) -> Figures:
    """See the module. Raises ConfigurationError without SciPy."""
    groups = sorted(rows.customers)
    customers, repeaters = groups[0][-2:] if groups else (0, 0)
    counts = {"customers": customers, "repeat_buyers": repeaters}
    nothing = Figures(customers, None, context.currency, None, counts, [])
    if customers < CUSTOMERS_MIN or repeaters < REPEATERS_MIN or len(rows.spenders) < REPEATERS_MIN:
        return nothing._replace(flags=[Flag.SMALL_SAMPLE])
    related = _correlation(rows.spenders)
    if abs(related) > CORRELATION_MAX:
        cell = Cell(by="figure", key="correlation", n=repeaters, value=related, unit="")
        return nothing._replace(flags=[Flag.NO_FIT], breakdown=[cell])
    try:
        fitted = _fitted(groups, sorted(rows.spenders))
        orders, value = _expected(fitted, context.rules.discount_a_year)
    except ValueError:
        return nothing._replace(flags=[Flag.NO_FIT])
    margin = context.rules.margin
    sampled = sum(one.persons for one in groups)
    value *= (1.0 if margin is None else margin) / sampled
    return nothing._replace(
        value=round(value, digits_of(context.currency)),
        flags=[Flag.NO_MARGIN] if margin is None else [],
        breakdown=[
            *_figures(fitted, orders / sampled, related, customers),
            *_parameters(fitted, customers),
        ],
    )


def _correlation(spenders: Sequence[Spender]) -> float:
    """How the number of purchases goes with what is spent on each."""
    repeats, means = zip(*spenders, strict=True)
    same = len(set(repeats)) == 1 or len(set(means)) == 1
    return 0.0 if same else correlation(repeats, means)


def _fitted(groups: Sequence[HistoryGroup], spenders: Sequence[Spender]) -> _Fitted:
    """The models. Raises ValueError where no parameters fit best."""
    try:
        import numpy as np

        from services.measures.core.buying_and_dying import (
            History,
            fitted_buying,
            fitted_spending,
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(MISSING, reason="insights_missing") from error
    repeats, recency, age, persons = np.array([one[:4] for one in groups], dtype=np.float64).T
    history = History(repeats, recency / DAYS_OF_A_WEEK, age / DAYS_OF_A_WEEK, persons)
    x, mean = np.array(spenders, dtype=np.float64).T
    return _Fitted(groups, history, fitted_buying(history), fitted_spending(x, mean))


def _expected(fitted: _Fitted, discount_a_year: float) -> tuple[float, float]:
    """Purchases of all customers in the next months, and their discounted worth."""
    import numpy as np

    from services.measures.core.buying_and_dying import expected_purchases, expected_spend

    _, history, buying, spending = fitted
    spenders, means = np.array([one[4:6] for one in fitted.groups], dtype=np.float64).T
    # The expected spend is linear in a customer's mean, so a group's sum is that of its mean mean.
    own = expected_spend(spending, history.repeats, means / np.maximum(spenders, 1))
    others = expected_spend(spending, np.zeros(1), np.zeros(1))
    spend = (spenders * own + (history.persons - spenders) * others) / history.persons
    orders = worth = 0.0
    before = np.zeros_like(history.repeats)
    for month in range(1, MONTHS + 1):
        until = expected_purchases(buying, history, month * WEEKS_OF_A_MONTH)
        bought = (until - before) * history.persons
        orders += float(bought.sum())
        worth += float((bought * spend).sum()) / (1 + discount_a_year) ** (month / MONTHS)
        before = until
    return orders, worth


def _figures(fitted: _Fitted, orders: float, related: float, n: int) -> Iterator[Cell]:
    import numpy as np

    from services.measures.core.buying_and_dying import chance_alive

    alive = chance_alive(fitted.buying, fitted.history) * fitted.history.persons
    yield Cell(
        by="figure",
        key="alive",
        n=n,
        value=float(np.sum(alive) / np.sum(fitted.history.persons)),
        unit=SHARE,
    )
    yield Cell(by="figure", key="expected_orders", n=n, value=orders, unit=PURCHASES)
    yield Cell(by="figure", key="correlation", n=n, value=related, unit="")


def _parameters(fitted: _Fitted, n: int) -> Iterator[Cell]:
    """Of the models, kept with the figure: who has them can compute it again."""
    named = fitted.buying._asdict() | fitted.spending._asdict()
    for name, value in named.items():
        yield Cell(by="parameter", key=name, n=n, value=value, unit="")


def sample(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {"customers_max": SAMPLE_MAX, "spenders_max": SAMPLE_MAX}


MEASURE = Measure(
    "clv",
    1,
    "What a customer of today will spend in the next twelve months",
    PERSONS,
    Histories,
    compute,
    sample,
)
