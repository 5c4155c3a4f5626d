"""Churn rate: the share of the customers of the window's beginning who no longer are at its end.

It is one less the retention rate. The *yearly* rate is what the same loss comes to in a year of 365
days: 1 − (1 − churn) ^ (365 / days of the window).
"""

from __future__ import annotations

from services.measures.core.customers import CustomerGroups, active_days, balance
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell

DAYS_OF_A_YEAR = 365


def compute(rows: CustomerGroups, context: MeasureContext) -> Figures:
    """See the module."""
    found = balance(rows.groups)
    value, interval = share(found.lost, found.start)
    start, end = context.window
    days = max(1, (end.date() - start.date()).days)
    yearly = None if value is None else 1 - (1 - value) ** (DAYS_OF_A_YEAR / days)
    breakdown = [Cell(by="figure", key="yearly", n=found.start, value=yearly, unit=SHARE)]
    return Figures(found.start, value, SHARE, interval, found._asdict(), breakdown)


MEASURE = Measure(
    "churn_rate",
    1,
    "Share of customers at the beginning of the window who no longer are at its end",
    PERSONS,
    CustomerGroups,
    compute,
    active_days,
)
