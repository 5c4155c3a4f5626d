"""Finds the profiles that have to be solved; the rows of all others are right as they are.

Most of a graph is plain (core/plain.py), and the store sees that in one pass over it. So whoever
solves a whole graph solves the rest only. With too much of that there is no sieve, and everything
is solved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from schemas.edge import Node
from schemas.identifiers import NodeId
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
PLAIN_PER_PORTION = 200_000
"""So many take some 100 MB."""


class Portion(NamedTuple):
    """The next nodes of a graph."""

    left: dict[NodeId, Node]
    """Those to be solved."""
    plain: dict[NodeId, Placed]
    """Those whose rows are right, with their placements."""
    place: NodeId
    """The last of all of them, in the order of the store."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """What is to be solved of a realm's graph, as it was when the sieve was made."""

    source: VerificationSource
    realm: str
    doubtful: Collection[NodeId] | None
    """The profiles; None for all."""

    def portions(
        self, size: int, after: NodeId | None, *, is_steady: bool, whole_first: bool
    ) -> Iterator[Portion]:
        """All nodes, in order, with at most `size` to be solved.

        Args:
            is_steady: each portion is of the next `size` nodes, whatever is to be solved of them.
            whole_first: the first one is to be solved whatever it holds.
        """
        if self.doubtful is None:
            for page in self.source.nodes(self.realm, size, after):
                yield Portion({one.id: one for one in page}, {}, page[-1].id)
            return
        left, plain = dict[NodeId, Node](), dict[NodeId, Placed]()
        page_size = size if is_steady else max(size, NODES_PER_PAGE)
        place: NodeId | None = None
        for page in self.source.nodes(self.realm, page_size, after):
            standing = (
                {}
                if whole_first
                else self.source.placements_of(self.realm, [one.id for one in page])
            )
            for node in page:
                place, placement = node.id, standing.get(node.id)
                if placement is None or placement.profile in self.doubtful:
                    left[node.id] = node
                else:
                    plain[node.id] = node, placement
                if len(left) == size and not is_steady:
                    yield Portion(left, plain, place)
                    left, plain = {}, {}
            if is_steady or len(plain) >= PLAIN_PER_PORTION:
                yield Portion(left, plain, page[-1].id)
                left, plain, whole_first = {}, {}, False
        if place is not None and (left or plain):
            yield Portion(left, plain, place)


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
