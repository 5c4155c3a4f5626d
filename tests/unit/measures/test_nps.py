"""Net promoter score: the worked examples, its interval, and changes from wave to wave."""

from __future__ import annotations

from typing import Any

import pytest

from services.measures.catalogue.nps import NpsAnswers, NpsGroup, bounds, compute, score
from services.measures.core.measure import Figures
from services.measures.core.result import Cell, Flag
from tests.unit.measures.contexts import CONTEXT

DAY_MS = 86_400_000


def group(promoters: int, passives: int, detractors: int, **more: int | str) -> NpsGroup:
    """Answers of as many respondents; of all, unless it says otherwise."""
    n = promoters + passives + detractors
    plain = NpsGroup("", "", n, promoters, passives, detractors, 0, 0, 0)
    given: dict[str, Any] = more
    return plain._replace(**given)


def changes(*waves: NpsGroup) -> list[Cell]:
    """The changes between waves."""
    return [one for one in compute(NpsAnswers(waves), CONTEXT).breakdown if one.by == "change"]


def wave(name: str, promoters: int, passives: int, detractors: int) -> NpsGroup:
    """A wave of a survey; a later one has a later letter."""
    key = f"panel\x1f{name}"
    return group(promoters, passives, detractors, by="wave", key=key, first_ms=ord(name) * DAY_MS)


@pytest.mark.parametrize(
    ("classes", "value", "error"),
    [((30, 30, 45), -14.29, 8.13), ((60, 60, 90), -14.29, 5.75), ((300, 200, 100), 33.33, 3.04)],
)
def test_worked_examples(classes: tuple[int, int, int], value: float, error: float) -> None:
    """From counts, never from shares, which need not add up."""
    found = score(*classes)
    assert (round(found[0], 2), round(found[1], 2)) == (value, error)
    assert compute(NpsAnswers([group(*classes)]), CONTEXT).value == found[0]


def test_interval_of_the_worked_example() -> None:
    """Adjusted; the plain one of 30, 30, 45 goes from -30.2 to 1.6."""
    found = bounds(60, 60, 90)
    assert (round(found.low, 1), round(found.high, 1)) == (-25.3, -2.9)
    middle, error = score(30, 30, 45)
    plain = (middle - 1.96 * error, middle + 1.96 * error)
    assert (round(plain[0], 1), round(plain[1], 1)) == (-30.2, 1.6)


def test_an_interval_has_a_width_and_ends_on_the_scale() -> None:
    """Also where all are promoters."""
    found = bounds(20, 0, 0)
    assert found.low < 100 == found.high
    assert bounds(0, 0, 20).low == -100


def test_few_answers_and_other_scales_are_flagged() -> None:
    """Below a hundred; where any answer began at 1."""

    def flags(found: Figures) -> list[Flag]:
        return list(found.flags)

    assert flags(compute(NpsAnswers([group(30, 30, 40)]), CONTEXT)) == []
    few = compute(NpsAnswers([group(30, 30, 39, from_one=1)]), CONTEXT)
    assert flags(few) == [Flag.SMALL_SAMPLE, Flag.MIXED_SCALE]


def test_nobody_answered() -> None:
    """Without valid answers the score is undefined; invalid ones are counted."""
    assert compute(NpsAnswers([]), CONTEXT).n == 0
    found = compute(NpsAnswers([group(0, 0, 0, invalid=3)]), CONTEXT)
    assert (found.value, found.interval, found.counts["invalid"]) == (None, None, 3)


def test_a_dimension_that_nobody_names_is_left_away() -> None:
    """Else one group of it would be the whole again; beside others it is a group."""
    rows = [
        group(5, 0, 0),
        group(5, 0, 0, by="store", key=""),
        group(3, 0, 0, by="channel", key="shop"),
        group(2, 0, 0, by="channel", key=""),
    ]
    cells = compute(NpsAnswers(rows), CONTEXT).breakdown
    assert [(one.by, one.key, one.n) for one in cells] == [
        ("channel", "none", 2),
        ("channel", "shop", 3),
    ]


def test_changes_between_waves() -> None:
    """In the order in which they began, with the interval of the difference."""
    found = changes(wave("b", 60, 60, 90), wave("a", 300, 200, 100), wave("c", 60, 60, 88))
    assert [(one.key, round(one.value or 0, 2)) for one in found] == [
        ("panel a to b", -47.62),
        ("panel b to c", 0.82),
    ]
    # 47.62 against 1.96 times the root of 3.04² + 5.75², which is 12.75.
    assert found[0].interval is not None
    assert round(found[0].interval.high, 2) == -34.87
    assert [one.flags for one in found] == [[], [Flag.NOT_SIGNIFICANT]]


def test_a_change_says_nothing_of_a_wave_that_is_not_shown() -> None:
    """A small wave, and the one that is hidden with it."""
    assert changes(wave("a", 50, 0, 0), wave("b", 3, 0, 0), wave("c", 60, 5, 0)) == []
    found = changes(
        wave("a", 50, 0, 0), wave("b", 3, 0, 0), wave("c", 60, 5, 0), wave("d", 70, 5, 0)
    )
    assert [one.key for one in found] == ["panel c to d"]
