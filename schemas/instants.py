"""Instants as whole milliseconds: the precision of every stored time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY_MS = 86_400_000


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970 (UTC), rounded down."""
    since = instant - EPOCH  # parts of it, for a division of two durations takes twice as long
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


def from_ms(milliseconds: int) -> datetime:
    """The instant in UTC."""
    return EPOCH + milliseconds * MILLISECOND


def written(instant: datetime) -> str:
    """The one form of times in outputs: UTC with three decimals, as 2026-03-02T17:20:00.000Z."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
