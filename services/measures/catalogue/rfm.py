"""Recency, frequency, monetary value: buyers scored against each other, in named groups.

The score of a buyer is 1 + floor(5 × buyers strictly worse / buyers), by the last day of purchase,
the number of occasions and the revenue less what was returned, all within the window (Hughes,
Strategic Database Marketing, 1994, with ties sharing a score). The names are rules of the retailer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import CUSTOMERS, PURCHASES, SHARE, Cell, Flag

RECENCY_BOUND, FREQUENCY_BOUND, MONETARY_BOUND = "days_at_most", "occasions_from", "money_from"
"""Dimensions of the worst value that has a score."""
SCORE_MAX = 5
BUYERS_MIN = 25
"""Below, scores say nothing."""


class ScoredGroup(NamedTuple):
    """Buyers with the same scores, each from 1, the worst, to 5."""

    recency: int
    frequency: int
    monetary: int
    persons: int
    revenue: Decimal
    """Less what was returned, in the realm's currency."""
    most_days: int
    """From the last purchase to the last day of the window, at most."""
    least_often: int
    """Occasions, at least."""
    least_money: Decimal
    """Less what was returned, at least."""


class Scored(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[ScoredGroup]


class _Group(NamedTuple):
    persons: int = 0
    revenue: Decimal = Decimal(0)


def compute(rows: Scored, context: MeasureContext) -> Figures:
    """See the module."""
    buyers = sum(one.persons for one in rows.groups)
    counts = {"buyers": buyers}
    if buyers < BUYERS_MIN:
        return Figures(buyers, None, CUSTOMERS, None, counts, [], [Flag.SMALL_SAMPLE])
    named = dict[str, _Group]()
    for one in rows.groups:
        _add(named, context.rules.rfm_group(one.recency, one.frequency), one)
    total = sum((one.revenue for one in named.values()), Decimal(0))
    breakdown = [
        Cell(by="group", key=name, n=one.persons, value=one.persons / buyers, unit=SHARE)
        for name, one in sorted(named.items())
    ]
    breakdown += [
        Cell(by="revenue", key=name, n=one.persons, value=_part(one.revenue, total), unit=SHARE)
        for name, one in sorted(named.items())
    ]
    for score in ("recency", "frequency", "monetary"):
        breakdown += _scores(score, rows.groups, buyers)
    breakdown += _bounds(rows.groups, context.currency)
    return Figures(buyers, float(buyers), CUSTOMERS, None, counts, breakdown)


def _scores(score: str, groups: Sequence[ScoredGroup], buyers: int) -> Iterator[Cell]:
    """How many buyers have each score."""
    found = dict[str, _Group]()
    for one in groups:
        _add(found, str(getattr(one, score)), one)
    for key, group in sorted(found.items()):
        yield Cell(by=score, key=key, n=group.persons, value=group.persons / buyers, unit=SHARE)


def _bounds(groups: Sequence[ScoredGroup], currency: str) -> Iterator[Cell]:
    """The worst value that has each score: with these a customer is scored, as the others were."""
    for number in range(1, SCORE_MAX + 1):
        bounds = (
            (RECENCY_BOUND, "days", [one for one in groups if one.recency == number]),
            (FREQUENCY_BOUND, PURCHASES, [one for one in groups if one.frequency == number]),
            (MONETARY_BOUND, currency, [one for one in groups if one.monetary == number]),
        )
        for by, unit, some in bounds:
            if some:
                value, n = _worst(by, some), sum(one.persons for one in some)
                yield Cell(by=by, key=str(number), n=n, value=value, unit=unit)


def _worst(by: str, groups: Sequence[ScoredGroup]) -> float:
    if by == RECENCY_BOUND:
        return float(max(one.most_days for one in groups))
    if by == FREQUENCY_BOUND:
        return float(min(one.least_often for one in groups))
    return float(min(one.least_money for one in groups))


def _add(found: dict[str, _Group], key: str, one: ScoredGroup) -> None:
    persons, revenue = found.get(key, _Group())
    found[key] = _Group(persons + one.persons, revenue + one.revenue)


def _part(revenue: Decimal, total: Decimal) -> float | None:
    return float(revenue / total) if total > 0 else None


MEASURE = Measure(
    "rfm",
    1,
    "Buyers by recency, frequency and revenue, in named groups",
    PERSONS,
    Scored,
    compute,
    levels="group",
)
