"""Tells bad events from an outage: limits on consecutive rejects and on the share of rejects.

A few bad events are dead-lettered and the stream continues. When almost everything is rejected, a
rule, a secret or a schema is wrong, and continuing would drain the topic into the dead letters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

WINDOW_EVENTS = 10_000


class RejectLimiter:
    """Counts rejected events per source (a partition), and over all sources in a sliding window.

    `fault` gives the reason to stop, or None. The share counts once the window is full.
    """

    def __init__(
        self, consecutive_max: int, ratio_max: float, window_events: int = WINDOW_EVENTS
    ) -> None:
        self._consecutive_max = consecutive_max
        self._ratio_max = ratio_max
        self._window: deque[bool] = deque(maxlen=window_events)
        self._refused = 0
        self._in_a_row: dict[Hashable, int] = {}

    def count(self, events: Iterable[tuple[Hashable, bool]]) -> str | None:
        """Observe events as (source, was rejected), in order; the reason to stop, or None."""
        fault: str | None = None
        for source, refused in events:
            self._slide(refused)
            if not refused:
                self._in_a_row.pop(source, None)
                continue
            row = self._in_a_row[source] = self._in_a_row.get(source, 0) + 1
            if row > self._consecutive_max:
                fault = f"{row} events in a row were refused from {source}"
        if len(self._window) == self._window.maxlen:
            share = self._refused / len(self._window)
            if share > self._ratio_max:
                fault = f"{share:.0%} of the last {len(self._window)} events were refused"
        return fault

    def _slide(self, refused: bool) -> None:
        if len(self._window) == self._window.maxlen:
            self._refused -= self._window[0]
        self._window.append(refused)
        self._refused += refused
