"""The nodes of a store in memory as places of a node filter, and a filter that is checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from schemas.identifiers import NodeId
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.node_filter import MANY
from services.identity.known_nodes import KnownNodes


class MemoryPlaces:
    """Implements `services.identity.ports.NodePlaces`."""

    def __init__(self, rows: MemoryIdentityStore) -> None:
        self._rows = rows

    def count(self) -> int:
        """See the port."""
        return len(self._rows.all_nodes())

    def places(self, bits: int, part: int, parts: int) -> Iterator[tuple[int, bytes]]:
        """See the port: a byte a block."""
        nodes = self._rows.all_nodes()
        size = (1 << bits) // parts
        for node in nodes:
            place = (node & (1 << 64) - 1) >> 64 - bits
            if place // size == part:
                yield place >> 3, bytes([1 << (place & 7)])

    def degrees(self, bits: int, part: int, parts: int) -> Iterator[tuple[int, bytes]]:
        """See the port: a byte a block."""
        size = (1 << bits) // parts
        found = Counter[int]()
        for node, count in self._rows.all_degrees():
            place = (node & (1 << 64) - 1) >> 64 - bits
            if place // size == part:
                found[place >> 3] += count
        for first, count in found.items():
            yield first, bytes([min(count, MANY)])


class CheckedNodes(KnownNodes):
    """Fails as soon as a node is denied of which a row is stored, or has more edges than it may."""

    def __init__(self, rows: MemoryIdentityStore) -> None:
        super().__init__(MemoryPlaces(rows), asked_min=0)
        self._rows = rows
        self.denied = 0
        self.bounded = 0

    def among_rows(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """As `possibly_known` of the port."""
        found = self.among(nodes, in_doubt)
        stored = self._rows.possibly_known(realm, nodes, in_doubt=False)
        assert in_doubt or set(stored) <= set(found), "a stored node was denied"
        self.denied += len(nodes) - len(found)
        return found

    def bounds_of_rows(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        """As `bounds_of` of the port."""
        found = self.bounds(nodes)
        stored = self._rows.bounds_of(realm, found.keys())
        assert all(stored[node] <= most for node, most in found.items()), "edges were not counted"
        self.bounded += len(found)
        return found
