"""When a customer needs the same again, and when contracts end: what is due.

Replenishment: who bought an article on at least three days buys it again after the median of the
gaps between these days, longer if the last quantity was larger than usual, give or take the median
deviation of the gaps. A contract is due when it ends, unless somebody ended it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import NamedTuple

DAYS_MIN = 3
"""On so many days an article was bought before anything is expected."""
SOON_DAYS, AHEAD_DAYS = 30, 90
"""What is due within these is listed: goods within the first, contracts within either."""
EVIDENCE_MAX = 5


class DayOfBuying(NamedTuple):
    """What a customer bought of one article on a day."""

    day: date
    quantity: float
    event_id: str = ""


class DueState(StrEnum):
    """Where a customer stands before the next purchase of an article."""

    LATER = "later"
    DUE = "due"
    """Its window touches the days that come."""
    MISSED = "missed"
    """Its window is over, for less than one more gap."""
    LAPSED = "lapsed"
    """It is over for longer: the customer no longer buys it here."""


class Replenishment(NamedTuple):
    """When an article is due."""

    in_days: float
    """From today on; negative if it was due before."""
    spread_days: float
    """So much earlier or later it may be."""
    gap_days: float
    """Between two purchases, as long as the last quantity lasts."""
    state: DueState
    event_ids: Sequence[str]
    """The latest purchases that it rests on, newest first."""


def replenishment(days: Iterable[DayOfBuying], today: date) -> Replenishment | None:
    """When a customer needs an article again; None if it was bought on too few days. There is one
    entry for a day, in any order."""
    bought = sorted(days)
    if len(bought) < DAYS_MIN:
        return None
    gaps = [(later.day - sooner.day).days for sooner, later in pairwise(bought)]
    usual = median(one.quantity for one in bought)
    last = bought[-1]
    is_scaled = usual > 0 and last.quantity > 0
    middle = float(median(gaps))
    gap = middle * (last.quantity / usual) if is_scaled else middle
    spread = float(median(abs(one - middle) for one in gaps))
    in_days = (last.day - today).days + gap
    latest = [one.event_id for one in reversed(bought) if one.event_id]
    return Replenishment(in_days, spread, gap, _state(in_days, spread, gap), latest[:EVIDENCE_MAX])


def _state(in_days: float, spread: float, gap: float) -> DueState:
    if in_days + spread >= 0:
        return DueState.DUE if in_days - spread < SOON_DAYS else DueState.LATER
    return DueState.MISSED if in_days + gap >= 0 else DueState.LAPSED


class ContractTerms(NamedTuple):
    """What was said of a contract; they are in the order of time if they are sorted."""

    at: datetime
    event_id: str
    is_end: bool
    """It was ended; else it began or was renewed."""
    until: datetime | None
    notice_until: datetime | None


class Renewal(NamedTuple):
    """A contract that ends soon, unless it is renewed."""

    until: datetime
    in_days: float
    notice_until: datetime | None
    """Until when notice may be given; None once that is over or was never said."""
    event_id: str


def runs(steps: Iterable[ContractTerms], now: datetime) -> bool:
    """Whether a contract still runs: one that was ended may run until a day that it names."""
    latest = max(steps)
    return not latest.is_end if latest.until is None else latest.until >= now


def renewal(steps: Sequence[ContractTerms], now: datetime) -> Renewal | None:
    """When a contract ends that nobody has ended, if that is soon."""
    latest = max(steps)
    if latest.is_end or latest.until is None or latest.until < now:
        return None
    in_days = (latest.until - now).total_seconds() / 86_400
    if in_days > AHEAD_DAYS:
        return None
    notice = latest.notice_until
    is_open = notice is not None and notice >= now
    return Renewal(latest.until, in_days, notice if is_open else None, latest.event_id)
