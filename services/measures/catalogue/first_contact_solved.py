"""First contact solved: the share of service cases that one contact of the customer settles.

It does if the case is marked as solved, or if it was answered and the customer does not come back
with the subject within seven days, in whatever case. Nobody is helped by a case without an answer.
Conversations are no cases: `dialogue` is about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE
from services.measures.core.shares import TOGETHER, parted, share_cell

WITHIN_DAYS = 7


class SolvedOn(NamedTuple):
    """Cases that began on a channel."""

    channel: str
    """Empty for all channels."""
    persons: int
    """Whose cases are not open."""
    solved: int
    """With the first contact."""
    unsolved: int
    """The customer came back, or got no answer."""
    open: int
    """The customer may still come back."""


class SolvedCases(NamedTuple):
    """What the measure is made of."""

    channels: Sequence[SolvedOn]


def compute(rows: SolvedCases, _context: MeasureContext) -> Figures:
    """See the module."""
    total, single = parted(rows.channels, SolvedOn(TOGETHER, 0, 0, 0, 0))
    value, interval = share(total.solved, total.solved + total.unsolved)
    counts = {name: count for name, count in total._asdict().items() if name != "channel"}
    cells = [
        share_cell("channel", one.channel, one.persons, one.solved, one.solved + one.unsolved)
        for one in single
    ]
    return Figures(total.persons, value, SHARE, interval, counts, cells)


MEASURE = Measure(
    "first_contact_solved",
    1,
    "Share of service cases settled by the first contact",
    PERSONS,
    SolvedCases,
    compute,
    lambda _: {"interaction_kinds": ["case"], "within_days": WITHIN_DAYS},
)
