"""Drivers: the worked example of shares, whom they need, and what is to be improved first."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from services.measures.catalogue.drivers import AnsweredAlike, Judgements, compute
from services.measures.core.importance import importance, shares_of
from services.measures.core.measure import Figures
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def test_shares_of_two_attributes() -> None:
    """One explains .30, the other .20, both .40: means of .30 and .20 and of .20 and .10."""
    explained = np.array([[0.0], [0.3], [0.2], [0.4]])
    assert shares_of(explained, 0)[0] == pytest.approx(0.25)
    assert shares_of(explained, 1)[0] == pytest.approx(0.15)


def answers(
    persons: int, weights: Sequence[float], noise: float = 10.0, seed: int = 5
) -> list[AnsweredAlike]:
    """Respondents whose judgement on the whole is a weighted sum of their answers, and chance."""
    draw = random.Random(seed)
    found = Counter[tuple[float, tuple[float, ...]]]()
    for _ in range(persons):
        scores = tuple(25.0 * draw.randrange(5) for _ in weights)
        whole = sum(weight * one for weight, one in zip(weights, scores, strict=True))
        found[round(whole + draw.gauss(0, noise), 1), scores] += 1
    names = [f"q{n:02d}" for n in range(len(weights))]
    return [
        AnsweredAlike("overall", names, target, [*scores], many, persons + 3)
        for (target, scores), many in found.items()
    ]


def shares(found: Figures) -> dict[str, float]:
    """The importance of each attribute."""
    return {
        one.key: one.value
        for one in found.breakdown
        if one.by == "importance" and one.value is not None
    }


def test_shares_add_up_to_what_is_explained() -> None:
    """With independent attributes they go as the squares of the weights, whatever the order of the
    rows is, and the intervals hold them."""
    rows = answers(2_000, (0.6, 0.3, 0.0))
    found = compute(Judgements(rows), CONTEXT)
    assert found.counts == {"respondents": 2_000, "attributes": 3, "incomplete": 3}
    assert found == compute(Judgements(rows[::-1]), CONTEXT)
    by = shares(found)
    assert sum(by.values()) == pytest.approx(found.value)
    assert by["q00"] / by["q01"] == pytest.approx(4, rel=0.2)
    assert by["q02"] == pytest.approx(0, abs=0.01)
    variance = 35.36**2  # of five answers from 0 to 100
    explained = variance * (0.36 + 0.09)
    assert found.value == pytest.approx(explained / (explained + 100), abs=0.03)
    for one in found.breakdown:
        if one.by == "importance":
            assert one.interval is not None
            assert one.value is not None
            assert one.interval.low - 1e-9 <= one.value <= one.interval.high + 0.01


def test_what_is_to_be_improved_first() -> None:
    """What matters more than the median and is worse than it."""
    names = ["advice", "delivery", "price"]
    rows = list[AnsweredAlike]()
    draw = random.Random(1)
    for _ in range(300):
        advice, delivery, price = draw.randrange(3), draw.randrange(3, 5), draw.randrange(5)
        target = 20.0 * advice + 6 * delivery + draw.gauss(0, 3)
        scores = [25.0 * advice, 25.0 * delivery, 25.0 * price]
        rows.append(AnsweredAlike("overall", names, target, scores, 1, 300))
    cells = {one.key: one.by for one in compute(Judgements(rows), CONTEXT).breakdown
             if one.by not in ("importance", "performance", "target")}  # fmt: skip
    assert cells == {"advice": "improve_first", "delivery": "keep", "price": "possible_overkill"}


def test_too_few_and_too_equal() -> None:
    """Fifty respondents, ten for each attribute, and judgements that differ."""
    few = compute(Judgements(answers(49, (0.5, 0.5))), CONTEXT)
    assert (few.value, few.flags) == (None, [Flag.SMALL_SAMPLE])
    many = compute(Judgements(answers(59, [0.2] * 6)), CONTEXT)
    assert (many.value, many.flags) == (None, [Flag.SMALL_SAMPLE])
    equal = [one._replace(target=80.0) for one in answers(100, (0.5, 0.5))]
    assert compute(Judgements(equal), CONTEXT).flags == [Flag.NO_FIT]
    assert compute(Judgements([]), CONTEXT).flags == [Flag.SMALL_SAMPLE]


def test_many_attributes_have_weights() -> None:
    """Above ten a ridge regression stands for all orders; the shares still add up."""
    found = compute(Judgements(answers(2_000, [0.4, 0.2, *[0.0] * 9])), CONTEXT)
    by = shares(found)
    assert sum(by.values()) == pytest.approx(found.value)
    assert max(by, key=lambda name: by[name]) == "q00"
    assert by["q00"] / by["q01"] == pytest.approx(4, rel=0.2)


def test_attributes_that_always_agree_share() -> None:
    """Nobody can tell which of them it is."""
    rows = np.array([[0.0, 0.0], [50, 50], [100, 100], [25, 25]])
    found = importance(rows[:, 0], rows, np.array([20.0, 20, 20, 20]))
    assert found.shares == pytest.approx([0.5, 0.5], abs=1e-6)
