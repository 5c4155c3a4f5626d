"""Days and times: what each notation says, zones, and clocks that are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.import_map import ClockChange, DateOrder, TimeForm
from services.intake.tables.times import (
    NoTime,
    PartOrder,
    Reckoning,
    day_of,
    order_of,
    time_of,
    time_of_number,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAY_FIRST = Reckoning(BERLIN, DateOrder.DAY_FIRST)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("01/02/2026", PartOrder.EITHER),
        ("13/02/2026", PartOrder.DAY_FIRST),
        ("02/13/2026", PartOrder.MONTH_FIRST),
        ("02/02/2026", PartOrder.NONE),  # the same day in both readings
        ("01.02.2026", PartOrder.DAY_FIRST),  # nobody writes a month first before a full stop
        ("02.13.2026", PartOrder.MONTH_FIRST),
        ("2026-02-01", PartOrder.NONE),
        ("20260201", PartOrder.NONE),
        ("1. März 2026", PartOrder.NONE),
        ("01/02/2026 10:15", PartOrder.EITHER),
    ],
)
def test_what_a_date_says_of_its_order(text: str, order: PartOrder) -> None:
    """Only a date that is one day decides."""
    assert order_of(text) is order


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-02T18:20:00+01:00", "2026-03-02T17:20:00+00:00"),
        ("2026-03-02 18:20", "2026-03-02T18:20:00+01:00"),
        ("2026-03-02T17:20:00.25Z", "2026-03-02T17:20:00.250000+00:00"),
        ("02.03.2026 18:20:05", "2026-03-02T18:20:05+01:00"),
        ("2.3.2026, 18:20 Uhr", "2026-03-02T18:20:00+01:00"),
        ("02/03/2026 6:20 PM", "2026-03-02T18:20:00+01:00"),
        ("02/03/2026 12:20 am", "2026-03-02T00:20:00+01:00"),
        ("2. März 2026 18:20", "2026-03-02T18:20:00+01:00"),
        ("02.07.2026", "2026-07-02T00:00:00+02:00"),
    ],
)
def test_a_time_is_an_instant(text: str, instant: str) -> None:
    """With its own zone, else with that of the map, in summer and winter."""
    assert time_of(text, DAY_FIRST).isoformat() == instant


@pytest.mark.parametrize(
    "text",
    ["31.02.2026", "2026-13-01", "32.01.2026", "02.03.26", "10:15", "yesterday", "45678", "",
     "02.03.2026 25:00", "02.03.2026 13:00 pm", "02/03-2026", "2026-03-02T10:00+25:00",
     "02.03.2026 irgendwann"],
)  # fmt: skip
def test_what_is_no_day_is_refused(text: str) -> None:
    """A year of two digits, too, as long as nobody says which hundred years are meant."""
    with pytest.raises(NoTime):
        time_of(text, DAY_FIRST)


def test_two_digits_of_a_year_are_read_as_the_map_says() -> None:
    """From the first of a hundred years."""
    reckoning = DAY_FIRST._replace(two_digit_years_from=1930)
    assert [day_of(f"02.03.{year}", reckoning).year for year in ("29", "30", "99", "00")] == [
        2029, 1930, 1999, 2000,
    ]  # fmt: skip


def test_what_may_be_two_days_is_refused_without_an_order() -> None:
    """And read under each order otherwise."""
    with pytest.raises(NoTime, match="two days"):
        day_of("01/02/2026", Reckoning(BERLIN))
    assert day_of("01/02/2026", DAY_FIRST) == date(2026, 2, 1)
    assert day_of("01/02/2026", Reckoning(BERLIN, DateOrder.MONTH_FIRST)) == date(2026, 1, 2)
    with pytest.raises(NoTime, match="month first"):
        day_of("02/13/2026", DAY_FIRST)


def test_a_time_that_the_clocks_left_out_is_refused() -> None:
    """On 29 March 2026 clocks in Berlin went from 2 to 3."""
    with pytest.raises(NoTime, match="left out"):
        time_of("29.03.2026 02:30", DAY_FIRST)


def test_a_time_that_occurred_twice_is_read_as_the_map_says() -> None:
    """On 25 October 2026 the hour from 2 to 3 came twice."""
    with pytest.raises(NoTime, match="occurred twice"):
        time_of("25.10.2026 02:30", DAY_FIRST)
    earlier = DAY_FIRST._replace(clock_change=ClockChange.EARLIER)
    later = DAY_FIRST._replace(clock_change=ClockChange.LATER)
    assert time_of("25.10.2026 02:30", earlier).isoformat() == "2026-10-25T02:30:00+02:00"
    assert time_of("25.10.2026 02:30", later).isoformat() == "2026-10-25T02:30:00+01:00"
    assert time_of("25.10.2026 02:30+01:00", DAY_FIRST).isoformat() == "2026-10-25T01:30:00+00:00"


def test_a_day_begins_with_its_first_moment() -> None:
    """Where clocks skip midnight, the day begins an hour later; the last day ends with it."""
    beirut = Reckoning(ZoneInfo("Asia/Beirut"))
    assert time_of("2026-03-29", beirut).isoformat() == "2026-03-29T01:00:00+03:00"
    ends = time_of("31.03.2026", DAY_FIRST, end_of_day=True)
    assert ends.isoformat() == "2026-04-01T00:00:00+02:00"
    assert time_of("31.03.2026 12:00", DAY_FIRST, end_of_day=True).hour == 12


@pytest.mark.parametrize(
    ("text", "form", "instant"),
    [
        ("1772471700", TimeForm.UNIX_S, "2026-03-02T17:15:00+00:00"),
        ("1772471700500", TimeForm.UNIX_MS, "2026-03-02T17:15:00.500000+00:00"),
        ("46083.75", TimeForm.EXCEL, "2026-03-02T18:00:00+01:00"),
    ],
)
def test_times_that_are_numbers(text: str, form: TimeForm, instant: str) -> None:
    """Seconds and milliseconds since 1970, and the days of a spreadsheet."""
    assert time_of_number(text, form, DAY_FIRST).isoformat() == instant


@given(st.text(alphabet="0123456789./-: TZ+apm,Jn", max_size=26))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """No other exception than those that the translation expects."""
    try:
        found = time_of(text, DAY_FIRST)
    except (NoTime, OverflowError):
        return
    assert found.tzinfo is not None


@given(st.integers(631152000, 2114380800), st.integers(0, 999_999))
def test_a_written_time_comes_back(seconds: int, micros: int) -> None:
    """Every instant that is written with its zone, and each local time that occurs once."""
    instant = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    assert time_of(instant.isoformat(), DAY_FIRST) == instant
    local = instant.astimezone(BERLIN)
    if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
        assert time_of(f"{local:%d.%m.%Y %H:%M:%S.%f}", DAY_FIRST) == instant
