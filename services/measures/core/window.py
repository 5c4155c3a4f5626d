"""The window of a measure: a half-open span of event time, in whole days of a time zone.

Nothing here reads the clock; `now` is an argument.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAYS_DEFAULT = 365


class Window(NamedTuple):
    """From `start` up to, and without, `end`. Both have a zone."""

    start: datetime
    end: datetime


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in a time zone."""
    return instant.astimezone(zone).date()


def window_of(first: date | None, until: date | None, zone: ZoneInfo, now: datetime) -> Window:
    """The days from `first` up to, and without, `until`.

    Without `until` the window ends with yesterday; without `first` it has 365 days.

    Raises:
        ValueError: the window is empty.
    """
    end = until or day_of(now, zone)
    start = first or end - timedelta(days=DAYS_DEFAULT)
    if start >= end:
        raise ValueError(f"the window from {start} until {end} is empty")
    return Window(*(datetime.combine(day, time(), zone) for day in (start, end)))
