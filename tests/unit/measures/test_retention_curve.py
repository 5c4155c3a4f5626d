"""Retention curve: cohorts that have come differently far, months that are not over."""

from __future__ import annotations

from datetime import date, datetime

from services.measures.catalogue.retention_curve import CohortMonth, Months, compute
from services.measures.core.result import Flag
from services.measures.core.window import Window
from tests.unit.measures.contexts import BERLIN, CONTEXT

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
ROWS = Months([
    CohortMonth(JANUARY, 0, 100),
    CohortMonth(JANUARY, 2, 10),
    CohortMonth(JANUARY, 1, 30),
    CohortMonth(FEBRUARY, 0, 50),
    CohortMonth(FEBRUARY, 1, 5),
])  # fmt: skip


def until(day: date) -> Window:
    """From the beginning of the year."""
    return Window(
        *(datetime(one.year, one.month, one.day, tzinfo=BERLIN) for one in (JANUARY, day))
    )


def test_cohorts_and_all_of_them() -> None:
    """In the month after, 30 of 100 and 5 of 50 bought; two months after, one cohort can have."""
    found = compute(ROWS, CONTEXT._replace(window=until(date(2026, 4, 1))))
    assert (found.n, found.value) == (150, 35 / 150)
    assert found.counts == {"new_customers": 150, "next_month": 35}
    assert {(cell.by, cell.key): (cell.n, cell.value) for cell in found.breakdown} == {
        ("month", "1"): (150, 35 / 150),
        ("month", "2"): (100, 0.1),
        ("cohort", "2026-01+1"): (100, 0.3),
        ("cohort", "2026-01+2"): (100, 0.1),
        ("cohort", "2026-02+1"): (50, 0.1),
    }
    assert not any(cell.flags for cell in found.breakdown)


def test_a_month_that_is_not_over() -> None:
    """March is shown and flagged, and in no figure of all cohorts."""
    found = compute(ROWS, CONTEXT._replace(window=until(date(2026, 3, 31))))
    assert (found.n, found.value) == (100, 0.3)
    assert [cell.key for cell in found.breakdown if cell.by == "month"] == ["1"]
    flagged = [cell.key for cell in found.breakdown if cell.flags == [Flag.INCOMPLETE_WINDOW]]
    assert flagged == ["2026-01+2", "2026-02+1"]


def test_nobody_came_back() -> None:
    """Months without a purchase are a share of zero, not left out; without cohorts nothing is."""
    april = CONTEXT._replace(window=until(date(2026, 4, 1)))
    found = compute(Months([CohortMonth(JANUARY, 0, 20)]), april)
    assert [cell.value for cell in found.breakdown if cell.by == "cohort"] == [0, 0]
    empty = compute(Months([]), april)
    assert (empty.n, empty.value, list(empty.breakdown)) == (0, None, [])


def test_a_cohort_of_few_does_not_follow_from_the_whole() -> None:
    """Three new customers in March are in no figure."""
    april = CONTEXT._replace(window=until(date(2026, 5, 1)))
    march = [CohortMonth(date(2026, 3, 1), 0, 3), CohortMonth(date(2026, 3, 1), 1, 1)]
    assert compute(Months([*ROWS.months, *march]), april) == compute(ROWS, april)
