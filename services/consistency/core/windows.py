"""What one channel publishes for one place, and which of it counts when.

A published claim is known from the time it was published and holds within its validity window.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from schemas.claim import Claim

Rank = tuple[bool, datetime, datetime, str, int]


class ClaimWindow(NamedTuple):
    """One published claim: it holds from `start` until before `end` or `forgotten_at`.

    Of several that hold, the highest `rank` counts: a promotion with an end before any other
    claim, then the latest start, the latest publication, the largest event id.
    """

    start: datetime
    end: datetime | None
    forgotten_at: datetime
    rank: Rank
    claim: Claim


def window_of(claim: Claim, is_promotion: bool, max_age: timedelta) -> ClaimWindow:
    """The window of a published claim."""
    start = claim.valid_from or claim.occurred_at
    # A promotion without an end lasts "until a newer offer replaces it", like any open claim.
    bounded_promotion = claim.valid_to is not None and is_promotion
    rank = (bounded_promotion, start, claim.occurred_at, claim.event_id, claim.ordinal)
    return ClaimWindow(start, claim.valid_to, max(start, claim.occurred_at) + max_age, rank, claim)


class Windows:
    """The windows that count now or may count later; others are dropped."""

    __slots__ = ("_windows",)

    def __init__(self, windows: list[ClaimWindow] | None = None) -> None:
        self._windows = windows if windows is not None else []

    def add(self, window: ClaimWindow, now: datetime) -> None:
        """Add a claim published at `now`, the latest time seen so far."""
        kept = [other for other in self._windows if not _is_over(other, window, now)]
        kept.append(window)
        self._windows = kept

    def at(self, now: datetime, remembered_at: datetime) -> Claim | None:
        """The claim that counts at `now`, of those not yet forgotten at `remembered_at`."""
        holding = (
            window
            for window in self._windows
            if window.start <= now
            and (window.end is None or now < window.end)
            and remembered_at < window.forgotten_at
        )
        best = max(holding, key=lambda window: window.rank, default=None)
        return best.claim if best else None

    def next_bound(self, now: datetime) -> datetime | None:
        """The next start or end after `now`."""
        return min((at for at in self._bounds() if at > now), default=None)

    def next_change(self, now: datetime) -> datetime | None:
        """The next time after `now` at which a claim starts, ends, or is forgotten."""
        forgotten = (window.forgotten_at for window in self._windows)
        return min((at for at in chain(self._bounds(), forgotten) if at > now), default=None)

    def _bounds(self) -> Iterator[datetime]:
        for window in self._windows:
            yield window.start
            if window.end is not None:
                yield window.end

    def copy(self) -> Windows:
        """An independent copy."""
        return Windows(list(self._windows))


def _is_over(old: ClaimWindow, new: ClaimWindow, now: datetime) -> bool:
    """Whether `old` can never count again once `new` is known at `now`."""
    if old.forgotten_at <= now or (old.end is not None and old.end <= now):
        return True
    # A higher rank among open claims means a later start, so `new` is also forgotten no earlier.
    return new.end is None and new.start <= now and new.rank > old.rank
