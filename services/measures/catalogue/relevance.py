"""Relevance: the share of marketing messages about something that the recipient cares for.

A message is relevant if a category of its campaign is one that the person looked at or bought from
in the year before. Nobody says what a campaign is about; what it leads people to look at does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE
from services.measures.core.shares import share_cell

INTEREST_DAYS = 365
CAMPAIGNS_MAX = 51
"""The row of all together, and those of the campaigns with the most messages."""


class RelevantOf(NamedTuple):
    """Messages of a campaign."""

    campaign: str
    is_total: bool
    """Of all campaigns together."""
    persons: int
    """Who got those of which it is known what they are about."""
    relevant: int
    messages: int
    """Of which it is known what they are about."""
    unknown: int
    """The others."""


class Relevances(NamedTuple):
    """What the measure is made of."""

    campaigns: Sequence[RelevantOf]


def compute(rows: Relevances, _context: MeasureContext) -> Figures:
    """See the module."""
    total = RelevantOf("", True, 0, 0, 0, 0)
    for one in rows.campaigns:
        total = one if one.is_total else total
    cells = [
        share_cell("campaign", one.campaign, one.persons, one.relevant, one.messages)
        for one in sorted(rows.campaigns)
        if not one.is_total
    ]
    value, interval = share(total.relevant, total.messages)
    counts = {
        "persons": total.persons, "messages": total.messages, "relevant": total.relevant,
        "unknown": total.unknown,
    }  # fmt: skip
    return Figures(total.persons, value, SHARE, interval, counts, cells)


MEASURE = Measure(
    "relevance",
    1,
    "Share of marketing messages about categories that the recipient looked at or bought",
    PERSONS,
    Relevances,
    compute,
    lambda _: {
        "interaction_kinds": ["message", "browsing"],
        "visitors_min": GROUP_MIN,
        "interest_days": INTEREST_DAYS,
        "campaigns_max": CAMPAIGNS_MAX,
    },
)
