"""Ratings that were asked for: mean, best two, histogram, and scales that differ."""

from __future__ import annotations

from services.measures.catalogue import stars
from services.measures.catalogue.stars import StarAnswers
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT
from tests.unit.measures.rating_rows import ROWS, group


def test_stars() -> None:
    """The mean, the share of the two best, and of each number of stars."""
    found = stars.compute(StarAnswers(ROWS), CONTEXT)
    assert (found.n, found.value, found.flags) == (8, 25 / 8, [])
    assert found.counts == {"ratings": 8, "top_two": 4, "invalid": 0}
    assert [(one.by, one.key, one.value) for one in found.breakdown] == [
        ("figure", "top_two", 0.5),
        ("stars", "1", 3 / 8),
        ("stars", "3", 1 / 8),
        ("stars", "4", 1 / 8),
        ("stars", "5", 3 / 8),
        ("store", "none", 14 / 5),
        ("store", "s1", 11 / 3),
    ]


def test_scales_that_differ_have_no_mean() -> None:
    """The share of the two best is one of each answer's own scale."""
    found = stars.compute(StarAnswers([group("", "", 5, 4, 7, scales=2)]), CONTEXT)
    assert (found.value, found.interval, found.flags) == (None, None, [Flag.MIXED_SCALE])
    assert found.breakdown[0].value == 1
