"""What a customer could spend more: where others like him buy, and what they spend there.

For each category it is the gap to what good customers spend, times the share of those with the same
needs who buy there at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

CATEGORIES_MAX = 5
PRIORITY_A, PRIORITY_B = 0.5, 0.8
"""Shares of all potential that the customers of priority A, and those of A and B, have."""


class PeerSpending(NamedTuple):
    """What the peers of a customer do in a category."""

    upper: float
    """What a good buyer spends in a year: three quarters of those who buy spend at most that."""
    need: float
    """The share of peers who buy there, from 0 to 1."""


class CategoryPotential(NamedTuple):
    """What a customer could spend more in a category."""

    category: str
    potential: float
    gap: float
    need: float


class CustomerPotential(NamedTuple):
    """What a customer could spend more in a year."""

    total: float
    categories: Sequence[CategoryPotential]
    """The largest ones, up to CATEGORIES_MAX."""


class Priority(StrEnum):
    """How much of all potential customers have, the largest first."""

    A = "A"
    B = "B"
    C = "C"


def potential_of(own: Mapping[str, float], peers: Mapping[str, PeerSpending]) -> CustomerPotential:
    """The potential of a customer who spends so much by category."""
    found = []
    for category, peer in peers.items():
        gap = max(0.0, peer.upper - own.get(category, 0.0))
        if gap * peer.need > 0:
            found.append(CategoryPotential(category, gap * peer.need, gap, peer.need))
    found.sort(key=lambda one: (-one.potential, one.category))
    return CustomerPotential(sum(one.potential for one in found), found[:CATEGORIES_MAX])


def priorities(potentials: Iterable[float]) -> list[Priority]:
    """The priority of customers in the order of their potential, the largest first: A until half
    of the whole is reached, B until four fifths are."""
    ordered = sorted(potentials, reverse=True)
    total, before, found = sum(ordered), 0.0, []
    for one in ordered:
        share = before / total if total else 1.0
        found.append(
            Priority.A if share < PRIORITY_A else Priority.B if share < PRIORITY_B else Priority.C
        )
        before += one
    return found
