"""What observations leave unsaid, as what is published says it: a receipt line names no pack.

An observation is about what its own channel publishes for its place, else about what others publish
there, if exactly one thing that is published fits what it says. Only claims known at the time of
the observation count, so the answer depends on the set of claims alone, not on their order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

from schemas.claim import Claim
from schemas.rules.consistency import KindRules
from services.consistency.core.places import EVERYWHERE, STORE_RANK, ZONE_RANK, Place, place_of

ClaimKey = tuple[str, int]
Speaker = tuple[str, Place]
"""A channel, and the place for which it says something."""


class TermsReading(Protocol):
    """How a kind reads terms that an observation may leave unsaid. Pure."""

    @property
    def rules(self) -> KindRules:
        """The rules it applies."""
        ...

    def terms(self, claim: Any) -> Hashable | None:
        """What two claims must share to be compared; None if this one is never compared."""
        ...

    def subject_terms(self, claim: Any) -> Hashable | None:
        """The same, also for an offer that is never compared; None if it is not the retailer's."""
        ...

    def tells(self, claim: Any) -> bool:
        """Whether a published claim says more than observations do, or is never compared."""
        ...

    def fits(self, observed: Any, published: Any) -> bool:
        """Whether an observation on these terms may be about what is published on those."""
        ...

    def value(self, claim: Any) -> Any:
        """The value that is compared."""
        ...


class Coverage:
    """Times at which something is published: the union of intervals that are added in any order."""

    __slots__ = ("_begins", "_reach")

    def __init__(self) -> None:
        self._begins: list[datetime] = []
        self._reach: list[datetime] = []
        """The latest end of the intervals up to this one."""

    def add(self, begin: datetime, end: datetime) -> None:
        """Add the interval from `begin` until before `end`."""
        at = bisect_right(self._begins, begin)
        self._begins.insert(at, begin)
        self._reach.insert(at, max(end, self._reach[at - 1]) if at else end)
        for later in range(at + 1, len(self._reach)):
            if self._reach[later] >= end:
                break
            self._reach[later] = end

    def holds(self, now: datetime) -> bool:
        """Whether any interval contains `now`."""
        at = bisect_right(self._begins, now)
        return at > 0 and now < self._reach[at - 1]


class Publications:
    """What the channels of one book publish, by channel and place. Empty until one of them says
    more than observations do; most books never need it."""

    def __init__(self, reading: TermsReading) -> None:
        self._reading = reading
        self._claims: dict[ClaimKey, Claim] = {}
        self._clear()

    def _clear(self) -> None:
        self._compared: dict[Speaker, dict[Hashable, Coverage]] = defaultdict(dict)
        self._listed: dict[Speaker, list[Claim]] = defaultdict(list)
        self._others: dict[Speaker, list[Claim]] = defaultdict(list)
        """Published for a kind of sale that is never compared."""
        self._channels: dict[str, None] = {}

    def needs(self, claim: Claim) -> bool:
        """Whether a published claim has to be added: once one of them tells more, all have."""
        return bool(self._claims) or self._reading.tells(claim)

    @property
    def is_empty(self) -> bool:
        """Whether observations are what they say."""
        return not self._claims

    def add(self, claims: Iterable[Claim]) -> None:
        """Add published claims; their times are in UTC."""
        for claim in claims:
            self._claims[claim.event_id, claim.ordinal] = claim
            self._note(claim)

    def remove(self, key: ClaimKey) -> Claim | None:
        """Take a claim back; returns it if it was here."""
        claim = self._claims.pop(key, None)
        if claim is not None:
            self._clear()
            for other in self._claims.values():
                self._note(other)
        return claim

    def _note(self, claim: Claim) -> None:
        speaker = (claim.channel, place_of(claim))
        terms = self._reading.terms(claim)
        if terms is None:
            if self._reading.subject_terms(claim) is not None:
                self._others[speaker].append(claim)
            return
        self._channels[claim.channel] = None
        self._listed[speaker].append(claim)
        begin, end = self._bounds(claim)
        self._compared[speaker].setdefault(terms, Coverage()).add(begin, end)

    def _bounds(self, claim: Claim) -> tuple[datetime, datetime]:
        """From when it is known and valid, and until when."""
        begin = max(claim.valid_from or claim.occurred_at, claim.occurred_at)
        forgotten_at = begin + self._reading.rules.published_max_age
        return begin, min(claim.valid_to or forgotten_at, forgotten_at)

    def terms(self, claim: Claim, own: Hashable) -> Hashable | None:
        """The terms of an observation that says `own`: those of the one thing published that fits.

        None if several fit and it names none of them, or if it is what the channel itself publishes
        for a kind of sale that is never compared: then there is nothing to compare it with. What
        fits nothing stays on its own terms.
        """
        if self.is_other_sale(claim, own):
            return None
        places = list(self._places(claim))
        apart = {claim.channel, *self._reading.rules.apart_from(claim.channel)}
        others = [channel for channel in self._channels if channel not in apart]
        for channels in ([claim.channel], others):
            found: set[Hashable] = set()
            for channel in channels:
                found |= self._nearest(claim.occurred_at, own, channel, places)
            if found:
                return own if own in found else found.pop() if len(found) == 1 else None
        return own

    def is_other_sale(self, claim: Claim, own: Hashable) -> bool:
        """Whether it is what its channel publishes for a kind of sale that is never compared."""
        return bool(self._others) and any(
            self._is_other(claim, own, (claim.channel, place)) for place in self._places(claim)
        )

    def _places(self, claim: Claim) -> Iterator[Place]:
        """Where a claim may find what it is about, the nearest first."""
        place, rules = place_of(claim), self._reading.rules
        yield place
        zone = rules.zone_of.get(place.name) if place.rank == STORE_RANK else None
        if zone:
            yield Place(ZONE_RANK, zone)
        if place != EVERYWHERE and not rules.locations_may_differ:
            yield EVERYWHERE

    def _nearest(
        self, now: datetime, own: Hashable, channel: str, places: list[Place]
    ) -> set[Hashable]:
        """The fitting terms on which a channel publishes, at the nearest place that has any."""
        for place in places:
            terms = self._compared.get((channel, place), {})
            found = {one for one, at in terms.items() if at.holds(now) and self._fits(own, one)}
            if found:
                return found
        return set()

    def _fits(self, own: Hashable, published: Hashable) -> bool:
        return own == published or self._reading.fits(own, published)

    def _is_other(self, claim: Claim, own: Hashable, speaker: Speaker) -> bool:
        """Whether the speaker offers the same value for a kind of sale that is never compared."""
        value_of, now = self._reading.value, claim.occurred_at
        return any(
            value_of(one) == value_of(claim)
            and self._fits(own, self._reading.subject_terms(one))
            and begin <= now < end
            and not self._is_replaced(one, now, speaker)
            for one in self._others.get(speaker, ())
            for begin, end in [self._bounds(one)]
        )

    def _is_replaced(self, other: Claim, now: datetime, speaker: Speaker) -> bool:
        """Whether a newer price for the same thing took its place: it names no end itself."""
        if other.valid_to is not None:
            return False
        since = (other.valid_from or other.occurred_at, other.occurred_at)
        terms = self._reading.subject_terms(other)
        return any(
            (one.valid_from or one.occurred_at, one.occurred_at) > since
            and begin <= now < end
            and self._reading.terms(one) == terms
            for one in self._listed.get(speaker, ())
            for begin, end in [self._bounds(one)]
        )
