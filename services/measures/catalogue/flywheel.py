"""The flywheel: how fast it turns, how heavy it is, and what slows it down, month by month.

Speed is what the retailer does (push) and what customers do (activity). Weight is the share of good
experiences among the good and the bad ones. Friction is what costs customers an effort. These are
three lines and no product: each is an index of 100 in its first three months. Customers are
attracted, engaged or delighted by their phase in the buying cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple

from schemas.instants import to_ms
from services.measures.catalogue.buying_cycle import phase_parameters
from services.measures.core.deeds import ACTS
from services.measures.core.experience import experiences
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS, hidden
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell
from services.measures.core.window import day_of

BASE_MONTHS = 3
DAYS_OF_A_WEEK = 7
FRICTIONS = ("carts_left", "complaints", "handovers", "repeated")
WHEEL = ("attract", "engage", "delight")
PARTS, NONE = (*WHEEL, ""), "none"
"""Also of those who were in no part yet."""


class WheelMonth(NamedTuple):
    """What happened in a month."""

    month: date
    """Its first day."""
    days: int
    known: int
    """Persons who had done something by its end."""
    active: int
    """Persons who did something in it."""
    deeds: int
    pushes: int
    """Campaigns that began, quotes, and contacts that the retailer began."""
    positive: int
    negative: int
    judges: int
    """Persons with an experience that was good or bad."""
    carts_left: int
    """Persons who filled a cart and did not order until 7 days later, which are over."""
    complaints: int
    handovers: int
    """From a bot to a person."""
    repeated: int
    """Contacts in which a case had to be told again."""


class WheelPhase(NamedTuple):
    """Persons by the part of the wheel in which they were when a month began, and when it ended."""

    month: date
    part: str
    """One of WHEEL; empty for none."""
    next_part: str
    persons: int


class Flywheel(NamedTuple):
    """What the measure is made of."""

    months: Sequence[WheelMonth]
    phases: Sequence[WheelPhase]


def compute(rows: Flywheel, _context: MeasureContext) -> Figures:
    """See the module."""
    months = sorted(rows.months)
    positive, negative = (
        sum(getattr(one, name) for one in months) for name in ("positive", "negative")
    )
    value, interval = share(positive, positive + negative)
    counts = {"months": len(months), "positive": positive, "negative": negative}
    lines = {
        "push": [(one, _rate(1_000 * one.pushes, one.known, one.days)) for one in months],
        "activity": [(one, _rate(one.deeds, one.active, one.days)) for one in months],
        "weight": [(one, _part(one.positive, one.positive + one.negative)) for one in months],
        "friction": [(one, _part(100 * _friction(one), one.active)) for one in months],
    }
    cells = list[Cell]()
    for name, line in lines.items():
        cells += _line(name, line)
    for one in months:
        for name in FRICTIONS:
            part = _part(100 * getattr(one, name), one.active)
            cells.append(Cell(by=name, key=_key(one.month), n=one.active, value=part, unit=""))
    cells += _phases(rows.phases)
    n = max((one.known for one in months), default=0)
    return Figures(n, value, SHARE, interval, counts, cells)


def _friction(one: WheelMonth) -> int:
    return sum(getattr(one, name) for name in FRICTIONS)


def _rate(many: int, persons: int, days: int) -> float | None:
    """Of one person and week."""
    return many / persons * DAYS_OF_A_WEEK / days if persons else None


def _part(many: int, of: int) -> float | None:
    return many / of if of else None


def _line(name: str, line: Sequence[tuple[WheelMonth, float | None]]) -> Iterator[Cell]:
    """The values of the months, and as an index of which the first months are 100."""
    first = [value for _, value in line[:BASE_MONTHS] if value is not None]
    base = sum(first) / len(first) if len(line) >= BASE_MONTHS and first else 0.0
    for one, value in line:
        n = {"weight": one.judges, "push": one.known}.get(name, one.active)
        unit = SHARE if name == "weight" else ""
        yield Cell(by=name, key=_key(one.month), n=n, value=value, unit=unit)
        if base and value is not None:
            index = 100 * value / base
            yield Cell(by=f"{name}_index", key=_key(one.month), n=n, value=index, unit="")


def _phases(phases: Sequence[WheelPhase]) -> Iterator[Cell]:
    """Who was in each part when a month began, and where they were when it ended."""
    for month in sorted({one.month for one in phases}):
        parts = [
            [one for one in phases if one.month == month and one.part == part] for part in PARTS
        ]
        sizes = [sum(one.persons for one in mine) for mine in parts]
        unseen = hidden(sizes)
        for place, (part, mine) in enumerate(zip(PARTS, parts, strict=True)):
            name, persons = part or NONE, sizes[place]
            yield share_cell(f"in {_key(month)}", name, persons, persons, sum(sizes))
            # The sum of the ways out of a part is how many were in it.
            for one in [] if place in unseen or not part else sorted(mine):
                after = one.next_part or NONE
                yield share_cell(f"{part} {_key(month)}", after, one.persons, one.persons, persons)


def _key(month: date) -> str:
    return f"{month:%Y-%m}"


def months_of(context: MeasureContext) -> list[date]:
    """The first days of the months of which all days lie in the window, and of the one after."""
    first, until = (day_of(one, context.zone) for one in context.window)
    month = first if first.day == 1 else _next(first)
    found = [month]
    while _next(found[-1]) <= until:
        found.append(_next(found[-1]))
    return found


def _next(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    months = months_of(context)
    starts = [to_ms(datetime.combine(one, time(), context.zone)) for one in months]
    kinds = {*phase_parameters(context)["interaction_kinds"], "dialogue"}
    return {
        **experiences(context, *kinds), **phase_parameters(context),
        "interaction_kinds": sorted({*kinds, "case", "word_of_mouth"}),
        "touch_types": ACTS,
        "months": months[:-1],
        "starts_ms": starts[:-1],
        "ends_ms": starts[1:],
    }  # fmt: skip


MEASURE = Measure(
    "flywheel",
    1,
    "Speed, weight and friction of what moves customers, by month",
    PERSONS,
    Flywheel,
    compute,
    parameters,
    is_of_members=False,
)
