"""Dialogue: the share of conversations with a bot that it brings to an end by itself.

No person comes in, and the customer makes no new contact until 24 hours after the end: one who
comes back was not helped. Beside it the hand-overs and how long these take, what customers want,
contacts outside the service hours, and those that the retailer begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SECONDS, SHARE, Cell
from services.measures.core.service_clock import clocks, has_hours
from services.measures.core.shares import TOGETHER, parted, share_cell
from services.measures.core.waiting import MEDIAN, NINE_OF_TEN, EqualWaits, waited_at_most

INTENTS_MAX = 30
COUNTED = ("persons", "contained", "came_back", "handed_over", "lost", "open")


class TalkedOn(NamedTuple):
    """Conversations with a bot on a channel, by how they ended."""

    channel: str
    """Empty for all channels."""
    persons: int
    """Of conversations that are not open."""
    contained: int
    came_back: int
    """No person came in, but the customer made a new contact."""
    handed_over: int
    lost: int
    """Of those handed over: the customer said nothing more."""
    open: int
    """The customer may still come back."""
    with_hand_over: int
    """Persons who were handed over."""
    served: int
    """Persons to whom somebody came after the bot had said so."""


class HandOverWait(NamedTuple):
    """Hand-overs after which customers waited equally long for a person."""

    waited_s: int
    is_over: bool
    conversations: int


class Intent(NamedTuple):
    """Conversations about the same."""

    intent: str
    persons: int
    conversations: int
    contained: int
    judged: int
    """Those with a bot that are not open."""
    with_judged: int
    """Persons who had one of these."""


class Begun(NamedTuple):
    """Contacts of all kinds, by who began them."""

    persons: int
    askers: int
    """Persons who began one."""
    contacts: int
    ours: int
    """Begun by the retailer."""
    out_of_hours: int
    """Begun by the customer when nobody was there."""


class Dialogues(NamedTuple):
    """What the measure is made of."""

    conversations: Sequence[TalkedOn]
    waits: Sequence[HandOverWait]
    intents: Sequence[Intent]
    begun: Sequence[Begun]


def compute(rows: Dialogues, context: MeasureContext) -> Figures:
    """See the module."""
    total, single = parted(rows.conversations, TalkedOn(TOGETHER, *[0] * 8))
    value, interval = share(total.contained, _ended(total))
    counts = {name: count for name, count in total._asdict().items() if name in COUNTED}
    cells = [
        share_cell("channel", one.channel, one.persons, one.contained, _ended(one))
        for one in single
    ]
    cells += _figures(total, rows.begun, has_hours=has_hours(context))
    cells += _waits(rows.waits, total.served)
    cells += _intents(rows.intents)
    return Figures(total.persons, value, SHARE, interval, counts, cells)


def _figures(total: TalkedOn, begun: Sequence[Begun], *, has_hours: bool) -> Iterator[Cell]:
    """What stands beside the value."""
    handed, ended = total.handed_over, _ended(total)
    yield share_cell("figure", "handover_rate", total.persons, handed, ended)
    yield share_cell("figure", "lost_at_handover", total.with_hand_over, total.lost, handed)
    for one in begun:
        yield share_cell("figure", "proactive", one.persons, one.ours, one.contacts)
        if has_hours:
            theirs = one.contacts - one.ours
            yield share_cell("figure", "out_of_hours", one.askers, one.out_of_hours, theirs)


def _ended(one: TalkedOn) -> int:
    """Conversations of which it is known how they ended."""
    return one.contained + one.came_back + one.handed_over


def _waits(rows: Sequence[HandOverWait], persons: int) -> Iterator[Cell]:
    """From the hand-over to the first message of a person."""
    waits = [EqualWaits(*one) for one in rows]
    for key, part in (("median", MEDIAN), ("nine_of_ten", NINE_OF_TEN)):
        value = waited_at_most(part, waits)
        yield Cell(by="handover_wait", key=key, n=persons, value=value, unit=SECONDS)


def _intents(rows: Sequence[Intent]) -> Iterator[Cell]:
    """Which part of the conversations with an intent has this one, and how many are contained."""
    every = sum(one.conversations for one in rows)
    for one in sorted(rows):
        yield share_cell("intent", one.intent, one.persons, one.conversations, every)
    for one in sorted(rows):
        yield share_cell("contained", one.intent, one.with_judged, one.contained, one.judged)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    kinds = {"interaction_kinds": ["case", "dialogue"], "intents_max": INTENTS_MAX}
    return {**clocks(context), **kinds}


MEASURE = Measure(
    "dialogue",
    1,
    "Share of conversations with a bot that need no person and no second contact",
    PERSONS,
    Dialogues,
    compute,
    parameters,
)
