"""A set of nodes that answers "never added" or "perhaps": no node that was added is ever denied.

One bit for each of `2**bits` equal ranges of keys, and one counter of edges for every eight of
them. Node ids are keyed digests: keys spread evenly, and nobody outside can aim at a range. It
never forgets: it errs by saying "perhaps" more often, and by counting edges of other nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from schemas.identifiers import NodeId

KEY_BITS = 64
_KEYS = (1 << KEY_BITS) - 1
BITS_MIN, BITS_MAX = 16, 30
"""8 KiB and 128 MiB of bits, and as much of counters."""
BITS_PER_NODE = 16
PART_BITS = 24
"""Of a large one a part holds 2**24 places, for a million nodes: 2 MiB."""
MANY = 127
"""The highest count: so many, or any number."""


class NodeFilter:
    """Not thread-safe. The key of a node is the second half of its id, by which ClickHouse sorts.

    Args:
        nodes: how many are expected. With so many one in 17 to 33 of the others is not denied, with
            twice as many one in 9 to 17; above 67 million it is more of them.
    """

    def __init__(self, nodes: int) -> None:
        self.bits = min(max((nodes * BITS_PER_NODE - 1).bit_length(), BITS_MIN), BITS_MAX)
        self.nodes = max(nodes, (1 << BITS_MIN) // BITS_PER_NODE)
        self.parts = 1 << max(0, self.bits - PART_BITS)
        """Equal ranges of places in which it may be filled, in the order of keys."""
        self.added = 0
        """Nodes that were added one by one and would have been denied before."""
        self._shift = KEY_BITS - self.bits
        self._held = bytearray(1 << self.bits - 3)
        self._edges = bytearray(len(self._held))

    def add(self, nodes: Iterable[NodeId]) -> None:
        """From now on none of these is denied."""
        held, shift = self._held, self._shift
        for node in nodes:
            place = (node & _KEYS) >> shift
            bit = 1 << (place & 7)
            if not held[place >> 3] & bit:
                held[place >> 3] |= bit
                self.added += 1

    def add_block(self, first: int, block: bytes) -> None:
        """Add bits as they are held, from byte `first`: eight places a byte, the lowest first."""
        known = self._held[first : first + len(block)]
        both = int.from_bytes(known, "little") | int.from_bytes(block, "little")
        self._held[first : first + len(block)] = both.to_bytes(len(block), "little")

    def count_edges(self, ends: Iterable[NodeId]) -> None:
        """Each of these gets an edge; one that occurs twice gets two."""
        edges, shift = self._edges, self._shift + 3
        for node in ends:
            place = (node & _KEYS) >> shift
            if edges[place] < MANY:
                edges[place] += 1

    def count_many(self, nodes: Iterable[NodeId]) -> None:
        """These have any number of edges."""
        edges, shift = self._edges, self._shift + 3
        for node in nodes:
            edges[(node & _KEYS) >> shift] = MANY

    def add_counts(self, first: int, counts: bytes) -> None:
        """Add counts of edges, none above `MANY`, from byte `first`: one for eight places."""
        known = self._edges[first : first + len(counts)]
        both = int.from_bytes(known, "little") + int.from_bytes(counts, "little")
        high = int.from_bytes(b"\x80" * len(counts), "little")
        above = (both & high) >> 7
        held = both & ~high | above * MANY
        self._edges[first : first + len(counts)] = held.to_bytes(len(counts), "little")

    def bounds(self, nodes: Iterable[NodeId]) -> Mapping[NodeId, int]:
        """The most edges that each of these can have, if that is below `MANY`."""
        edges, shift = self._edges, self._shift + 3
        counted = ((node, edges[(node & _KEYS) >> shift]) for node in nodes)
        return {node: count for node, count in counted if count < MANY}

    def among(self, nodes: Collection[NodeId]) -> list[NodeId]:
        """Those of `nodes` that are not denied."""
        held, shift = self._held, self._shift
        places = [(node, (node & _KEYS) >> shift) for node in nodes]
        return [node for node, place in places if held[place >> 3] >> (place & 7) & 1]
