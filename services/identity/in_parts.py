"""Solves the whole graph of a realm part by part: the memory needed is that of a part.

Each part is solved with the region around it, by the code that the writer uses. What a region has
inside is final, so the identifiers of it that come later in the store's order are remembered until
they come, and not solved again. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from schemas.edge import Node
from schemas.identifiers import NodeId
from services.identity.affected_region import Region, region_of
from services.identity.core.model import TypeTable
from services.identity.core.resolve import Resolution, solve
from services.identity.graph_cache import GraphCache
from services.identity.ports import GraphSource, Placed, VerificationSource
from services.identity.sieve import NODES_PER_PORTION, Sieve, everything

T = TypeVar("T")
NODES_PER_PART = 25_000
"""To be solved. Their neighbours lie anywhere in the tables, so that of a large graph a smaller one
reads nearly as much: of more keys at once each lies nearer to the next one."""
NODES_PER_PART_MIN = 5_000
"""Where traffic waits for each part, and a small graph is read as fast in smaller ones."""
SPAN_OF_PARTS = 4
"""How many times as many nodes a part has at most as are to be solved."""
SHAREABLE_AHEAD_MAX = 2_000_000
"""Above, shareable identifiers are solved with their person and again in their own part: more work,
no more memory. Personal identifiers, of which there are few, are always remembered."""


class SolvedPart(NamedTuple):
    """The nodes of a part, and others that depend on each other with them, solved."""

    cache: GraphCache
    region: Region
    result: Resolution
    fresh: Mapping[NodeId, Node]
    """Nodes inside that were in no part before, each in one part only."""
    plain: Mapping[NodeId, Placed]
    """Nodes of the part that were not solved, because their stored rows, which are these, are right
    and no refusal is about them."""
    place: NodeId
    """The last node of the part, in the order of the store."""
    is_whole: bool
    """Whether all nodes of the part were solved because the first ones are, see `solved_parts`."""


@dataclass(slots=True)
class Ahead:
    """The nodes that were solved before their own part has come."""

    source: VerificationSource
    shareable_max: int = SHAREABLE_AHEAD_MAX
    _nodes: set[NodeId] = field(default_factory=set)

    def take(self, part: Mapping[NodeId, T]) -> dict[NodeId, T]:
        """Those of the next nodes that were not solved yet."""
        left = {one: node for one, node in part.items() if one not in self._nodes}
        self._nodes.difference_update(part)
        return left

    def add(self, region: Region, last: NodeId, table: TypeTable) -> dict[NodeId, Node]:
        """Remember those that come after `last`; those that were not solved before.

        Of an isolated node the region has no neighbours unless it began there.
        """
        place_of, isolated = self.source.place_of, region.given.isolated
        end = place_of(last)
        found: dict[NodeId, Node] = {}
        for one, node in region.inside.items():
            if one in isolated or one in self._nodes or place_of(one) <= end:
                continue
            if node.type in table.personal or len(self._nodes) < self.shareable_max:
                self._nodes.add(one)
                found[one] = node
        return found

    def __len__(self) -> int:
        return len(self._nodes)


def solved_parts(
    source: VerificationSource,
    realm: str,
    table: TypeTable,
    nodes_per_part: int = NODES_PER_PART,
    *,
    renewed: bool = False,
    ahead: Ahead | None = None,
    after: NodeId | None = None,
    sieve: Sieve | None = None,
    span: int = NODES_PER_PORTION,
    whole: int = 0,
) -> Iterator[SolvedPart]:
    """A realm's graph, solved; that behind a node only, if one is given. Raises as the source does.

    `renewed`: the stored map follows from other rules, see `region_of`. What a `sieve` under the
    same rules holds back is not solved; `span` and `whole` are those of its portions.
    """
    ahead = Ahead(source) if ahead is None else ahead
    sieve = everything(source, realm) if sieve is None else sieve
    for portion in sieve.portions(nodes_per_part, after, span=span, whole=whole):
        # A part that is solved whole is ahead of nodes that the sieve holds back later.
        left, plain = ahead.take(portion.left), ahead.take(portion.plain)
        cache, region, result = solved(source, realm, table, left, renewed=renewed)
        fresh = {one: region.inside[one] for one in left}
        fresh |= ahead.add(region, portion.place, table)
        yield SolvedPart(cache, region, result, fresh, plain, portion.place, portion.is_whole)


def solved(
    source: GraphSource,
    realm: str,
    table: TypeTable,
    dirty: dict[NodeId, Node],
    *,
    renewed: bool = False,
) -> tuple[GraphCache, Region, Resolution]:
    """The region around some nodes, and those that were decided about together with them."""
    cache = GraphCache(source, realm, table)
    cache.load(dirty.values())
    decided = [one for node in dirty for one in cache[node].decisions.values()]
    together = {end.id: end for one in decided for end in (one.a, one.b)}
    region = region_of(cache, together | dirty, table, renewed=renewed)
    return cache, region, solve(region.given, table)
