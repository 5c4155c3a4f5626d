"""Watermarks: how far event time has advanced on one channel.

The one place that holds the rule: a claimed time later than its receipt counts as its receipt, so
an event dated into the future moves nobody's time.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Self


class Watermark(NamedTuple):
    """The latest times of one channel of a realm. Make it with `of`, which holds the rule."""

    realm: str
    channel: str
    occurred_at: datetime
    """Latest event time, never later than its receipt."""
    received_at: datetime
    """Latest receipt, by the clock of the intake."""

    @classmethod
    def of(cls, realm: str, channel: str, occurred_at: datetime, received_at: datetime) -> Self:
        """The watermark that one event makes."""
        return cls(realm, channel, min(occurred_at, received_at), received_at)

    def advance(self, other: Watermark | None) -> Watermark:
        """Of this one and another of the same channel, the later of both times."""
        if other is None:
            return self
        occurred_at = max(self.occurred_at, other.occurred_at)
        return self._replace(
            occurred_at=occurred_at, received_at=max(self.received_at, other.received_at)
        )
