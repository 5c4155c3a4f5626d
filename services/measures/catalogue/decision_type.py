"""Decision type: how customers decide, of each line of an order by what was seen before it.

The first that holds: *habitual*, the article is bought again and again at equal intervals;
*extensive*, after advice, many products viewed, or a long look at something dear; *limited*, the
category was bought before; *impulsive*, hardly looked at, and cheap or reduced; else *unknown*. The
statement decides, because a person's lines may be of several types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import VALUE, Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE
from services.measures.core.shares import share_cell

HABIT_DAYS_MIN, VARIATION_MAX = 3, 0.5
"""An article bought on so many days, whose gaps vary by at most this part of their mean."""
LOOK_DAYS = 90
"""Advice and looks count for so many days before the order."""
VIEWED_MIN = 5
"""So many products of a category are a comparison."""
LONG_DAYS, SHORT_MINUTES = 3, 30
PRICE_DAYS, SKUS_MIN = 365, 5
"""Prices are those of the last year; a category with fewer articles has no dear and cheap ones."""
UNBROWSED = "pos"
"""Where nobody browses before buying."""


class DecisionKind(StrEnum):
    """How something was decided."""

    HABITUAL = "habitual"
    EXTENSIVE = "extensive"
    LIMITED = "limited"
    IMPULSIVE = "impulsive"
    UNKNOWN = "unknown"


class DecidedLines(NamedTuple):
    """Lines of orders that were decided alike."""

    kind: str
    """One of `DecisionKind`; empty for all lines."""
    persons: int
    lines: int


class DecisionRows(NamedTuple):
    """What the measure is made of."""

    kinds: Sequence[DecidedLines]


def compute(rows: DecisionRows, _context: MeasureContext) -> Figures:
    """See the module."""
    by = {one.kind: one for one in rows.kinds}
    nothing = DecidedLines("", 0, 0)
    total = by.get("", nothing)
    found = {kind: by.get(kind.value, nothing) for kind in DecisionKind}
    known = total.lines - found[DecisionKind.UNKNOWN].lines
    value, interval = share(known, total.lines)
    cells = [
        share_cell("type", kind, one.persons, one.lines, total.lines)
        for kind, one in found.items()
        if one.lines
    ]
    counts = {kind.value: one.lines for kind, one in found.items()}
    counts |= {"persons": total.persons, "lines": total.lines}
    betrayals = [Betrayal(kind, kind) for kind in DecisionKind]
    betrayals.append(Betrayal(VALUE, DecisionKind.UNKNOWN))
    return Figures(total.persons, value, SHARE, interval, counts, cells, betrayals=betrayals)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {
        "interaction_kinds": ["browsing", "sales", "purchase"],
        "habit_days_min": HABIT_DAYS_MIN,
        "variation_max": VARIATION_MAX,
        "look_days": LOOK_DAYS,
        "viewed_min": VIEWED_MIN,
        "long_s": LONG_DAYS * 86_400,
        "short_s": SHORT_MINUTES * 60,
        "price_days": PRICE_DAYS,
        "skus_min": SKUS_MIN,
        "tiers": 1,
        "unbrowsed": UNBROWSED,
    }


MEASURE = Measure(
    "decision_type",
    1,
    "How customers decide what they buy: by habit, after a comparison, or on impulse",
    PERSONS,
    DecisionRows,
    compute,
    parameters,
)
