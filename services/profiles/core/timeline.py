"""Where a page of the timeline ends: the time and id of its last event, as an opaque word."""

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
    """The word that stands for an entry."""
    occurred_ms = (occurred_at - EPOCH) // timedelta(milliseconds=1)
    return urlsafe_b64encode(f"{occurred_ms} {event_id}".encode()).decode()


def decode_cursor(word: str) -> Cursor:
    """The inverse of `encode_cursor`. Raises ValueError for any other word."""
    try:
        milliseconds, _, event_id = urlsafe_b64decode(word.encode()).decode().partition(" ")
        return Cursor(int(milliseconds), event_id)
    except ValueError as error:
        raise ValueError("the cursor is not one that a timeline page gave") from error
