"""Types of customers: planted ones are found, small groups are none, and few buyers have none."""

from __future__ import annotations

import random

import numpy as np
import pytest

from services.measures.catalogue.types import TypicalBuyer, TypicalBuyers, compute
from services.measures.core.clusters import clusters, silhouette, standardised
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT


def buyers(each: int) -> list[TypicalBuyer]:
    """Three kinds: often and much in stores, rarely at a reduction by app, and who returns it."""
    draw, found = random.Random(2), list[TypicalBuyer]()
    for _ in range(each):
        found += [
            TypicalBuyer(
                draw.randrange(10), draw.randrange(20, 30), draw.uniform(900, 1_000), 0, 0, 0,
                [0, 1], [1], ["app", "pos"], ["lamps"], 3 * each,
            ),
            TypicalBuyer(
                draw.randrange(100, 200), draw.randrange(1, 3), draw.uniform(20, 30), 1, 0, 0,
                [1, 0], [0], ["app", "pos"], ["lamps"], 3 * each,
            ),
            TypicalBuyer(
                draw.randrange(50, 60), draw.randrange(5, 7), draw.uniform(200, 300), 0,
                draw.uniform(0.7, 0.9), draw.randrange(4, 6), [1, 0], [0.5], ["app", "pos"],
                ["lamps"], 3 * each,
            ),
        ]  # fmt: skip
    return found


def test_planted_types_are_found() -> None:
    """Three of a third each, far apart; the first spends most, and each is told by what it does."""
    rows = buyers(100)
    found = compute(TypicalBuyers(rows), CONTEXT)
    assert found == compute(TypicalBuyers(rows[::-1]), CONTEXT)
    assert found.counts == {"buyers": 300, "types": 3}
    assert found.value is not None
    assert found.value > 0.8
    shares = [one.value for one in found.breakdown if one.by == "type"]
    assert shares == pytest.approx([1 / 3] * 3)
    traits = {
        by: {one.key: one.value for one in found.breakdown if one.by == by}
        for by in ("type_1", "type_2", "type_3")
    }
    assert (traits["type_1"]["channel pos"] or 0) > 1
    assert (traits["type_2"]["returned"] or 0) > 1
    assert (traits["type_3"]["reduced"] or 0) > 1
    assert all(len(one) == 5 for one in traits.values())


def test_few_buyers_have_no_types() -> None:
    """200 are needed; where all are alike there are none either."""
    few = compute(TypicalBuyers(buyers(66)), CONTEXT)
    assert (few.value, few.flags, few.n) == (None, [Flag.SMALL_SAMPLE], 198)
    alike = compute(TypicalBuyers(buyers(1)[:1] * 300), CONTEXT)
    assert (alike.value, alike.flags) == (None, [Flag.NO_FIT])


def test_silhouette_of_four_points() -> None:
    """At 0 and 1, and at 10 and 11: 1 - 1/10.5 outside and 1 - 1/9.5 inside."""
    points = np.array([[0.0], [1], [10], [11]])
    wanted = (2 * (1 - 1 / 10.5) + 2 * (1 - 1 / 9.5)) / 4
    assert silhouette(points, np.array([0, 0, 1, 1])) == pytest.approx(wanted)
    assert silhouette(points, np.array([0, 0, 0, 0])) == 0


def test_single_values_make_no_group() -> None:
    """One customer of a thousand who spends a hundred times as much moves nobody."""
    draw = np.random.default_rng(1)
    points = np.concatenate([draw.normal(at, 0.1, size=(300, 2)) for at in (0, 5, 10)])
    points[0] = 1_000
    found = clusters(standardised(points))
    assert found is not None
    assert len(np.unique(found.labels)) == 3
