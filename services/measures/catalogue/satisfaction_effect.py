"""Satisfaction and behaviour: what promoters, passives and detractors do after they have answered.

The value is the share of promoters who buy within 180 days less that of detractors. Beside it stand
revenue, articles at regular prices, categories that are new to the customer, recommendations,
complaints and lost customers, and the same by whether expectations were met. That satisfied
customers do more is no proof that satisfaction is the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from services.measures.core.experience import experiences
from services.measures.core.intervals import LEVEL, newcombe
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell, Interval
from services.measures.core.shares import share_cell

HORIZON_DAYS, SOON_DAYS = 180, 90
RECOMMENDATION, EXPECTATION = "nps", "csat"
SIGNS = {
    RECOMMENDATION: {1: "promoters", 0: "passives", -1: "detractors"},
    EXPECTATION: {1: "positive", 0: "confirmed", -1: "negative"},
}
OUTCOMES = ("bought_90", "bought_180", "cross_bought", "referred", "complained", "lost")
DIFFERENCES = {RECOMMENDATION: "difference", EXPECTATION: "expectation_difference"}


class BehavedGroup(NamedTuple):
    """Persons who answered alike, by what they did in the days after."""

    instrument: str
    """RECOMMENDATION or EXPECTATION."""
    sign: int
    """Of the answer: -1, 0 or 1."""
    persons: int
    bought_90: int
    bought_180: int
    cross_bought: int
    """They bought of a category that was new to them."""
    referred: int
    complained: int
    customers: int
    """Who were customers when they answered."""
    lost: int
    """Of these: who no longer were when the time was over."""
    revenue: Decimal
    """In the realm's currency."""
    articles: int
    """Lines of products and services that they bought."""
    reduced: int
    """Of these, at a reduction."""


class Behaviour(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[BehavedGroup]


def compute(rows: Behaviour, context: MeasureContext) -> Figures:
    """See the module."""
    groups = {(one.instrument, one.sign): one for one in rows.groups}
    sides = [groups.get((RECOMMENDATION, sign)) for sign in (1, -1)]
    asked = {
        instrument: sum(one.persons for (name, _), one in groups.items() if name == instrument)
        for instrument in SIGNS
    }
    counts = {
        name: getattr(groups.get((RECOMMENDATION, sign)), "persons", 0)
        for sign, name in SIGNS[RECOMMENDATION].items()
    }
    cells = list[Cell]()
    for key in sorted(groups):
        cells += _outcomes(groups[key], context.currency)
    for instrument, by in DIFFERENCES.items():
        cells += _differences(by, groups.get((instrument, 1)), groups.get((instrument, -1)))
    chosen = next((one for one in cells if (one.by, one.key) == ("difference", "bought_180")), None)
    n = asked[RECOMMENDATION] or asked[EXPECTATION]
    if chosen is None or None in sides:
        return Figures(n, None, SHARE, None, counts, cells)
    return Figures(n, chosen.value, SHARE, chosen.interval, counts, cells)


def _outcomes(one: BehavedGroup, currency: str) -> Iterator[Cell]:
    """What this group did, as a cell for each outcome."""
    name = SIGNS[one.instrument][one.sign]
    for outcome in OUTCOMES:
        yield share_cell(outcome, name, _of(one, outcome), getattr(one, outcome), _of(one, outcome))
    mean = float(one.revenue / one.persons) if one.persons else None
    yield Cell(by="revenue", key=name, n=one.persons, value=mean, unit=currency)
    regular = one.articles - one.reduced
    yield share_cell("regular_price", name, one.bought_180, regular, one.articles)


def _of(one: BehavedGroup, outcome: str) -> int:
    """Whom an outcome can concern: only a customer can be lost."""
    return one.customers if outcome == "lost" else one.persons


def _differences(by: str, best: BehavedGroup | None, worst: BehavedGroup | None) -> Iterator[Cell]:
    """The best group less the worst one, where both may be shown."""
    for outcome in OUTCOMES:
        if best is None or worst is None:
            return
        n, other = _of(best, outcome), _of(worst, outcome)
        if min(n, other) < GROUP_MIN:
            continue
        hits, other_hits = getattr(best, outcome), getattr(worst, outcome)
        bounds = newcombe(hits, n, other_hits, other)
        yield Cell(
            by=by, key=outcome, n=n + other, value=hits / n - other_hits / other, unit=SHARE,
            interval=Interval(low=bounds.low, high=bounds.high, level=LEVEL),
        )  # fmt: skip


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {
        **experiences(context, "purchase"),
        "horizon_days": HORIZON_DAYS,
        "soon_days": SOON_DAYS,
        "active_days": context.rules.active_days,
    }


MEASURE = Measure(
    "satisfaction_effect",
    1,
    "What satisfied and dissatisfied customers do after they have answered",
    PERSONS,
    Behaviour,
    compute,
    parameters,
)
