"""Which nodes the store of a sole writer may have rows of, so that no others are looked up; and how
many edges these can have, so that the edges of few are read.

A node filter in memory, filled from the store in parts while the writer works: until the last part
is read, every node is looked up. What this process writes is noted before it is written, and what
anybody else may be writing is noted when the writer reads it in doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import structlog

from schemas.identifiers import NodeId
from services.identity.core.node_filter import BITS_MAX, BITS_PER_NODE, NodeFilter
from services.identity.ports import NodePlaces
from services.runtime.errors import C360Error

log = structlog.get_logger()
NODES_MAX = (1 << BITS_MAX) // BITS_PER_NODE
"""With more of them every node is looked up."""
ASKED_MIN = 2_000
NODES_PER_KEY = 200
"""To look up one node costs as much as to read so many into the filter."""

PARTS_AT_ONCE = 4


class KnownNodes:
    """Made with the store of a writer, which knows from then on only its own writes. One thread.

    Nothing is read before as many nodes were asked about as a filter costs: a short-lived process
    on a large store has none. Without a filter nothing needs to be noted, for it will be read.
    The work of the writer needs no filter: when reading one fails, there is none for a while.
    """

    def __init__(self, stored: NodePlaces, asked_min: int) -> None:
        self._stored = stored
        self._asked = 0
        self._asked_min = self._due = asked_min
        self._filter: NodeFilter | None = None
        self._parts_read = 0
        self._failures = 0
        """Since a filter was last read to its end; each doubles what is asked before the next."""

    def among(self, nodes: Collection[NodeId], in_doubt: bool) -> Collection[NodeId]:
        """Those of `nodes` that may have a row; the others have none in any realm.

        In doubt all of them, for good: an evicted worker may be writing any. Reads a part of the
        store now and then; if the store refuses that, all of them are given.
        """
        try:
            return self._among(nodes, in_doubt)
        except C360Error as error:
            self._give_up(error)
            return nodes

    def bounds(self, nodes: Iterable[NodeId]) -> Mapping[NodeId, int]:
        """The most edges that these may have, for those of which that is known."""
        kept = self._filter
        return {} if kept is None or self._parts_read < kept.parts else kept.bounds(nodes)

    def note_edges(self, ends: Collection[NodeId]) -> None:
        """Edges with these ends, an end for each edge, are about to be written."""
        if self._filter is not None:
            self._filter.count_edges(ends)
        self.note(ends)

    def note(self, nodes: Iterable[NodeId]) -> None:
        """Rows of these are about to be written."""
        if self._filter is None:
            return
        self._filter.add(nodes)
        if self._filter.added > self._filter.nodes:
            # Twice as many as it was made for. A larger one is read when it is due again.
            self._filter, self._asked = None, 0

    def _among(self, nodes: Collection[NodeId], in_doubt: bool) -> Collection[NodeId]:
        kept = self._filter
        if kept is None:
            self._asked += len(nodes)
            kept = self._begun() if self._asked >= self._due else None
            if kept is None:
                return nodes
        if in_doubt:
            kept.add(nodes)
            kept.count_many(nodes)
            return nodes
        if self._parts_read == kept.parts:
            return kept.among(nodes)
        for part in range(self._parts_read, min(self._parts_read + PARTS_AT_ONCE, kept.parts)):
            for first, block in self._stored.places(kept.bits, part, kept.parts):
                kept.add_block(first, block)
            for first, counts in self._stored.degrees(kept.bits, part, kept.parts):
                kept.add_counts(first, counts)
            self._parts_read = part + 1
        if self._parts_read == kept.parts:
            self._failures = 0
        return nodes

    def _begun(self) -> NodeFilter | None:
        """A filter that holds what is written from now on, if it pays by now."""
        count = self._stored.count()
        self._due = max(self._asked_min, count // NODES_PER_KEY) << self._failures
        if count > NODES_MAX:
            self._asked = 0  # counted again only when as much was asked once more
            return None
        if self._asked < self._due:
            return None
        self._filter, self._parts_read = NodeFilter(count), 0
        return self._filter

    def _give_up(self, error: C360Error) -> None:
        """Look up every node until twice as many were asked about as before this attempt."""
        if not self._failures:
            log.warning("known_identifiers_not_read", reason=str(error))
        self._filter, self._asked = None, 0
        self._failures += 1
        self._due = max(1, self._due * 2)
