"""Contact pressure: the share of contacted customers who get more contacts than the caps allow.

Contacts are messages for marketing, surveys and reminders of carts, all channels together, within
any 7 and any 30 days of 24 hours. The fatigue curve beside it says how many unsubscribe or complain
for a thousand contacts, by how many they just had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

GROUPS_MAX = 1_001
"""More contacts than any cap allows are not told apart."""
BAND_MAX = 10
PER_THOUSAND = 1_000


class PressedGroup(NamedTuple):
    """Persons with the same number of contacts."""

    in_7_days: int
    """The most within 7 days."""
    in_30_days: int
    is_blocked: bool
    """One more at the end of the window would be too much."""
    persons: int


class PressureBand(NamedTuple):
    """What happened when persons had so many contacts within 7 days."""

    band: int
    """BAND_MAX stands for more."""
    persons: int
    contacts: int
    opt_outs: int
    """Unsubscriptions and complaints."""


class ContactsOn(NamedTuple):
    """Contacts on a channel."""

    channel: str
    persons: int
    contacts: int


class Pressure(NamedTuple):
    """What the measure is made of."""

    persons: Sequence[PressedGroup]
    bands: Sequence[PressureBand]
    channels: Sequence[ContactsOn]


def compute(rows: Pressure, context: MeasureContext) -> Figures:
    """See the module."""
    caps = context.rules.pressure
    persons = sum(one.persons for one in rows.persons)
    over_7 = sum(one.persons for one in rows.persons if one.in_7_days > caps.in_7_days)
    over_30 = sum(one.persons for one in rows.persons if one.in_30_days > caps.in_30_days)
    over = sum(
        one.persons
        for one in rows.persons
        if one.in_7_days > caps.in_7_days or one.in_30_days > caps.in_30_days
    )
    blocked = sum(one.persons for one in rows.persons if one.is_blocked)
    contacts = sum(one.contacts for one in rows.channels)
    value, interval = share(over, persons)
    counts = {
        "persons": persons, "over": over, "over_7_days": over_7, "over_30_days": over_30,
        "blocked": blocked, "contacts": contacts,
    }  # fmt: skip
    cells = [
        share_cell("channel", one.channel, one.persons, one.contacts, contacts)
        for one in sorted(rows.channels)
    ]
    return Figures(persons, value, SHARE, interval, counts, [*cells, *_fatigue(rows.bands)])


def _fatigue(rows: Sequence[PressureBand]) -> Iterator[Cell]:
    """Opt-outs for a thousand contacts, by how many there had been within 7 days."""
    for one in sorted(rows):
        yield Cell(
            by="fatigue",
            key=f"{one.band}+" if one.band == BAND_MAX else str(one.band),
            n=one.persons,
            value=PER_THOUSAND * one.opt_outs / one.contacts if one.contacts else None,
            unit="per_thousand",
        )


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    caps = context.rules.pressure
    return {
        "interaction_kinds": ["message"],
        "pressure_channels": caps.channels,
        "cap_7": caps.in_7_days,
        "cap_30": caps.in_30_days,
        "groups_max": GROUPS_MAX,
        "band_max": BAND_MAX,
    }


MEASURE = Measure(
    "contact_pressure",
    1,
    "Share of contacted customers who get more contacts than the caps allow",
    PERSONS,
    Pressure,
    compute,
    parameters,
)
