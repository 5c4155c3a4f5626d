"""Repeat purchase rate: the share of buyers who buy again.

Orders of one calendar day at one place are one occasion: a split delivery is no loyalty. A buyer
repeats *in the window* with two occasions in it, and *returns* with one in it and an earlier one at
any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from schemas.currency import digits_of
from services.measures.core.intervals import LEVEL, wilson
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import Cell, Interval
from services.measures.core.window import day_of

SHARE = "share"
LAST_OCCASION = 5
"""From here on, occasions are one group."""


class Purchase(NamedTuple):
    """A counting order with the person who holds it now."""

    profile: UUID
    occurred_at: datetime
    place: str
    currency: str
    revenue: Decimal


class _Occasion(NamedTuple):
    day: date
    place: str
    revenue: Decimal
    """In the realm's currency."""


def compute(orders: Sequence[Purchase], context: MeasureContext) -> Figures:
    """See the module; `orders` are all orders of each buyer up to the end of the window."""
    first_day = day_of(context.window.start, context.zone)
    occasions = {
        profile: _occasions(of_one, context) for profile, of_one in _by_profile(orders).items()
    }
    buyers = {
        profile: sum(one.day >= first_day for one in found)
        for profile, found in occasions.items()
        if any(one.day >= first_day for one in found)
    }
    repeaters = sum(count >= 2 for count in buyers.values())
    returning = sum(len(occasions[profile]) >= 2 for profile in buyers)
    value, interval = _share(repeaters, len(buyers))
    returned, returned_interval = _share(returning, len(buyers))
    breakdown = [
        Cell(
            by="figure",
            key="returning",
            n=len(buyers),
            value=returned,
            unit=SHARE,
            interval=returned_interval,
        ),
        *_revenue_by_occasion(occasions, first_day, context.currency),
    ]
    counts = {"buyers": len(buyers), "repeat_buyers": repeaters, "returning_buyers": returning}
    return Figures(len(buyers), value, SHARE, interval, counts, breakdown)


def _by_profile(orders: Sequence[Purchase]) -> Mapping[UUID, list[Purchase]]:
    found: defaultdict[UUID, list[Purchase]] = defaultdict(list)
    for order in orders:
        found[order.profile].append(order)
    return found


def _occasions(orders: Sequence[Purchase], context: MeasureContext) -> list[_Occasion]:
    """The occasions of one person before the end of the window, in order."""
    revenue: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for order in orders:
        if order.occurred_at < context.window.end:
            own = order.revenue if order.currency == context.currency else Decimal(0)
            revenue[day_of(order.occurred_at, context.zone), order.place] += own
    return [_Occasion(day, place, total) for (day, place), total in sorted(revenue.items())]


def _share(hits: int, n: int) -> tuple[float | None, Interval | None]:
    if not n:
        return None, None
    bounds = wilson(hits, n)
    return hits / n, Interval(low=bounds.low, high=bounds.high, level=LEVEL)


def _revenue_by_occasion(
    occasions: Mapping[UUID, Sequence[_Occasion]], first_day: date, currency: str
) -> Iterator[Cell]:
    """Mean revenue of a first, second, third … occasion that falls into the window."""
    revenue: defaultdict[int, list[Decimal]] = defaultdict(list)
    persons: defaultdict[int, set[UUID]] = defaultdict(set)
    for profile, found in occasions.items():
        for number, one in enumerate(found, start=1):
            if one.day >= first_day:
                group = min(number, LAST_OCCASION)
                revenue[group].append(one.revenue)
                persons[group].add(profile)
    for group, amounts in sorted(revenue.items()):
        yield Cell(
            by="occasion",
            key=f"{group}+" if group == LAST_OCCASION else str(group),
            n=len(persons[group]),
            value=float(round(sum(amounts, Decimal(0)) / len(amounts), digits_of(currency))),
            unit=currency,
        )


MEASURE = Measure(
    "repeat_purchase_rate",
    1,
    "Share of buyers with a second purchase occasion in the window",
    PERSONS,
    Purchase,
    compute,
)
