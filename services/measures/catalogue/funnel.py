"""Funnel: the share of leads that become a contract, and where the others are lost.

Interest, talk, offer, contract: a lead is a person, from the first stage on, and a later stage
implies the earlier ones. Leads count in the month in which they began, whatever comes later; those
of the last months may still move on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any, NamedTuple

from schemas.currency import digits_of
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS, is_few
from services.measures.core.result import CUSTOMERS, SHARE, Cell
from services.measures.core.shares import share_cell
from services.measures.core.waiting import MEDIAN, EqualWaits, waited_at_most

STAGES = ("interest", "talk", "offer", "contract")
CONTRACT = len(STAGES)
DAYS = "days"


class LeadGroup(NamedTuple):
    """Leads that have all this in common."""

    month: date
    channel: str
    """Where they began."""
    reached: int
    """Number of the last stage, 1 for the first."""
    lost_reason: str
    """Why the opportunity was lost; empty for an open one."""
    persons: int
    worth: Decimal
    """Of their opportunities, in the realm's currency."""


class StepDays(NamedTuple):
    """Leads that took equally long from a stage to the next."""

    step: int
    """Number of the stage that they left."""
    days: int
    persons: int


class Leads(NamedTuple):
    """What the measure is made of."""

    leads: Sequence[LeadGroup]
    steps: Sequence[StepDays]


def compute(rows: Leads, context: MeasureContext) -> Figures:
    """See the module."""
    reached = [_persons(rows.leads, number) for number in range(1, CONTRACT + 1)]
    value, interval = share(reached[-1], reached[0])
    counts = {stage: many for stage, many in zip(STAGES, reached, strict=True) if not is_few(many)}
    target = context.rules.target_contracts
    if target and value:
        counts["needed_leads"] = ceil(Decimal(target * reached[0]) / reached[-1])
    cells = [*_steps(reached), *_days(rows.steps), *_worth(rows.leads, context.currency)]
    for by in ("channel", "month"):
        cells += _parts(by, rows.leads)
    cells += _losses(rows.leads)
    return Figures(reached[0], value, SHARE, interval, counts, cells)


def _persons(leads: Sequence[LeadGroup], number: int) -> int:
    """Leads that came to a stage."""
    return sum(one.persons for one in leads if one.reached >= number)


def _steps(reached: Sequence[int]) -> Iterator[Cell]:
    """Which part of the leads of a stage comes to the next."""
    for name, here, following in zip(STAGES[1:], reached, reached[1:], strict=False):
        yield share_cell("step", name, here, following, here)


def _days(rows: Sequence[StepDays]) -> Iterator[Cell]:
    """The median of the days to a stage, of those who came there."""
    for number, name in enumerate(STAGES[1:], 1):
        taken = [
            EqualWaits(one.days, is_over=True, many=one.persons)
            for one in rows
            if one.step == number
        ]
        many, median = sum(one.many for one in taken), waited_at_most(MEDIAN, taken)
        yield Cell(by="median_days", key=name, n=many, value=median, unit=DAYS)


def _worth(leads: Sequence[LeadGroup], currency: str) -> Iterator[Cell]:
    """What the opportunities of the leads that came to a stage and no further are worth. Sums that
    contain each other would show by subtraction what single leads are worth."""
    for number, name in enumerate(STAGES, 1):
        there = [one for one in leads if one.reached == number]
        value = float(round(sum((one.worth for one in there), Decimal(0)), digits_of(currency)))
        many = sum(one.persons for one in there)
        yield Cell(by="worth", key=name, n=many, value=value, unit=currency)


def _parts(by: str, leads: Sequence[LeadGroup]) -> Iterator[Cell]:
    """The whole way, by where or when it began."""
    every, won = Counter[str](), Counter[str]()
    for one in leads:
        key = one.channel if by == "channel" else f"{one.month:%Y-%m}"
        every[key] += one.persons
        won[key] += one.persons if one.reached == CONTRACT else 0
    for key, persons in sorted(every.items()):
        yield share_cell(by, key, persons, won[key], persons)


def _losses(leads: Sequence[LeadGroup]) -> Iterator[Cell]:
    """Why leads were lost, and after which stage."""
    lost = Counter[str]()
    for one in leads:
        if one.lost_reason:
            lost[one.lost_reason] += one.persons
    for reason, persons in sorted(lost.items()):
        yield Cell(by="lost", key=reason, n=persons, value=float(persons), unit=CUSTOMERS)


def stages(context: MeasureContext) -> Mapping[str, Any]:
    """The names of stages with their numbers, as the statements take them."""
    named = context.rules.stages
    pairs = {
        name.lower(): number
        for number, stage in enumerate(STAGES, 1)
        for name in getattr(named, stage)
    }
    return {
        "interaction_kinds": ["sales", "contract"],
        "stages": list(pairs),
        "stage_numbers": list(pairs.values()),
    }


MEASURE = Measure(
    "funnel",
    1,
    "Share of leads that become a contract, and where the others are lost",
    PERSONS,
    Leads,
    compute,
    stages,
)
