"""Which identifiers were one profile with a given one, by the graph of an earlier time.

The answer is that of `resolve` on the edges and decisions which the source gives, found from the
part of the graph around one identifier. Nothing is written, and the map of today is not asked.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.placement import ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.affected_region import Region, region_of
from services.identity.core.model import TypeTable, type_table
from services.identity.core.resolve import solve
from services.identity.graph_cache import GraphCache
from services.identity.ports import GraphSource


class PastGroup(NamedTuple):
    """The identifiers of one profile at a time."""

    profile: NodeId
    """Its id at that time."""
    kind: ProfileKind | None
    """None if the graph knew nothing of the identifier, which then was a profile by itself."""
    nodes: frozenset[NodeId]
    """All that belonged to it."""


def group_of(source: GraphSource, realm: str, node: Node, rules: IdentityRules) -> PastGroup:
    """The profile that an identifier belonged to. `source` gives no placements: they are of today.

    Raises what the source raises.
    """
    table = type_table(rules)
    cache = GraphCache(source, realm, table)
    region = _region(cache, node, table)
    placements = solve(region.given, table).placements
    held = placements.get(node.id)
    if held is None:
        return PastGroup(node.id, None, frozenset({node.id}))
    if held.profile not in region.inside:  # it followed a person, whose region is another one
        region = _region(cache, cache[held.profile].node, table)
        placements = solve(region.given, table).placements
    members = (one for one, placed in placements.items() if placed.profile == held.profile)
    return PastGroup(held.profile, held.kind, frozenset(members))


def _region(cache: GraphCache, node: Node, table: TypeTable) -> Region:
    """The region of a node, with the persons around it told apart.

    Persons depend on nobody's shareable identifiers, so solving them alone is exact.
    """
    region = region_of(cache, {node.id: node}, table)
    around = region.given.standing
    if not around:
        return region
    persons = region_of(cache, {one: cache[one].node for one in around}, table)
    placements = solve(persons.given, table).placements
    for one in around:
        cache[one].placement = placements.get(one)
    return region_of(cache, {node.id: node}, table)
