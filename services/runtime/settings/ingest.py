"""Which events are accepted by their time, and in batches of which size."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import Field, field_validator

from services.runtime.settings.part import Part

DAY = re.compile(r"^\d{4}-\d\d-\d\d$")
BATCH_EVENTS_LIMIT = 100_000


class IngestSettings(Part):
    """Limits of events and batches."""

    future_tolerance_h: int = Field(default=24, ge=0, le=24 * 7)
    """Hours that `occurred_at` may lie ahead of the time of receipt."""
    time_floor: date = date(2000, 1, 1)
    """Events with an earlier `occurred_at` are rejected."""
    batch_events_max: Annotated[int, Field(ge=1, le=BATCH_EVENTS_LIMIT)] = 20_000
    """Events per batch of `c360 ingest`."""

    @field_validator("time_floor", mode="before")
    @classmethod
    def _is_a_day(cls, value: object) -> object:
        """A number would be taken for seconds since 1970."""
        if isinstance(value, str) and not DAY.match(value):
            raise ValueError("must be a day, such as 2000-01-01")
        return value

    def future_tolerance(self) -> timedelta:
        """How far ahead of its receipt an event may claim to be."""
        return timedelta(hours=self.future_tolerance_h)

    def floor(self) -> datetime:
        """The time floor as an instant (UTC)."""
        return datetime.combine(self.time_floor, datetime.min.time(), UTC)
