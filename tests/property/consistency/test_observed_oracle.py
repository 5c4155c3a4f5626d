"""Observed incidents against an oracle that walks hour by hour by the rules as they are written.

One reference and one shop publish whole euros; people see and pay prices in between. There is no
grace, so a deviation opens where it begins.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import NamedTuple

import pytest

from schemas.claim import PriceClaim
from schemas.offer import Basis
from services.consistency.core.place_states import ChannelState
from services.consistency.core.places import EVERYWHERE
from services.consistency.kinds.price_mismatch import PriceComparison
from services.consistency.rules import ConsistencyRules
from services.consistency.scenario import overridden
from tests.tiers import volumes
from tests.unit.consistency.market import book_at, charged, claim, hour, price_rules, rules, shown

HOURS, MAX_AGE_HOURS = 90, 9
USING = rules(
    reference_channels=["erp"],
    reopen_within_hours=0,
    flapping_openings=100,
    grace_start_hours={"shop": 0},
    grace_end_hours={"shop": 0},
    max_age_hours=MAX_AGE_HOURS,
)


class Enough(NamedTuple):
    """How many deviating events, which share of all, within how many hours prove something."""

    events: int
    percent: int
    hours: int

    def rules(self) -> ConsistencyRules:
        """The rules with these bounds."""
        return overridden(
            USING,
            {
                "evidence_min_observations": self.events,
                "evidence_min_percent": self.percent,
                "evidence_within_hours": self.hours,
            },
        )


class Stretch(NamedTuple):
    """One incident, in hours."""

    since: int
    until: int | None


def published(claims: list[PriceClaim], channel: str, now: int) -> PriceClaim | None:
    """Of what was said by then and has started, the latest start, then the latest word."""
    said = [
        (one.valid_from or one.occurred_at, one.occurred_at, one.event_id, one)
        for one in claims
        if one.channel == channel
        and one.basis is Basis.PUBLISHED
        and max(one.valid_from or one.occurred_at, one.occurred_at) <= hour(now)
    ]
    return max(said)[-1] if said else None


class Walk:
    """What stands against the shop, and the incidents that were made of it."""

    def __init__(self, claims: list[PriceClaim], enough: Enough) -> None:
        self.claims = claims
        self.enough = enough
        self.standing: dict[Basis, PriceClaim] = {}
        self.found: list[Stretch] = []
        self.was_overtaken = False

    def keep(self, now: int, standing: dict[Basis, PriceClaim], since: int | None = None) -> None:
        """Begin or end an incident; one that ends and begins in one hour goes on."""
        if standing and not self.standing:
            if self.found and self.found[-1].until == now:
                self.found[-1] = self.found[-1]._replace(until=None)
            else:
                self.found.append(Stretch(now if since is None else since, None))
                self.was_overtaken = False
        elif self.standing and not standing:
            self.found[-1] = self.found[-1]._replace(until=now)
        self.standing = standing

    def changed_at(self, now: int) -> int:
        """The last hour in which a published price became another one, or the first."""
        for then in range(now, 0, -1):
            for channel in ("erp", "shop"):
                was = published(self.claims, channel, then - 1)
                is_now = published(self.claims, channel, then)
                if is_now and (was is None or was.price != is_now.price):
                    return then
        return 0

    def proven_since(self, one: PriceClaim, right: PriceClaim, now: int) -> int | None:
        """When the first began of the deviations that suffice, or None."""
        begin = max(self.changed_at(now), now - self.enough.hours)
        near = [
            other
            for other in self.claims
            if other.basis is one.basis and hour(begin) <= other.occurred_at <= hour(now)
        ]
        wrong = [other for other in near if other.price != right.price]
        if len(wrong) < self.enough.events or 100 * len(wrong) < self.enough.percent * len(near):
            return None
        ended = self.found[-1].until if self.found else None
        hours = [(other.occurred_at - hour(0)) // timedelta(hours=1) for other in wrong]
        return min((at for at in hours if ended is None or at > ended), default=now)

    def hour(self, now: int) -> None:
        """All that happens in one hour: ages, then what is published, then what is observed."""
        right, own = published(self.claims, "erp", now), published(self.claims, "shop", now)
        stands = {
            basis: one
            for basis, one in self.standing.items()
            if basis is Basis.PUBLISHED
            or hour(now) - one.occurred_at < timedelta(hours=MAX_AGE_HOURS)
        }
        self.keep(now, stands)
        if right is None:
            return
        stands = {basis: one for basis, one in stands.items() if one.price != right.price}
        stands.pop(Basis.PUBLISHED, None)
        if own is not None and own.price != right.price:
            stands[Basis.PUBLISHED] = own
        elif own is not None and not self.was_overtaken:
            kept = {b: one for b, one in stands.items() if one.occurred_at >= own.occurred_at}
            self.was_overtaken = kept != stands
            stands = kept
        self.keep(now, stands)
        for one in sorted(self.claims, key=lambda one: one.event_id):
            if one.basis is not Basis.PUBLISHED and one.occurred_at == hour(now):
                rest = {b: other for b, other in self.standing.items() if b is not one.basis}
                if one.price == right.price:
                    self.keep(now, rest)
                elif one.basis in self.standing:
                    self.keep(now, {**rest, one.basis: one})
                elif (since := self.proven_since(one, right, now)) is not None:
                    self.keep(now, {**rest, one.basis: one}, since)


def some_days(rng: random.Random) -> list[PriceClaim]:
    """A few publications, and observations that are mostly right."""
    claims = [claim("erp", "6", 0), claim("shop", "6", 0)]
    for _ in range(rng.randint(1, 8)):
        channel, at = rng.choice(["erp", "shop", "shop"]), rng.randint(1, HOURS - 10)
        start = rng.choice([None, None, at + rng.randint(1, 9)])
        claims.append(claim(channel, rng.choice(["6", "6", "6", "7"]), at, start=start))
    for _ in range(rng.randint(1, 25)):
        observe, at = rng.choice([shown, charged]), rng.randint(0, HOURS - 10)
        claims.append(observe("shop", rng.choice(["6", "7", "7", "8"]), at))
    rng.shuffle(claims)
    return [one._replace(event_id=f"e{number:02}") for number, one in enumerate(claims)]


@pytest.mark.parametrize("enough", [Enough(1, 0, 24), Enough(1, 40, 24), Enough(2, 30, 9)], ids=str)
@pytest.mark.parametrize("often", volumes(50, 200))
def test_observed_incidents_equal_the_oracle(enough: Enough, often: int) -> None:
    """Begin and end of every incident of random histories are as written."""
    rng, ended, using = random.Random(12), 0, enough.rules()
    for _ in range(often):
        claims = some_days(rng)
        walk = Walk(claims, enough)
        for now in range(HOURS + 1):
            walk.hour(now)
        incidents = book_at(claims, HOURS, using).values()
        found = sorted((one.since, one.resolved_at) for one in incidents)
        wanted = [(hour(one.since), one.until and hour(one.until)) for one in walk.found]
        assert found == wanted
        ended += sum(until is not None for _, until in found)
    assert ended > 0.75 * often


def vote_by_the_rule(observed: list[PriceClaim], now: int, max_age: int) -> PriceClaim | None:
    """Walk the observations: another value counts if it is common, or if nothing counts."""
    vote: PriceClaim | None = None
    for number, one in enumerate(observed):
        seen = observed[: number + 1]
        day = [o for o in seen if one.occurred_at - o.occurred_at <= timedelta(hours=24)]
        alike = [o for o in day if o.price == one.price]
        is_old = vote is None or vote.occurred_at + timedelta(hours=max_age) <= one.occurred_at
        same = vote is not None and vote.price == one.price
        if is_old or same or 100 * len(alike) >= 40 * len(day):
            vote = one
    gone = vote is None or vote.occurred_at + timedelta(hours=max_age) <= hour(now)
    return None if gone else vote


def test_the_vote_of_an_observed_channel_is_by_the_rule() -> None:
    """After each of 2,000 observations, and a while later."""
    using = price_rules(rules(evidence_min_percent=40, max_age_hours=30))
    rng, kept = random.Random(13), 0
    for _ in range(100):
        state = ChannelState("app", EVERYWHERE, PriceComparison(using))
        observed: list[PriceClaim] = []
        now = 0
        for number in range(20):
            now += rng.choice([0, 1, 2, 40])
            one = shown("app", rng.choice(["6", "6", "7"]), now, event_id=f"e{number:02}")
            observed.append(one)
            state.observe(one, one.occurred_at)
            for later in (now, now + 29, now + 30):
                assert state.voting(hour(later)) == vote_by_the_rule(observed, later, 30)
            kept += state.voting(hour(now)) is not one
    assert kept > 100
