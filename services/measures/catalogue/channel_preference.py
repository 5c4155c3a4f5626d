"""Channel preference: the share of persons whose preferred channel is known, and which it is.

A stated preference wins. Else it is the channel with the highest sum of touchpoints on which the
customer acts or buys, each counting half for every 90 days of age, if there are three or more. For
buying, service and information it is told apart, and there what customers do counts alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.touchpoint import EVENT_TYPES, Dialogue
from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

HALF_LIFE_DAYS = 90
TOUCHPOINTS_MIN = 3
MILLION = 1_000_000
ALL, PURPOSES = "all", ("buying", "service", "information")
BUYING = ("order.placed", "voucher.redeemed", "contract.started", "cart.updated")
SERVICE = ("support.contacted", "complaint.opened", "message.exchanged", "order.returned")
ACTING = sorted(
    name for name, one in EVENT_TYPES.items() if one.acts and one.dialogue is Dialogue.TWO_WAY
)
"""Types of touchpoints on which the customer acts and can be answered; to buy is one of them."""


class PreferringGroup(NamedTuple):
    """Persons who prefer the same channel."""

    purpose: str
    """ALL, or one of PURPOSES."""
    channel: str
    """Empty where too few touchpoints say anything."""
    is_stated: bool
    """They said so."""
    persons: int
    millionths: int
    """Of their touchpoints, by weight, that were on the channel on which most are; summed."""


class Preferences(NamedTuple):
    """What the measure is made of."""

    preferences: Sequence[PreferringGroup]


def compute(rows: Preferences, _context: MeasureContext) -> Figures:
    """See the module."""
    every = [one for one in rows.preferences if one.purpose == ALL]
    known = [one for one in every if one.channel]
    stated = sum(one.persons for one in known if one.is_stated)
    persons, knowing = (sum(one.persons for one in group) for group in (every, known))
    value, interval = share(knowing, persons)
    counts = {"persons": persons, "known": knowing, "stated": stated}
    cells = [*_channels("channel", known), *_parts(known)]
    for purpose in PURPOSES:
        of = [one for one in rows.preferences if one.purpose == purpose and one.channel]
        cells += _channels(purpose, of)
    return Figures(persons, value, SHARE, interval, counts, cells)


def _channels(by: str, known: Sequence[PreferringGroup]) -> Iterator[Cell]:
    """Which part of the persons with a preference prefers each channel."""
    every = sum(one.persons for one in known)
    for channel in sorted({one.channel for one in known}):
        persons = sum(one.persons for one in known if one.channel == channel)
        yield share_cell(by, channel, persons, persons, every)


def _parts(known: Sequence[PreferringGroup]) -> Iterator[Cell]:
    """How clear the preference is that touchpoints show: the mean part of the channel."""
    shown = [one for one in known if not one.is_stated]
    for channel in sorted({one.channel for one in shown}):
        of = [one for one in shown if one.channel == channel]
        persons = sum(one.persons for one in of)
        mean = sum(one.millionths for one in of) / MILLION / persons
        yield Cell(by="part", key=channel, n=persons, value=mean, unit=SHARE)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {
        "touch_types": ACTING,
        "buying_types": list(BUYING),
        "service_types": list(SERVICE),
        "half_life_days": HALF_LIFE_DAYS,
        "touchpoints_min": TOUCHPOINTS_MIN,
    }


MEASURE = Measure(
    "channel_preference",
    1,
    "Share of persons whose preferred channel is known, and which it is",
    PERSONS,
    Preferences,
    compute,
    parameters,
)
