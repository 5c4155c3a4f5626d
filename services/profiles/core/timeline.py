"""The cursor of the timeline: the time and id of a page's last event, as an opaque string."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cursor(NamedTuple):
    """The last entry shown: milliseconds since 1970 (UTC), and its event id."""

    occurred_ms: int
    event_id: str


def encode_cursor(occurred_at: datetime, event_id: str) -> str:
    """The cursor of an entry."""
    occurred_ms = (occurred_at - EPOCH) // timedelta(milliseconds=1)
    return urlsafe_b64encode(f"{occurred_ms} {event_id}".encode()).decode()


def decode_cursor(word: str) -> Cursor:
    """The inverse of `encode_cursor`. Raises ValueError for any other string."""
    try:
        milliseconds, _, event_id = urlsafe_b64decode(word.encode()).decode().partition(" ")
        return Cursor(int(milliseconds), event_id)
    except ValueError as error:
        raise ValueError("the cursor is not one that a timeline page gave") from error
