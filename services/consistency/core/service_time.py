"""Service time: when a promise that runs only while somebody is there has run out.

Hours are local times of a zone, so a day has 23 or 25 hours when the clock changes. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.consistency.core.opening_hours import DAYS, Span, days_of, spans_of

WEEKS_MAX = 60
Week = Mapping[str, Sequence[Span]]
"""Spans of each day that has any, by the names of `DAYS`; empty for around the clock."""


def week_of(hours: Mapping[str, str]) -> Week:
    """The week of a table such as `{"Mo-Fr": "9-18"}`; a later row replaces the days it names.

    Raises:
        ValueError: a row cannot be read, or no day has hours.
    """
    week: dict[str, list[Span]] = {}
    for name, text in hours.items():
        days, spans = days_of(name), spans_of(text)
        if days is None or spans is None:
            raise ValueError(f"{name} = {text!r} cannot be read, write for example Mo-Fr = '9-18'")
        week |= dict.fromkeys(days, spans)
    week = {day: spans for day, spans in week.items() if spans}
    if hours and not week:
        raise ValueError("no day has hours, so nothing would ever be due")
    return week


def due_at(start: datetime, promised: timedelta, week: Week, zone: ZoneInfo) -> datetime:
    """When `promised` has passed since `start`, counting only the hours of the week.

    At most `WEEKS_MAX` weeks later, when nobody remembers the promise.
    """
    if not week:
        return start + promised
    first = start.astimezone(zone).date() - timedelta(days=1)  # a span may go over midnight
    left = promised
    for number in range(WEEKS_MAX * len(DAYS)):
        for opens, closes in spans_on(first + timedelta(days=number), week, zone):
            begin = max(opens, start)
            if closes > begin and closes - begin >= left:
                return begin + left
            left -= max(closes - begin, timedelta())
    return start + timedelta(weeks=WEEKS_MAX)


def spans_on(day: date, week: Week, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The spans that begin on a day, in UTC."""
    midnight = datetime.combine(day, time())
    return [
        (_instant(midnight, opens, zone), _instant(midnight, closes, zone))
        for opens, closes in week.get(DAYS[day.weekday()], ())
    ]


def _instant(midnight: datetime, minutes: int, zone: ZoneInfo) -> datetime:
    local = midnight + timedelta(minutes=minutes)
    return local.replace(tzinfo=zone).astimezone(UTC)
