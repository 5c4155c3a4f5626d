"""Quality of relationships: means of the dimensions, and whether questions measure one thing."""

from __future__ import annotations

from statistics import variance

import pytest

from services.measures.catalogue.relationship_quality import (
    DimensionGroup,
    ItemGroup,
    QualityAnswers,
    compute,
    cronbach,
)
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def test_alpha_of_three_questions() -> None:
    """Variances of 1.3, 2.5 and 1.8, of the sum 14.5: 3/2 · (1 - 5.6/14.5) = 0.921."""
    answers = [(1, 1, 2), (2, 2, 3), (3, 3, 3), (2, 4, 5), (4, 5, 5)]
    items = [variance(column) for column in zip(*answers, strict=True)]
    assert items == pytest.approx([1.3, 2.5, 1.8])
    of_sum = variance(map(sum, answers))
    assert cronbach(items, of_sum) == pytest.approx(0.921, abs=5e-4)
    assert cronbach([2.0, 2.0], 8.0) == 1  # both questions always agree
    assert cronbach([2.0, 2.0], 4.0) == 0  # they have nothing in common
    assert cronbach([0.0, 0.0], 0.0) is None


def item(question: str, respondents: int, spread: float) -> ItemGroup:
    """Half of the respondents answer so much below 50, half above."""
    total = 50.0 * respondents
    return ItemGroup("trust", question, respondents, total, respondents * (2500 + spread**2))


def test_means_and_reliability() -> None:
    """The value is that of who answered about all three; questions that contradict are flagged."""
    groups = [
        DimensionGroup("", 40, 2_800, 40 * 4_900), DimensionGroup("trust", 50, 4_000, 50 * 6_400),
        DimensionGroup("satisfaction", 40, 2_400, 40 * 3_600),
    ]  # fmt: skip
    sums = item("", 30, 40)._replace(total=3_000, squares=30 * (10_000 + 20**2))
    items = [item("trust_a", 30, 20), item("trust_b", 30, 20), sums]
    found = compute(QualityAnswers(groups, items), CONTEXT)
    assert (found.n, found.value) == (40, 70)
    assert found.counts == {"whole": 40, "satisfaction": 40, "trust": 50, "commitment": 0}
    cells = {(one.by, one.key): one for one in found.breakdown}
    assert cells["dimension", "trust"].value == 80
    assert cells["dimension", "commitment"].value is None
    alpha = cells["alpha", "trust"]
    assert alpha.value == pytest.approx(2 * (1 - 800 / 400))
    assert alpha.flags == [Flag.QUESTIONABLE]


def test_few_respondents_have_no_alpha() -> None:
    """Nor has a dimension with one question."""
    few = [item("trust_a", 29, 20), item("trust_b", 29, 20), item("", 29, 40)]
    one = [item("trust", 40, 20), item("", 40, 20)]
    for items in (few, one):
        cells = compute(QualityAnswers([], items), CONTEXT).breakdown
        assert [cell.by for cell in cells] == ["dimension"] * 3
