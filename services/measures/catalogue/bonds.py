"""Bonds: how many of the customers who are bound to the retailer would rather leave.

Bound is who has a running contract, something to lose, accessories of what was bought here, or no
other shop; the value is the share of these who are dissatisfied. They are the first to leave when
the bond ends. See core/bonds.py for the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.bonds import (
    ATTACHED_FROM,
    DAYS_OF_A_MONTH,
    DAYS_OF_A_YEAR,
    DETACHED_BELOW,
    FEELING_DAYS,
    SITUATIONS,
    BondKind,
    pairs,
)
from services.measures.core.experience import experiences
from services.measures.core.intervals import share
from services.measures.core.measure import Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

BINDING = tuple(one for one in BondKind if one is not BondKind.EMOTIONAL)
TERMS = (3, 6, 12)
"""Within so many months contracts end."""
LATER, ENDLESS = "later", "without_end"


class BoundGroup(NamedTuple):
    """Customers with the same ties."""

    contractual: bool
    economic: bool
    technical: bool
    situational: bool
    emotional: bool
    is_dissatisfied: bool
    months_left: int
    """Until the last contract ends; -1 without a contract, or for one without an end."""
    persons: int


class Bonds(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[BoundGroup]


def compute(rows: Bonds, _context: MeasureContext) -> Figures:
    """See the module."""
    customers = _persons(rows.groups)
    bound = [one for one in rows.groups if any(getattr(one, kind) for kind in BINDING)]
    risky = [one for one in bound if one.is_dissatisfied]
    value, interval = share(_persons(risky), _persons(bound))
    counts = {
        "customers": customers, "bound": _persons(bound), "bound_only": _persons(risky),
        "attached": _persons([one for one in rows.groups if one.emotional]),
    }  # fmt: skip
    cells = list[Cell]()
    for kind in BondKind:
        those = [one for one in rows.groups if getattr(one, kind)]
        cells.append(share_cell("bond", kind, _persons(those), _persons(those), customers))
    cells += _ends(risky)
    betrayals = [Betrayal("attached", BondKind.EMOTIONAL)]
    return Figures(_persons(bound), value, SHARE, interval, counts, cells, betrayals=betrayals)


def _ends(risky: Sequence[BoundGroup]) -> Iterator[Cell]:
    """When the contracts of those end who are dissatisfied."""
    held = [one for one in risky if one.contractual]
    total = _persons(held)
    for term in (*(str(months) for months in TERMS), LATER, ENDLESS):
        those = _persons([one for one in held if _term(one.months_left) == term])
        if those:
            yield share_cell("bound_only_ends_within_months", term, those, those, total)


def _term(months: int) -> str:
    if months < 0:
        return ENDLESS
    return next((str(term) for term in TERMS if months < term), LATER)


def _persons(groups: Sequence[BoundGroup]) -> int:
    return sum(one.persons for one in groups)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    rules = context.rules.bonds
    owned, accessories = pairs(rules.accessories)
    return {
        **experiences(context, "contract", "loyalty"),
        "active_days": context.rules.active_days,
        "feeling_days": FEELING_DAYS,
        "attached_from": ATTACHED_FROM,
        "detached_below": DETACHED_BELOW,
        "situations": list(SITUATIONS),
        "point_value": rules.point_value,
        "economic_min": rules.economic_min,
        "owned": owned,
        "accessories": accessories,
        "days_of_a_month": DAYS_OF_A_MONTH,
        "days_of_a_year": DAYS_OF_A_YEAR,
    }


MEASURE = Measure(
    "bonds",
    1,
    "How many of the customers who are bound would rather leave",
    PERSONS,
    Bonds,
    compute,
    parameters,
)
