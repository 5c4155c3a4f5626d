"""The event clock: how far event time has advanced, from the records seen and their clock values.

A tick means that everything up to this time has most likely been seen on all channels. Nothing here
reads a clock; the values come with the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

IDLE_AFTER = timedelta(hours=1)


class Mark(NamedTuple):
    """The watermark of one channel: its latest event time, and its latest arrival by the clock."""

    occurred_at: datetime
    received_at: datetime


class Watermarks:
    """The marks of all channels of one realm.

    `observe` and `tick` may be called in any order; the result of `tick` never goes back. A channel
    without any events does not hold back the others.
    """

    def __init__(
        self,
        idle_after: timedelta = IDLE_AFTER,
        marks: Mapping[str, Mark] | None = None,
        latest: datetime | None = None,
    ) -> None:
        self._idle_after = idle_after
        self._marks = dict(marks or {})
        self._latest = latest

    @property
    def marks(self) -> dict[str, Mark]:
        """A copy of the marks by channel, to resume from later."""
        return dict(self._marks)

    @property
    def latest(self) -> datetime | None:
        """The latest tick."""
        return self._latest

    def observe(self, channel: str, occurred_at: datetime, received_at: datetime) -> None:
        """Observe one event. A claimed time later than its arrival counts as its arrival."""
        mark = Mark(min(occurred_at, received_at), received_at)
        known = self._marks.get(channel)
        if known is not None:
            mark = Mark(max(known[0], mark[0]), max(known[1], mark[1]))
        self._marks[channel] = mark

    def tick(self, clock: datetime) -> datetime | None:
        """The time all channels have reached when the clock shows `clock`.

        A channel silent for `idle_after` of the clock goes with the clock. None before the
        first event.
        """
        reached = [self._reached(mark, clock) for mark in self._marks.values()]
        if reached:
            lowest = min(reached)
            self._latest = lowest if self._latest is None else max(self._latest, lowest)
        return self._latest

    def _reached(self, mark: Mark, clock: datetime) -> datetime:
        if clock - mark.received_at >= self._idle_after:
            return clock
        return min(mark.occurred_at, clock)
