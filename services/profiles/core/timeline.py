"""What a page of the timeline is asked for: a place in it, and which entries are wanted.

Entries are ordered by time and event id, the latest first. A place is that of an entry, and does
not depend on how many entries come before it.
"""

from __future__ import annotations

from typing import NamedTuple

NEVER_MS = 2**62
"""Beyond every time of an event (milliseconds since 1970)."""


class TimelinePlace(NamedTuple):
    """The last entry shown: milliseconds since 1970 (UTC), and its event id."""

    occurred_ms: int
    event_id: str


class TimelineFilter(NamedTuple):
    """Which entries are wanted; what is empty wants all."""

    types: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    since_ms: int = -NEVER_MS
    """The earliest time (Unix milliseconds)."""
    until_ms: int = NEVER_MS
    """The first time that is too late."""


EVERYTHING = TimelineFilter()
