"""Places: a store, a zone, or the whole channel."""

from __future__ import annotations

from typing import NamedTuple

from schemas.claim import Claim
from schemas.rules.consistency import KindRules


class Place(NamedTuple):
    """Where a claim holds. Sorts the whole channel before zones before stores."""

    rank: int
    name: str

    @property
    def label(self) -> str:
        """As incidents show it: empty, `zone:NAME`, or the store's id."""
        return f"zone:{self.name}" if self.rank == ZONE_RANK else self.name


ZONE_RANK, STORE_RANK = 1, 2
EVERYWHERE = Place(0, "")


def place_of(claim: Claim) -> Place:
    """A claim for a store takes precedence over its zone's, and that over the whole channel's."""
    if claim.location:
        return Place(STORE_RANK, claim.location)
    return Place(ZONE_RANK, claim.zone) if claim.zone else EVERYWHERE


def zone_of(place: Place, rules: KindRules) -> Place:
    """The zone of a store; any other place itself."""
    zone = rules.zone_of.get(place.name) if place.rank == STORE_RANK else None
    return Place(ZONE_RANK, zone) if zone else place


def wider_than(place: Place, rules: KindRules) -> tuple[Place, ...]:
    """The places whose claims hold here where a channel has none, the nearest first."""
    zone = zone_of(place, rules)
    wider = [zone] if rules.locations_may_differ else [zone, EVERYWHERE]
    return tuple(one for one in wider if one != place)
