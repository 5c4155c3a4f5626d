"""Win-back: what winning back former customers came to, against some who were left alone by chance.

The share of customers of win-back campaigns who buy within 90 days of the first contact, less that
of those who were held out, with the interval of Newcombe. Without a control group there is a
response, never an effect. Beside it stands the conversion of those who never bought before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import LEVEL, newcombe
from services.measures.core.measure import Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell, Interval
from services.measures.core.shares import share_cell

RETURN_DAYS = 90


class WinBackGroup(NamedTuple):
    """Persons of campaigns, from their first contact on."""

    is_prospect: bool
    """Of a campaign to win customers, and never bought before; else of one to win them back."""
    is_held_out: bool
    persons: int
    bought: int
    """Within RETURN_DAYS."""


class WinBackRows(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[WinBackGroup]


def compute(rows: WinBackRows, _context: MeasureContext) -> Figures:
    """See the module."""
    nobody = WinBackGroup(False, False, 0, 0)
    by = {(one.is_prospect, one.is_held_out): one for one in rows.groups}
    contacted, held_out = by.get((False, False), nobody), by.get((False, True), nobody)
    prospects = by.get((True, False), nobody)
    persons = contacted.persons + held_out.persons
    cells = [
        share_cell(by, name, one.persons, one.bought, one.persons)
        for by, name, one in (
            ("response", "contacted", contacted),
            ("response", "held_out", held_out),
            ("conversion", "prospects", prospects),
        )
        if one.persons
    ]
    counts = {
        "contacted": contacted.persons, "returned": contacted.bought,
        "held_out": held_out.persons, "held_out_returned": held_out.bought,
        "prospects": prospects.persons, "prospects_bought": prospects.bought,
    }  # fmt: skip
    value, interval = _effect(contacted, held_out)
    if value is not None:
        cells.append(
            Cell(by="effect", key="returned", n=persons, value=value, unit=SHARE, interval=interval)
        )
    betrayals = [
        Betrayal("returned", "contacted"), Betrayal("held_out_returned", "held_out"),
        Betrayal("prospects_bought", "prospects"),
    ]  # fmt: skip
    return Figures(persons, value, SHARE, interval, counts, cells, betrayals=betrayals)


def _effect(
    contacted: WinBackGroup, held_out: WinBackGroup
) -> tuple[float | None, Interval | None]:
    """The difference of the shares; nothing without enough persons on either side."""
    if min(contacted.persons, held_out.persons) < GROUP_MIN:
        return None, None
    sides = contacted.bought, contacted.persons, held_out.bought, held_out.persons
    bounds = newcombe(*sides)
    value = contacted.bought / contacted.persons - held_out.bought / held_out.persons
    return value, Interval(low=bounds.low, high=bounds.high, level=LEVEL)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {"interaction_kinds": ["campaign", "message"], "return_days": RETURN_DAYS}


MEASURE = Measure(
    "win_back",
    1,
    "What winning back former customers came to, against some who were left alone by chance",
    PERSONS,
    WinBackRows,
    compute,
    parameters,
)
