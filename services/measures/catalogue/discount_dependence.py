"""Discount dependence: the part of what customers pay that they pay for reduced goods.

A line is reduced if it has a discount (promotion, coupon, loyalty, personal) or was sold otherwise
than regularly. Customers with few lines say nothing of a habit and do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS, hidden
from services.measures.core.result import SHARE
from services.measures.core.shares import share_cell

LINES_MIN = 5
BANDS = ("none", "below_25", "below_50", "below_75", "from_75")
"""By the per cent of the money that a customer pays for reduced goods."""


class DependenceBand(NamedTuple):
    """Persons who pay similar parts of their money for reduced goods."""

    band: int
    """Position in BANDS."""
    persons: int
    lines: int
    reduced: Decimal
    """What they paid for reduced lines, in the realm's currency."""
    paid: Decimal
    """What they paid for all."""


class DependenceBands(NamedTuple):
    """What the measure is made of."""

    bands: Sequence[DependenceBand]


def compute(rows: DependenceBands, _context: MeasureContext) -> Figures:
    """See the module."""
    persons = sum(one.persons for one in rows.bands)
    paid = sum((one.paid for one in rows.bands), Decimal(0))
    reduced = sum((one.reduced for one in rows.bands), Decimal(0))
    value = float(reduced / paid) if paid > 0 else None
    cells = [
        share_cell("band", BANDS[one.band], one.persons, one.persons, persons)
        for one in sorted(rows.bands)
    ]
    half = BANDS.index("below_75")
    dependent = sum(one.persons for one in rows.bands if one.band >= half)
    unseen = hidden([one.persons for one in sorted(rows.bands)])
    if not any(sorted(rows.bands)[place].band >= half for place in unseen):
        cells.append(share_cell("figure", "half_or_more", persons, dependent, persons))
    counts = {"persons": persons, "lines": sum(one.lines for one in rows.bands)}
    return Figures(persons, value, SHARE, None, counts, cells)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {"interaction_kinds": ["purchase"], "lines_min": LINES_MIN}


MEASURE = Measure(
    "discount_dependence",
    1,
    "Part of what customers pay that they pay for reduced goods",
    PERSONS,
    DependenceBands,
    compute,
    parameters,
)
