"""Finds the profiles that have to be solved; the rows of all others are right as they are.

Most of a graph is plain (core/plain.py), and the store sees that in one pass over it. So whoever
solves a whole graph solves the rest only. With too much of that there is no sieve, and everything
is solved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.placement import Placement
from services.identity.core.model import TypeTable
from services.identity.graph_cache import GraphCache
from services.identity.ports import Placed, VerificationSource
from services.runtime.errors import C360Error
from services.store.database import chunks

log = structlog.get_logger()

CROWDED_MAX = 100_000
DOUBTFUL_MAX = 1_000_000
"""Profiles, some 100 MB of them."""
CROWDED_PER_READ = 500
NODES_PER_PAGE = 20_000
NODES_PER_PORTION = 200_000
"""Of all nodes. So many take some 100 MB."""


class Portion(NamedTuple):
    """The next nodes of a graph."""

    left: dict[NodeId, Node]
    """Those to be solved."""
    plain: dict[NodeId, Placed]
    """Those whose rows are right, with their placements."""
    place: NodeId
    """The last of all of them, in the order of the store."""
    is_whole: bool = False
    """Whether nothing was held back of it, as it was asked for."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """What is to be solved of a realm's graph, as it was when the sieve was made."""

    source: VerificationSource
    realm: str
    doubtful: Collection[NodeId] | None
    """The profiles; None for all."""

    def portions(
        self, size: int, after: NodeId | None = None, *, span: int, whole: int = 0
    ) -> Iterator[Portion]:
        """All nodes, in order, in portions of at most `span`, with at most `size` to be solved.

        Args:
            whole: of portions that begin within so many nodes, all are to be solved.
        """
        begun = seen = 0
        left, plain = dict[NodeId, Node](), dict[NodeId, Placed]()
        place: NodeId | None = None
        for page in self.source.nodes(self.realm, self._page_size(size, span), after):
            standing = self._standing(page, is_whole=seen + len(page) <= whole)
            for node in page:
                is_whole = begun < whole
                place, placement = node.id, standing.get(node.id)
                seen += 1
                if is_whole or placement is None or self._is_doubtful(placement.profile):
                    left[node.id] = node
                else:
                    plain[node.id] = node, placement
                if len(left) == size or seen - begun == span:
                    yield Portion(left, plain, place, is_whole)
                    left, plain, begun = {}, {}, seen
        if place is not None and (left or plain):
            yield Portion(left, plain, place, begun < whole)

    def _page_size(self, size: int, span: int) -> int:
        return size if self.doubtful is None else min(span, max(size, NODES_PER_PAGE))

    def _standing(self, page: list[Node], *, is_whole: bool) -> Mapping[NodeId, Placement]:
        if self.doubtful is None or is_whole:
            return {}
        return self.source.placements_of(self.realm, [one.id for one in page])

    def _is_doubtful(self, profile: NodeId) -> bool:
        return self.doubtful is None or profile in self.doubtful


def everything(source: VerificationSource, realm: str) -> Sieve:
    """A sieve that holds back nothing."""
    return Sieve(source, realm, None)


def sieve_of(source: VerificationSource, realm: str, table: TypeTable) -> Sieve:
    """The sieve of a realm under some rules; one that holds back nothing if the source refuses the
    pass over the graph: that takes longer and more settings than reading it in parts."""
    try:
        return Sieve(source, realm, _doubtful(source, realm, table))
    except C360Error as error:
        log.warning("identity_graph_not_sifted", realm=realm, reason=str(error))
        return everything(source, realm)


def _doubtful(
    source: VerificationSource, realm: str, table: TypeTable
) -> Collection[NodeId] | None:
    crowded = source.crowded(realm, table, CROWDED_MAX + 1)
    if len(crowded) > CROWDED_MAX:
        return None
    isolated = set[NodeId]()
    for part in chunks(crowded, CROWDED_PER_READ):
        isolated.update(_isolated(source, realm, table, part))
    named = {one.id for one in crowded}
    doubtful = source.doubtful(realm, table, isolated, named, DOUBTFUL_MAX + 1)
    return doubtful if len(doubtful) <= DOUBTFUL_MAX else None


def _isolated(
    source: VerificationSource, realm: str, table: TypeTable, nodes: Collection[Node]
) -> list[NodeId]:
    cache = GraphCache(source, realm, table)
    cache.load(nodes)
    return [one.id for one in nodes if cache.isolated(one.id) is not None]
