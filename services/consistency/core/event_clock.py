"""The event clock: how far event time has advanced, from the records seen and their clock values.

A tick means that everything up to this time has most likely been seen on all channels. Nothing here
reads a clock; the values come with the records.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.watermark import Watermark

IDLE_AFTER = timedelta(hours=1)


class EventClock:
    """The event time of one realm, from the watermarks of its channels.

    `observe` and `tick` may be called in any order; the result of `tick` never goes back. A channel
    without any events does not hold back the others.
    """

    def __init__(self, latest: datetime | None = None, idle_after: timedelta = IDLE_AFTER) -> None:
        """`latest` is the latest tick of whoever did this before."""
        self._idle_after = idle_after
        self._watermarks: dict[str, Watermark] = {}
        self._latest = latest

    def observe(self, watermark: Watermark) -> None:
        """Advance one channel."""
        known = self._watermarks.get(watermark.channel)
        self._watermarks[watermark.channel] = watermark.advance(known)

    @property
    def stream_time(self) -> datetime | None:
        """The latest event time of any channel: how far a stream goes that has ended."""
        return max((one.occurred_at for one in self._watermarks.values()), default=None)

    def tick(self, clock: datetime) -> datetime | None:
        """The time all channels have reached when the clock shows `clock`.

        A channel silent for `idle_after` of the clock goes with the clock. None before the
        first event.
        """
        reached = [self._reached(one, clock) for one in self._watermarks.values()]
        if reached:
            lowest = min(reached)
            self._latest = lowest if self._latest is None else max(self._latest, lowest)
        return self._latest

    def _reached(self, watermark: Watermark, clock: datetime) -> datetime:
        if clock - watermark.received_at >= self._idle_after:
            return clock
        return min(watermark.occurred_at, clock)
