"""Lead scores: how many persons who have not bought yet are worth a call, and if that is so.

The value is the share of those with grade A. Beside it stands the test of the score: of those who
had not bought when the window began, who bought in it, by tenths of their score of then. See
core/lead_points.py for the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.lead_points import (
    BEHAVIOUR_MAX,
    FIT_MAX,
    GRADE_FROM,
    MILLION,
    Grade,
    attribute_of,
)
from services.measures.core.measure import VALUE, Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell, Flag
from services.measures.core.shares import share_cell

TENTHS = 10


class ScoredLeads(NamedTuple):
    """Persons without an order, by their score."""

    is_past: bool
    """When the window began, else when it ended."""
    grade: str
    tenth: int
    """1 for the lowest scores, 10 for the highest; equal scores have equal tenths."""
    persons: int
    won: int
    """Who bought in the window; of its end 0."""


class LeadScores(NamedTuple):
    """What the measure is made of."""

    leads: Sequence[ScoredLeads]


def compute(rows: LeadScores, _context: MeasureContext) -> Figures:
    """See the module."""
    now = [one for one in rows.leads if not one.is_past]
    past = [one for one in rows.leads if one.is_past]
    leads = sum(one.persons for one in now)
    grades = {grade: sum(one.persons for one in now if one.grade == grade.value) for grade in Grade}
    value, interval = share(grades[Grade.A], leads)
    counts = {"leads": leads} | {grade.value.lower(): many for grade, many in grades.items()}
    cells = [
        share_cell("grade", grade.value, many, many, leads)
        for grade, many in grades.items()
        if many
    ]
    cells += _won("won_by_grade", past, lambda one: one.grade)
    tenths = list(_won("won_by_tenth", past, lambda one: f"{one.tenth:02d}"))
    flags = [] if _is_rising(tenths) else [Flag.NOT_MONOTONE]
    betrayals = [Betrayal(VALUE, Grade.A)]
    return Figures(leads, value, SHARE, interval, counts, [*cells, *tenths], flags, betrayals)


def _won(by: str, past: Sequence[ScoredLeads], key_of: Any) -> Iterator[Cell]:
    """Who bought, of those who had not when the window began."""
    for key in sorted({key_of(one) for one in past}):
        those = [one for one in past if key_of(one) == key]
        persons = sum(one.persons for one in those)
        yield share_cell(by, key, persons, sum(one.won for one in those), persons)


def _is_rising(tenths: Sequence[Cell]) -> bool:
    """Whether higher scores buy as often or more often; of few persons nothing is said."""
    rates = [one.value for one in tenths if (one.n or 0) >= GROUP_MIN and one.value is not None]
    return all(higher >= lower for lower, higher in pairwise(rates))


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    rules = context.rules.leads
    fit, behaviour, against = (sorted(one.items()) for one in (
        rules.fit, rules.behaviour, rules.against))  # fmt: skip
    return {
        "interaction_kinds": ["browsing"],
        "touch_types": sorted({*rules.behaviour, *rules.against}),
        "attributes": sorted({"email", *(attribute_of(name) for name in rules.fit)} - {""}),
        "fit_names": [name for name, _ in fit],
        "fit_points": [points for _, points in fit],
        "act_types": [name for name, _ in behaviour],
        "act_points": [points for _, points in behaviour],
        "against_types": [name for name, _ in against],
        "against_points": [points for _, points in against],
        "competitors": sorted(rules.competitors),
        "competitor_points": rules.competitor_points,
        "half_life_days": rules.half_life_days,
        "fit_max": FIT_MAX,
        "behaviour_max": BEHAVIOUR_MAX,
        "million": MILLION,
        "a_from": GRADE_FROM[Grade.A],
        "b_from": GRADE_FROM[Grade.B],
        "tenths": TENTHS,
    }


MEASURE = Measure(
    "lead_score",
    1,
    "How many persons who have not bought yet are worth a call",
    PERSONS,
    LeadScores,
    compute,
    parameters,
    levels="grade",
)
