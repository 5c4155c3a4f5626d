"""Readers of profiles: what they read last must be what the map says in the end."""

from __future__ import annotations

from random import Random

from schemas.identifiers import NodeId
from services.identity.adapters.memory import MemoryIdentityStore


class Readers:
    """Keep what each profile held when it was last read: as incidents about customers do.

    They read a profile when a record says so, and now and then for reasons of their own, also while
    a batch is written in part.
    """

    def __init__(self, rows: MemoryIdentityStore, rng: Random) -> None:
        self._rows = rows
        self._rng = rng
        self._held: dict[tuple[str, NodeId], set[NodeId]] = {}

    def look_around(self, realm: str) -> None:
        """Read some profiles that nobody said anything of."""
        for profile in sorted(self._members(realm)):
            if self._rng.random() < 0.5:
                self.read(realm, profile)

    def read(self, realm: str, profile: NodeId) -> None:
        """Read what a profile holds now."""
        self._held[realm, profile] = self._members(realm).get(profile, {profile})

    def check(self, realm: str) -> None:
        """What was read last is what the profiles hold now."""
        members = self._members(realm)
        for profile in members.keys() | {one for name, one in self._held if name == realm}:
            held = self._held.get((realm, profile), {profile})
            assert held == members.get(profile, {profile}), f"{profile} of {realm}"

    def _members(self, realm: str) -> dict[NodeId, set[NodeId]]:
        placements = self._rows.all_placements(realm)
        found: dict[NodeId, set[NodeId]] = {node: set() for node in placements}
        for node, row in placements.items():
            found.setdefault(row.profile, set()).add(node)
            if row.profile not in placements:
                found[row.profile].add(row.profile)
        return found
