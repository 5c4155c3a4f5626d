"""Campaign effect: a published experiment, the intervals, and campaigns without a control group."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.measures.catalogue.campaign_effect import CampaignGroup, CampaignGroups, compute
from services.measures.core.intervals import newcombe
from tests.unit.measures.contexts import CONTEXT


def group(name: str, persons: int, converted: int, *, held_out: bool = False) -> CampaignGroup:
    """Customers of whom each who ordered spent ten euros."""
    spent = Decimal(10 * converted)
    return CampaignGroup(name, held_out, persons, converted, spent, 10 * spent)


def test_published_experiment() -> None:
    """Hillstrom's MineThatData of 2008: 18.276 % of those who got a mail visit, 10.617 % of the
    control group: 7.66 points, 95 % 7.00 to 8.32."""
    sides = [
        group("mail", 21_307, 3_894), group("mail", 21_306, 2_262, held_out=True),
        group("", 42_613, 6_156),
    ]  # fmt: skip
    found = compute(CampaignGroups(sides), CONTEXT)
    assert found.value == pytest.approx(0.0766, abs=5e-5)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.0700, abs=5e-5)
    assert found.interval.high == pytest.approx(0.0832, abs=5e-5)
    assert found.n == 42_613


def test_interval_of_a_difference() -> None:
    """56 of 70 against 48 of 80: 0.0524 to 0.3339 (Newcombe 1998, table II)."""
    found = newcombe(56, 70, 48, 80)
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)


def test_revenue_of_one_customer() -> None:
    """3 euros against 1: variances of 21.13 and 9.23 over 160 and 40 customers."""
    sides = [group("winter", 160, 48), group("winter", 40, 4, held_out=True)]
    [cell] = [
        one
        for one in compute(CampaignGroups(sides), CONTEXT).breakdown
        if one.by == "revenue_effect"
    ]
    assert cell.value == pytest.approx(2)
    assert cell.interval is not None
    error = ((100 * 0.3 * 0.7 / 159) + (100 * 0.1 * 0.9 / 39)) ** 0.5
    assert cell.interval.high - cell.interval.low == pytest.approx(2 * 1.959964 * error)


def test_a_response_is_no_effect() -> None:
    """Without a control group, or with one too small to be shown, only the response is known; who
    is in both campaigns is one person."""
    sides = [
        group("", 104, 31), group("a", 100, 30), group("b", 100, 20),
        group("b", 4, 1, held_out=True),
    ]  # fmt: skip
    found = compute(CampaignGroups(sides), CONTEXT)
    assert (found.n, found.value, found.counts) == (104, None, {"persons": 104, "campaigns": 2})
    assert [(one.by, one.key, one.value) for one in found.breakdown] == [
        ("response", "a", 0.3), ("response", "b", 0.2),
    ]  # fmt: skip


def test_the_largest_campaign_is_the_value() -> None:
    """Whatever the order of the rows is."""
    sides = [
        group("small", 20, 10), group("small", 20, 1, held_out=True),
        group("large", 160, 48), group("large", 40, 4, held_out=True),
    ]  # fmt: skip
    for rows in (sides, sides[::-1]):
        found = compute(CampaignGroups(rows), CONTEXT)
        assert found.value == pytest.approx(0.2)
        assert found.counts["held_out_converted"] == 4
