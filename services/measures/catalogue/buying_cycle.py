"""The buying cycle: how many customers are in each of its seven phases when the window ends.

The value is the share of those who are known and in a phase at all: the others are unaware. Beside
it stands each phase, and the phases of single categories. See core/phases.py for the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import VALUE, Betrayal, Figures, Measure, MeasureContext
from services.measures.core.phases import LIMIT_DAYS, TAKEN_ALONG, VIEWS_MIN, CyclePhase
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

CATEGORIES_MAX = 20


class PhaseGroup(NamedTuple):
    """Persons in one phase."""

    category: str
    """Empty for whatever they do."""
    phase: int
    persons: int


class Phases(NamedTuple):
    """What the measure is made of."""

    phases: Sequence[PhaseGroup]


def compute(rows: Phases, _context: MeasureContext) -> Figures:
    """See the module."""
    every = {one.phase: one.persons for one in rows.phases if not one.category}
    persons, unaware = sum(every.values()), every.get(CyclePhase.UNAWARE, 0)
    value, interval = share(persons - unaware, persons)
    counts = {"persons": persons}
    counts |= {phase.name.lower(): every.get(phase, 0) for phase in CyclePhase}
    cells = [
        share_cell("phase", phase.name.lower(), every[phase], every[phase], persons)
        for phase in CyclePhase
        if phase in every
    ]
    betrayals = [Betrayal(VALUE, CyclePhase.UNAWARE.name)]
    cells += _categories(rows.phases)
    return Figures(persons, value, SHARE, interval, counts, cells, betrayals=betrayals)


def _categories(rows: Sequence[PhaseGroup]) -> Iterator[Cell]:
    """Of each category the phases of those who are in one of it."""
    for category in sorted({one.category for one in rows if one.category}):
        mine = [one for one in rows if one.category == category and one.phase != CyclePhase.UNAWARE]
        total = sum(one.persons for one in mine)
        for one in sorted(mine):
            name = CyclePhase(one.phase).name.lower()
            yield share_cell(f"in {category}", name, one.persons, one.persons, total)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {**phase_parameters(context), "categories_max": CATEGORIES_MAX}


def phase_parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What a statement that begins with `phase_spans` asks for."""
    return {
        "interaction_kinds": [
            "browsing", "campaign", "case", "loyalty", "message", "purchase", "sales",
            "word_of_mouth",
        ],
        "limit_days": [LIMIT_DAYS.get(phase, 0) for phase in CyclePhase][1:],
        "views_min": VIEWS_MIN,
        "taken_along": list(TAKEN_ALONG),
        "delivered": list(context.rules.delivered),
    }  # fmt: skip


MEASURE = Measure(
    "buying_cycle",
    1,
    "How many customers are in each phase of the buying cycle",
    PERSONS,
    Phases,
    compute,
    parameters,
)
