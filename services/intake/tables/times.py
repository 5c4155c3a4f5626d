"""Days and times as people and programs write them, and what says whether the day comes first.

`01/02/2026` is two days. It is read only where the file, or the map, says what comes first. A time
without a zone is one of the map's zone; where its clocks were changed it may be none, or two. Pure;
no message quotes a value.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.attributes import MONTHS
from schemas.import_map import ClockChange, DateOrder, TimeForm

YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4}|[0-9]{2})")
COMPACT = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})")
NAMED = re.compile(r"([0-9]{1,2})(?:\. ?|[ /-])([^\W\d_]{3,9})(?:\. ?|[ /-])([0-9]{4})")
CLOCK = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)?"
    r"(?: ?(Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?(?: Uhr)?"
)
BETWEEN = re.compile(r"(?:[Tt]|, ?| +|, um )(?=[0-9]{1,2}:)")
NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
CHARACTERS_MAX = 60
EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a day on the wall, in no zone
EXCEL_DAYS_MAX = 2_958_465
"""31 December 9999."""


class PartOrder(StrEnum):
    """What a date says of the order of its parts."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    EITHER = "either"
    """It may be both, and is another day then."""
    NONE = "none"
    """It begins with the year, or both readings are the same day."""


class NoTime(ValueError):
    """The text is no day or time; what is wrong is said without quoting it."""


class Reckoning(NamedTuple):
    """How the days and times of a file are read."""

    zone: ZoneInfo
    order: DateOrder = DateOrder.AUTO
    """`auto` where no date of the file needs to know."""
    two_digit_years_from: int | None = None
    clock_change: ClockChange = ClockChange.REFUSE


class _Parts(NamedTuple):
    first: int
    second: int
    year: int
    year_digits: int
    order: PartOrder
    clock: str


def order_of(text: str) -> PartOrder:
    """What a date says of the order of its parts. Raises NoTime."""
    return _parts(text).order


@lru_cache(maxsize=4096)
def _parts(text: str) -> _Parts:
    text = text.strip()
    if len(text) > CHARACTERS_MAX:
        raise NoTime("is no date")
    cut = BETWEEN.search(text)
    day, clock = (text[: cut.start()], text[cut.end() :]) if cut else (text, "")
    if found := YEAR_FIRST.fullmatch(day):
        return _Parts(int(found[4]), int(found[3]), int(found[1]), 4, PartOrder.NONE, clock)
    if found := COMPACT.fullmatch(day):
        return _Parts(int(found[3]), int(found[2]), int(found[1]), 4, PartOrder.NONE, clock)
    if found := NAMED.fullmatch(day):
        month = MONTHS.get(found[2].lower())
        if month is None:
            raise NoTime("names no month")
        return _Parts(int(found[1]), month, int(found[3]), 4, PartOrder.NONE, clock)
    found = YEAR_LAST.fullmatch(day)
    if found is None:
        raise NoTime("is no date")
    first, second = int(found[1]), int(found[3])
    return _Parts(
        first, second, int(found[4]), len(found[4]), _order(first, second, found[2]), clock
    )


def _order(first: int, second: int, between: str) -> PartOrder:
    if first > 12:
        return PartOrder.DAY_FIRST
    if second > 12:
        return PartOrder.MONTH_FIRST
    if between == ".":  # nobody writes a month first before a full stop
        return PartOrder.DAY_FIRST
    return PartOrder.NONE if first == second else PartOrder.EITHER


def day_of(text: str, reckoning: Reckoning) -> date:
    """The day that is written; a time of day behind it does not count. Raises NoTime."""
    parts = _parts(text)
    if parts.clock:
        _clock(parts.clock)
    return _day(parts, reckoning)


def _day(parts: _Parts, reckoning: Reckoning) -> date:
    order = parts.order
    if order is PartOrder.EITHER:
        if reckoning.order is DateOrder.AUTO:
            raise NoTime("may be two days")
        order = PartOrder(reckoning.order)
    elif order is not PartOrder.NONE and reckoning.order not in (DateOrder.AUTO, order):
        raise NoTime(f"is {order.replace('_', ' ')}, where {reckoning.order.replace('_', ' ')} is "
                     "expected")  # fmt: skip
    day, month = parts.first, parts.second
    if order is PartOrder.MONTH_FIRST:
        day, month = month, day
    try:
        return date(_year(parts, reckoning), month, day)
    except ValueError as error:
        raise NoTime("is no day of the calendar") from error


def _year(parts: _Parts, reckoning: Reckoning) -> int:
    if parts.year_digits == 4:
        return parts.year
    begin = reckoning.two_digit_years_from
    if begin is None:
        raise NoTime("has a year of two digits; say two_digit_years_from")
    return begin + (parts.year - begin) % 100


def time_of(text: str, reckoning: Reckoning, *, end_of_day: bool = False) -> datetime:
    """The instant that is written, with its zone. A day alone is its first moment, or with
    `end_of_day` that of the next one. Raises NoTime."""
    parts = _parts(text)
    day = _day(parts, reckoning)
    if not parts.clock:
        return start_of(day + timedelta(days=1) if end_of_day else day, reckoning.zone)
    of_day, offset = _clock(parts.clock)
    local = datetime.combine(day, of_day)
    if offset is not None:
        return local.replace(tzinfo=UTC) - offset
    return in_zone(local, reckoning)


def _clock(text: str) -> tuple[time, timedelta | None]:
    found = CLOCK.fullmatch(text.strip())
    if found is None:
        raise NoTime("has no time of day that can be read")
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if half := found[5]:
        if not 1 <= hour <= 12:
            raise NoTime("is no time of day")
        hour = hour % 12 + (12 if half in "Pp" else 0)
    micros = int((found[4] or "").ljust(6, "0")[:6])
    try:
        of_day = time(hour, minute, second, micros)
    except ValueError as error:
        raise NoTime("is no time of day") from error
    return of_day, _offset(found[6])


def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return timedelta()
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise NoTime("has no zone that can be")
    found = timedelta(hours=hours, minutes=minutes)
    return -found if text[0] == "-" else found


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, which is not always midnight."""
    local = datetime.combine(day, time(), zone)
    there = local.astimezone(UTC).astimezone(zone)
    if there.replace(tzinfo=None) == local.replace(tzinfo=None):
        return local
    # Midnight was left out: with the offset of before, the missing hour is counted on.
    return local.replace(fold=0).astimezone(UTC).astimezone(zone)


def in_zone(local: datetime, reckoning: Reckoning) -> datetime:
    """A time on the wall of the zone. Raises NoTime where the clocks showed it never or twice."""
    early = local.replace(tzinfo=reckoning.zone, fold=0)
    late = early.replace(fold=1)
    if early.utcoffset() == late.utcoffset():
        return early
    back = early.astimezone(UTC).astimezone(reckoning.zone)
    if back.replace(tzinfo=None) != local:
        raise NoTime(f"is left out by the clocks of {reckoning.zone.key} on that day")
    if reckoning.clock_change is ClockChange.REFUSE:
        raise NoTime(f"occurred twice in {reckoning.zone.key} on that day; say clock_change")
    return early if reckoning.clock_change is ClockChange.EARLIER else late


def time_of_number(text: str, form: TimeForm, reckoning: Reckoning) -> datetime:
    """A time that is written as a number. Raises NoTime."""
    if not NUMBER.fullmatch(text):
        raise NoTime("is no number, where a time is written as one")
    try:
        if form is TimeForm.EXCEL:
            if not 1 <= float(text) <= EXCEL_DAYS_MAX:
                raise NoTime("is no day of a spreadsheet")
            # Excel counts in floats: a second is some 1e-5 of a day.
            seconds = round(float(text) * 86_400)
            return in_zone(EXCEL_EPOCH + timedelta(seconds=seconds), reckoning)
        scale = 1_000 if form is TimeForm.UNIX_MS else 1
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(text) / scale)
    except OverflowError as error:
        raise NoTime("is no time of the calendar") from error
