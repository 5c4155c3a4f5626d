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
        ("in_attract", "2026-01"): 0.3, ("attract_to_engage", "2026-01"): pytest.approx(1 / 3),
        ("attract_to_none", "2026-01"): pytest.approx(2 / 3), ("in_engage", "2026-01"): 0,
        ("in_delight", "2026-01"): 0.5, ("delight_to_delight", "2026-01"): 1,
    }  # fmt: skip


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
