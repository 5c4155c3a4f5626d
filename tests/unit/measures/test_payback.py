"""Payback: months until the cost of a new customer has come in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.rules.insights import InsightRules
from services.measures.catalogue.payback import Newcomers, PaybackRows, compute
from services.measures.core.campaign_costs import CampaignCost
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT

COSTS = [CampaignCost("acquisition", 3, Decimal(6_000))]
NEW = [Newcomers(100, Decimal(10_000), 14_600)]
"""A hundred new customers, each there for 146 days: 480 months in all."""
MARGIN = CONTEXT._replace(rules=InsightRules(margin=0.3))


def test_months_until_the_cost_has_come_in() -> None:
    """60.00 for each; 10,000 · 0.3 in 480 months are 6.25 a month: after 9.6 months."""
    found = compute(PaybackRows(COSTS, NEW), MARGIN)
    assert (found.n, found.unit, found.flags) == (100, "months", [])
    assert found.value == pytest.approx(9.6)
    assert {one.key: one.value for one in found.breakdown} == {"cost": 60.0, "monthly_margin": 6.25}


def test_without_a_margin_or_a_cost_there_is_no_figure() -> None:
    """It says which of them is missing, or that nothing comes in."""
    found = compute(PaybackRows(COSTS, NEW), CONTEXT._replace(rules=InsightRules()))
    assert (found.value, found.flags) == (None, [Flag.NO_MARGIN])
    assert compute(PaybackRows([], NEW), MARGIN).flags == [Flag.NO_COST]
    nothing = [Newcomers(100, Decimal(0), 14_600)]
    assert compute(PaybackRows(COSTS, nothing), MARGIN).value is None
    assert compute(PaybackRows(COSTS, []), MARGIN).value is None
