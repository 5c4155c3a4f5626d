"""Opening hours: one form for what is written in many, and nothing for what cannot be read."""

from __future__ import annotations

import pytest

from services.consistency.core.opening_hours import DAYS, days_of, hours_of

WEEK = ("mo", "tu", "we", "th", "fr")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mo", ("mo",)),
        ("monday", ("mo",)),
        ("Montag", ("mo",)),
        ("So.", ("su",)),
        ("Mo-Fr", WEEK),
        ("Mo.–Fr.", WEEK),
        ("Montag bis Freitag", WEEK),
        ("Sat, Sun", ("sa", "su")),
        ("Sa & So", ("sa", "su")),
        ("Di + Do-Fr", ("tu", "th", "fr")),
        ("Sa-Mo", ("sa", "su", "mo")),
        ("Mo-So", DAYS),
        ("Mo, Mo", ("mo",)),
        ("", None),
        ("weekdays", None),
        ("Mo-Fr-Sa", None),
        ("Mo, sometimes", None),
    ],
)
def test_days(text: str, days: tuple[str, ...] | None) -> None:
    """Names in English and German, ranges over the end of a week, lists."""
    assert days_of(text) == days


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("09:00-20:00", "09:00-20:00"),
        ("9–20 Uhr", "09:00-20:00"),
        ("9 Uhr bis 20 Uhr", "09:00-20:00"),
        ("9.00 - 20.00", "09:00-20:00"),
        ("9am-8pm", "09:00-20:00"),
        ("12am to 12pm", "00:00-12:00"),
        ("09h30-20h", "09:30-20:00"),
        ("9-13, 14-20", "09:00-13:00 14:00-20:00"),
        ("14-20 und 9-13 Uhr", "09:00-13:00 14:00-20:00"),
        ("9-13; 13-20", "09:00-20:00"),
        ("9-14; 13-20", "09:00-20:00"),
        ("20:00-02:00", "20:00-02:00"),
        ("0-24", "00:00-24:00"),
        ("24h", "00:00-24:00"),
        ("08:00-24:00", "08:00-24:00"),
        ("08:00-00:00", "08:00-24:00"),
        ("Geschlossen", "closed"),
        ("closed", "closed"),
        ("", None),
        ("by appointment", None),
        ("9", None),
        ("9-13-20", None),
        ("25-26", None),
        ("9:75-20", None),
        ("24:30-25", None),
        ("13pm-14pm", None),
        ("0am-8am", None),
        ("9-20 (summer)", None),
    ],
)
def test_hours(text: str, hours: str | None) -> None:
    """Spans in order, joined where they touch; a text that holds anything else is not read."""
    assert hours_of(text) == hours
