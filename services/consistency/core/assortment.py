"""When a channel has to carry a product, and when it is not seen there. Pure.

What a channel publishes of a product is read as words in the order of time. Those of the list that
others follow say when the product is asked of them; any word of the channel that is asked answers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from schemas.claim import Statement


class ListingWord(StrEnum):
    """What a channel says of a product, as far as an assortment is concerned."""

    AVAILABLE = "available"
    LISTED = "listed"
    """For sale, without a word on stock."""
    UNAVAILABLE = "unavailable"
    """Out of stock, or not yet there."""
    ENDING = "ending"
    """In clearance, or for sale until a named end."""
    WITHDRAWN = "withdrawn"
    SHOWN = "shown"
    """Known to the channel; asks nothing of others."""


class Demand(StrEnum):
    """What a list says of a product at one time."""

    NOTHING = "nothing"
    FOR_SALE = "for_sale"
    UNAVAILABLE = "unavailable"
    GONE = "gone"


class DemandChange(NamedTuple):
    """From `at` on, the list says so, by this event."""

    at: datetime
    demand: Demand
    channel: str
    event_id: str


class AskedFor(NamedTuple):
    """A product is asked of others from `begin` until before `end`; None: as far as is known."""

    begin: datetime
    end: datetime | None
    channel: str
    """The list that asks."""
    event_id: str
    """The event by which it began to."""
    for_sale: tuple[tuple[datetime, datetime | None], ...]
    """When it is available, as far as the list knows."""

    def for_sale_from(self, at: datetime) -> datetime | None:
        """The first time from `at` on at which it is available."""
        for begin, end in self.for_sale:
            if end is None or at < end:
                return max(begin, at)
        return None


class Absence(NamedTuple):
    """The channel that is asked does not show the product, from `since` until before `until`."""

    since: datetime
    until: datetime | None
    last: Statement | None
    """Its latest word before."""


def takes_effect(said: Statement) -> datetime:
    """When what a list says begins to hold."""
    return max(said.occurred_at, said.valid_from or said.occurred_at)


def is_for_all(said: Statement) -> bool:
    """Whether it is said of the whole chain."""
    return not said.location and not said.zone


def turns(words: Iterable[Statement], max_age: timedelta) -> list[DemandChange]:
    """What one list says over time. Without a word that it is for sale, of whatever variant, for
    `max_age`, it says nothing."""
    found: list[DemandChange] = []
    standing: dict[str, bool] = {}
    """The variants that are for sale; whether they are there."""
    latest: datetime | None = None
    """When it was said last that one is there."""

    def note(at: datetime, demand: Demand, said: Statement) -> None:
        if not found or found[-1].demand is not demand:
            found.append(DemandChange(at, demand, said.channel, said.event_id))

    said: Statement | None = None
    for word in sorted(_standing_plans(words), key=lambda one: (takes_effect(one), one)):
        at = takes_effect(word)
        if standing and said and latest and latest + max_age < at:
            note(latest + max_age, Demand.NOTHING, said)
            standing, latest = {}, None
        said = word
        if _apply(standing, word) or (standing and latest is None):
            latest = at
        if standing:
            is_there = any(standing.values())
            note(at, Demand.FOR_SALE if is_there else Demand.UNAVAILABLE, word)
        elif word.value in (ListingWord.WITHDRAWN, ListingWord.ENDING):
            note(at, Demand.GONE, word)
            latest = None
    if standing and said and latest:
        note(latest + max_age, Demand.NOTHING, said)
    return found


def _standing_plans(words: Iterable[Statement]) -> Iterator[Statement]:
    """The words without the plans that were changed before they took effect: put off, or taken
    back by a withdrawal."""
    by_time = sorted(words)
    for place, word in enumerate(by_time, 1):
        effect = takes_effect(word)
        if effect > word.occurred_at:
            end = bisect_right(by_time, effect, key=_at)
            if any(_changes(by_time[later], word, effect) for later in range(place, end)):
                continue
        yield word


def _changes(later: Statement, plan: Statement, effect: datetime) -> bool:
    if later.value == ListingWord.WITHDRAWN:
        return later.terms in ("", plan.terms)
    return later.terms == plan.terms and takes_effect(later) > effect


def _apply(standing: dict[str, bool], word: Statement) -> bool:
    """Take one word of a list; whether it says that something is there. Who has no word on stock
    does not end what is out of stock."""
    variant = word.terms
    is_there = word.value == ListingWord.LISTED and standing.get(variant, True)
    if is_there or word.value == ListingWord.AVAILABLE:
        standing[variant] = True
        return True
    if word.value == ListingWord.UNAVAILABLE:
        standing[variant] = False
    elif word.value in (ListingWord.WITHDRAWN, ListingWord.ENDING):
        standing.pop(variant, None)
        if not variant:
            standing.clear()
    return False


def first_that_speaks(lists: Sequence[Sequence[DemandChange]]) -> Iterator[DemandChange]:
    """What counts over time, of several lists, the best first: the first one that says anything."""
    places = [0] * len(lists)
    for at in sorted({turn.at for one in lists for turn in one}):
        for number, one in enumerate(lists):
            while places[number] < len(one) and one[places[number]].at <= at:
                places[number] += 1
        current = [one[place - 1] for one, place in zip(lists, places, strict=True) if place]
        speaking = [turn for turn in current if turn.demand is not Demand.NOTHING]
        yield (speaking or current)[0]._replace(at=at)


def asked(timeline: Iterable[DemandChange]) -> list[AskedFor]:
    """When the product is asked of others: from the first time at which it is for sale, until its
    list withdraws it, sells it off, or no longer speaks of it."""
    found: list[AskedFor] = []
    for turn in timeline:
        last = found[-1] if found and found[-1].end is None else None
        if turn.demand is Demand.FOR_SALE and last is None:
            times = ((turn.at, None),)
            found.append(AskedFor(turn.at, None, turn.channel, turn.event_id, times))
        elif last is not None:
            found[-1] = _continued(last, turn)
    return found


def _continued(last: AskedFor, turn: DemandChange) -> AskedFor:
    begin, end = last.for_sale[-1]
    if turn.demand is Demand.FOR_SALE:
        is_back = end is not None
        return last._replace(for_sale=(*last.for_sale, (turn.at, None))) if is_back else last
    times = (*last.for_sale[:-1], (begin, turn.at if end is None else end))
    is_over = turn.demand is not Demand.UNAVAILABLE
    return last._replace(for_sale=times, end=turn.at if is_over else None)


def absences(one: AskedFor, words: Sequence[Statement], max_age: timedelta) -> Iterator[Absence]:
    """When the channel that is asked, with these words in the order of time, does not show it.

    A word counts for `max_age`, one that withdraws until the next. A product that is asked for
    again after it was withdrawn has to be listed again.
    """
    place = bisect_right(words, one.begin, key=_at)
    last = words[place - 1] if place else None
    seen_until: datetime | None = one.begin
    if last is not None and not withdraws(last):
        seen_until = _seen_until(words, place - 1, max_age)
    while seen_until is not None and (one.end is None or seen_until < one.end):
        since = max(one.begin, seen_until)
        place = bisect_right(words, since, key=_at)
        following = words[place].occurred_at if place < len(words) else None
        is_shown = following is not None and (one.end is None or following < one.end)
        yield Absence(
            since, following if is_shown else one.end, words[place - 1] if place else None
        )
        if not is_shown:
            return
        seen_until = _seen_until(words, place, max_age)


def _seen_until(words: Sequence[Statement], place: int, max_age: timedelta) -> datetime | None:
    """How long this word and those that follow without a gap count, None for ever; leaps over
    repetitions."""
    while True:
        if withdraws(words[place]):
            if place + 1 == len(words):
                return None
            place += 1
            continue
        end = words[place].occurred_at + max_age
        further = bisect_right(words, end, key=_at) - 1
        if further == place:
            return end
        place = further


def _at(said: Statement) -> datetime:
    return said.occurred_at


def withdraws(said: Statement) -> bool:
    """Whether the channel no longer has the product at all."""
    return said.value == ListingWord.WITHDRAWN and is_for_all(said) and not said.terms
