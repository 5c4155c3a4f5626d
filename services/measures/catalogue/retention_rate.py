"""Retention rate: the share of the customers of the window's beginning who still are at its end.

Those who come back count for themselves and not as kept, so retention and churn add up to one. The
*classic* rate, (customers at the end − new ones) / customers at the beginning, counts them as kept
and may exceed one.
"""

from __future__ import annotations

from services.measures.core.customers import CustomerGroups, active_days, balance
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell


def compute(rows: CustomerGroups, _context: MeasureContext) -> Figures:
    """See the module."""
    found = balance(rows.groups)
    value, interval = share(found.kept, found.start)
    classic = (found.end - found.new) / found.start if found.start else None
    breakdown = [Cell(by="figure", key="classic", n=found.start, value=classic, unit=SHARE)]
    return Figures(found.start, value, SHARE, interval, found._asdict(), breakdown)


MEASURE = Measure(
    "retention_rate",
    1,
    "Share of customers at the beginning of the window who still are at its end",
    PERSONS,
    CustomerGroups,
    compute,
    active_days,
)
