"""What a fold knows of one place: its channels, and what is expected there."""

from __future__ import annotations

from datetime import datetime

from schemas.claim import Claim
from schemas.rules.consistency import Apart
from services.consistency.core.episodes import Deviations
from services.consistency.core.expectation import (
    Comparison,
    ExpectationHistory,
    Move,
    outdated_at,
    window_length,
)
from services.consistency.core.places import Place, wider_than, zone_of
from services.consistency.core.windows import Windows


class ChannelState:
    """One channel at one place: what it publishes, its latest observation, its deviations."""

    __slots__ = (
        "_comparison", "_max_age", "apart", "channel", "deviations", "excused", "move",
        "next_bound", "observed", "place", "published", "timer", "windows",
    )  # fmt: skip

    def __init__(self, channel: str, place: Place, comparison: Comparison) -> None:
        self._comparison = comparison
        self.channel = channel
        self.apart: Apart = comparison.rules.apart_from(channel)
        self.place = place
        self.windows = Windows(comparison.rules.overlap(channel))
        self.published: Claim | None = None
        self.move: Move | None = None
        """When the published value last changed, or ceased to be excused."""
        self.excused = False
        """Whether what it publishes is wrong, and a wider place's fault."""
        self.next_bound: datetime | None = None
        """When what is published may change by time alone."""
        self.observed: Claim | None = None
        """The latest displayed or charged claim."""
        self.timer: datetime | None = None
        """The earliest time queued for this channel."""
        rules = comparison.rules
        self._max_age = rules.max_age
        self.deviations = Deviations(channel, rules, self._max_age)

    def refresh(self, now: datetime, frozen_at: datetime | None = None) -> bool:
        """Find the published claim that counts at `now`; True if it says something else."""
        comparison, old, former = self._comparison, self.published, self.contradicting(now)
        new = self.published = self.windows.at(now, frozen_at or now)
        spoke_again = new is not old and former is None
        if new and (spoke_again or old is None or comparison.value(old) != comparison.value(new)):
            was_promoted = old is not None and comparison.promotion(old) is not None
            ended = was_promoted and comparison.promotion(new) is None
            self.move = Move(now, ended, window_length(comparison, new))
        self.find_next_bound(now, frozen_at)
        return spoke_again or not (old and new and comparison.repeats(new, old))

    def find_next_bound(self, now: datetime, frozen_at: datetime | None = None) -> None:
        """Look up when what is published may change next; looking ahead, nothing is forgotten."""
        windows = self.windows
        bound = windows.next_bound(now) if frozen_at else windows.next_change(now)
        self.next_bound = earliest_after(now, bound, self.outdated_at)

    @property
    def outdated_at(self) -> datetime | None:
        """When what it publishes ceases to contradict others."""
        return outdated_at(self._comparison, self.published) if self.published else None

    def contradicting(self, now: datetime) -> Claim | None:
        """What it publishes, as long as that can contradict others."""
        outdated = self.outdated_at
        return None if outdated and outdated <= now else self.published

    def judge_published(
        self, is_excused: bool, history: ExpectationHistory, now: datetime, is_final: bool = False
    ) -> None:
        """Judge what the channel publishes, unless a wider place answers for it."""
        answers_now = self.excused and not is_excused
        if self.published and answers_now and (self.move is None or self.move.at < now):
            self.move = Move(now, False, window_length(self._comparison, self.published))
        self.excused = is_excused
        said = None if is_excused else self.contradicting(now)
        self.deviations.judge_published(said, self.move, history, now, is_final)

    def observe(self, claim: Claim, now: datetime) -> bool:
        """Add an observation; True if it may have changed the channel's vote."""
        value_of, old = self._comparison.value, self.voting(now)
        self.deviations.observations.add(claim)
        differs = old is None or value_of(old) != value_of(claim)
        if not differs or self.published is not None:
            self.observed = claim
            return False
        if old is not None and not self._is_common(claim, now):
            return False  # One old page does not change what the channel says.
        self.observed = claim
        return True

    def _is_common(self, claim: Claim, now: datetime) -> bool:
        """Whether enough of the latest observations say what this one says."""
        rules, value_of = self._comparison.rules, self._comparison.value
        near = self.deviations.observations.near(claim.basis, now - rules.evidence_within)
        same = {one.event_id for one in near if value_of(one) == value_of(claim)}
        return rules.suffice(len(same), len({one.event_id for one in near}))

    def voting(self, now: datetime) -> Claim | None:
        """The latest observation, while it represents the channel."""
        seen = self.observed
        return seen if seen is not None and seen.occurred_at + self._max_age > now else None

    def copy(self) -> ChannelState:
        """An independent copy to look ahead with.

        A channel that publishes votes by that; its observations are for today, not for then.
        """
        twin = ChannelState(self.channel, self.place, self._comparison)
        twin.windows, twin.deviations = self.windows.copy(), self.deviations.copy()
        twin.published, twin.move, twin.excused = self.published, self.move, self.excused
        twin.observed = None if self.published else self.observed
        return twin


class PlaceState:
    """One place: its channels and what is expected there.

    Expectations are by the channels that are left out of them, because prices may differ there.
    """

    __slots__ = ("channels", "offered", "own", "place", "wider", "zone")

    def __init__(self, place: Place, comparison: Comparison) -> None:
        self.place = place
        self.channels: dict[str, ChannelState] = {}
        self.own: dict[Apart, ExpectationHistory] = {}
        """What is expected here; without an entry, what is expected at the wider place."""
        self.offered: dict[Apart, ExpectationHistory] = {}
        """Of the whole chain: what narrower places are held to, where that is not `own`."""
        self.zone = zone_of(place, comparison.rules)
        self.wider = wider_than(place, comparison.rules)
        """The places whose claims hold here where the channel has none, the nearest first."""

    @property
    def needs_judging(self) -> bool:
        """Whether a change of a wider place may change anything here at once.

        A store known by its receipts alone follows without being touched, however many there are.
        """
        return (
            bool(self.own)
            or len(self.channels) > 1
            or any(state.published or state.deviations.current for state in self.channels.values())
        )

    def copy(self, comparison: Comparison) -> PlaceState:
        """A copy without its channels."""
        twin = PlaceState(self.place, comparison)
        twin.own = {apart: history.copy() for apart, history in self.own.items()}
        twin.offered = {apart: history.copy() for apart, history in self.offered.items()}
        return twin


def earliest_after(after: datetime | None, *times: datetime | None) -> datetime | None:
    """The earliest of the given times that are later than `after`, if that is given."""
    later = (time for time in times if time is not None and (after is None or time > after))
    return min(later, default=None)
