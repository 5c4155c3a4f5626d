"""Promise kept: the share of deliveries that come by the time that was promised.

Deliveries of the window, of orders that promised a time. An order whose time passed in the window
and of which nobody says that it arrived is overdue: it is counted beside, because many sources
never say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE
from services.measures.core.shares import TOGETHER, parted, share_cell


class KeptOn(NamedTuple):
    """Orders with a promise that were placed on a channel."""

    channel: str
    """Empty for all channels."""
    persons: int
    """To whom something was delivered."""
    kept: int
    late: int
    overdue: int
    """Not delivered, as far as is known."""


class Promises(NamedTuple):
    """What the measure is made of."""

    channels: Sequence[KeptOn]


def compute(rows: Promises, _context: MeasureContext) -> Figures:
    """See the module."""
    total, single = parted(rows.channels, KeptOn(TOGETHER, 0, 0, 0, 0))
    value, interval = share(total.kept, total.kept + total.late)
    counts = {name: count for name, count in total._asdict().items() if name != "channel"}
    cells = [
        share_cell("channel", one.channel, one.persons, one.kept, one.kept + one.late)
        for one in single
    ]
    return Figures(total.persons, value, SHARE, interval, counts, cells)


def delivered(context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {
        "interaction_kinds": ["purchase"],
        "delivered": [status.lower() for status in context.rules.delivered],
    }


MEASURE = Measure(
    "promise_kept",
    1,
    "Share of deliveries that come by the time that was promised",
    PERSONS,
    Promises,
    compute,
    delivered,
)
