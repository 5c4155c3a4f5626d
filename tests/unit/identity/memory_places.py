"""The nodes of a store in memory as places of a node filter, and a filter that is checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from schemas.identifiers import NodeId
from services.identity.adapters.memory import MemoryIdentityStore
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


class CheckedNodes(KnownNodes):
    """Fails as soon as a node is denied of which a row is stored."""

    def __init__(self, rows: MemoryIdentityStore) -> None:
        super().__init__(MemoryPlaces(rows), asked_min=0)
        self._rows = rows
        self.denied = 0

    def among_rows(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """As `possibly_known` of the port."""
        found = self.among(nodes, in_doubt)
        stored = self._rows.possibly_known(realm, nodes, in_doubt=False)
        assert in_doubt or set(stored) <= set(found), "a stored node was denied"
        self.denied += len(nodes) - len(found)
        return found
