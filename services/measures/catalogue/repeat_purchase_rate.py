"""Repeat purchase rate: the share of buyers who buy again.

Orders of one calendar day at one place are one occasion: a split delivery is no loyalty. A buyer
repeats *in the window* with two occasions in it, and *returns* with one in it and an earlier one at
any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.currency import digits_of
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell

LAST_OCCASION = 5
"""From here on, occasions are one group."""


class BuyerGroup(NamedTuple):
    """Persons with an occasion in the window."""

    inside: int
    """How many each has in it; 2 stands for more."""
    ever: int
    """How many each has in it and before; 2 stands for more."""
    persons: int


class NumberedOccasions(NamedTuple):
    """Occasions in the window that have one number among all occasions of their person."""

    number: int
    """1 for the first; LAST_OCCASION stands for more."""
    persons: int
    occasions: int
    revenue: Decimal
    """In the realm's currency."""


class Repeating(NamedTuple):
    """What the measure is made of."""

    buyers: Sequence[BuyerGroup]
    numbered: Sequence[NumberedOccasions]


def compute(rows: Repeating, context: MeasureContext) -> Figures:
    """See the module."""
    buyers = sum(one.persons for one in rows.buyers)
    repeaters = sum(one.persons for one in rows.buyers if one.inside >= 2)
    returning = sum(one.persons for one in rows.buyers if one.ever >= 2)
    value, interval = share(repeaters, buyers)
    returned, returned_interval = share(returning, buyers)
    breakdown = [
        Cell(
            by="figure",
            key="returning",
            n=buyers,
            value=returned,
            unit=SHARE,
            interval=returned_interval,
        ),
        *_revenue_by_occasion(rows.numbered, context.currency),
    ]
    counts = {"buyers": buyers, "repeat_buyers": repeaters, "returning_buyers": returning}
    return Figures(buyers, value, SHARE, interval, counts, breakdown)


def _revenue_by_occasion(rows: Sequence[NumberedOccasions], currency: str) -> Iterator[Cell]:
    """Mean revenue of a first, second, third … occasion that falls into the window."""
    for one in sorted(rows):
        yield Cell(
            by="occasion",
            key=f"{one.number}+" if one.number == LAST_OCCASION else str(one.number),
            n=one.persons,
            value=float(round(one.revenue / one.occasions, digits_of(currency))),
            unit=currency,
        )


MEASURE = Measure(
    "repeat_purchase_rate",
    1,
    "Share of buyers with a second purchase occasion in the window",
    PERSONS,
    Repeating,
    compute,
)
