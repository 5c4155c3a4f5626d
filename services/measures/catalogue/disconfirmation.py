"""Disconfirmation: what customers got against what they had expected, on one scale.

Above zero it was better than expected, at zero as expected, below zero worse. Answers without an
expectation do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.measures.core.answers import by_group, instrument, of_all, shown_key
from services.measures.core.intervals import Moments, share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import POINTS, SHARE, Cell, Flag


class ExpectationGroup(NamedTuple):
    """The pairs of a group."""

    by: str
    key: str
    respondents: int
    """Of valid pairs."""
    positive: int
    """Better than expected."""
    confirmed: int
    negative: int
    invalid: int
    """One of the two is off the scale."""
    scales: int
    """How many different ones."""
    total: float
    """Sum of the differences of valid pairs."""
    squares: float
    """Sum of their squares."""

    @property
    def pairs(self) -> int:
        """Valid ones."""
        return self.positive + self.confirmed + self.negative


class Expectations(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[ExpectationGroup]


NOBODY = ExpectationGroup("", "", 0, 0, 0, 0, 0, 0, 0, 0)
SIGNS = ("positive", "confirmed", "negative")


def compute(rows: Expectations, context: MeasureContext) -> Figures:
    """See the module."""
    whole = of_all(rows.groups) or NOBODY
    moments = Moments(whole.pairs, whole.total, whole.squares)
    counts = {name: getattr(whole, name) for name in (*SIGNS, "invalid")}
    cells = [*_signs(whole), *by_group(rows.groups, _cell)]
    flags = _flags(whole)
    return Figures(whole.respondents, moments.mean, POINTS, moments.interval, counts, cells, flags)


def _flags(group: ExpectationGroup) -> list[Flag]:
    return [Flag.MIXED_SCALE] if group.scales > 1 else []


def _signs(whole: ExpectationGroup) -> Iterator[Cell]:
    for name in SIGNS:
        value, interval = share(getattr(whole, name), whole.pairs)
        yield Cell(
            by="sign",
            key=name,
            n=whole.respondents,
            value=value,
            unit=SHARE,
            interval=interval,
        )


def _cell(group: ExpectationGroup) -> Cell:
    moments = Moments(group.pairs, group.total, group.squares)
    return Cell(
        by=group.by,
        key=shown_key(group),
        n=group.respondents,
        value=moments.mean,
        unit=POINTS,
        interval=moments.interval,
        flags=_flags(group),
    )


MEASURE = Measure(
    "disconfirmation",
    1,
    "What customers got less what they had expected",
    RESPONDENTS,
    Expectations,
    compute,
    instrument("csat"),
)
