"""Leaving: the share of customers who are long overdue, and what may have made them leave.

What is known of one customer is core/leaving_customers.py. The store counts customers who are
overdue equally long and of whom the same was seen; states and reasons are made of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from schemas.instants import to_ms
from services.measures.catalogue.response import promises
from services.measures.core.intervals import share
from services.measures.core.leaving_customers import (
    EVIDENCE_DAYS,
    GAPS_MIN,
    VIEWS_MIN,
    LeavingReason,
    LeavingSign,
    LeavingState,
    reasons_of,
    state_of,
)
from services.measures.core.measure import VALUE, Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS, is_few
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

CATEGORY_GAPS_MIN = 20
"""So many gaps of at least GROUP_MIN persons say how often a category is bought."""
AT_RISK = frozenset({LeavingState.SLIPPING, LeavingState.LEAVING})
TENTHS = 10
GAP, DAYS = "usual_gap", "days"
CATEGORIES_MAX = 1_000
"""Of so many categories the usual gap is shown: those that most persons buy again."""


class LeavingGroup(NamedTuple):
    """Persons of whom the same is known."""

    is_customer: bool
    is_bound: bool
    overdue_tenths: int | None
    """Days since the last purchase in tenths of a gap, cut to whole ones; 100 stands for more."""
    declines: bool
    signs: Sequence[str]
    """Values of `LeavingSign`."""
    persons: int

    @property
    def state(self) -> LeavingState:
        """Where they stand."""
        tenths = self.overdue_tenths
        overdue = None if tenths is None else tenths / TENTHS
        return state_of(overdue, is_customer=self.is_customer, is_bound=self.is_bound)


class UsualGap(NamedTuple):
    """How often a category is bought."""

    category: str
    persons: int
    gap: float
    """The median of days between two purchases."""


class LeavingRows(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[LeavingGroup]
    gaps: Sequence[UsualGap] = ()
    """By which those are judged who have too few gaps of their own."""


def compute(rows: LeavingRows, _context: MeasureContext) -> Figures:
    """See the module."""
    states = Counter[LeavingState]()
    for one in rows.groups:
        states[one.state] += one.persons
    customers = states.total() - states[LeavingState.LOST]
    value, interval = share(states[LeavingState.LEAVING], customers)
    declining = sum(
        one.persons for one in rows.groups if one.declines and one.state is LeavingState.ACTIVE
    )
    cells = [
        share_cell("state", state, states[state], states[state], customers)
        for state in LeavingState
        if state is not LeavingState.LOST and states[state]
    ]
    apart = {LeavingState.LOST.value: states[LeavingState.LOST], "declining": declining}
    counts = {state.value: states[state] for state in LeavingState}
    counts |= {"customers": customers, **apart}
    for name, many in apart.items():
        if is_few(many):
            del counts[name]
    cells += _why(rows.groups)
    cells += (
        Cell(by=GAP, key=one.category, n=one.persons, value=one.gap, unit=DAYS)
        for one in sorted(rows.gaps)
    )
    betrayals = [Betrayal(VALUE, LeavingState.LEAVING)]
    return Figures(customers, value, SHARE, interval, counts, cells, betrayals=betrayals)


def _why(groups: Sequence[LeavingGroup]) -> Iterator[Cell]:
    """Reasons and signs of those who slip or leave, in shares of these."""
    reasons, signs, persons = Counter[LeavingReason](), Counter[LeavingSign](), 0
    for one in groups:
        if one.state in AT_RISK:
            persons += one.persons
            seen = {LeavingSign(name) for name in one.signs}
            for reason in reasons_of(seen):
                reasons[reason] += one.persons
            for sign in seen:
                signs[sign] += one.persons
    for reason, many in sorted(reasons.items()):
        yield share_cell("reason", reason, many, many, persons)
    for sign, many in sorted(signs.items()):
        yield share_cell("sign", sign, many, many, persons)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for. Signs may be older than the window: they count from some days
    before the last purchase on."""
    rules = context.rules
    first = context.window.end - timedelta(days=rules.active_days + EVIDENCE_DAYS + 1)
    worst, best = rules.review_scale
    return {
        **promises(context),
        "from_ms": to_ms(first),
        "interaction_kinds": [
            "browsing", "case", "contract", "dialogue", "message", "purchase", "sales",
            "word_of_mouth",
        ],
        "active_days": rules.active_days,
        "evidence_days": EVIDENCE_DAYS,
        "gaps_min": GAPS_MIN,
        "category_gaps_min": CATEGORY_GAPS_MIN,
        "persons_min": GROUP_MIN,
        "views_min": VIEWS_MIN,
        "categories_max": CATEGORIES_MAX,
        "worst_rating": worst,
        "best_rating": best,
        "fault_words": [word.lower() for word in rules.fault_words],
    }  # fmt: skip


MEASURE = Measure(
    "leaving",
    1,
    "Share of customers who are long overdue, with probable reasons",
    PERSONS,
    LeavingRows,
    compute,
    parameters,
    levels="state",
)
