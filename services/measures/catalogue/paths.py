"""Paths: over which channels customers come to an order, and where they change the channel.

A journey is made of touchpoints with gaps of 30 days at most; an order ends it. The value is the
share of journeys that end in an order. Beside it stand the most frequent paths, the steps from
channel to channel, research on one channel before buying on another, and changes that a failure
forced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.catalogue.attribution import GAP_DAYS, LEADING
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SECONDS, SHARE, Cell
from services.measures.core.shares import share_cell

PATHS_MAX, STEPS_MAX, STATIONS_MAX = 50, 200, 10
STORES, ONLINE = ("pos", "kiosk"), ("shop", "app")
RESEARCH_DAYS = 7
SWITCH_HOURS = 24
SEPARATOR = " > "
FIGURES = ("changed_channel", "forced_switch", "online_before_store", "store_before_online")


class WalkedPath(NamedTuple):
    """Journeys over the same channels; those of one path or, with `is_total`, all."""

    is_total: bool
    channels: Sequence[str]
    """What follows itself on one channel is one; of longer ones the last STATIONS_MAX."""
    persons: int
    journeys: int
    orders: int
    seconds: int
    """From the first touchpoint to the order, of those that end in one."""
    changed: int
    """Journeys over more than one channel."""


class ChannelStep(NamedTuple):
    """Steps from one channel to the next."""

    from_channel: str
    to_channel: str
    persons: int
    many: int


class PathFigure(NamedTuple):
    """One of FIGURES."""

    figure: str
    persons: int
    of: int
    hits: int


class WalkedPaths(NamedTuple):
    """What the measure is made of."""

    paths: Sequence[WalkedPath]
    steps: Sequence[ChannelStep]
    figures: Sequence[PathFigure]


def compute(rows: WalkedPaths, _context: MeasureContext) -> Figures:
    """See the module."""
    whole = next((one for one in rows.paths if one.is_total), WalkedPath(True, [], 0, 0, 0, 0, 0))
    value, interval = share(whole.orders, whole.journeys)
    counts = {"journeys": whole.journeys, "orders": whole.orders}
    found = {one.figure: one for one in rows.figures}
    found["changed_channel"] = PathFigure(
        "changed_channel", whole.persons, whole.journeys, whole.changed
    )
    cells = [
        share_cell("figure", name, one.persons, one.hits, one.of)
        for name, one in sorted(found.items())
    ]
    cells += _paths([one for one in rows.paths if not one.is_total], whole.journeys)
    cells += _steps(rows.steps)
    return Figures(whole.persons, value, SHARE, interval, counts, cells)


def _paths(paths: Sequence[WalkedPath], journeys: int) -> Iterator[Cell]:
    """Which part of all journeys goes this way, how many end in an order, how long they take."""
    for one in sorted(paths, key=lambda path: (-path.journeys, [*path.channels])):
        key = SEPARATOR.join(one.channels)
        yield share_cell("path", key, one.persons, one.journeys, journeys)
        yield share_cell("path_conversion", key, one.persons, one.orders, one.journeys)
        mean = one.seconds / one.orders if one.orders else None
        yield Cell(by="path_time", key=key, n=one.persons, value=mean, unit=SECONDS)


def _steps(steps: Sequence[ChannelStep]) -> Iterator[Cell]:
    """From each channel, where the next touchpoint on another one is."""
    for one in sorted(steps):
        total = sum(other.many for other in steps if other.from_channel == one.from_channel)
        yield share_cell(f"from_{one.from_channel}", one.to_channel, one.persons, one.many, total)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {
        "interaction_kinds": ["browsing"],
        "touch_types": LEADING,
        "gap_days": GAP_DAYS,
        "paths_max": PATHS_MAX,
        "steps_max": STEPS_MAX,
        "stations_max": STATIONS_MAX,
        "stores": list(STORES),
        "online": list(ONLINE),
        "research_days": RESEARCH_DAYS,
        "switch_hours": SWITCH_HOURS,
    }


MEASURE = Measure(
    "paths",
    1,
    "Over which channels customers come to an order",
    PERSONS,
    WalkedPaths,
    compute,
    parameters,
)
