"""Anomalies: the worked example, what is loud enough, and days that are no days like others."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from schemas.rules.insights import InsightRules
from services.measures.catalogue.anomaly import CountedDay, CountedDays, compute
from services.measures.core.anomalies import judged, z_score
from services.measures.core.window import Window
from tests.unit.measures.contexts import BERLIN, CONTEXT

BEFORE = (100, 104, 98, 102, 96, 101, 99, 103)
MONDAY = date(2026, 3, 2)


def week_by_week(*values: float, until: date = MONDAY) -> dict[date, float]:
    """Values of the same weekday, the last a week before a day."""
    return {
        until - timedelta(weeks=len(values) - place): value for place, value in enumerate(values)
    }


def test_the_worked_example() -> None:
    """A median of 100.5 and a deviation of 2: 140 has a score of 13.3."""
    assert z_score(140, BEFORE) == pytest.approx(13.3, abs=0.05)
    assert z_score(140, BEFORE[::-1]) == z_score(140, BEFORE)


def test_an_even_past_has_a_floor() -> None:
    """One per cent of the median, and one at least: 30 after quiet weeks are loud, 5 are not."""
    assert z_score(1_010, [1_000] * 8) == pytest.approx(0.6745)
    assert z_score(5, [0] * 8) == pytest.approx(5 * 0.6745)
    quiet = week_by_week(1, *[0] * 8)
    for many, is_anomaly in ((5, False), (30, True)):
        [day] = judged(quiet | {MONDAY: many}, MONDAY, MONDAY + timedelta(days=1))
        assert (day.median, day.is_anomaly) == (0, is_anomaly)


def test_once_loud_or_twice_less_loud() -> None:
    """Beyond 6 once, or beyond 3.5 on two days running in one direction."""
    tuesday = MONDAY + timedelta(days=1)
    values = week_by_week(*BEFORE) | week_by_week(*BEFORE, until=tuesday)
    until = MONDAY + timedelta(days=2)
    for monday, tuesday_value, wanted in (
        (140, 100, [True, False]), (115, 100, [False, False]), (115, 115, [False, True]),
        (115, 86, [False, False]), (60, 100, [True, False]),
    ):  # fmt: skip
        days = values | {MONDAY: monday, tuesday: tuesday_value}
        assert [one.is_anomaly for one in judged(days, MONDAY, until)] == wanted, monday


def test_days_that_are_not_judged() -> None:
    """Holidays, and those with fewer than eight weeks before them; holidays are skipped there."""
    until = MONDAY + timedelta(days=1)
    values = week_by_week(*BEFORE) | {MONDAY: 140.0}
    [day] = judged(values, MONDAY, until)
    assert (day.median, day.value) == (100.5, 140)
    assert not [*judged(values, MONDAY, until, {MONDAY})]
    easter = MONDAY - timedelta(weeks=3)
    assert not [*judged(values, MONDAY, until, {easter})]
    longer = week_by_week(100, *BEFORE) | {MONDAY: 140.0, easter: 0.0}
    [day] = judged(longer, MONDAY, until, {easter})
    assert day.median == 100


def test_anomalies_of_a_window() -> None:
    """By what happened, channel and day, with the score; nothing of the days before it."""
    days = week_by_week(*BEFORE) | {MONDAY: 140.0}
    rows = [
        CountedDay("orders", channel, day, int(many), 90)
        for channel in ("shop", "app") for day, many in days.items()
        if channel == "shop" or day != MONDAY
    ]  # fmt: skip
    monday = Window(*(datetime(2026, 3, day, tzinfo=BERLIN) for day in (2, 3)))
    context = CONTEXT._replace(window=monday)
    found = compute(CountedDays(rows), context)
    assert (found.n, found.value) == (90, 2)
    assert found.counts["anomalies"] == 2
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells["orders", "shop 2026-03-02"] == pytest.approx(13.3, abs=0.05)
    app = cells["orders", "app 2026-03-02"]
    assert app is not None
    assert app < -30
    rules = InsightRules(holidays=[MONDAY])
    assert compute(CountedDays(rows), context._replace(rules=rules)).value is None
