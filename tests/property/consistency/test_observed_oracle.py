"""Observed incidents against an oracle that walks hour by hour by the rules as they are written.

One reference and one shop publish whole euros; people see and pay prices in between. There is no
grace, so a deviation opens where it begins.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import NamedTuple

from schemas.claim import PriceClaim
from schemas.offer import Basis
from tests.unit.consistency.market import book_at, charged, claim, hour, rules, shown

HOURS, MAX_AGE_HOURS = 90, 9
USING = rules(
    reference_channels=["erp"],
    reopen_within_hours=0,
    grace_start_hours={"shop": 0},
    grace_end_hours={"shop": 0},
    max_age_hours=MAX_AGE_HOURS,
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

    def __init__(self, claims: list[PriceClaim]) -> None:
        self.claims = claims
        self.standing: dict[Basis, PriceClaim] = {}
        self.found: list[Stretch] = []
        self.was_overtaken = False

    def keep(self, now: int, standing: dict[Basis, PriceClaim]) -> None:
        """Begin or end an incident; one that ends and begins in one hour goes on."""
        if standing and not self.standing:
            if self.found and self.found[-1].until == now:
                self.found[-1] = self.found[-1]._replace(until=None)
            else:
                self.found.append(Stretch(now, None))
                self.was_overtaken = False
        elif self.standing and not standing:
            self.found[-1] = self.found[-1]._replace(until=now)
        self.standing = standing

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
                self.keep(now, rest if one.price == right.price else {**rest, one.basis: one})


def some_days(rng: random.Random) -> list[PriceClaim]:
    """A few publications, and observations that are mostly right."""
    claims = [claim("erp", "6", 0), claim("shop", "6", 0)]
    for _ in range(rng.randint(1, 8)):
        channel, at = rng.choice(["erp", "shop", "shop"]), rng.randint(1, HOURS - 10)
        start = rng.choice([None, None, at + rng.randint(1, 9)])
        claims.append(claim(channel, rng.choice(["6", "6", "6", "7"]), at, start=start))
    for _ in range(rng.randint(1, 12)):
        observe, at = rng.choice([shown, charged]), rng.randint(0, HOURS - 10)
        claims.append(observe("shop", rng.choice(["6", "7", "7", "8"]), at))
    rng.shuffle(claims)
    return [one._replace(event_id=f"e{number:02}") for number, one in enumerate(claims)]


def test_observed_incidents_equal_the_oracle() -> None:
    """Begin and end of every incident of 1,500 random histories are as written."""
    rng, ended = random.Random(12), 0
    for _ in range(1_500):
        claims = some_days(rng)
        walk = Walk(claims)
        for now in range(HOURS + 1):
            walk.hour(now)
        incidents = book_at(claims, HOURS, USING).values()
        found = sorted((one.since, one.resolved_at) for one in incidents)
        wanted = [(hour(one.since), one.until and hour(one.until)) for one in walk.found]
        assert found == wanted
        ended += sum(until is not None for _, until in found)
    assert ended > 1_000
