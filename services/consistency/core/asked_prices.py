"""What one channel asks at a place over time, by what it publishes; coming windows included.

A `PriceTrack` follows the claims of one place. `merged` lays those of a store, its zone and the
whole channel over each other; `settled` takes away what lasts too short to be meant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from schemas.claim import Claim
from schemas.rules.consistency import Overlap
from services.consistency.core.book import earliest
from services.consistency.core.consumer_prices import AskedPrice, promotion_of
from services.consistency.core.places import Place
from services.consistency.core.windows import Windows, window_of

COMING_MAX = 50
"""How many changes ahead are looked at."""


class AskedSpan(NamedTuple):
    """What is asked from `begin` until before `end`; nothing if `asked` is None."""

    begin: datetime
    end: datetime | None
    """None: no end is known."""
    asked: AskedPrice | None
    claim: Claim | None
    """The first claim that says so."""
    place: Place
    """Where the claim holds: the place itself, its zone, or everywhere."""


class PriceTrack:
    """The prices of one channel for one place, under one set of terms."""

    __slots__ = ("_at", "_claims", "_is_late", "_max_age", "_overlap", "_past", "_read",
                 "_waiting", "_windows", "place")  # fmt: skip

    def __init__(
        self,
        place: Place,
        max_age: timedelta,
        read: Callable[[Claim], AskedPrice],
        overlap: Overlap = Overlap.LATEST,
    ) -> None:
        """A published price that is not repeated is forgotten after `max_age`; `overlap` says which
        of several promotions counts that run at the same time."""
        self._overlap = overlap
        self.place = place
        self._max_age = max_age
        self._read = read
        self._claims: list[Claim] = []
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._windows = Windows(self._overlap)
        self._waiting = list(self._claims)
        self._past: list[AskedSpan] = []
        self._at: datetime | None = None
        self._is_late = False

    def put(self, claim: Claim) -> None:
        """Add a claim of this place and these terms, of any time."""
        self._claims.append(claim)
        self._waiting.append(claim)
        self._is_late |= self._at is not None and claim.occurred_at <= self._at

    @property
    def revision(self) -> int:
        """Changes with every claim."""
        return len(self._claims)

    def known_from(self) -> datetime:
        """When it was published first what is asked here. There must be a claim."""
        return min(claim.occurred_at for claim in self._claims)

    def is_first_offer(self) -> bool:
        """Whether the first price was published before it was valid, so that nothing was asked
        before. A promotion proves nothing: some feeds name nothing else."""
        first = self.known_from()
        return all(
            claim.valid_from is not None
            and claim.valid_from > first
            and not self._read(claim).is_reduction
            for claim in self._claims
            if claim.occurred_at == first
        )

    def spans(self, now: datetime) -> list[AskedSpan]:
        """What was, is and, as far as is known at `now`, will be asked here, in order."""
        self._run(now)
        found = list(self._past)
        bound = self._windows.next_bound(now)
        while bound is not None and len(found) < len(self._past) + COMING_MAX:
            self._append(found, bound, self._windows.at(bound, now))
            bound = self._windows.next_bound(bound)
        return found

    def next_due(self, now: datetime) -> datetime | None:
        """The next time at which something else is known or asked."""
        self._run(now)
        later = (claim.occurred_at for claim in self._waiting)
        return earliest(self._windows.next_change(now), min(later, default=None))

    def _run(self, now: datetime) -> None:
        if self._is_late:
            self._begin_anew()
        self._waiting.sort()
        known = bisect_right(self._waiting, now, key=lambda claim: claim.occurred_at)
        for at, said in groupby(self._waiting[:known], key=lambda claim: claim.occurred_at):
            self._pass(at, is_included=False)
            for claim in said:
                asked = self._read(claim)
                promotion = promotion_of(claim)
                self._windows.add(window_of(claim, asked.price, promotion, self._max_age), at)
            self._note(at)
        del self._waiting[:known]
        self._pass(now, is_included=True)

    def _pass(self, until: datetime, is_included: bool) -> None:
        """Note what changes by time alone."""
        while self._at is not None:
            at = self._windows.next_change(self._at)
            if at is None or at > until or (at == until and not is_included):
                break
            self._note(at)
        if is_included and self._at is not None:
            self._at = max(self._at, until)

    def _note(self, at: datetime) -> None:
        self._at = at
        self._append(self._past, at, self._windows.at(at, at))

    def _append(self, spans: list[AskedSpan], at: datetime, claim: Claim | None) -> None:
        asked = None if claim is None else self._read(claim)
        last = spans[-1] if spans else None
        if last is None or last.asked != asked:
            spans.append(AskedSpan(at, None, asked, claim, self.place))


def merged(place: Place, tracks: Sequence[Sequence[AskedSpan]]) -> list[AskedSpan]:
    """What counts at a place at each time, by its own spans and those of wider places, the nearest
    first."""
    begins = sorted({span.begin for spans in tracks for span in spans})
    positions = [-1] * len(tracks)
    found: list[AskedSpan] = []
    for begin in begins:
        counting = AskedSpan(begin, None, None, None, place)
        for number, spans in enumerate(tracks):
            at = positions[number]
            while at + 1 < len(spans) and spans[at + 1].begin <= begin:
                at += 1
            positions[number] = at
            if counting.asked is None and at >= 0 and spans[at].asked is not None:
                counting = spans[at]._replace(begin=begin)
        if not found or (found[-1].asked, found[-1].place) != (counting.asked, counting.place):
            found.append(counting)
    return found


def settled(spans: Sequence[AskedSpan], least: timedelta) -> list[AskedSpan]:
    """The same with ends, without what lasts no longer than `least`: the gap between 23:59 and
    midnight, a price that was corrected at once. What stood before goes on."""
    found: list[AskedSpan] = []
    for number, span in enumerate(spans):
        end = spans[number + 1].begin if number + 1 < len(spans) else None
        if end is not None and end - span.begin <= least:
            continue
        last = found[-1] if found else None
        if last is not None and (last.asked, last.place) == (span.asked, span.place):
            continue
        if last is not None:
            found[-1] = last._replace(end=span.begin)
        found.append(span)
    return found


def reduced_since(span: AskedSpan, spans: Sequence[AskedSpan], within: timedelta) -> datetime:
    """When the reduction began that `span` announces: with the first of the steps that lead to it
    without a pause and without a higher price after a lower one.

    The steps are those of `spans`, of the channel that sells. A price that is announced as reduced
    `within` so long was reduced from its beginning.
    """
    at = bisect_right(spans, span.begin, key=lambda one: one.begin) - 1
    began, asked = span.begin, span.asked
    while asked is not None and at >= 0:
        former = spans[at]
        if former.asked is None or former.asked.price < asked.price:
            break
        is_late = former.asked.price == asked.price and began - former.begin <= within
        if not former.asked.is_reduction and not is_late:
            break
        began, asked = min(began, former.begin), former.asked
        at -= 1
    return began
