"""Anomalies: days on which something happened much more or less often than usual, by channel.

Compared are orders, visits, service contacts, complaints and unsubscriptions of a day with those of
the last eight same weekdays. The value is the number of anomalies in the window. See
core/anomalies.py for the score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from services.measures.core.anomalies import WEEKS, judged
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import EVERYBODY
from services.measures.core.result import Cell
from services.measures.core.window import day_of

TYPES = {
    "orders": ("order.placed",),
    "visits": ("page.viewed", "product.viewed", "store.visited"),
    "service_contacts": ("support.contacted",),
    "complaints": ("complaint.opened",),
    "unsubscriptions": ("email.unsubscribed", "email.complained"),
}
"""What is counted, by types of events."""
ANOMALIES_MAX = 100


class CountedDay(NamedTuple):
    """How often something happened on a day, on a channel."""

    series: str
    """One of TYPES."""
    channel: str
    day: date
    many: int
    persons: int


class CountedDays(NamedTuple):
    """What the measure is made of."""

    days: Sequence[CountedDay]


def compute(rows: CountedDays, context: MeasureContext) -> Figures:
    """See the module."""
    first, until = (day_of(one, context.zone) for one in context.window)
    series = defaultdict[tuple[str, str], dict[date, CountedDay]](dict)
    for one in rows.days:
        series[one.series, one.channel][one.day] = one
    cells, days, persons = list[Cell](), 0, 0
    for (name, channel), found in sorted(series.items()):
        persons = max([persons, *(one.persons for one in found.values())])
        values = {day: float(one.many) for day, one in found.items()}
        for day in judged(values, first, until, context.rules.holidays):
            days += 1
            if day.is_anomaly:
                usual = max((found[one].persons for one in found if one < day.day), default=0)
                n = found[day.day].persons if day.day in found else usual
                key = f"{channel} {day.day.isoformat()}"
                cells.append(Cell(by=name, key=key, n=n, value=day.z, unit=""))
    loudest = sorted(cells, key=lambda one: (-abs(one.value or 0), one.by, one.key))
    shown = sorted(loudest[:ANOMALIES_MAX], key=lambda one: (one.by, one.key))
    counts = {"series": len(series), "judged_days": days, "anomalies": len(cells)}
    value = float(len(cells)) if days else None
    return Figures(
        persons, value, "", None, counts, sorted(shown, key=lambda one: (one.by, one.key))
    )


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    names = [(name, one) for name, types in sorted(TYPES.items()) for one in types]
    return {
        "touch_types": sorted({one for _, one in names}),
        "counted_types": [one for _, one in names],
        "series": [name for name, _ in names],
        "before_days": (WEEKS + 4) * 7,
    }


MEASURE = Measure(
    "anomaly",
    1,
    "Days on which something happened much more or less often than usual",
    EVERYBODY,
    CountedDays,
    compute,
    parameters,
)
