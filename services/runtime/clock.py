"""The clock of this machine, and how far it is from another's.

No result may depend on a worker's own clock: times come from the broker and the store. A worker
whose clock is wrong says so, because its metrics and logs mislead.
"""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def skew_s(before: datetime, there: datetime, after: datetime) -> float:
    """Seconds that our clock is ahead of another one, which was read between two readings of ours;
    negative when it is behind, 0 when the difference may be the time that the reading took."""
    if there < before:
        return (before - there).total_seconds()
    return min(0.0, (after - there).total_seconds())
