"""The service clock of a team: it runs while somebody is there.

What it has run up to any instant follows from the instants at which it starts and stops, so that
the store can tell the service time of every wait without knowing hours or time zones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from schemas.instants import to_ms
from schemas.rules.insights import DEFAULT
from services.consistency.core.service_time import Week, spans_on, week_of
from services.measures.core.measure import MeasureContext

Span = tuple[datetime, datetime]
Spans = Sequence[Span]


class ClockTurn(NamedTuple):
    """From an instant on, a clock runs or stands still."""

    clock: int
    """Number of the clock."""
    at_ms: int
    """Unix time."""
    ran_ms: int
    """For how long it has run by then."""
    runs: bool


def open_spans(week: Week, start: datetime, end: datetime, zone: ZoneInfo) -> Spans:
    """The spans between two instants in which somebody is there, in order and apart."""
    first = start.astimezone(zone).date() - timedelta(days=1)  # a span may go over midnight
    days = (end.astimezone(zone).date() - first).days + 1
    found = list[Span]()
    for number in range(days):
        for opens, closes in spans_on(first + timedelta(days=number), week, zone):
            if found and opens <= found[-1][1]:
                found[-1] = found[-1][0], max(closes, found[-1][1])
            elif closes > opens:
                found.append((opens, closes))
    return found


def service_time(start: datetime, end: datetime, week: Week, zone: ZoneInfo) -> timedelta:
    """How much of the time between two instants somebody is there."""
    # Local times of one zone would be subtracted as the clock on the wall shows them.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if not week:
        return end - start
    spans = open_spans(week, start, end, zone)
    overlaps = (min(closes, end) - max(opens, start) for opens, closes in spans)
    return sum((one for one in overlaps if one > timedelta()), timedelta())


def turns(
    clock: int, week: Week, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[ClockTurn]:
    """What a clock does between two instants; before the first it has not run."""
    yield ClockTurn(clock, 0, 0, runs=not week)
    ran = 0
    for opens, closes in open_spans(week, start, end, zone) if week else ():
        yield ClockTurn(clock, to_ms(opens), ran, runs=True)
        ran += to_ms(closes) - to_ms(opens)
        yield ClockTurn(clock, to_ms(closes), ran, runs=False)


def clocks(context: MeasureContext) -> Mapping[str, Any]:
    """The clocks of all teams over the window as a statement takes them: the turns in columns, and
    which team has which clock; clock 0 is that of teams without hours of their own. Teams with the
    same hours have one clock."""
    hours = context.rules.service_hours
    teams = sorted(team for team in hours if team != DEFAULT)
    weeks, team_clocks = [week_of(hours.get(DEFAULT, {}))], list[int]()
    for week in (week_of(hours[team]) for team in teams):
        if week not in weeks:
            weeks.append(week)
        team_clocks.append(weeks.index(week))
    start, end = context.window
    found = [
        turn for clock, week in enumerate(weeks)
        for turn in turns(clock, week, start, end, context.zone)
    ]  # fmt: skip
    return {
        "clocks": [one.clock for one in found],
        "turns_ms": [one.at_ms for one in found],
        "ran_ms": [one.ran_ms for one in found],
        "runs": [int(one.runs) for one in found],
        "clock_teams": teams,
        "team_clocks": team_clocks,
    }


def has_hours(context: MeasureContext) -> bool:
    """Whether any team is not there around the clock."""
    return any(context.rules.service_hours.values())
