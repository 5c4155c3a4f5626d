"""Retention curve: of those who first bought in a month, how many bought in each later month.

Only whole calendar months count: a month that is not over when the window ends is shown beside, and
is in no pooled figure. Nor is a cohort of too few persons to be shown, which would follow from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell, Flag

MONTHS = 12


class CohortMonth(NamedTuple):
    """Persons of a cohort who bought in one month."""

    cohort: date
    """First day of the month of their first purchase."""
    later: int
    """Months after it."""
    persons: int


class Months(NamedTuple):
    """What the measure is made of."""

    months: Sequence[CohortMonth]


def compute(rows: Months, context: MeasureContext) -> Figures:
    """See the module."""
    active: defaultdict[date, dict[int, int]] = defaultdict(dict)
    for one in rows.months:
        active[one.cohort][one.later] = one.persons
    large = {cohort: found for cohort, found in active.items() if found[0] >= GROUP_MIN}
    last = (context.window.end - timedelta(microseconds=1)).date()
    # A window that ends with a month has the whole of it.
    whole = _months(context.window.end.date())
    pooled: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    cells = list[Cell]()
    for cohort, found in sorted(large.items()):
        for later in range(1, _months(last) - _months(cohort) + 1):
            is_over = _months(cohort) + later < whole
            if is_over:
                hits, base = pooled[later]
                pooled[later] = hits + found.get(later, 0), base + found[0]
            cells.append(_cell(cohort, later, found, is_over=is_over))
    hits, base = pooled[1]
    value, interval = share(hits, base)
    counts = {"new_customers": sum(found[0] for found in large.values()), "next_month": hits}
    return Figures(base, value, SHARE, interval, counts, [*_pooled(pooled), *cells])


def _months(day: date) -> int:
    return day.year * MONTHS + day.month


def _cell(cohort: date, later: int, found: Mapping[int, int], *, is_over: bool) -> Cell:
    value, interval = share(found.get(later, 0), found[0])
    flags = [] if is_over else [Flag.INCOMPLETE_WINDOW]
    key = f"{cohort:%Y-%m}+{later}"
    return Cell(
        by="cohort", key=key, n=found[0], value=value, unit=SHARE, interval=interval, flags=flags
    )


def _pooled(pooled: Mapping[int, tuple[int, int]]) -> Iterator[Cell]:
    """All cohorts together, as far as each has come."""
    for later, (hits, base) in sorted(pooled.items()):
        if base:
            value, interval = share(hits, base)
            yield Cell(
                by="month", key=str(later), n=base, value=value, unit=SHARE, interval=interval
            )


MEASURE = Measure(
    "retention_curve",
    1,
    "Share of new customers who buy in the first, second … month after",
    PERSONS,
    Months,
    compute,
)
