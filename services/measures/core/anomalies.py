"""Days that are not like other days: robust scores against the same weekdays before.

z = 0.6745 · (x - median) / MAD, with the median and the median absolute deviation of the last eight
same weekdays (Iglewicz and Hoaglin, 1993). Holidays are neither judged nor compared with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import NamedTuple

WEEKS = 8
TO_SIGMA = 0.6745
"""The MAD of a normal distribution, in standard deviations."""
FLOOR = 0.01
"""Of the median, below which no deviation counts as smaller: else an even past makes noise loud."""
ONE = 1.0
"""What is counted differs by one at least: else nothing after weeks without any is judged."""
TWICE, ONCE = 3.5, 6.0
"""A score beyond the first on two days running, or beyond the second on one, is an anomaly."""


class JudgedDay(NamedTuple):
    """A day with enough days before it."""

    day: date
    value: float
    median: float
    z: float
    is_anomaly: bool


def z_score(value: float, before: Sequence[float]) -> float:
    """Of a number that was counted, against those before it."""
    middle = median(before)
    spread = max(median(abs(one - middle) for one in before), FLOOR * abs(middle), ONE)
    return TO_SIGMA * (value - middle) / spread


def judged(
    values: Mapping[date, float], first: date, until: date, holidays: Collection[date] = ()
) -> Iterator[JudgedDay]:
    """The days from `first` up to, and without, `until`; a day without a value had none (0). Days
    without eight same weekdays that were no holidays in the last twelve weeks are not judged."""
    begins, last = min(values, default=until), None
    for number in range((until - first).days):
        day = first + timedelta(days=number)
        before = _before(values, day, begins, holidays)
        if len(before) < WEEKS or day in holidays:
            continue
        z = z_score(values.get(day, 0.0), before)
        again = last is not None and last[0] == day - timedelta(days=1) and abs(last[1]) > TWICE
        is_anomaly = abs(z) > ONCE or (
            abs(z) > TWICE and again and last is not None and last[1] * z > 0
        )
        yield JudgedDay(day, values.get(day, 0.0), median(before), z, is_anomaly)
        last = day, z


def _before(
    values: Mapping[date, float], day: date, begins: date, holidays: Collection[date]
) -> list[float]:
    """The last eight same weekdays; not from before anything was counted."""
    days = (day - timedelta(weeks=week) for week in range(1, WEEKS + 5))
    found = [values.get(one, 0.0) for one in days if one >= begins and one not in holidays]
    return found[:WEEKS]
