"""Folds the claims of one book that share their terms, in time order, into episodes.

All claims and bounds of one instant count together; then every place touched is judged once.
Where the fold stops on the way changes nothing, so going on equals starting from scratch.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from schemas.claim import Claim
from schemas.offer import Basis
from schemas.rules.consistency import ConsistencyRules
from services.consistency.core.episodes import Deviations, Episode
from services.consistency.core.expected_price import ExpectedPriceHistory, Move
from services.consistency.core.prices import (
    EVERYWHERE,
    STORE_RANK,
    ZONE_RANK,
    Expected,
    Place,
    expected_at,
    is_promotion,
    place_of,
    right_price,
)
from services.consistency.core.windows import Windows, window_of

FORESEEN_INSTANTS_MAX = 200


class ChannelState:
    """One channel at one place: its published prices, its latest observation, its deviations."""

    __slots__ = (
        "channel", "life", "move", "next_bound", "place", "published", "sighting", "timer",
        "windows",
    )  # fmt: skip

    def __init__(self, channel: str, place: Place) -> None:
        self.channel = channel
        self.place = place
        self.windows = Windows()
        self.published: Claim | None = None
        self.move: Move | None = None
        """When the published price last changed."""
        self.next_bound: datetime | None = None
        """When the published price may change by time alone."""
        self.sighting: Claim | None = None
        """The latest displayed or charged price."""
        self.timer: datetime | None = None
        """The earliest time queued for this cell."""
        self.life = Deviations(channel)

    def refresh(self, now: datetime, frozen_at: datetime | None) -> bool:
        """Find the published price that counts at `now`; True if it says something else."""
        old = self.published
        new = self.published = self.windows.at(now, frozen_at or now)
        if new and (old is None or old.price != new.price):
            self.move = Move(now, bool(old and is_promotion(old) and not is_promotion(new)))
        self.next_bound = self.windows.next_change(now, forgets=frozen_at is None)
        return not (old and new and _says_the_same(old, new))

    def sees(self, claim: Claim, now: datetime, rules: ConsistencyRules) -> bool:
        """Take in an observation; True if the channel's vote may have changed by it."""
        old, self.sighting = self.sighting, claim
        if self.published is not None:
            return False
        return old is None or old.price != claim.price or old.occurred_at + rules.max_age <= now

    def copy(self) -> ChannelState:
        """An independent copy."""
        twin = ChannelState(self.channel, self.place)
        twin.windows, twin.life = self.windows.copy(), self.life.copy()
        twin.published, twin.move, twin.sighting = self.published, self.move, self.sighting
        return twin


class PlaceState:
    """One place: its channels and the price expected there."""

    __slots__ = ("cells", "place", "standard", "zone")

    def __init__(self, place: Place, rules: ConsistencyRules) -> None:
        self.place = place
        self.cells: dict[str, ChannelState] = {}
        self.standard = ExpectedPriceHistory()
        zone = rules.zone_of.get(place.name) if place.rank == STORE_RANK else None
        self.zone = Place(ZONE_RANK, zone) if zone else None


class TimelineFold:
    """The state after all claims and due times up to the latest `run`."""

    def __init__(self, rules: ConsistencyRules, frozen_at: datetime | None = None) -> None:
        self._rules = rules
        self._sites: dict[Place, PlaceState] = {}
        self._timers: list[tuple[datetime, int, ChannelState]] = []
        self._timers_set = 0
        self._frozen_at = frozen_at
        """In a look ahead: the time at which ages are measured, for nothing ages by foresight."""

    def run(self, claims: Sequence[Claim], until: datetime) -> None:
        """Go on with `claims` (sorted, later than all before) and all that is due by `until`."""
        for now, group in groupby(claims, key=lambda claim: claim.occurred_at):
            while self._timers and self._timers[0][0] < now:
                self._instant(self._timers[0][0], ())
            self._instant(now, group)
        while self._timers and self._timers[0][0] <= until:
            self._instant(self._timers[0][0], ())

    def next_due(self, now: datetime) -> datetime | None:
        """The next time after `now` at which time alone may change something."""
        dues = (self._due(cell, now) for cell in self._cells())
        return min((due for due in dues if due is not None), default=None)

    def episodes(self) -> Iterator[tuple[Place, str, Episode]]:
        """All episodes with their place and channel."""
        for cell in self._cells():
            for episode in cell.life.past:
                yield cell.place, cell.channel, episode
            if cell.life.current and cell.life.current.reviving is None:
                yield cell.place, cell.channel, cell.life.current

    def foreseen(self, now: datetime) -> Iterator[tuple[Place, str, Episode]]:
        """Episodes that begin after `now` and will open, by the windows known at `now`."""
        if all(cell.windows.next_change(now, forgets=False) is None for cell in self._cells()):
            return
        future = self._frozen(now)
        for _ in range(FORESEEN_INSTANTS_MAX):
            if not future._timers:
                break
            future._instant(future._timers[0][0], ())
        for place, channel, episode in future.episodes():
            if episode.since > now and episode.opened_at:
                yield place, channel, episode

    def _frozen(self, now: datetime) -> TimelineFold:
        """A copy to look ahead with."""
        twin = TimelineFold(self._rules, frozen_at=now)
        for site in self._sites.values():
            copied = twin._sites[site.place] = PlaceState(site.place, self._rules)
            copied.standard = site.standard.copy()
            for cell in site.cells.values():
                copied.cells[cell.channel] = twin._freeze(cell.copy(), now)
        return twin

    def _freeze(self, cell: ChannelState, now: datetime) -> ChannelState:
        cell.next_bound = cell.windows.next_change(now, forgets=False)
        if cell.published:
            # It votes by its published price now; its observations are for today, not for then.
            cell.sighting = None
        self._arm(cell, now)
        return cell

    def _cells(self) -> Iterator[ChannelState]:
        for site in self._sites.values():
            yield from site.cells.values()

    def _instant(self, now: datetime, claims: Iterable[Claim]) -> None:
        """Everything that happens at `now`."""
        touched: dict[Place, PlaceState] = {}
        if self._timers and self._timers[0][0] <= now:
            self._ring(now, touched)
        published: dict[ChannelState, PlaceState] = {}
        observed: list[tuple[PlaceState, ChannelState, Claim]] = []
        for claim in claims:
            site, cell = self._home(claim)
            if claim.basis is Basis.PUBLISHED:
                cell.windows.add(window_of(claim, self._rules.published_max_age), now)
                published[cell] = site
            else:
                observed.append((site, cell, claim))
                if cell.sees(claim, now, self._rules):
                    touched[site.place] = site
        for cell, site in published.items():
            if cell.refresh(now, self._frozen_at):
                touched[site.place] = site
            self._arm(cell, now)
        if touched:
            self._settle(touched, now)
        for site, cell, claim in observed:
            self._witness(site, cell, claim, now)

    def _ring(self, now: datetime, touched: dict[Place, PlaceState]) -> None:
        """Take the timers that are up. One whose cell was prolonged meanwhile is set anew."""
        while self._timers and self._timers[0][0] <= now:
            at, _, cell = heapq.heappop(self._timers)
            if cell.timer != at:
                continue
            cell.timer = None
            due = self._due(cell, None)
            if due is not None and due <= now:
                touched[cell.place] = self._sites[cell.place]
            else:
                self._arm(cell, now)

    def _home(self, claim: Claim) -> tuple[PlaceState, ChannelState]:
        place = place_of(claim)
        site = self._sites.get(place)
        if site is None:
            site = self._sites[place] = self._opened(place)
        cell = site.cells.get(claim.channel)
        if cell is None:
            cell = site.cells[claim.channel] = ChannelState(claim.channel, place)
        return site, cell

    def _opened(self, place: Place) -> PlaceState:
        """A place nobody spoke of before: what it follows was right there all the time."""
        site = PlaceState(place, self._rules)
        common = None if self._rules.locations_may_differ else self._sites.get(EVERYWHERE)
        zone = self._sites.get(site.zone) if site.zone else None
        followed = common if common and common.standard.expected else zone
        if followed:
            site.standard = followed.standard.copy()
        return site

    def _settle(self, touched: dict[Place, PlaceState], now: datetime) -> None:
        """Bring every touched place, and those that depend on one, up to `now`."""
        for site in touched.values():
            for cell in site.cells.values():
                if cell.next_bound is not None and cell.next_bound <= now:
                    cell.refresh(now, self._frozen_at)
        for site in self._dependent(touched):
            site.standard.update(self._expected(site, now), now)
            for cell in site.cells.values():
                cell.life.weigh(cell.published, cell.move, site.standard, now, self._rules)
                self._arm(cell, now)

    def _dependent(self, touched: dict[Place, PlaceState]) -> list[PlaceState]:
        """The touched places and those that follow them, what is followed first."""
        if EVERYWHERE in touched and not self._rules.locations_may_differ:
            sites: Iterable[PlaceState] = self._sites.values()
        elif any(place.rank == ZONE_RANK for place in touched):
            sites = [s for s in self._sites.values() if s.place in touched or s.zone in touched]
        else:
            sites = touched.values()
        return sorted(sites, key=lambda site: site.place)

    def _expected(self, site: PlaceState, now: datetime) -> Expected | None:
        """The price that is right at a place now."""
        if not self._rules.locations_may_differ and site.place != EVERYWHERE:
            common = self._sites.get(EVERYWHERE)
            if common and common.standard.expected:
                return common.standard.expected
        for channel in self._rules.reference_channels:
            claim = self._published(site, channel)
            if claim:
                return expected_at(claim.price, (claim,))
        votes = self._votes(site, now)
        if len(votes) == 1 and votes[0].basis is not Basis.PUBLISHED:
            return None  # A channel alone is measured by its own published price only.
        return right_price(votes, self._rules)

    def _votes(self, site: PlaceState, now: datetime) -> list[Claim]:
        """One claim a channel: what it publishes, else what was last seen there."""
        channels = set(site.cells)
        zone = self._sites.get(site.zone) if site.zone else None
        if zone:
            channels.update(zone.cells)
        claims = (self._vote(site, channel, now) for channel in sorted(channels))
        return [claim for claim in claims if claim is not None]

    def _vote(self, site: PlaceState, channel: str, now: datetime) -> Claim | None:
        published = self._published(site, channel)
        if published:
            return published
        cell = site.cells.get(channel)
        seen = cell.sighting if cell else None
        if seen and seen.occurred_at + self._rules.max_age > (self._frozen_at or now):
            return seen
        return None

    def _publisher(self, site: PlaceState, channel: str) -> ChannelState | None:
        """The cell whose published price counts for the channel here: its own, or its zone's."""
        cell = site.cells.get(channel)
        if (cell is None or cell.published is None) and site.zone:
            zone = self._sites.get(site.zone)
            return (zone.cells.get(channel) if zone else None) or cell
        return cell

    def _published(self, site: PlaceState, channel: str) -> Claim | None:
        cell = self._publisher(site, channel)
        return cell.published if cell else None

    def _witness(self, site: PlaceState, cell: ChannelState, claim: Claim, now: datetime) -> None:
        """Judge an observation by what is right at its own moment."""
        expected, current = site.standard.expected, cell.life.current
        if current is None and (expected is None or expected.price == claim.price):
            return
        publisher = self._publisher(site, claim.channel) or cell
        published = publisher.published if publisher is not cell else None
        if published and published.price == claim.price and current is None:
            return  # The store does what its zone publishes; any fault is the zone's.
        cell.life.witness(claim, publisher.move, site.standard, now, self._rules)

    def _due(self, cell: ChannelState, after: datetime | None) -> datetime | None:
        """The earliest time (after `after`) at which the cell may change by time alone."""
        dues = [cell.next_bound, cell.life.due_at]
        if cell.published is None and cell.sighting and self._frozen_at is None:
            dues.append(cell.sighting.occurred_at + self._rules.max_age)
        times = [due for due in dues if due is not None and (after is None or due > after)]
        return min(times, default=None)

    def _arm(self, cell: ChannelState, now: datetime) -> None:
        """Queue the cell for its next due time, unless it is queued early enough."""
        due = self._due(cell, now)
        if due is not None and (cell.timer is None or due < cell.timer):
            cell.timer = due
            self._timers_set += 1
            heapq.heappush(self._timers, (due, self._timers_set, cell))


def _says_the_same(old: Claim, new: Claim) -> bool:
    """Whether a claim only repeats another one."""
    return old.price == new.price and (old.promotion, old.sale_kind) == (
        new.promotion,
        new.sale_kind,
    )
