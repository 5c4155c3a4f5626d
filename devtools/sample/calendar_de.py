"""Times of the stream: whole epoch seconds internally, RFC 3339 with the German zone in events.

The data's wall-clock times are read as Europe/Berlin. Nothing here reads the current time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
_NAIVE_START = datetime(1970, 1, 1)  # noqa: DTZ001 - the data's wall clock has no zone


@lru_cache(maxsize=20_000)
def _hour_offset(hour: int) -> str:
    """The written zone offset of one epoch hour; German offsets change on the full hour only."""
    return datetime.fromtimestamp(hour * HOUR, BERLIN).isoformat()[-6:]


def written(at: int) -> str:
    """Epoch seconds as RFC 3339 with the offset of Europe/Berlin."""
    offset = _hour_offset(at // HOUR)
    local = datetime.fromtimestamp(at + int(offset[1:3]) * HOUR, UTC)
    return local.strftime("%Y-%m-%dT%H:%M:%S") + offset


def from_wall_clock(seconds: int) -> int:
    """Wall-clock seconds since 1970 in Berlin → epoch seconds."""
    wall = (_NAIVE_START + timedelta(seconds=seconds)).replace(tzinfo=BERLIN)
    return int(wall.timestamp())
