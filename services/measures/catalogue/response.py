"""Response: the share of questions that are answered within the time that was promised.

A question is a case or a conversation that a customer began in the window. One that waits for less
than the promise is open, and not judged. Median and nine of ten are those of all questions, also of
those that still wait (Kaplan and Meier); so are those of the service clock, which runs while the
team is there. The times to a bot and to a person are of those that one answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.consistency.core.case_steps import SPOKEN_CHANNELS
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SECONDS, SHARE, Cell
from services.measures.core.service_clock import clocks, has_hours
from services.measures.core.shares import TOGETHER, parted, share_cell
from services.measures.core.waiting import MEDIAN, NINE_OF_TEN, EqualWaits, waited_at_most

COUNTED = ("persons", "in_time", "late", "unanswered", "open", "unknown")
QUANTILES = {"median": MEDIAN, "nine_of_ten": NINE_OF_TEN}


class AnsweredOn(NamedTuple):
    """Questions that were asked on a channel, by what came of the promise."""

    channel: str
    """Empty for all channels."""
    persons: int
    """Whose questions are judged."""
    in_time: int
    late: int
    unanswered: int
    """For longer than was promised."""
    open: int
    """For no longer than that."""
    unknown: int
    """On channels on which people talk to each other, and nothing tells when somebody did."""
    answered: int
    """Persons whom somebody or something answered."""
    with_bot: int
    """Persons whom a bot answered."""
    with_person: int
    """Persons whom somebody answered."""


class WaitedOn(NamedTuple):
    """Questions that waited equally long."""

    channel: str
    until: str
    """What for: `answer`, `service` (the same by the service clock), `bot`, `person`."""
    waited_s: int
    is_over: bool
    questions: int


class Responses(NamedTuple):
    """What the measure is made of."""

    channels: Sequence[AnsweredOn]
    waits: Sequence[WaitedOn]


def compute(rows: Responses, context: MeasureContext) -> Figures:
    """See the module."""
    total, single = parted(rows.channels, AnsweredOn(TOGETHER, *[0] * 9))
    cells = [
        share_cell("channel", one.channel, one.persons, one.in_time, _judged(one)) for one in single
    ]
    cells += _all_waits(rows.waits, total, has_hours=has_hours(context))
    for one in single:
        cells += _waits_on(one, rows.waits)
    value, interval = share(total.in_time, _judged(total))
    counts = {name: count for name, count in total._asdict().items() if name in COUNTED}
    return Figures(total.persons, value, SHARE, interval, counts, cells)


def _judged(one: AnsweredOn) -> int:
    """Those of which it is known whether the promise was kept."""
    return one.in_time + one.late + one.unanswered


def _all_waits(rows: Sequence[WaitedOn], of: AnsweredOn, *, has_hours: bool) -> Iterator[Cell]:
    """Of all channels together. Without service hours both clocks show the same."""
    # Those who still wait move no wait: it is that of those who do not.
    persons = {"answer": of.answered, "bot": of.with_bot, "person": of.with_person}
    if has_hours:
        persons["service"] = of.answered
    for until, many in sorted(persons.items()):
        waits = [
            EqualWaits(one.waited_s, one.is_over, one.questions)
            for one in rows
            if one.until == until
        ]
        for name, value in _quantiles(waits):
            yield Cell(by="wait", key=f"{until}_{name}", n=many, value=value, unit=SECONDS)


def _waits_on(of: AnsweredOn, rows: Sequence[WaitedOn]) -> Iterator[Cell]:
    """For the answer, on one channel."""
    waits = [
        EqualWaits(one.waited_s, one.is_over, one.questions)
        for one in rows
        if (one.channel, one.until) == (of.channel, "answer")
    ]
    for name, value in _quantiles(waits):
        yield Cell(by=f"wait_{name}", key=of.channel, n=of.answered, value=value, unit=SECONDS)


def _quantiles(waits: Sequence[EqualWaits]) -> Iterator[tuple[str, float | None]]:
    for name, part in QUANTILES.items():
        if waits:
            yield name, waited_at_most(part, waits)


def promises(context: MeasureContext) -> Mapping[str, Any]:
    """What is promised on which channel, as the statements take it, and the service clocks."""
    rules = context.rules
    named, elsewhere = sorted(rules.promise.items()), rules.promise_elsewhere
    return {
        **clocks(context),
        "interaction_kinds": ["case", "dialogue"],
        "spoken_channels": SPOKEN_CHANNELS,
        "promise_channels": [channel for channel, _ in named],
        "promise_s": [one.within_s for _, one in named],
        "default_promise_s": elsewhere.within_s,
        "bot_channels": [channel for channel, one in named if one.bots],
        "bots_elsewhere": elsewhere.bots,
        "hours_channels": [channel for channel, one in named if one.in_service_hours],
        "hours_elsewhere": elsewhere.in_service_hours,
    }


MEASURE = Measure(
    "response",
    1,
    "Share of questions answered within the time that was promised",
    PERSONS,
    Responses,
    compute,
    promises,
)
