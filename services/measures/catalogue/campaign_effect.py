"""Campaign effect: what a campaign changed, against customers who were held out by chance.

The share of addressed customers who order within 30 days less that of the control group, with the
interval of Newcombe, and the revenue for each of both, with that of Welch. The value is that of the
campaign with the most customers. Without a control group there is a response, never an effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import sqrt
from typing import NamedTuple

from services.measures.core.intervals import LEVEL, Z, newcombe
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell, Interval
from services.measures.core.shares import share_cell

EFFECT_DAYS = 30
CAMPAIGNS_MAX = 50
EVERY = ""
"""A person may be in several campaigns, and is one of all together."""


class CampaignGroup(NamedTuple):
    """Customers of a campaign who were addressed, or were not."""

    campaign: str
    """EVERY for all campaigns together."""
    is_held_out: bool
    persons: int
    converted: int
    """Who ordered."""
    revenue: Decimal
    """In the realm's currency."""
    squares: Decimal
    """The sum of the squares of what each spent."""


class CampaignGroups(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[CampaignGroup]


Sides = tuple[CampaignGroup, CampaignGroup]
"""Addressed, and held out."""


def compute(rows: CampaignGroups, context: MeasureContext) -> Figures:
    """See the module."""
    persons = sum(one.persons for one in rows.groups if one.campaign == EVERY)
    groups = [one for one in rows.groups if one.campaign != EVERY]
    sides = {(one.campaign, one.is_held_out): one for one in groups}
    names = sorted({one.campaign for one in groups})
    nobody = CampaignGroup("", False, 0, 0, Decimal(0), Decimal(0))
    pairs = {
        name: (sides.get((name, False), nobody), sides.get((name, True), nobody)) for name in names
    }
    cells = list[Cell]()
    for name, (treated, held_out) in pairs.items():
        if min(treated.persons, held_out.persons) >= GROUP_MIN:
            cells += _effects(name, (treated, held_out), context.currency)
        cells.append(
            share_cell("response", name, treated.persons, treated.converted, treated.persons)
        )
    largest = max(
        (one for one in cells if one.by == "effect"), key=lambda cell: cell.n or 0, default=None
    )
    counts = {"persons": persons, "campaigns": len(names)}
    if largest is None:
        return Figures(persons, None, SHARE, None, counts, cells)
    treated, held_out = pairs[largest.key]
    counts |= {
        "treated": treated.persons, "treated_converted": treated.converted,
        "held_out": held_out.persons, "held_out_converted": held_out.converted,
    }  # fmt: skip
    return Figures(persons, largest.value, SHARE, largest.interval, counts, cells)


def _effects(name: str, sides: Sides, currency: str) -> Iterator[Cell]:
    """The difference of the shares, and that of the revenue of one customer."""
    treated, held_out = sides
    persons = treated.persons + held_out.persons
    bounds = newcombe(treated.converted, treated.persons, held_out.converted, held_out.persons)
    yield Cell(
        by="effect", key=name, n=persons, unit=SHARE,
        value=treated.converted / treated.persons - held_out.converted / held_out.persons,
        interval=Interval(low=bounds.low, high=bounds.high, level=LEVEL),
    )  # fmt: skip
    (mean, error), (control, control_error) = _mean(treated), _mean(held_out)
    value, spread = mean - control, Z * sqrt(error + control_error)
    yield Cell(
        by="revenue_effect", key=name, n=persons, unit=currency, value=value,
        interval=Interval(low=value - spread, high=value + spread, level=LEVEL),
    )  # fmt: skip


def _mean(of: CampaignGroup) -> tuple[float, float]:
    """What one spends, and the square of its standard error."""
    mean = of.revenue / of.persons
    variance = (of.squares - of.revenue * mean) / (of.persons - 1)
    return float(mean), max(0.0, float(variance / of.persons))


MEASURE = Measure(
    "campaign_effect",
    1,
    "What campaigns changed, against customers who were held out by chance",
    PERSONS,
    CampaignGroups,
    compute,
    lambda _: {
        "interaction_kinds": ["campaign", "message"],
        "effect_days": EFFECT_DAYS,
        "campaigns_max": CAMPAIGNS_MAX,
    },
)
