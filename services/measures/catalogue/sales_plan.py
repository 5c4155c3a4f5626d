"""Sales plan: what employees reached of what was planned, with the orders of all as the value.

The plan is one for a month; a window has as many as its days make. Employees are pseudonyms, and
what concerns fewer customers than may be shown is not shown of them either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from services.measures.catalogue.funnel import stages
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell
from services.measures.core.window import day_of

ORDERS = "orders"
WORK = (ORDERS, "visits", "quotes", "first_calls")
DAYS_OF_A_MONTH = 365 / 12


class WorkDone(NamedTuple):
    """What one employee did, or all did."""

    owner: str
    """Pseudonym; empty for all."""
    what: str
    """One of WORK; empty for anything."""
    persons: int
    """With whom."""
    many: int
    """Quotes: persons who got one; else how many."""


class Work(NamedTuple):
    """What the measure is made of."""

    work: Sequence[WorkDone]


def compute(rows: Work, context: MeasureContext) -> Figures:
    """See the module."""
    done = {(one.owner, one.what): one for one in rows.work}
    nothing = WorkDone("", "", 0, 0)
    everything = {what: done.get(("", what), nothing) for what in WORK}
    months = months_of(context)
    planned = {
        what: months * sum(getattr(plan, what) for plan in context.rules.plan.values())
        for what in WORK
    }
    cells = list[Cell]()
    for what in WORK:
        one = everything[what]
        cells.append(Cell(by="total", key=what, n=one.persons, value=float(one.many), unit=""))
    for what in WORK:
        cells += _by_owner(what, done, context, months)
    value = everything[ORDERS].many / planned[ORDERS] if planned[ORDERS] else None
    counts = {what: everything[what].many for what in WORK}
    return Figures(done.get(("", ""), nothing).persons, value, SHARE, None, counts, cells)


def _by_owner(
    what: str, done: Mapping[tuple[str, str], WorkDone], context: MeasureContext, months: float
) -> Iterator[Cell]:
    """What each employee reached, and which part of the plan it is."""
    found = {owner: one for (owner, kind), one in done.items() if owner and kind == what}
    for owner, one in sorted(found.items()):
        yield Cell(by=what, key=owner, n=one.persons, value=float(one.many), unit="")
    for owner, one in sorted(found.items()):
        plan = context.rules.plan.get(owner)
        target = months * getattr(plan, what) if plan else 0
        if target:
            share = one.many / target
            yield Cell(by=f"{what}_of_plan", key=owner, n=one.persons, value=share, unit=SHARE)


def months_of(context: MeasureContext) -> float:
    """How many months of a plan a window has."""
    first, last = (day_of(one, context.zone) for one in context.window)
    return (last - first).days / DAYS_OF_A_MONTH


MEASURE = Measure(
    "sales_plan",
    1,
    "What employees reached of the orders, visits, quotes and first calls that were planned",
    PERSONS,
    Work,
    compute,
    stages,
)
