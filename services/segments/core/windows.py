"""Windows of time, and days and months of a time zone. All times are Unix milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from schemas.instants import from_ms, to_ms
from services.segments.core.facts import FOREVER

DAY = timedelta(days=1)


class TimeWindow(Protocol):
    """Which times of events count at a time."""

    def low(self, at_ms: int) -> int:
        """Only events after this time."""
        ...

    def high(self, at_ms: int) -> int:
        """Only events up to this time."""
        ...

    def end_of(self, event_ms: int) -> int | None:
        """From when on an event of this time is outside; None for never."""
        ...


class EverWindow:
    """All that happened up to now."""

    def low(self, at_ms: int) -> int:
        """See TimeWindow."""
        return -FOREVER

    def high(self, at_ms: int) -> int:
        """See TimeWindow."""
        return at_ms

    def end_of(self, event_ms: int) -> int | None:
        """See TimeWindow."""
        return None


@dataclass(frozen=True)
class SlidingWindow:
    """(t - d, t]: an event is outside from d after it on."""

    length_ms: int

    def low(self, at_ms: int) -> int:
        """See TimeWindow."""
        return at_ms - self.length_ms

    def high(self, at_ms: int) -> int:
        """See TimeWindow."""
        return at_ms

    def end_of(self, event_ms: int) -> int | None:
        """See TimeWindow."""
        return event_ms + self.length_ms


@dataclass(frozen=True)
class FixedWindow:
    """Between two times, without the second."""

    from_ms: int
    until_ms: int

    def low(self, at_ms: int) -> int:
        """See TimeWindow."""
        return self.from_ms - 1

    def high(self, at_ms: int) -> int:
        """See TimeWindow."""
        return min(at_ms, self.until_ms - 1)

    def end_of(self, event_ms: int) -> int | None:
        """See TimeWindow."""
        return None


@dataclass(frozen=True)
class CalendarWindow:
    """The present day or month of a time zone."""

    is_month: bool
    zone: ZoneInfo

    def low(self, at_ms: int) -> int:
        """See TimeWindow."""
        return beginning(self._first(day_of(at_ms, self.zone)), self.zone) - 1

    def high(self, at_ms: int) -> int:
        """See TimeWindow."""
        return at_ms

    def end_of(self, event_ms: int) -> int | None:
        """See TimeWindow."""
        first = self._first(day_of(event_ms, self.zone))
        later = self._first(first + 31 * DAY) if self.is_month else first + DAY
        return beginning(later, self.zone)

    def _first(self, day: date) -> date:
        return day.replace(day=1) if self.is_month else day


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    """The calendar day of a time."""
    return from_ms(at_ms).astimezone(zone).date()


def beginning(day: date, zone: ZoneInfo) -> int:
    """When a day begins."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))


def anniversary(day: date, year: int) -> date:
    """The anniversary in a year; that of 29 February is 1 March where there is none."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def years_since(day: date, today: date) -> int:
    """Whole years from a day to another."""
    return today.year - day.year - (today < anniversary(day, today.year))
