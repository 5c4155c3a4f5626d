"""Which edges need not be sent again: regular customers repeat theirs with every event.

Only acknowledged edges are remembered, and an edge is skipped only if the one sent before was
neither later nor of a lower grade; the earliest report of the best grade must get through.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from schemas.edge import Edge, rank
from schemas.identifiers import NodeId

SENT_EDGES_MAX = 500_000
Rank = tuple[bool, int, str]


class SentEdges:
    """The recently sent edges, by realm and pair, with the rank of the best report."""

    def __init__(self, edges_max: int = SENT_EDGES_MAX) -> None:
        self._edges_max = edges_max
        self._sent: OrderedDict[tuple[str, NodeId, NodeId], Rank] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sent)

    def unsent(self, realm: str, edges: Iterable[Edge]) -> list[Edge]:
        """The best report of each pair that improves on what was sent; each pair once."""
        best: dict[tuple[NodeId, NodeId], Edge] = {}
        for edge in edges:
            pair = (edge.a.id, edge.b.id)
            best[pair] = min(best.get(pair, edge), edge, key=rank)
        sent = self._sent
        return [
            edge
            for pair, edge in best.items()
            if (before := sent.get((realm, *pair))) is None or rank(edge) < before
        ]

    def acknowledged(self, realm: str, edges: Iterable[Edge]) -> None:
        """Remember edges that the broker acknowledged."""
        for edge in edges:
            key = (realm, edge.a.id, edge.b.id)
            self._sent[key] = rank(edge)
            self._sent.move_to_end(key)
        while len(self._sent) > self._edges_max:
            self._sent.popitem(last=False)

    def forget(self) -> None:
        """Send everything again: whoever was erased may have lost what was sent."""
        self._sent.clear()
