"""When one more marketing contact is allowed to a customer; a sender asks before sending."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.rules.insights import PressureCaps


def next_allowed(contacts: Iterable[datetime], caps: PressureCaps, now: datetime) -> datetime:
    """The first instant, `now` or later, in which one more contact stays within both caps.

    A contact is within the days up to an instant if it is less than so many times 24 hours old.
    """
    latest = sorted(contacts, reverse=True)
    free = [now]
    for days, cap in ((7, caps.in_7_days), (30, caps.in_30_days)):
        if len(latest) >= cap:
            free.append(latest[cap - 1] + timedelta(days=days))
    return max(free)
