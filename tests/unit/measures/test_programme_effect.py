"""Programme effect: the published difference in differences, and what cannot be compared."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.measures.catalogue.programme_effect import (
    JoinedAlike,
    PointsHeld,
    ProgrammeRows,
    compute,
)
from services.measures.core.measure import shown
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def alike(stratum: str, persons: int, before: int, after: int, *, is_member: bool) -> JoinedAlike:
    """Persons of whom each spends so much before and after, half of them 10 more, half 10 less."""
    change = after - before
    squares = persons * (change**2 + 100)
    money = Decimal(persons * before), Decimal(persons * after), Decimal(squares)
    return JoinedAlike(stratum, is_member, persons, *money)


def test_the_published_effect() -> None:
    """Members go from 100 to 130, matched others from 100 to 118: 12 more."""
    rows = [
        alike("a", 50, 100, 130, is_member=True),
        alike("a", 200, 100, 118, is_member=False),
    ]
    found = compute(ProgrammeRows(rows, [PointsHeld("card", 40, Decimal(900))]), CONTEXT)
    assert (found.n, found.value, found.unit) == (50, 12.0, "EUR")
    assert found.interval is not None
    spread = 1.96 * (5_000 / 49 / 50 + 20_000 / 199 / 200) ** 0.5
    assert found.interval.high == pytest.approx(12 + spread, abs=0.01)
    cells = {one.key: one.value for one in found.breakdown}
    assert cells == {
        "members_before": 100, "members_after": 130, "others_before": 100, "others_after": 118,
        "card": 900,
    }  # fmt: skip
    assert found.flags == []


def test_others_count_as_members_are_distributed() -> None:
    """30 members of a stratum where others do not change, 10 of one where these gain 40."""
    rows = [
        alike("a", 30, 100, 120, is_member=True),
        alike("a", 10, 100, 100, is_member=False),
        alike("b", 10, 500, 540, is_member=True),
        alike("b", 90, 500, 540, is_member=False),
        alike("c", 7, 900, 0, is_member=True),
    ]
    found = compute(ProgrammeRows(rows, []), CONTEXT)
    assert found.value == 15
    assert found.counts == {"members": 40, "others": 100, "unmatched_members": 7}
    cells = {one.key: one.value for one in found.breakdown}
    assert cells["others_after"] == (30 * 100 + 10 * 540) / 40


def test_few_and_none() -> None:
    """Few members are flagged; without others there is no effect."""
    rows = [alike("a", 9, 100, 130, is_member=True), alike("a", 99, 100, 100, is_member=False)]
    assert compute(ProgrammeRows(rows, []), CONTEXT).flags == [Flag.SMALL_SAMPLE]
    found = compute(ProgrammeRows(rows[:1], []), CONTEXT)
    assert (found.n, found.value, list(found.breakdown)) == (0, None, [])
    assert compute(ProgrammeRows([], []), CONTEXT).value is None


def test_few_others_are_no_count() -> None:
    """Nor does the effect say what these few spent."""
    rows = [alike("a", 9, 100, 130, is_member=True), alike("a", 2, 100, 100, is_member=False),
            alike("b", 3, 100, 100, is_member=True)]  # fmt: skip
    figures, _ = shown(compute(ProgrammeRows(rows, []), CONTEXT))
    assert (figures.n, figures.value, figures.interval, figures.counts) == (
        9,
        None,
        None,
        {"members": 9},
    )
