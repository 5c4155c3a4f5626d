"""Service time: a promise runs only while somebody is there, in local time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.consistency.core.service_time import WEEKS_MAX, due_at, week_of

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = week_of({"Mo-Fr": "9-18"})


def at(text: str) -> datetime:
    """A local time of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "start", "minutes", "due"),
    [
        ({}, "2026-03-06T17:00", 90, "2026-03-06T18:30"),
        ({"Mo-Fr": "9-18"}, "2026-03-06T17:00", 60, "2026-03-06T18:00"),  # Friday
        ({"Mo-Fr": "9-18"}, "2026-03-06T17:00", 90, "2026-03-09T09:30"),
        ({"Mo-Fr": "9-18"}, "2026-03-07T12:00", 30, "2026-03-09T09:30"),
        ({"Mo-Fr": "9-18", "Mo": "closed"}, "2026-03-07T12:00", 30, "2026-03-10T09:30"),
        ({"Mo-Fr": "9-12, 13-18"}, "2026-03-06T11:50", 20, "2026-03-06T13:10"),
        ({"Fr": "22-02"}, "2026-03-07T01:00", 30, "2026-03-07T01:30"),  # began on Friday
        ({"Fr": "22-02"}, "2026-03-07T01:00", 90, "2026-03-13T22:30"),
        ({"Mo-Su": "0-24"}, "2026-03-28T12:00", 24 * 60, "2026-03-29T13:00"),  # 23 hours
    ],
)
def test_when_it_is_due(hours: dict[str, str], start: str, minutes: int, due: str) -> None:
    """Over nights, weekends, closed days, and the night on which the clock changes."""
    promised = timedelta(minutes=minutes)
    found = due_at(at(start).astimezone(UTC), promised, week_of(hours), BERLIN)
    assert found == at(due)
    assert found.tzinfo is UTC


def test_against_a_minute_by_minute_count() -> None:
    """200 random promises, counted one minute after another."""
    rng = random.Random(3)
    for _ in range(200):
        start = at("2026-03-23T00:00").astimezone(UTC) + timedelta(minutes=rng.randrange(9_000))
        promised = rng.randrange(1, 1_500)
        moment, left = start, promised
        while left:
            local = moment.astimezone(BERLIN)
            left -= local.weekday() < 5 and 9 <= local.hour < 18
            moment += timedelta(minutes=1)
        assert due_at(start, timedelta(minutes=promised), OFFICE, BERLIN) == moment


def test_a_promise_that_takes_longer_than_anybody_remembers() -> None:
    """It is due after the bound, so nothing waits for ever."""
    start = at("2026-03-06T17:00").astimezone(UTC)
    found = due_at(start, timedelta(days=365), week_of({"Mo": "9-10"}), BERLIN)
    assert found == start + timedelta(weeks=WEEKS_MAX)


@pytest.mark.parametrize(
    "hours", [{"Mo-Fr": "sometimes"}, {"holidays": "9-18"}, {"Mo-So": "closed"}]
)
def test_hours_that_nobody_can_keep(hours: dict[str, str]) -> None:
    """Rows that cannot be read are refused, as is a week without hours."""
    with pytest.raises(ValueError, match=r"cannot be read|no day has hours"):
        week_of(hours)
