"""Attribution: which channels led to orders, by six models that answer it differently.

The value is the share of orders to which a touchpoint of the 30 days before led. Each model credits
every order exactly once: to the first or last channel, equally, by position (40 % each to the first
and the last), by time (half for every 7 days), or by what would be lost without the channel in a
Markov chain of all journeys (Anderl et al., IJRM 33(3), 2016). No model shows an effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.touchpoint import EVENT_TYPES
from services.measures.core.chains import removal_shares
from services.measures.core.intervals import share
from services.measures.core.measure import VALUE, Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import PURCHASES, SHARE, Cell

WINDOW_DAYS, GAP_DAYS, HALF_LIFE_DAYS = 30, 30, 7
MILLION = 1_000_000
LINEAR, MARKOV, NOTHING = "linear", "markov", "none"
LEADING = sorted(
    {name for name, one in EVENT_TYPES.items() if one.acts and one.phase.value == "pre_purchase"}
    | {"campaign.reached", "quote.sent", "support.contacted"}
)
"""Types of touchpoints that may lead to an order."""


class CreditedChannel(NamedTuple):
    """What one model credits to one channel."""

    model: str
    """Empty for all models and channels together, as each person counts once there."""
    channel: str
    """Empty for orders to which nothing led."""
    persons: int
    millionths: int
    """Of orders."""


class ChannelSteps(NamedTuple):
    """How often journeys went from one station to the next."""

    from_channel: str
    """Empty for the beginning."""
    to_channel: str
    """`order` and `nothing` are ends."""
    many: int


class Attributions(NamedTuple):
    """What the measure is made of."""

    credits: Sequence[CreditedChannel]
    steps: Sequence[ChannelSteps]


def compute(rows: Attributions, _context: MeasureContext) -> Figures:
    """See the module."""
    first = [one for one in rows.credits if one.model == "first"]
    orders = sum(one.millionths for one in first) // MILLION
    led = sum(one.millionths for one in first if one.channel) // MILLION
    persons = sum(one.persons for one in rows.credits if not one.model)
    value, interval = share(led, orders)
    cells = [
        Cell(
            by=one.model, key=one.channel or NOTHING, n=one.persons,
            value=one.millionths / MILLION, unit=PURCHASES,
        )
        for one in sorted(rows.credits)
        if one.model
    ]  # fmt: skip
    cells += _markov(rows, led)
    counts = {"orders": orders, "led": led}
    betrayals = [Betrayal(name, NOTHING) for name in (*counts, VALUE)]
    return Figures(persons, value, SHARE, interval, counts, cells, betrayals=betrayals)


def _markov(rows: Attributions, led: int) -> Iterator[Cell]:
    """Orders to which something led, by what each channel contributes to them."""
    persons = {one.channel: one.persons for one in rows.credits if one.model == LINEAR}
    steps = {(one.from_channel, one.to_channel): one.many for one in rows.steps}
    for channel, millionths in removal_shares(steps, led * MILLION).items():
        yield Cell(
            by=MARKOV, key=channel, n=persons.get(channel, 0), value=millionths / MILLION,
            unit=PURCHASES,
        )  # fmt: skip


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {
        "interaction_kinds": [],
        "touch_types": LEADING,
        "window_days": WINDOW_DAYS,
        "gap_days": GAP_DAYS,
        "half_life_days": HALF_LIFE_DAYS,
    }


MEASURE = Measure(
    "attribution",
    1,
    "Which channels led to orders",
    PERSONS,
    Attributions,
    compute,
    parameters,
)
