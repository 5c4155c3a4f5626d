"""Silent customers: they bought repeatedly, say nothing, and do less and less.

Nobody hears from them before they leave, because they do not complain: a score of recommendation of
7 or 8 is no voice. Who has already stopped buying is leaving, and not silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.measures.core.deeds import Deed, Ground, ids_of

OCCASIONS_MIN = 2
"""Occasions of a customer who can be silent."""
VOICE_DAYS = 365
"""For so long nothing was said."""
QUARTER_DAYS, QUARTERS = 90, 4
FALLEN_TO = 0.7
"""Activity of the last quarter below this part of the mean of the quarters before is falling."""
GAPS_MIN, LEAVING = 3, 2.5
"""With so many gaps between days of buying a customer leaves after so many times the median one."""


class CustomerDeeds(NamedTuple):
    """What a customer did, in any order."""

    orders: Sequence[Deed]
    """Each with its place as `what`: those of a day and place are one occasion."""
    voices: Sequence[Deed]
    """Complaints, reviews, recommendations, contacts of the service, answers to surveys; without
    scores of recommendation of 7 and 8."""
    acts: Sequence[Deed]
    """Whatever the customer did, orders included."""


class Silence(NamedTuple):
    """Whether a customer is silent, and why."""

    is_judged: bool
    """A customer of today with enough occasions who is not leaving; no other can be silent."""
    is_silent: bool
    activity: float | None
    """Of the last quarter, as a part of the mean of the quarters before; None if there was none."""
    grounds: Sequence[Ground]
    """Of one who is silent."""


def silence(deeds: CustomerDeeds, as_of: datetime, zone: ZoneInfo, active_days: int) -> Silence:
    """Of one customer at an instant."""
    as_of = as_of.astimezone(UTC)  # days are 24 hours, also where clocks change
    orders = [one for one in deeds.orders if one.at < as_of]
    occasions = sorted({(one.at.astimezone(zone).date(), one.what) for one in orders})
    is_judged = (
        len(occasions) >= OCCASIONS_MIN
        and max(one.at for one in orders) >= as_of - timedelta(days=active_days)
        and not is_leaving(sorted({day for day, _ in occasions}), as_of.astimezone(zone).date())
    )
    said = [one for one in deeds.voices if as_of - timedelta(days=VOICE_DAYS) <= one.at < as_of]
    last, before = _quarters(deeds.acts, as_of)
    activity = len(last) * QUARTERS / len(before) if before else None
    has_fallen = len(last) * QUARTERS < FALLEN_TO * len(before)
    if not is_judged or said or activity is None or not has_fallen:
        return Silence(is_judged, False, activity, [])
    what = f"activity of the last {QUARTER_DAYS} days is {100 * activity:.0f} % of before"
    grounds = [
        Ground(1, f"{len(occasions)} purchase occasions", ids_of(orders)),
        Ground(1, what, ids_of(last or before)),
        Ground(1, f"nothing said for {VOICE_DAYS} days", ()),
    ]
    return Silence(True, True, activity, grounds)


def is_leaving(days: Sequence[date], today: date) -> bool:
    """Whether somebody who bought on these days, in order and each once, is overdue by far."""
    gaps = [(after - before).days for before, after in pairwise(days)]
    if len(gaps) < GAPS_MIN:
        return False
    return (today - days[-1]).days >= LEAVING * median(gaps)


def _quarters(acts: Sequence[Deed], as_of: datetime) -> tuple[list[Deed], list[Deed]]:
    """Of the last quarter, and of the four before."""
    last_from = as_of - timedelta(days=QUARTER_DAYS)
    first = last_from - timedelta(days=QUARTERS * QUARTER_DAYS)
    return (
        [one for one in acts if last_from <= one.at < as_of],
        [one for one in acts if first <= one.at < last_from],
    )
