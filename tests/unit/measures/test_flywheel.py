"""The flywheel: lines of months, their indices, and the way through its parts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from services.measures.catalogue.flywheel import (
    Flywheel,
    WheelMonth,
    WheelPhase,
    compute,
    months_of,
)
from services.measures.core.measure import shown
from services.measures.core.window import Window
from tests.unit.measures.contexts import BERLIN, CONTEXT


def month(number: int, **more: Any) -> WheelMonth:
    """28 days of 100 known persons of whom 50 are active and do 400 things; ten of 20 are good."""
    plain = WheelMonth(date(2026, number, 1), 28, 100, 50, 400, 4, 10, 10, 20, 5, 4, 3, 3)
    return plain._replace(**more)


def test_lines_and_indices() -> None:
    """Four campaigns for 100 persons in four weeks are ten for 1,000 and week."""
    months = [month(1), month(2), month(3), month(4, positive=30, deeds=800, carts_left=20)]
    found = compute(Flywheel(months[::-1], []), CONTEXT)
    assert found == compute(Flywheel(months, []), CONTEXT)
    assert (found.n, found.value) == (100, 0.6)
    assert found.counts == {"months": 4, "positive": 60, "negative": 40}
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert (cells["push", "2026-01"], cells["activity", "2026-01"]) == (10, 2)
    assert (cells["weight", "2026-04"], cells["weight_index", "2026-04"]) == (0.75, 150)
    assert (cells["activity_index", "2026-04"], cells["push_index", "2026-04"]) == (200, 100)
    assert cells["friction", "2026-01"] == 30
    assert (cells["friction", "2026-04"], cells["friction_index", "2026-04"]) == (60, 200)
    assert cells["carts_left", "2026-04"] == 40


def test_two_months_are_no_base() -> None:
    """An index needs three; nothing done has no rate."""
    found = compute(Flywheel([month(1), month(2, active=0, deeds=0)], []), CONTEXT)
    assert not [one for one in found.breakdown if one.by.endswith("_index")]
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells["activity", "2026-02"] is None


def test_the_way_through_the_wheel() -> None:
    """30 of 100 are attracted when the month begins, and 10 of these are engaged when it ends."""
    rows = [
        WheelPhase(date(2026, 1, 1), part, after, persons)
        for part, after, persons in (
            ("attract", "engage", 10), ("attract", "", 20), ("delight", "delight", 50),
            ("", "attract", 20),
        )
    ]  # fmt: skip
    cells = {(one.by, one.key): one.value for one in compute(Flywheel([], rows), CONTEXT).breakdown}
    assert cells == {
        ("in 2026-01", "attract"): 0.3, ("attract 2026-01", "engage"): pytest.approx(1 / 3),
        ("attract 2026-01", "none"): pytest.approx(2 / 3), ("in 2026-01", "engage"): 0,
        ("in 2026-01", "delight"): 0.5, ("delight 2026-01", "delight"): 1,
        ("in 2026-01", "none"): 0.2,
    }  # fmt: skip


def test_ways_of_few_do_not_follow_from_the_others() -> None:
    """Two of 100 went on to the next part; 58 and 40 who did not must not give them away. Nor may
    the ways out of a part say how many were in it, if that is not shown."""
    rows = [
        WheelPhase(date(2026, month, 1), part, after, persons)
        for month, part, after, persons in (
            (1, "attract", "", 58), (1, "attract", "attract", 40), (1, "attract", "engage", 2),
            (2, "attract", "attract", 3), (2, "engage", "", 20), (2, "engage", "delight", 20),
            (2, "delight", "", 50),
        )
    ]  # fmt: skip
    figures, _ = shown(compute(Flywheel([month(1)], rows), CONTEXT))
    seen = {(one.by, one.key) for one in figures.breakdown if one.n}
    assert ("attract 2026-01", "none") in seen
    assert not {("attract 2026-01", "attract"), ("attract 2026-01", "engage")} & seen
    assert {key for by, key in seen if by == "in 2026-02"} == {"delight"}
    assert not [by for by, _ in seen if by in ("attract 2026-02", "engage 2026-02")]


@pytest.mark.parametrize(
    ("first", "until", "months"),
    [
        ((2026, 1, 1), (2026, 4, 1), [1, 2, 3, 4]), ((2026, 1, 2), (2026, 3, 31), [2, 3]),
        ((2026, 1, 2), (2026, 2, 20), [2]),
    ],
)  # fmt: skip
def test_whole_months(
    first: tuple[int, int, int], until: tuple[int, int, int], months: list[int]
) -> None:
    """Those of which all days lie in the window, and the beginning of the one after."""
    window = Window(*(datetime(*day, tzinfo=BERLIN) for day in (first, until)))
    found = months_of(CONTEXT._replace(window=window))
    assert [one.month for one in found] == months
