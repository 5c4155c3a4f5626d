"""Acquisition cost: what a new customer costs, beside what keeping one costs."""

from __future__ import annotations

from decimal import Decimal

from services.measures.catalogue.acquisition_cost import AcquisitionRows, compute
from services.measures.core.campaign_costs import CampaignCost
from services.measures.core.customers import CustomerGroup
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT

GROUPS = [
    CustomerGroup(True, True, False, 150),
    CustomerGroup(True, False, False, 50),
    CustomerGroup(False, True, True, 90),
    CustomerGroup(False, False, True, 10),
]


def test_new_and_kept_customers() -> None:
    """6,000 for 100 new customers are 60.00 each, 1,500 for 150 kept ones are 10.00: six times."""
    costs = [
        CampaignCost("acquisition", 3, Decimal(6_000)),
        CampaignCost("retention", 2, Decimal(1_500)),
        CampaignCost("", 9, Decimal(99_999)),
    ]
    found = compute(AcquisitionRows(costs, GROUPS), CONTEXT)
    assert (found.n, found.value, found.unit) == (100, 60.0, "EUR")
    assert found.flags == []
    cells = {one.key: (one.n, one.value) for one in found.breakdown}
    assert cells == {"new": (100, 60.0), "kept": (150, 10.0), "ratio": (100, 6.0)}
    assert found.counts == {
        "new_customers": 100, "kept_customers": 150, "campaigns": 3, "retention_campaigns": 2,
    }  # fmt: skip


def test_without_a_cost_there_is_no_figure() -> None:
    """Nothing known is not nothing spent; a campaign that costs nothing is another thing."""
    found = compute(AcquisitionRows([], GROUPS), CONTEXT)
    assert (found.value, found.flags) == (None, [Flag.NO_COST])
    free = [CampaignCost("acquisition", 1, Decimal(0))]
    found = compute(AcquisitionRows(free, GROUPS), CONTEXT)
    assert (found.value, found.flags) == (0.0, [])


def test_nobody_is_new() -> None:
    """Then there is nobody to spread the cost over."""
    costs = [CampaignCost("acquisition", 3, Decimal(6_000))]
    assert compute(AcquisitionRows(costs, []), CONTEXT).value is None
