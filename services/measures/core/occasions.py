"""Purchase occasions of one customer: purchases of one calendar day at one place are one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.measures.core.person import Purchase
from services.measures.core.window import day_of


class Occasion(NamedTuple):
    """What was bought on a day at a place."""

    day: date
    place: str
    revenue: Decimal
    """In the realm's currency; that in others is not added."""
    purchases: tuple[Purchase, ...]


def occasions_of(purchases: Iterable[Purchase], zone: ZoneInfo, currency: str) -> list[Occasion]:
    """The occasions, the earliest first."""
    found: defaultdict[tuple[date, str], list[Purchase]] = defaultdict(list)
    for one in sorted(purchases, key=lambda one: (one.at, one.event_id)):
        found[day_of(one.at, zone), one.place].append(one)
    return [
        Occasion(
            day,
            place,
            sum((one.revenue for one in some if one.currency == currency), Decimal(0)),
            tuple(some),
        )
        for (day, place), some in sorted(found.items())
    ]
