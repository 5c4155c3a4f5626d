"""Discount dependence: a part of the money, and bands of customers."""

from __future__ import annotations

from decimal import Decimal

from services.measures.catalogue.discount_dependence import (
    DependenceBand,
    DependenceBands,
    compute,
)
from tests.unit.measures.contexts import CONTEXT


def test_a_part_of_the_money() -> None:
    """What all pay for reduced goods of what they pay, whatever the bands are."""
    rows = DependenceBands([
        DependenceBand(4, 10, 60, Decimal(900), Decimal(1_000)),
        DependenceBand(0, 50, 400, Decimal(0), Decimal(4_000)),
        DependenceBand(2, 20, 120, Decimal(1_100), Decimal(3_000)),
        DependenceBand(3, 20, 120, Decimal(1_000), Decimal(2_000)),
    ])  # fmt: skip
    found = compute(rows, CONTEXT)
    assert (found.n, found.value) == (100, 0.3)
    assert found.counts == {"persons": 100, "lines": 700}
    cells = {(one.by, one.key): (one.n, one.value) for one in found.breakdown}
    assert cells == {
        ("band", "none"): (50, 0.5),
        ("band", "below_50"): (20, 0.2),
        ("band", "below_75"): (20, 0.2),
        ("band", "from_75"): (10, 0.1),
        ("figure", "half_or_more"): (100, 0.3),
    }


def test_nobody_buys_enough() -> None:
    """Then the part is undefined."""
    found = compute(DependenceBands([]), CONTEXT)
    assert (found.n, found.value) == (0, None)


def test_a_band_of_few_does_not_follow() -> None:
    """Two pay half for reduced goods: with the 20 of the highest band they would be 22."""
    bands = [
        DependenceBand(band, n, 9 * n, Decimal(n), Decimal(9 * n))
        for band, n in ((0, 8), (3, 2), (4, 20))
    ]
    assert "figure" not in {one.by for one in compute(DependenceBands(bands), CONTEXT).breakdown}
