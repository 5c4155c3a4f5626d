"""Due: customers who soon need something again, or whose contract soon ends.

What is expected of one customer is core/coming_due.py; the store counts customers by the same
rules, as of the end of the window. How often such expectations came true stands beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.coming_due import AHEAD_DAYS, DAYS_MIN, SOON_DAYS
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS, is_few
from services.measures.core.result import CUSTOMERS, Cell
from services.measures.core.shares import share_cell

ITEMS_MAX = 50
"""Articles and categories of each kind that are shown: those that most customers need."""


class DueGroup(NamedTuple):
    """Persons with a habit or a running contract for whom the same is due."""

    goods: bool
    """Something that they buy again and again is due soon."""
    missed: bool
    """Something of it was due, and they did not buy it yet."""
    contract_soon: bool
    """A contract ends within SOON_DAYS."""
    contract_ahead: bool
    """One ends within AHEAD_DAYS."""
    notice_soon: bool
    """The time to give notice of one ends within SOON_DAYS."""
    persons: int


class ItemDue(NamedTuple):
    """An article or category."""

    level: str
    """`sku` or `category`."""
    item: str
    persons: int
    """Who buys it again and again."""
    due: int
    missed: int


class ExpectedPurchases(NamedTuple):
    """Repeated purchases in the window of which the purchases before told when to expect them."""

    level: str
    persons: int
    early: int
    hit: int
    """Within the window of the expectation."""
    late: int


class DueRows(NamedTuple):
    """What the measure is made of."""

    persons: Sequence[DueGroup]
    items: Sequence[ItemDue]
    expected: Sequence[ExpectedPurchases]


def compute(rows: DueRows, _context: MeasureContext) -> Figures:
    """See the module."""
    names = ("goods", "missed", "contract_soon", "contract_ahead", "notice_soon")
    found = {name: sum(one.persons for one in rows.persons if getattr(one, name)) for name in names}
    counts = {name: many for name, many in found.items() if not is_few(many)}
    counts["persons"] = sum(one.persons for one in rows.persons)
    due = sum(one.persons for one in rows.persons if one.goods or one.contract_soon)
    cells = [
        Cell(by=one.level, key=one.item, n=one.persons, value=float(one.due), unit=CUSTOMERS)
        for one in sorted(rows.items)
        if not 0 < one.due < GROUP_MIN
    ]
    return Figures(counts["persons"], float(due), CUSTOMERS, None, counts, [*cells, *_hits(rows)])


def _hits(rows: DueRows) -> Iterator[Cell]:
    """How often customers bought when they were expected to."""
    for one in sorted(rows.expected):
        of = one.early + one.hit + one.late
        yield share_cell("hit", one.level, one.persons, one.hit, of)
        yield share_cell("late", one.level, one.persons, one.late, of)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {
        "interaction_kinds": ["contract"],
        "days_min": DAYS_MIN,
        "soon_days": SOON_DAYS,
        "ahead_days": AHEAD_DAYS,
        "items_max": ITEMS_MAX,
    }


MEASURE = Measure(
    "due",
    1,
    "Customers who soon need something again, or whose contract soon ends",
    PERSONS,
    DueRows,
    compute,
    parameters,
)
