"""Kinds of relationships: how customers and the retailer deal with each other.

The value is the share of customers with a dedicated or personal relationship among those of whom
it is known. See core/relationship.py for the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import VALUE, Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS, hidden
from services.measures.core.relationship import (
    ADVISER_MIN,
    ALONE_TYPES,
    COMMUNITY_TYPES,
    CREATION_TYPES,
    PERSONAL_TYPES,
    SPOKEN,
    TOUCHPOINTS_MIN,
    YEAR_DAYS,
    RelationshipKind,
)
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

WITH_PEOPLE = (RelationshipKind.DEDICATED, RelationshipKind.PERSONAL)


class RelatedGroup(NamedTuple):
    """Persons who are dealt with alike."""

    kind: str
    """A RelationshipKind; empty for too few touchpoints."""
    persons: int


class Relationships(NamedTuple):
    """What the measure is made of."""

    kinds: Sequence[RelatedGroup]


def compute(rows: Relationships, _context: MeasureContext) -> Figures:
    """See the module."""
    persons = {one.kind: one.persons for one in rows.kinds}
    known = sum(many for kind, many in persons.items() if kind)
    with_people = sum(persons.get(kind, 0) for kind in WITH_PEOPLE)
    value, interval = share(with_people, known)
    counts = {"persons": known + persons.get("", 0), "known": known, "with_people": with_people}
    cells = [
        share_cell("kind", kind, persons[kind], persons[kind], known)
        for kind in RelationshipKind
        if kind in persons
    ]
    betrayals = [Betrayal(name, kind) for kind in _lone(cells) for name in ("with_people", VALUE)]
    return Figures(known, value, SHARE, interval, counts, cells, betrayals=betrayals)


def _lone(cells: Sequence[Cell]) -> set[str]:
    """Kinds that are not shown although all others on their side of the value are."""
    unseen = {cells[place].key for place in hidden([cell.n or 0 for cell in cells])}
    sides = unseen & {*WITH_PEOPLE}, unseen - {*WITH_PEOPLE}
    return {kind for side in sides if len(side) == 1 for kind in side}


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {
        "interaction_kinds": ["browsing", "case", "dialogue", "loyalty", "sales", "word_of_mouth"],
        "personal_types": list(PERSONAL_TYPES),
        "community_types": list(COMMUNITY_TYPES),
        "creation_types": list(CREATION_TYPES),
        "alone_types": list(ALONE_TYPES),
        "spoken": list(SPOKEN),
        "year_days": YEAR_DAYS,
        "touchpoints_min": TOUCHPOINTS_MIN,
        "adviser_min": ADVISER_MIN,
    }


MEASURE = Measure(
    "relationship_kind",
    1,
    "How customers and the retailer deal with each other",
    PERSONS,
    Relationships,
    compute,
    parameters,
)
