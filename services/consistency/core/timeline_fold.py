"""Folds the claims of one book that share their terms, in time order, into episodes.

All claims and window bounds of one instant are applied together; then every affected place is
judged once. The result does not depend on where the fold pauses: resuming equals starting over.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from itertools import chain, count, groupby
from operator import attrgetter

from schemas.claim import Claim
from schemas.offer import CHARGED, PUBLISHED
from schemas.rules.consistency import Apart
from services.consistency.core.advertised import Around, Breaches, Speaker
from services.consistency.core.episodes import Episode
from services.consistency.core.evidence import never
from services.consistency.core.expectation import (
    Comparison,
    ExpectationHistory,
    Expected,
    expected_at,
    expected_of,
    outdated_at,
)
from services.consistency.core.place_states import ChannelState, PlaceState, earliest_after
from services.consistency.core.places import (
    EVERYWHERE,
    ZONE_RANK,
    Place,
    place_of,
)
from services.consistency.core.windows import ClaimWindow, window_of

FORESEEN_INSTANTS_MAX = 200
OCCURRED_AT = attrgetter("occurred_at")


class TimelineFold:
    """The state after all claims and due times up to the latest `run`."""

    def __init__(self, comparison: Comparison, frozen_at: datetime | None = None) -> None:
        self._comparison = comparison
        self._rules = comparison.rules
        self._aparts = comparison.rules.aparts
        self._are_apart = comparison.rules.locations_may_differ
        self._max_age = comparison.rules.max_age
        self._nothing = ExpectationHistory(comparison)
        """What is expected before anything was said."""
        self.places: dict[Place, PlaceState] = {}
        self._timers: list[tuple[datetime, int, ChannelState]] = []
        self._timers_set = count()
        self._suspects: dict[ChannelState, PlaceState] = {}
        """Channels with a deviation that rests on observations; some may have lost it since."""
        self.breaches = Breaches(comparison)
        """What was charged above an advertisement; another kind tells of it."""
        self._advertisers: set[str] = set()
        """The channels with claims here that cannot be corrected."""
        self._frozen_at = frozen_at
        """When looking ahead: the time at which ages are measured; claims do not age then."""

    def run(self, claims: Sequence[Claim], until: datetime) -> None:
        """Continue with `claims` (sorted, later than all before) and everything due by `until`."""
        for now, group in groupby(claims, key=OCCURRED_AT):
            while self._timers and self._timers[0][0] < now:
                self._instant(self._timers[0][0], ())
            self._instant(now, group)
        while self._timers and self._timers[0][0] <= until:
            self._instant(self._timers[0][0], ())

    def next_due(self, now: datetime) -> datetime | None:
        """The next time after `now` at which something may change without new claims."""
        dues = ((self._due(s, now), s.deviations.held_until) for s in self._channel_states())
        return earliest_after(now, *chain.from_iterable(dues))

    def episodes(self) -> Iterator[tuple[Place, str, Episode]]:
        """All episodes with their place and channel."""
        for state in self._channel_states():
            for episode in state.deviations.past:
                yield state.place, state.channel, episode
            if state.deviations.current and state.deviations.current.reopens is None:
                yield state.place, state.channel, state.deviations.current

    def foreseen(self, now: datetime) -> Iterator[tuple[Place, str, Episode]]:
        """Episodes that begin after `now` and will open, by the windows known at `now`."""
        if all(state.windows.next_bound(now) is None for state in self._channel_states()):
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
        twin = TimelineFold(self._comparison, frozen_at=now)
        for place_state in self.places.values():
            copied = twin.places[place_state.place] = place_state.copy(self._comparison)
            for state in place_state.channels.values():
                copied.channels[state.channel] = twin._freeze(state.copy(), now)
        twin.breaches, twin._advertisers = self.breaches.copy(), self._advertisers
        return twin

    def _freeze(self, state: ChannelState, now: datetime) -> ChannelState:
        state.find_next_bound(now, now)
        self._arm(state, self._due(state))
        return state

    def _channel_states(self) -> Iterator[ChannelState]:
        for place_state in self.places.values():
            yield from place_state.channels.values()

    def _instant(self, now: datetime, claims: Iterable[Claim]) -> None:
        """Process everything that happens at `now`."""
        touched: dict[Place, PlaceState] = {}
        self._take_timers(now, touched)
        published: dict[ChannelState, PlaceState] = {}
        observed: list[tuple[PlaceState, ChannelState, Claim]] = []
        for claim in claims:
            place_state, state = self._state_of(claim)
            if claim.basis is PUBLISHED:
                state.windows.add(self._window(claim), now)
                published[state] = place_state
            else:
                observed.append((place_state, state, claim))
                if state.observe(claim, now):
                    touched[place_state.place] = place_state
        for state, place_state in published.items():
            if state.refresh(now):
                touched[place_state.place] = place_state
            self._arm(state, self._due(state, now))
        if touched:
            self._settle(touched, now)
        if self.breaches.current and (touched or published):
            self.breaches.review(self._around, now)
            self._judge_again(self.breaches.take_changed(), now)
        if self._suspects and (touched or published):
            self._overtake_observed(now)
        for place_state, state, claim in observed:
            self._judge_observed(place_state, state, claim, now)

    def _window(self, claim: Claim) -> ClaimWindow:
        comparison = self._comparison
        promotion, max_age = comparison.promotion(claim), self._rules.published_max_age
        return window_of(claim, comparison.value(claim), promotion, max_age)

    def _take_timers(self, now: datetime, touched: dict[Place, PlaceState]) -> None:
        """Take the timers that are due. One whose channel was prolonged meanwhile is set again."""
        while self._timers and self._timers[0][0] <= now:
            at, _, state = heapq.heappop(self._timers)
            if state.timer != at:
                continue
            state.timer = None
            state.deviations.expire(now)
            due = self._due(state)
            if due is not None and due <= now:
                touched[state.place] = self.places[state.place]
            else:
                self._arm(state, due)

    def _state_of(self, claim: Claim) -> tuple[PlaceState, ChannelState]:
        place = place_of(claim)
        place_state = self.places.get(place)
        if place_state is None:
            place_state = self.places[place] = self._new_place(place)
        state = place_state.channels.get(claim.channel)
        if state is None:
            state = place_state.channels[claim.channel] = ChannelState(
                claim.channel, place, self._comparison
            )
            if claim.channel in self._rules.max_age_without_end:
                self._advertisers.add(claim.channel)
        return place_state, state

    def _new_place(self, place: Place) -> PlaceState:
        """A place without claims so far: what it follows was right there all the time."""
        place_state = PlaceState(place, self._comparison)
        for apart in self._aparts:
            if place == EVERYWHERE:
                place_state.own[apart] = ExpectationHistory(self._comparison)
            elif self._are_apart:
                place_state.own[apart] = self._followed(place_state, apart).copy()
        return place_state

    def _followed(self, place_state: PlaceState, apart: Apart) -> ExpectationHistory:
        """What is expected at the nearest wider place with claims."""
        for place in place_state.wider:
            wider = self.places.get(place)
            if wider is not None:
                return wider.offered.get(apart) or self.history_at(wider, apart)
        return self._nothing

    def history_at(self, place_state: PlaceState, apart: Apart) -> ExpectationHistory:
        """What is expected at a place of a channel."""
        return place_state.own.get(apart) or self._followed(place_state, apart)

    def _settle(self, touched: dict[Place, PlaceState], now: datetime) -> None:
        """Bring every affected place, and those that depend on one, up to `now`."""
        for place_state in touched.values():
            for state in place_state.channels.values():
                if state.next_bound is not None and state.next_bound <= now:
                    state.refresh(now, self._frozen_at)
        for place_state in self._dependent(touched):
            for apart in self._aparts:
                self._update(place_state, apart, now)
            for state in place_state.channels.values():
                self._judge_published(place_state, state, now)

    def _judge_published(self, place_state: PlaceState, state: ChannelState, now: datetime) -> None:
        """Judge what a channel publishes for a place, unless another kind tells of it."""
        said = state.published
        if said is None and state.deviations.current is None:
            state.excused = False  # it says nothing, and nothing of it deviates
        elif self.breaches.current and said and self._tells(state, said):
            state.excused = True
            state.deviations.hand_over(now)
        else:
            history = place_state.own.get(state.apart) or self._followed(place_state, state.apart)
            is_excused = bool(place_state.wider) and self._is_excused(place_state, said, history)

            def coming(channel: str, at: datetime) -> Claim | None:
                publisher = self._publisher(place_state, channel)
                return publisher.windows.at(at, self._frozen_at or now) if publisher else None

            is_final = said is not None and history.is_final(said, state.move, coming)
            state.judge_published(is_excused, history, now, is_final)
        self._arm(state, self._due(state, now))

    def _tells(self, state: ChannelState, claim: Claim) -> bool:
        """Whether a breach tells of what is said here."""
        return self.breaches.tells((state.channel, state.place), claim)

    def _judge_again(self, speakers: Iterable[Speaker], now: datetime) -> None:
        for channel, place in sorted(speakers):
            place_state = self.places[place]
            state = place_state.channels.get(channel)
            if state is not None:
                self._judge_published(place_state, state, now)

    def _dependent(self, touched: dict[Place, PlaceState]) -> list[PlaceState]:
        """The affected places and those that follow them, in order of dependency."""
        if len(touched) == 1:
            (only,) = touched
            if only.rank > ZONE_RANK:
                return list(touched.values())
        reaches_all = EVERYWHERE in touched and not self._are_apart
        if reaches_all or any(place.rank == ZONE_RANK for place in touched):
            places: Iterable[PlaceState] = [
                s
                for s in self.places.values()
                if s.place in touched or ((reaches_all or s.zone in touched) and s.needs_judging)
            ]
        else:
            places = touched.values()
        return sorted(places, key=lambda place_state: place_state.place)

    def _update(self, place_state: PlaceState, apart: Apart, now: datetime) -> None:
        """Find out what is right at a place now, for channels not compared with `apart`."""
        own = place_state.own.get(apart)
        expected = self._reference(place_state, apart) if self._rules.reference_channels else None
        if expected is None and place_state.wider and not self._are_apart:
            expected = self._followed(place_state, apart).expected
            if expected is not None and own is None:
                return  # it follows the wider place as before
        is_proven = True
        if expected is None:
            votes = self._of_today(self._votes(place_state, apart, now), now)
            is_proven = len(votes) != 1 or votes[0].basis is PUBLISHED
            says_nothing = not votes or not is_proven
            if own is None and says_nothing and not self._followed(place_state, apart).expected:
                return
            expected = expected_of(self._comparison, votes)
        if own is None:
            followed = self._followed(place_state, apart)
            if (expected if is_proven else None) is followed.expected:
                return
            own = place_state.own[apart] = followed.copy()
        if place_state.place == EVERYWHERE:
            self._offer(place_state, apart, expected, is_proven, now)
        # A channel alone is measured by what itself publishes only.
        own.update(expected if is_proven else None, now)

    def _offer(
        self,
        place_state: PlaceState,
        apart: Apart,
        expected: Expected | None,
        is_proven: bool,
        now: datetime,
    ) -> None:
        """What was seen of one channel alone is no measure of itself, but it is one of stores."""
        offered = place_state.offered.get(apart)
        if offered is None and not is_proven:
            offered = place_state.offered[apart] = place_state.own[apart].copy()
        if offered is not None:
            offered.update(expected, now)

    def _reference(self, place_state: PlaceState, apart: Apart) -> Expected | None:
        """What the first reference channel that speaks of this place says, unless that is only
        what a wider place follows, too."""
        for channel in self._rules.reference_channels:
            publisher = None if channel in apart else self._publisher(place_state, channel)
            claim = publisher.published if publisher else None
            if publisher and claim:
                if publisher.place != place_state.place and not self._are_apart:
                    return None
                return expected_at(self._comparison, self._comparison.value(claim), (claim,))
        return None

    def _of_today(self, votes: list[Claim], now: datetime) -> list[Claim]:
        """The votes without outdated ones that no other channel agrees with."""
        if not self._rules.max_age_without_end:
            return votes
        old = [one for one in votes if (at := outdated_at(self._comparison, one)) and at <= now]
        if not old:
            return votes
        value_of = self._comparison.value
        living = [value_of(one) for one in votes if one not in old]
        return [
            one
            for one in votes
            if one not in old or any(self._comparison.agrees(value_of(one), v) for v in living)
        ]

    def _votes(self, place_state: PlaceState, apart: Apart, now: datetime) -> list[Claim]:
        """One claim per channel: what it publishes, else the latest observation."""
        channels: Set[str] = place_state.channels.keys()
        for place in place_state.wider:
            wider = self.places.get(place)
            if wider is not None:
                channels = channels | wider.channels.keys()
        claims = [self._vote(place_state, channel, now) for channel in sorted(channels - apart)]
        return [claim for claim in claims if claim is not None]

    def _vote(self, place_state: PlaceState, channel: str, now: datetime) -> Claim | None:
        publisher = self._publisher(place_state, channel)
        if publisher and publisher.published:
            return publisher.published
        state = place_state.channels.get(channel)
        return state.voting(self._frozen_at or now) if state else None

    def _publisher(self, place_state: PlaceState, channel: str) -> ChannelState | None:
        """The state whose published claim counts for the channel here: its own, else that of the
        nearest wider place; without any, the widest that is known."""
        found = place_state.channels.get(channel)
        if found is not None and found.published is not None:
            return found
        for place in place_state.wider:
            wider = self.places.get(place)
            found = (wider.channels.get(channel) if wider else None) or found
            if found is not None and found.published is not None:
                break
        return found

    def _is_excused(
        self, place_state: PlaceState, claim: Claim | None, history: ExpectationHistory
    ) -> bool:
        """Whether a claim deviates, but through no fault of this place.

        Its channel says the same for a wider place, where the same is expected; or nothing but
        what was seen of this channel elsewhere speaks against it.
        """
        expected, value_of = history.expected, self._comparison.value
        if not claim or not expected or self._are_apart:
            return False
        if self._comparison.agrees(value_of(claim), expected.value):
            return False
        if expected.seen_of is not None:
            return expected.seen_of == claim.channel
        for place in place_state.wider:
            wider = self.places.get(place)
            state = wider.channels.get(claim.channel) if wider else None
            if wider and state and state.published:
                there = self.history_at(wider, state.apart).expected
                is_same = there is not None and there.value == expected.value
                return is_same and value_of(state.published) == value_of(claim)
        return False

    def _judge_observed(
        self, place_state: PlaceState, state: ChannelState, claim: Claim, now: datetime
    ) -> None:
        """Judge an observation by the price expected at its own time."""
        if self._advertisers and self._is_told(state, claim, now):
            return
        current = state.deviations.current
        history = place_state.own.get(state.apart) or self._followed(place_state, state.apart)
        expected, value_of = history.expected, self._comparison.value
        if current is None and (expected is None or expected.value == value_of(claim)):
            return
        publisher = self._publisher(place_state, claim.channel) or state
        published = publisher.published
        is_own = publisher.place == place_state.place or self._are_apart

        def is_excused(one: Claim) -> bool:
            if is_own and published and value_of(published) == value_of(one):
                return True  # Any fault is that of the price published, here or for the zone.
            return self._is_excused(place_state, one, history)

        if current is None and is_excused(claim):
            return
        excused = is_excused if current is None else never
        state.deviations.judge_observed(claim, publisher.move, history, now, excused)
        if state.deviations.was_observed:
            self._suspects[state] = place_state
            self._arm(state, self._due(state, now))

    def _is_told(self, state: ChannelState, claim: Claim, now: datetime) -> bool:
        """Whether an observation is, or belongs to, a charge above an advertisement."""
        breaches = self.breaches
        if claim.basis is not CHARGED:
            return bool(breaches.current) and self._tells(state, claim)
        advertising = self._advertising(self.places[state.place], state.channel)
        if all(one.contradicting(now) is None for one in advertising):
            return False
        is_breach = breaches.charge(claim, self._around((state.channel, state.place)), now)
        self._judge_again(breaches.take_changed(), now)
        return is_breach

    def _around(self, speaker: Speaker) -> Around:
        """What holds for a channel at a place now."""
        channel, place = speaker
        place_state, apart = self.places[place], self._rules.apart_from(channel)
        wider = [
            (one, self.history_at(self.places[one], apart).expected)
            for one in place_state.wider
            if one in self.places
        ]
        return Around(
            place,
            wider,
            self._publisher(place_state, channel),
            self._advertising(place_state, channel),
            self._publishers(place_state, self._rules.reference_channels, apart),
            self.history_at(place_state, apart).expected,
        )

    def _advertising(self, place_state: PlaceState, channel: str) -> list[ChannelState]:
        """Who publishes here for each other channel that advertises."""
        advertisers = sorted(self._advertisers - {channel})
        return self._publishers(place_state, advertisers, self._rules.apart_from(channel))

    def _publishers(
        self, place_state: PlaceState, channels: Iterable[str], apart: Apart
    ) -> list[ChannelState]:
        found = (self._publisher(place_state, one) for one in channels if one not in apart)
        return [one for one in found if one is not None]

    def _overtake_observed(self, now: datetime) -> None:
        """End what rests on observations made before the channel published the right value."""
        for state, place_state in list(self._suspects.items()):
            if not state.deviations.was_observed:
                del self._suspects[state]
                continue
            publisher = self._publisher(place_state, state.channel)
            if publisher and publisher.published:
                state.deviations.overtake(
                    publisher.published, self.history_at(place_state, state.apart), now
                )

    def _due(self, state: ChannelState, after: datetime | None = None) -> datetime | None:
        """The earliest time (after `after`) at which the channel may change by time alone."""
        due = state.next_bound
        if due is not None and after is not None and due <= after:
            due = None
        if state.deviations.current is not None:
            due = earliest_after(after, due, state.deviations.due_at)
        seen = state.observed
        if seen is not None and state.published is None and self._frozen_at is None:
            aged = seen.occurred_at + self._max_age
            if (due is None or aged < due) and (after is None or aged > after):
                return aged
        return due

    def _arm(self, state: ChannelState, due: datetime | None) -> None:
        """Queue the channel for its next due time, unless it is queued early enough."""
        if due is not None and (state.timer is None or due < state.timer):
            state.timer = due
            heapq.heappush(self._timers, (due, next(self._timers_set), state))
