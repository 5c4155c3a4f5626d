"""Affinity: published strength of a pair, and pairs that may be chance."""

from __future__ import annotations

import pytest

from services.measures.catalogue.affinity import (
    AffinityRows,
    AllBaskets,
    BoughtTogether,
    compute,
    strength,
)
from tests.unit.measures.contexts import CONTEXT


def test_the_published_pair() -> None:
    """Of 1,000 orders 100 have A, 120 have B and 40 both: support 4 %, confidence 40 %, lift 3.33,
    Jaccard 0.222."""
    found = strength(BoughtTogether("A", "B", 40, 40, 100, 120), 1_000)
    assert found.support == 0.04
    assert found.confidence == 0.4
    assert found.lift == pytest.approx(3.33, abs=0.005)
    assert found.jaccard == pytest.approx(0.222, abs=0.0005)
    assert found.g2 == pytest.approx(59.32, abs=0.005)  # 2·Σ n·ln(n/expected) of the four cells


def test_pairs_that_may_be_chance_are_not_shown() -> None:
    """Neither those that are as often as by chance, nor those that avoid each other, nor those of
    four customers; the surest come first."""
    rows = AffinityRows(
        [AllBaskets(300, 1_000)],
        [
            BoughtTogether("A", "B", 30, 40, 100, 120),
            BoughtTogether("A", "C", 90, 100, 100, 100),
            BoughtTogether("A", "D", 20, 24, 100, 200),
            BoughtTogether("A", "E", 4, 40, 100, 120),
            BoughtTogether("E", "F", 25, 25, 500, 500),
        ],
    )
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (300, 2)
    assert found.counts == {"persons": 300, "orders": 1_000, "pairs": 2}
    lifts = [(one.key, one.n) for one in found.breakdown if one.by == "lift"]
    assert lifts == [("A + C", 90), ("A + B", 30)]
    assert {one.by for one in found.breakdown} == {"lift", "support", "confidence", "jaccard"}


def test_nothing_is_bought() -> None:
    """Then there are no pairs."""
    found = compute(AffinityRows([AllBaskets(0, 0)], []), CONTEXT)
    assert (found.n, found.value) == (0, 0)
