"""Numbers, times and money as the reader's language writes them (CLDR, by Babel)."""

from __future__ import annotations

from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_time,
    format_timedelta,
)
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

from schemas.api.permission import Language

LOCALES = {Language.GERMAN: Locale("de", "DE"), Language.ENGLISH: Locale("en", "GB")}
NOTHING = "–"
"""Stands where there is no value."""
CURRENCY_CHARS = 3


class Formats:
    """The formats of one language and time zone."""

    def __init__(self, language: Language, zone: tzinfo) -> None:
        self._locale = LOCALES[language]
        self._zone = zone

    def number(self, value: Any, digits: int = 2) -> str:
        """A number with at most so many decimals."""
        if value is None:
            return NOTHING
        pattern = "#,##0." + "#" * digits if digits else "#,##0"
        return format_decimal(Decimal(str(value)), pattern, self._locale)

    def compact(self, value: Any) -> str:
        """A number as axes show it: 12K."""
        return format_compact_decimal(Decimal(str(value)), locale=self._locale, fraction_digits=1)

    def percent(self, value: Any, digits: int = 1) -> str:
        """A share from 0 to 1."""
        if value is None:
            return NOTHING
        pattern = self._locale.percent_formats[None].pattern
        with_digits = pattern.replace("#,##0", "#,##0." + "#" * digits)
        return format_percent(Decimal(str(value)), with_digits, self._locale)

    def money(self, value: Any, currency: str) -> str:
        """An amount."""
        if value in (None, ""):
            return NOTHING
        return format_currency(Decimal(str(value)), currency or "XXX", locale=self._locale)

    def value(self, value: Any, unit: str) -> str:
        """A value in one of the units of measures."""
        if value is None:
            return NOTHING
        if unit == "share":
            return self.percent(value)
        if unit == "s":
            return self.duration(float(value))
        if len(unit) == CURRENCY_CHARS and unit.isupper():
            return self.money(round(Decimal(str(value)), 2), unit)
        return self.number(value)

    def time(self, value: str | datetime | None) -> str:
        """Day and minute."""
        moment = self.moment(value)
        return (
            NOTHING
            if moment is None
            else format_datetime(moment, "short", self._zone, self._locale)
        )

    def day(self, value: str | datetime | None) -> str:
        """The day of an instant, in the realm's time zone."""
        moment = self.moment(value)
        return NOTHING if moment is None else format_date(moment, "medium", self._locale)

    def month(self, value: datetime) -> str:
        """Month and year."""
        return format_skeleton("yMMM", value, self._zone, locale=self._locale)

    def noon(self, day: str) -> datetime:
        """The middle of a day of the realm."""
        return datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=self._zone)

    def clock(self, value: str | datetime | None) -> str:
        """The time of the day, in the realm's time zone."""
        moment = self.moment(value)
        return NOTHING if moment is None else format_time(moment, "short", None, self._locale)

    def ago(self, value: str | datetime | None, now: datetime) -> str:
        """How long ago an instant was: 3 hours ago."""
        moment = self.moment(value)
        if moment is None:
            return NOTHING
        return format_timedelta(moment - now, add_direction=True, locale=self._locale)

    def duration(self, seconds: float) -> str:
        """A length of time in its largest unit."""
        return format_timedelta(round(seconds), threshold=1.5, locale=self._locale)

    def moment(self, value: str | datetime | None) -> datetime | None:
        """An instant of the API in the realm's time zone."""
        if not value:
            return None
        read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return read.astimezone(self._zone)
