"""The part of the graph whose placements a change can affect, as input of the solver.

From a changed person the region includes all personal identifiers that edges or decisions connect
with it, and every component of shareable identifiers adjacent to those; from a changed shareable
identifier only its component. It never walks through a person it did not start from, nor through a
hub: the persons around a component are unchanged, because no shareable identifier affects them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from services.identity.core.model import Pair, Reason, Refusal, TypeTable
from services.identity.core.resolve import SolverInput, foes_of, solve
from services.identity.graph_cache import GraphCache, other_end


class Region(NamedTuple):
    """`inside` are the nodes to place again; `given` is what `solve` needs for that."""

    inside: dict[NodeId, Node]
    given: SolverInput


def region_of(
    cache: GraphCache, dirty: dict[NodeId, Node], table: TypeTable, *, renewed: bool = False
) -> Region:
    """The region around the dirty nodes, loaded hop by hop.

    `renewed`: the stored rows follow from other rules, so the persons around are resolved, too,
    in the place of being taken from the map.
    """
    inside, around = _walk(cache, dirty, table)
    persons = {
        one: node
        for one, node in around.items()
        if node.type in table.personal and cache.isolated(one) is None
    }
    standing = (_resolved if renewed else _known)(cache, persons, table)
    return Region(inside, _scene(cache, inside, around, standing))


def concerns(refusal: Refusal, region: Region, table: TypeTable) -> bool:
    """Whether solving the region decides about a refusal at its border.

    For an edge with a shareable end inside it always does. Otherwise an end that can join must be
    inside, or both ends must be, as is the case when one of them has become isolated.
    """
    inside, isolated = region.inside, region.given.isolated
    within = [end for end in (refusal.a, refusal.b) if end in inside]
    if len(within) == 2 or any(end not in isolated for end in within):
        return True
    by_edge = bool(refusal.event_id)
    return by_edge and any(inside[end].type not in table.personal for end in within)


def known_refusals(
    cache: GraphCache, region: Region, table: TypeTable
) -> dict[tuple[NodeId, NodeId, bool], Refusal]:
    """The stored refusals that solving the region decides about, by key."""
    return {
        key: refusal
        for node in region.inside
        for key, refusal in cache[node].refusals.items()
        if concerns(refusal, region, table)
    }


def _walk(
    cache: GraphCache, dirty: dict[NodeId, Node], table: TypeTable
) -> tuple[dict[NodeId, Node], dict[NodeId, Node]]:
    """The nodes inside the region and those adjacent to it; all loaded."""
    inside: dict[NodeId, Node] = {}
    around: dict[NodeId, Node] = {}
    seen: set[NodeId] = set()
    frontier = dirty
    while frontier:
        cache.load(frontier.values())
        seen.update(frontier)
        following: dict[NodeId, Node] = {}
        for node_id in frontier:
            node = cache[node_id].node
            if cache.isolated(node_id) is not None:
                (inside if node_id in dirty else around)[node_id] = node
                continue
            inside[node_id] = node
            for onward, other in _steps(cache, node, table):
                (following if onward else around)[other.id] = other
        frontier = {n: node for n, node in following.items() if n not in seen}
    around = {n: node for n, node in around.items() if n not in inside}
    cache.load(around.values())
    return inside, around


def _steps(cache: GraphCache, node: Node, table: TypeTable) -> Iterator[tuple[bool, Node]]:
    """The neighbours of a node inside, and whether the region extends to them."""
    from_person = node.type in table.personal
    for edge in cache.joining(node.id):
        other = other_end(edge, node.id)
        yield from_person or other.type not in table.personal, other
    for other in _decided_with(cache, node):
        yield True, other


def _known(
    cache: GraphCache, persons: dict[NodeId, Node], _table: TypeTable
) -> dict[NodeId, NodeId]:
    """The profiles that the map gives personal identifiers."""
    return {
        one: placement.profile if (placement := cache[one].placement) else one for one in persons
    }


def _resolved(
    cache: GraphCache, persons: dict[NodeId, Node], table: TypeTable
) -> dict[NodeId, NodeId]:
    """The profiles of personal identifiers, from all that can join or part them: the edges between
    personal identifiers, and decisions. What only a shareable identifier says is of no effect."""
    found: dict[NodeId, Node] = {}
    edges: dict[Pair, Edge] = {}
    frontier, seen = persons, set(persons)
    while frontier:
        cache.load(frontier.values())
        frontier = {one: node for one, node in frontier.items() if cache.isolated(one) is None}
        found |= frontier
        following: dict[NodeId, Node] = {}
        for one, node in frontier.items():
            for edge in cache.joining(one) if node.type in table.personal else ():
                if (other := other_end(edge, one)).type in table.personal:
                    edges[edge.a.id, edge.b.id] = edge
                    following[other.id] = other
            following |= {other.id: other for other in _decided_with(cache, node)}
        frontier = {one: node for one, node in following.items() if one not in seen}
        seen.update(frontier)
    same, different = _decided(cache, found, {})
    result = solve(
        SolverInput(
            nodes=found,
            edges=[one for one in edges.values() if one.a.id in found and one.b.id in found],
            first_seen_ms={one: cache[one].first_seen_ms for one in found},
            same=[one for one in same if one.a.id in found and one.b.id in found],
            must_not_link=foes_of(different),
            isolated={},
        ),
        table,
    )
    return {one: result.placements[one].profile for one in persons}


def _decided_with(cache: GraphCache, node: Node) -> Iterator[Node]:
    """The other identifiers of the decisions about one that are not withdrawn."""
    for decision in cache[node.id].decisions.values():
        if decision.verdict is not Verdict.NONE:
            yield decision.b if decision.a.id == node.id else decision.a


def _scene(
    cache: GraphCache,
    inside: dict[NodeId, Node],
    around: dict[NodeId, Node],
    standing: dict[NodeId, NodeId],
) -> SolverInput:
    isolated = {n: why for n in (*inside, *around) if (why := cache.isolated(n)) is not None}
    joining = [n for n in inside if n not in isolated]
    same, different = _decided(cache, inside, isolated)
    return SolverInput(
        nodes={
            n: node
            for n, node in inside.items()
            if isolated.get(n) is not Reason.UNLISTED and cache[n].on_map
        },
        edges=[edge for n in joining for edge in _edges_once(cache, n, inside, isolated)],
        first_seen_ms={n: cache[n].first_seen_ms for n in inside},
        same=same,
        must_not_link=foes_of(different),
        isolated=isolated,
        standing=standing,
    )


def _edges_once(
    cache: GraphCache, node: NodeId, inside: dict[NodeId, Node], isolated: dict[NodeId, Reason]
) -> Iterator[Edge]:
    """The joining edges of a node, except those already yielded by an inner neighbour."""
    for edge in cache.joining(node):
        if edge.a.id == node or edge.a.id not in inside or edge.a.id in isolated:
            yield edge


def _decided(
    cache: GraphCache, inside: dict[NodeId, Node], isolated: dict[NodeId, Reason]
) -> tuple[list[Decision], set[Pair]]:
    """The `same` decisions and the `different` pairs that concern the region."""
    same: dict[Pair, Decision] = {}
    different: set[Pair] = set()
    for node in inside:
        for other, decision in cache[node].decisions.items():
            pair = (decision.a.id, decision.b.id)
            if decision.verdict is Verdict.DIFFERENT:
                different.add(pair)
            elif decision.verdict is Verdict.SAME and (node not in isolated or other in inside):
                same[pair] = decision
    return list(same.values()), different
