"""Told twice: the share of service cases that a customer had to explain again.

A contact says so itself, or it is one about an open case or subject on another channel, within
fourteen days of the one before, that somebody else deals with. Beside it: how often cases are
passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import TOGETHER, parted, share_cell

WITHIN_DAYS = 14


class ToldOn(NamedTuple):
    """Cases that began on a channel."""

    channel: str
    """Empty for all channels."""
    persons: int
    cases: int
    told_twice: int
    passed_on: int
    """Dealt with by more than one agent or team."""
    transfers: int
    """Times that they were passed on."""


class ToldCases(NamedTuple):
    """What the measure is made of."""

    channels: Sequence[ToldOn]


def compute(rows: ToldCases, _context: MeasureContext) -> Figures:
    """See the module."""
    total, single = parted(rows.channels, ToldOn(TOGETHER, 0, 0, 0, 0, 0))
    value, interval = share(total.told_twice, total.cases)
    counts = {name: count for name, count in total._asdict().items() if name != "channel"}
    cells = [
        share_cell("channel", one.channel, one.persons, one.told_twice, one.cases) for one in single
    ]
    cells.append(share_cell("figure", "passed_on", total.persons, total.passed_on, total.cases))
    mean = total.transfers / total.cases if total.cases else None
    cells.append(Cell(by="figure", key="transfers", n=total.persons, value=mean, unit=""))
    return Figures(total.persons, value, SHARE, interval, counts, cells)


MEASURE = Measure(
    "told_twice",
    1,
    "Share of service cases that the customer had to explain again",
    PERSONS,
    ToldCases,
    compute,
    lambda _: {"interaction_kinds": ["case"], "within_days": WITHIN_DAYS},
)
