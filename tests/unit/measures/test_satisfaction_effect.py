"""Satisfaction and behaviour: differences of the best and the worst, and what cannot be told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.measures.catalogue.satisfaction_effect import BehavedGroup, Behaviour, compute
from services.measures.core.intervals import newcombe
from tests.unit.measures.contexts import CONTEXT

PROMOTERS = BehavedGroup("nps", 1, 70, 40, 56, 20, 7, 1, 60, 6, Decimal(7_000), 200, 50)
DETRACTORS = BehavedGroup("nps", -1, 80, 30, 48, 8, 0, 16, 64, 32, Decimal(4_000), 100, 75)


def test_promoters_against_detractors() -> None:
    """56 of 70 against 48 of 80 buy again: 20 points, 5.24 to 33.39 (Newcombe 1998, table II)."""
    found = compute(Behaviour([DETRACTORS, PROMOTERS]), CONTEXT)
    assert found.n == 150
    assert found.value == pytest.approx(0.2)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.0524, abs=5e-5)
    assert found.interval.high == pytest.approx(0.3339, abs=5e-5)
    assert found.counts == {"promoters": 70, "passives": 0, "detractors": 80}
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells["bought_90", "promoters"] == pytest.approx(40 / 70)
    assert cells["revenue", "promoters"] == 100
    assert cells["regular_price", "detractors"] == 0.25
    assert cells["difference", "complained"] == pytest.approx(1 / 70 - 16 / 80)
    lost = newcombe(6, 60, 32, 64)
    [cell] = [one for one in found.breakdown if (one.by, one.key) == ("difference", "lost")]
    assert cell.interval is not None
    assert (cell.n, cell.interval.low) == (124, lost.low)


def test_small_groups_have_no_difference() -> None:
    """Nor has one side alone."""
    few = compute(
        Behaviour(
            [PROMOTERS, BehavedGroup("nps", -1, 4, 0, 0, 0, 0, 0, 4, 4, Decimal(0), 0, 0)]
        ), CONTEXT
    )  # fmt: skip
    assert few.value is None
    alone = compute(Behaviour([PROMOTERS]), CONTEXT)
    assert (alone.n, alone.value) == (70, None)
    assert not [one for one in alone.breakdown if one.by == "difference"]


def test_expectations_have_their_own_difference() -> None:
    """Who got more than expected against who got less."""
    sides = [PROMOTERS._replace(instrument="csat"), DETRACTORS._replace(instrument="csat")]
    found = compute(Behaviour(sides), CONTEXT)
    assert (found.n, found.value) == (150, None)
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells["expectation_difference", "bought_180"] == pytest.approx(0.2)
    assert cells["bought_180", "positive"] == 0.8
