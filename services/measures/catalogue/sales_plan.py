"""Sales plan: what employees reached of what was planned, with the orders of all as the value.

The plan is one for a month; a window has as many as its days make. Employees are pseudonyms, and
what concerns fewer customers than may be shown is not shown of them either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from services.measures.catalogue.funnel import stages
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS, hidden, is_few
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
        # Kinds of work are no parts of a whole: one that is not shown hides no other.
        n = 0 if is_few(one.persons) else one.persons
        cells.append(Cell(by="total", key=what, n=n, value=float(one.many), unit=""))
    for what in WORK:
        cells += _by_owner(what, done, context, months)
    counts = {what: one.many for what, one in everything.items() if not is_few(one.persons)}
    is_known = planned[ORDERS] and ORDERS in counts
    value = counts[ORDERS] / planned[ORDERS] if is_known else None
    return Figures(done.get(("", ""), nothing).persons, value, SHARE, None, counts, cells)


def _by_owner(
    what: str, done: Mapping[tuple[str, str], WorkDone], context: MeasureContext, months: float
) -> Iterator[Cell]:
    """What each employee reached, and which part of the plan it is. Whoever must not be shown in
    the one must not be in the other, which has employees with a plan only."""
    found = sorted((owner, one) for (owner, kind), one in done.items() if owner and kind == what)
    none = hidden([one.persons for _, one in found])
    found = [
        (owner, one._replace(persons=0) if place in none else one)
        for place, (owner, one) in enumerate(found)
    ]
    for owner, one in found:
        yield Cell(by=what, key=owner, n=one.persons, value=float(one.many), unit="")
    for owner, one in found:
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
    is_of_members=False,
)
