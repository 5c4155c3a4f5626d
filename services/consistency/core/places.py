"""Places: a store, a zone, or the whole channel."""

from __future__ import annotations

from typing import NamedTuple

from schemas.claim import Claim


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
