"""What campaigns cost, by what they are for."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple


class CampaignCost(NamedTuple):
    """Campaigns of the window with a known cost in the realm's currency."""

    aim: str
    """What they are for; empty if it is not known."""
    campaigns: int
    cost: Decimal


def cost_of(rows: Iterable[CampaignCost], aim: str) -> Decimal | None:
    """What all campaigns for something cost; None where no cost of any is known."""
    found = [one.cost for one in rows if one.aim == aim and one.campaigns]
    return sum(found, Decimal(0)) if found else None
