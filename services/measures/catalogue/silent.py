"""Silent customers: the share of repeat customers who say nothing and do less and less.

Beside it stands what became of those who were silent a year before: who of them never bought again,
against the others. That tests for one retailer what is often claimed, that satisfied customers who
say nothing are the dangerous ones. See core/silence.py for the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.deeds import ACTS
from services.measures.core.intervals import LEVEL, newcombe, share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell, Interval
from services.measures.core.shares import share_cell
from services.measures.core.silence import (
    FALLEN_TO,
    GAPS_MIN,
    LEAVING,
    OCCASIONS_MIN,
    QUARTER_DAYS,
    QUARTERS,
    VOICE_DAYS,
)

LATER_DAYS = 365
"""After so long it is judged what became of who was silent."""
VOICES = ("complaint.opened", "review.posted", "referral.made", "support.contacted")


class SilentGroup(NamedTuple):
    """Customers who could be silent at an instant."""

    is_past: bool
    """A year before the end of the window, else at its end."""
    is_silent: bool
    persons: int
    lost: int
    """Who did not buy in the year after; of the end of the window 0."""


class Silences(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[SilentGroup]


def compute(rows: Silences, _context: MeasureContext) -> Figures:
    """See the module."""
    now = {one.is_silent: one.persons for one in rows.groups if not one.is_past}
    silent, customers = now.get(True, 0), sum(now.values())
    past = {one.is_silent: one for one in rows.groups if one.is_past}
    value, interval = share(silent, customers)
    counts = {"customers": customers, "silent": silent}
    return Figures(customers, value, SHARE, interval, counts, [*_later(past)])


def _later(past: Mapping[bool, SilentGroup]) -> Iterator[Cell]:
    """Who was lost in the year after, of those who were silent and of the others."""
    for is_silent, name in ((True, "silent"), (False, "others")):
        one = past.get(is_silent, SilentGroup(True, is_silent, 0, 0))
        yield share_cell("lost_within_a_year", name, one.persons, one.lost, one.persons)
    silent, others = past.get(True), past.get(False)
    if silent is None or others is None or min(silent.persons, others.persons) < GROUP_MIN:
        return
    bounds = newcombe(silent.lost, silent.persons, others.lost, others.persons)
    yield Cell(
        by="difference", key="lost_within_a_year", n=silent.persons + others.persons, unit=SHARE,
        value=silent.lost / silent.persons - others.lost / others.persons,
        interval=Interval(low=bounds.low, high=bounds.high, level=LEVEL),
    )  # fmt: skip


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {
        "interaction_kinds": ["case", "word_of_mouth"],
        "touch_types": ACTS,
        "voice_types": list(VOICES),
        "active_days": context.rules.active_days,
        "later_days": LATER_DAYS,
        "occasions_min": OCCASIONS_MIN,
        "voice_days": VOICE_DAYS,
        "quarter_days": QUARTER_DAYS,
        "quarters": QUARTERS,
        "fallen_to": FALLEN_TO,
        "gaps_min": GAPS_MIN,
        "leaving": LEAVING,
    }


MEASURE = Measure(
    "silent",
    1,
    "Share of repeat customers who say nothing and do less and less",
    PERSONS,
    Silences,
    compute,
    parameters,
    levels="silent",
)
