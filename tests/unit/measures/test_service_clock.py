"""Service time: the worked example, days on which the clock changes, what the store is given."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from schemas.instants import to_ms
from schemas.rules.insights import InsightRules
from services.consistency.core.service_time import Week, week_of
from services.measures.core.service_clock import clocks, has_hours, service_time, turns
from tests.unit.measures.contexts import BERLIN, CONTEXT

OFFICE = week_of({"Mo-Fr": "9-18"})
WEEKS: dict[str, Week] = {
    "office": OFFICE,
    "with a break": week_of({"Mo-Fr": "9-12:30, 13-18", "Sa": "10-14"}),
    "over midnight": week_of({"Fr-Su": "20-2", "Mo": "0-24"}),
    "always": {},
}


def berlin(*parts: int) -> datetime:
    """A local time."""
    return datetime(*parts, tzinfo=BERLIN)  # type: ignore[arg-type, misc]


def test_a_weekend_between() -> None:
    """Friday 17:00 to Monday 09:30 with Monday to Friday 9 to 18: 64.5 hours, 1.5 of service."""
    start, end = berlin(2026, 3, 6, 17), berlin(2026, 3, 9, 9, 30)
    assert (end - start) / timedelta(hours=1) == 64.5
    assert service_time(start, end, OFFICE, BERLIN) / timedelta(hours=1) == 1.5


@pytest.mark.parametrize(
    ("night", "hours"),
    [(datetime(2026, 3, 28, 12, tzinfo=UTC), 23), (datetime(2026, 10, 24, 12, tzinfo=UTC), 25)],
)
def test_days_of_23_and_25_hours(night: datetime, hours: int) -> None:
    """Who is there around the clock on Sundays is there as long as the Sunday is."""
    week = week_of({"Su": "0-24"})
    assert service_time(night, night + timedelta(days=2), week, BERLIN) == timedelta(hours=hours)


@pytest.mark.parametrize("name", WEEKS)
def test_the_turns_of_a_clock_give_the_same(name: str) -> None:
    """What a clock has run between two instants is what its turns before them say."""
    draw, week = random.Random(name), WEEKS[name]
    begin, end = berlin(2026, 3, 1), berlin(2026, 4, 12)
    found = list(turns(0, week, begin, end, BERLIN))
    assert [one.at_ms for one in found] == sorted({one.at_ms for one in found})

    def ran(at: datetime) -> int:
        last = [one for one in found if one.at_ms <= to_ms(at)][-1]
        return last.ran_ms + last.runs * (to_ms(at) - last.at_ms)

    for _ in range(300):
        one, other = sorted(
            begin + timedelta(minutes=draw.randrange((end - begin) // timedelta(minutes=1)))
            for _ in range(2)
        )
        wanted = service_time(one, other, week, BERLIN) // timedelta(milliseconds=1)
        assert ran(other) - ran(one) == wanted


def test_clocks_of_teams() -> None:
    """Teams without hours of their own have the clock of all others."""
    hours = {"default": {"Mo-Fr": "9-18"}, "night": {"Mo-Su": "20-24"}}
    rules = InsightRules.model_validate({"service_hours": hours})
    given = clocks(CONTEXT._replace(rules=rules))
    assert (given["clock_teams"], given["team_clocks"]) == (["night"], [1])
    assert set(given["clocks"]) == {0, 1}
    assert has_hours(CONTEXT._replace(rules=rules))
    assert not has_hours(CONTEXT._replace(rules=InsightRules()))


def test_teams_with_the_same_hours_have_one_clock() -> None:
    """Forty teams with the hours of all, and forty of the night, need two clocks."""
    day, night = {"Mo-Fr": "9-18"}, {"Mo-Su": "20-24"}
    hours = {"default": day} | {f"{n:02}": night if n % 2 else day for n in range(80)}
    rules = InsightRules.model_validate({"service_hours": hours})
    given = clocks(CONTEXT._replace(rules=rules))
    assert given["team_clocks"] == [0, 1] * 40
    assert set(given["clocks"]) == {0, 1}
