"""Bias: shares of groups against that of everybody, and what of them is shown."""

from __future__ import annotations

import pytest

from services.measures.catalogue import MEASURES
from services.measures.core.bias import GroupLevels, compared, levels_of
from services.measures.core.measure import Figures
from services.measures.core.result import Flag, GroupSelection


def group(key: str, persons: int, by: str = "language", **levels: int) -> GroupLevels:
    return GroupLevels(by, key, persons, levels)


def by_group(*groups: GroupLevels, persons: int, **levels: int) -> dict[str, GroupSelection]:
    found = compared(GroupLevels("", "", persons, levels), groups)
    return {f"{one.key} {one.level}": one for one in found}


def test_four_fifths() -> None:
    """Of 80 the score chooses 48, of 40 others 12: 50 % of all. Their 30 % are 0.6 of that, with an
    interval (Wilson, 18.1 % to 45.4 %) below one; 60 % are 1.2."""
    found = by_group(group("a", 80, chosen=48), group("b", 40, chosen=12), persons=120, chosen=60)
    less, more = found["b chosen"], found["a chosen"]
    assert (less.n, less.share, less.ratio, less.flags) == (40, 0.3, 0.6, [Flag.UNEQUAL])
    assert less.interval is not None
    assert less.interval.low == pytest.approx(0.181 / 0.5, abs=0.002)
    assert less.interval.high == pytest.approx(0.454 / 0.5, abs=0.002)
    assert (more.ratio, more.flags) == (1.2, [])


def test_what_may_be_chance_says_so() -> None:
    """7 of 20 against half of all is 0.7, and may be chance; exactly four fifths are enough."""
    found = by_group(
        group("a", 20, chosen=7), group("b", 20, chosen=8), group("c", 80, chosen=45),
        persons=120, chosen=60,
    )  # fmt: skip
    assert found["a chosen"].flags == [Flag.UNEQUAL, Flag.NOT_SIGNIFICANT]
    assert (found["b chosen"].ratio, found["b chosen"].flags) == (0.8, [])


def test_few_are_not_shown_nor_what_they_follow_from() -> None:
    """Four who are chosen, and the next smallest group of that dimension; groups of four not at
    all, and levels of four neither. Other levels and dimensions are shown."""
    groups = [
        group("a", 50, yes=4, no=46), group("b", 50, yes=20, no=30), group("c", 99, yes=40, no=59),
        group("d", 4, yes=1, no=3), group("1", 100, by="region", yes=30, no=70),
    ]  # fmt: skip
    found = by_group(*groups, persons=203, yes=65, no=134, odd=4)
    assert {name for name, one in found.items() if one.flags == [Flag.SUPPRESSED]} == {
        "a yes", "b yes",
    }  # fmt: skip
    assert (found["a yes"].share, found["a yes"].ratio) == (None, None)
    assert found["c yes"].share == 40 / 99
    assert found["a no"].share == 46 / 50
    assert found["1 yes"].share == 0.3
    assert not any(name.startswith("d ") or name.endswith(" odd") for name in found)


def test_nobody_may_be_said() -> None:
    """Unless it would cover a group of few."""
    found = by_group(group("a", 50, yes=0), group("b", 50, yes=30), persons=100, yes=30)
    assert (found["a yes"].ratio, found["a yes"].flags) == (0, [Flag.UNEQUAL])
    found = by_group(group("a", 50, yes=0), group("b", 50, yes=3), persons=100, yes=30)
    assert found["a yes"].flags == [Flag.SUPPRESSED]


def test_levels_are_a_dimension_or_a_count() -> None:
    """A group that the measure says nothing of has none, and is not compared."""
    some = Figures(9, None, "", None, {"silent": 4, "customers": 9}, [])
    assert levels_of(some, "silent") == {"silent": 4}
    assert levels_of(some, "state") == {}
    assert by_group(group("a", 50), persons=100, yes=30) == {}


def test_measures_that_score() -> None:
    """These, and no others, say which levels they have."""
    scoring = {name: one.levels for name, one in MEASURES.items() if one.levels}
    assert scoring == {
        "leaving": "state", "lead_score": "grade", "potential": "priority", "rfm": "group",
        "silent": "silent",
    }  # fmt: skip
