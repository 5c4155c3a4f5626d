"""Which events are accepted by their time, and in batches of which size."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import Field

from services.runtime.settings.part import Part

BATCH_EVENTS_LIMIT = 100_000


class IngestSettings(Part):
    """Limits of events and batches."""

    future_tolerance_h: int = Field(default=24, ge=0, le=24 * 7)
    """Hours that `occurred_at` may lie ahead of the time of receipt."""
    time_floor: date = date(2000, 1, 1)
    """Events with an earlier `occurred_at` are rejected."""
    batch_events_max: Annotated[int, Field(ge=1, le=BATCH_EVENTS_LIMIT)] = 20_000
    """Events per batch of `c360 ingest`."""

    def future_tolerance(self) -> timedelta:
        """How far ahead of its receipt an event may claim to be."""
        return timedelta(hours=self.future_tolerance_h)

    def floor(self) -> datetime:
        """The time floor as an instant (UTC)."""
        return datetime.combine(self.time_floor, datetime.min.time(), UTC)
