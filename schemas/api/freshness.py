"""How far the data has come: what a reader may expect to see."""

from __future__ import annotations

from datetime import datetime

from schemas.base import Contract


class ChannelFreshness(Contract):
    """How far one channel has come."""

    channel: str
    """The channel."""
    occurred_at: datetime
    """Latest event time; an event dated ahead of its receipt counts as of then."""
    received_at: datetime
    """Latest receipt."""


class DataFreshness(Contract):
    """How far a realm has come: everything received until its watermark is in every answer."""

    realm: str
    """Brand or tenant."""
    watermark: datetime | None
    """Latest receipt of an event that was processed; null before the first."""
    channels: list[ChannelFreshness]
    """The same by channel."""


class EventVisibility(Contract):
    """Whether an event is in the answers."""

    event_id: str
    """The event."""
    visible: bool
    """Whether it is stored, and everything that profiles show of it is."""
