"""Payback: after how many months a new customer has brought in what winning him cost.

The cost is that of campaigns to win customers for each new one, the return what a new customer
leaves of his purchases in a month, by the margin that the retailer has set. Without a cost or a
margin there is no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.currency import digits_of
from services.measures.catalogue.acquisition_cost import ACQUISITION
from services.measures.core.campaign_costs import CampaignCost, cost_of
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import Cell, Flag

DAYS_OF_A_MONTH = 365 / 12
MONTHS = "months"


class Newcomers(NamedTuple):
    """Persons whose first order of all lies in the window."""

    persons: int
    revenue: Decimal
    """Of all their orders in it, in the realm's currency."""
    days: int
    """The sum of the days from their first order to the end of the window."""


class PaybackRows(NamedTuple):
    """What the measure is made of."""

    costs: Sequence[CampaignCost]
    newcomers: Sequence[Newcomers]


def compute(rows: PaybackRows, context: MeasureContext) -> Figures:
    """See the module."""
    persons = sum(one.persons for one in rows.newcomers)
    revenue = sum((one.revenue for one in rows.newcomers), Decimal(0))
    months = sum(one.days for one in rows.newcomers) / DAYS_OF_A_MONTH
    cost, margin = cost_of(rows.costs, ACQUISITION), context.rules.margin
    each = float(cost / persons) if cost is not None and persons else None
    monthly = float(revenue) * margin / months if margin is not None and months else None
    value = each / monthly if each is not None and monthly is not None and monthly > 0 else None
    digits = digits_of(context.currency)
    cells = [
        Cell(
            by="figure", key=key, n=persons, unit=context.currency,
            value=None if money is None else round(money, digits),
        )
        for key, money in (("cost", each), ("monthly_margin", monthly))
    ]  # fmt: skip
    flags = [Flag.NO_COST] if cost is None else []
    flags += [Flag.NO_MARGIN] if margin is None else []
    return Figures(persons, value, MONTHS, None, {"new_customers": persons}, cells, flags)


MEASURE = Measure(
    "payback",
    1,
    "Months until a new customer has brought in what winning him cost",
    PERSONS,
    PaybackRows,
    compute,
    is_of_members=False,
)
