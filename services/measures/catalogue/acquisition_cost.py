"""Acquisition cost: what campaigns spend for each new customer, and for each one that is kept.

Only campaigns that say what they are for and what they cost count. Where none does, there is no
figure: what was spent otherwise is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.currency import digits_of
from services.measures.core.campaign_costs import CampaignCost, cost_of
from services.measures.core.customers import CustomerGroup, active_days, balance
from services.measures.core.measure import Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import Cell, Flag

ACQUISITION, RETENTION = "acquisition", "retention"


class AcquisitionRows(NamedTuple):
    """What the measure is made of."""

    costs: Sequence[CampaignCost]
    groups: Sequence[CustomerGroup]


def compute(rows: AcquisitionRows, context: MeasureContext) -> Figures:
    """See the module."""
    found = balance(rows.groups)
    new = found.new + found.new_and_lost
    winning = _each(cost_of(rows.costs, ACQUISITION), new)
    keeping = _each(cost_of(rows.costs, RETENTION), found.kept)
    digits = digits_of(context.currency)
    cells = [
        Cell(
            by="figure", key=key, n=n, unit=context.currency,
            value=None if value is None else round(value, digits),
        )
        for key, n, value in (("new", new, winning), ("kept", found.kept, keeping))
    ]  # fmt: skip
    ratio = winning / keeping if winning is not None and keeping else None
    cells.append(Cell(by="figure", key="ratio", n=min(new, found.kept), value=ratio, unit=""))
    counts = {
        "new_customers": new, "kept_customers": found.kept,
        "campaigns": sum(one.campaigns for one in rows.costs if one.aim == ACQUISITION),
        "retention_campaigns": sum(one.campaigns for one in rows.costs if one.aim == RETENTION),
    }  # fmt: skip
    flags = [] if cost_of(rows.costs, ACQUISITION) is not None else [Flag.NO_COST]
    betrayals = [Betrayal("kept_customers", "kept")]
    return Figures(new, cells[0].value, context.currency, None, counts, cells, flags, betrayals)


def _each(cost: Decimal | None, persons: int) -> float | None:
    return float(cost / persons) if cost is not None and persons else None


MEASURE = Measure(
    "acquisition_cost",
    1,
    "What campaigns to win customers cost for each new one",
    PERSONS,
    AcquisitionRows,
    compute,
    active_days,
    is_of_members=False,
)
