"""Identifiers that belong to nobody: why each is shared, and whom it touches.

Bounded: of an identifier that everybody uses a part of the edges is read, and the numbers say so.
Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.edge import Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.model import Neighbour, Reason, counts, merged, type_table
from services.identity.core.resolve import apart_reason
from services.store.profile_map import ProfileMap

NEIGHBOURS_READ_MAX = 5_000
SAMPLES_MAX = 5


class SharedValue(NamedTuple):
    """A shared identifier."""

    node: NodeId
    because: Reason | None
    """Why it joins nobody; None for one between several persons."""
    seen_with: int
    """Identifiers that it was seen with."""
    persons: int
    """Persons that those belong to."""
    samples: list[NodeId]
    """Those of them who were seen first, each by the profile id."""
    is_cut: bool
    """Whether there are more than were looked at: the numbers are at least these."""


def shared_values(
    store: ClickHouseIdentityStore,
    profile_map: ProfileMap,
    rules: IdentityRules,
    realm: str,
    nodes: Sequence[NodeId],
) -> list[SharedValue]:
    """What is known of shared identifiers, in their order."""
    marks = store.marks_of(realm, nodes)
    table = type_table(rules)
    found = []
    for node in nodes:
        holder = profile_map.placements_of(realm, [node])[node].profile
        group = profile_map.members_of(realm, [holder]).holder.keys() | {node}
        edges = store.some_edges_of(realm, group, NEIGHBOURS_READ_MAX + 1)
        usable = [one for one in merged(edges).values() if counts(one, table)]
        around = [_other(one, node) for one in usable if node in (one.a.id, one.b.id)]
        own = _own(edges, node)
        ends = {end.id for one in usable for end in (one.a, one.b)} - group
        placed = profile_map.placements_of(realm, ends)
        persons = _persons(usable, placed)
        because = apart_reason(own, around, node in marks, table) if own else None
        found.append(
            SharedValue(
                node=node,
                because=because,
                seen_with=len({neighbour.id for neighbour, _ in around}),
                persons=len(persons),
                samples=persons[:SAMPLES_MAX],
                is_cut=len(edges) > NEIGHBOURS_READ_MAX,
            )
        )
    return found


def _persons(edges: Sequence[Edge], placed: Mapping[NodeId, Placement]) -> list[NodeId]:
    """The profiles of persons at the ends of edges, whoever was seen first at the beginning."""
    first: dict[NodeId, int] = {}
    for one in edges:
        for end in (one.a.id, one.b.id):
            placement = placed.get(end)
            if placement is not None and placement.kind is ProfileKind.PERSON:
                seen = first.get(placement.profile, one.first_seen_ms)
                first[placement.profile] = min(seen, one.first_seen_ms)
    return sorted(first, key=lambda profile: (first[profile], profile))


def _other(edge: Edge, node: NodeId) -> Neighbour:
    return (edge.b if edge.a.id == node else edge.a), edge.first_seen_ms


def _own(edges: Sequence[Edge], node: NodeId) -> Node | None:
    ends = (end for one in edges for end in (one.a, one.b))
    return next((end for end in ends if end.id == node), None)
