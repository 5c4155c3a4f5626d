"""Programme effect: what joining a loyalty programme changed, against customers who did not join.

Members are compared with non-members of the same month who had bought alike before: the change of
what they spend in the half year after joining against the half year before, less that of the others
(difference in differences). Nobody was chosen by chance, so what else made people join is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from math import sqrt
from typing import Any, NamedTuple

from schemas.currency import digits_of
from services.measures.core.intervals import LEVEL, Z
from services.measures.core.measure import VALUE, Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS, is_few
from services.measures.core.result import Cell, Flag, Interval

EFFECT_DAYS = 180
MEMBERS_MIN = 30
"""With fewer matched members, or fewer others, the effect is flagged."""


class JoinedAlike(NamedTuple):
    """Members who joined in a month after buying alike, or others who bought like them."""

    stratum: str
    is_member: bool
    persons: int
    before: Decimal
    """What all of them spent in the days before, in the realm's currency."""
    after: Decimal
    squares: Decimal
    """The sum of the squares of each one's change."""


class PointsHeld(NamedTuple):
    """Points of a programme at the end of the window."""

    programme: str
    persons: int
    points: Decimal


class ProgrammeRows(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[JoinedAlike]
    points: Sequence[PointsHeld]


Match = tuple[JoinedAlike, JoinedAlike]
"""Members, and others of the same stratum."""


def compute(rows: ProgrammeRows, context: MeasureContext) -> Figures:
    """See the module."""
    matches = _matches(rows.groups)
    members = sum(one.persons for one, _ in matches)
    others = sum(one.persons for _, one in matches)
    unmatched = sum(one.persons for one in rows.groups if one.is_member) - members
    counts = {"members": members, "others": others}
    if not is_few(unmatched):
        counts["unmatched_members"] = unmatched
    digits, unit = digits_of(context.currency), context.currency
    cells = [
        Cell(by="figure", key=key, n=n, value=round(value, digits), unit=unit)
        for key, n, value in _means(matches, members, others)
    ]
    cells += [
        Cell(by="points", key=one.programme, n=one.persons, value=float(one.points), unit="points")
        for one in sorted(rows.points)
    ]
    if not matches:
        return Figures(members, None, unit, None, counts, cells)
    value = sum(one.persons * (_change(one) - _change(other)) for one, other in matches) / members
    error = _error(matches, members)
    interval = (
        None
        if error is None
        else Interval(low=value - Z * error, high=value + Z * error, level=LEVEL)
    )
    flags = [Flag.SMALL_SAMPLE] if min(members, others) < MEMBERS_MIN else []
    betrayals = [Betrayal(name, "others_before") for name in ("others", VALUE)]
    return Figures(members, round(value, digits), unit, interval, counts, cells, flags, betrayals)


def _matches(groups: Sequence[JoinedAlike]) -> list[Match]:
    """Strata with both members and others."""
    sides = {(one.stratum, one.is_member): one for one in groups}
    return [
        (one, sides[one.stratum, False])
        for one in sorted(groups)
        if one.is_member and (one.stratum, False) in sides
    ]


def _change(of: JoinedAlike) -> float:
    """What one spends more after than before."""
    return float(of.after - of.before) / of.persons


def _means(matches: Sequence[Match], members: int, others: int) -> Iterator[tuple[str, int, float]]:
    """What one spent before and after; others as if they were distributed like the members."""
    if matches:
        for when in ("before", "after"):
            spent = sum(float(getattr(one, when)) for one, _ in matches)
            yield f"members_{when}", members, spent / members
            alike = sum(
                one.persons * float(getattr(other, when)) / other.persons for one, other in matches
            )
            yield f"others_{when}", others, alike / members


def _error(matches: Sequence[Match], members: int) -> float | None:
    """The standard error of the effect, by the variance within the strata of either side; None if
    there are too few for one."""
    total = 0.0
    for side in (0, 1):
        groups = [match[side] for match in matches]
        degrees = sum(one.persons - 1 for one in groups)
        if not degrees:
            return None
        within = sum(float(one.squares) - one.persons * _change(one) ** 2 for one in groups)
        shares = (match[0].persons ** 2 / match[side].persons for match in matches)
        total += max(0.0, within / degrees) * sum(shares) / members**2
    return sqrt(total)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {"interaction_kinds": ["loyalty"], "effect_days": EFFECT_DAYS}


MEASURE = Measure(
    "programme_effect",
    1,
    "What joining a loyalty programme changed, against customers who bought alike",
    PERSONS,
    ProgrammeRows,
    compute,
    parameters,
)
