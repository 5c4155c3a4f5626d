"""The part of a realm's graph that the writer has in memory.

A `GraphCache` loads nodes in one set of reads per frontier and answers from memory afterwards. It
holds the intended state: it is ahead of the store by the batch that is being written. It never
writes. All of it can be dropped and read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from services.identity.core.model import Reason, Refusal, TypeTable, better, counts, later
from services.identity.core.resolve import NEVER_SEEN_MS, apart_reason
from services.identity.ports import GraphSource

HUBS_KEPT_MAX = 20_000


class CachedGraph:
    """Everything known about one node."""

    __slots__ = (
        "apart_known",
        "decisions",
        "edges",
        "edges_not_loaded",
        "first_seen_ms",
        "isolated",
        "marked",
        "node",
        "placement",
        "refusals",
    )

    def __init__(self, node: Node) -> None:
        self.node = node
        self.edges: dict[NodeId, Edge] = {}
        """By the other end, both grades; none of a closed entry."""
        self.decisions: dict[NodeId, Decision] = {}
        self.refusals: dict[tuple[NodeId, NodeId, bool], Refusal] = {}
        self.marked = False
        self.placement: Placement | None = None
        self.first_seen_ms = NEVER_SEEN_MS
        self.edges_not_loaded = False
        """The node has so many edges that it exceeds the degree limit; they were not read."""
        self.isolated: Reason | None = None
        self.apart_known = False

    @property
    def on_map(self) -> bool:
        """Whether the node has a map row: it has a counting edge or a decision."""
        return self.edges_not_loaded or self.first_seen_ms != NEVER_SEEN_MS or bool(self.decisions)

    @property
    def is_blank(self) -> bool:
        """Whether nothing is known of the node."""
        return self.placement is None and not (
            self.edges or self.edges_not_loaded or self.decisions or self.refusals or self.marked
        )

    def differs_from(self, other: NodeId) -> bool:
        """Whether the pair was decided to be different."""
        decision = self.decisions.get(other)
        return decision is not None and decision.verdict is Verdict.DIFFERENT


def other_end(edge: Edge, node: NodeId) -> Node:
    """The end of an edge that is not `node`."""
    return edge.b if edge.a.id == node else edge.a


class GraphCache:
    """Entries by node id. A hub with `hub_margin` edges above the limit is not read."""

    def __init__(
        self, store: GraphSource, realm: str, table: TypeTable, *, rules_of_map: bool = False
    ) -> None:
        """`rules_of_map`: the rows of the map follow from the rules of `table`."""
        self._rules_of_map = rules_of_map
        self._store = store
        self._realm = realm
        self._table = table
        self._entries: dict[NodeId, CachedGraph] = {}
        self._sighted: dict[NodeId, Placement | None] = {}
        """What the map says of stored nodes that are not read."""
        self._ahead: defaultdict[NodeId, list[Edge]] = defaultdict(list)
        """Edges of the batch at nodes that are not read, which the store has not yet."""
        self.hub_margin = 0
        self.in_doubt = False
        """Somebody else may be writing of the nodes that are loaded."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, node: NodeId) -> bool:
        return node in self._entries

    def __getitem__(self, node: NodeId) -> CachedGraph:
        return self._entries[node]

    def clear(self) -> None:
        """Forget everything; the store is read again."""
        self._entries.clear()
        self.end_batch()

    def end_batch(self) -> None:
        """The batch is merged: once it is written, the store knows better of what was not read."""
        self._sighted.clear()
        self._ahead.clear()

    def evict(self) -> None:
        """Forget everything but hubs: they take no memory for their edges, and to find out again
        that they are hubs all these would have to be counted."""
        hubs = {node: one for node, one in self._entries.items() if one.edges_not_loaded}
        self._entries = hubs if len(hubs) <= HUBS_KEPT_MAX else {}

    def load(self, nodes: Iterable[Node]) -> None:
        """Load all nodes that are not known yet, in one set of reads."""
        missing = {node.id: node for node in nodes if node.id not in self._entries}
        self.sight(missing.values())
        stored = {one: node for one, node in missing.items() if one in self._sighted}
        if stored:
            rows = {one: self._sighted.pop(one) for one in stored}
            placements = {one: row for one, row in rows.items() if row is not None}
            self._read(stored, self._closed_among(stored, placements), placements)

    def sight(self, nodes: Iterable[Node]) -> None:
        """Find out where the nodes that are not known yet are placed; of those that are not stored
        all is known then."""
        missing = {
            node.id: node
            for node in nodes
            if node.id not in self._entries and node.id not in self._sighted
        }
        if not missing:
            return
        known = set(self._store.possibly_known(self._realm, missing.keys(), self.in_doubt))
        placements = self._store.placements_of(self._realm, known) if known else {}
        for node, described in missing.items():
            if node in known:
                self._sighted[node] = placements.get(node)
            else:
                self._entries[node] = CachedGraph(described)

    def placement(self, node: NodeId) -> Placement | None:
        """Where the map has a node that was loaded or sighted."""
        entry = self._entries.get(node)
        return self._sighted.get(node) if entry is None else entry.placement

    def is_blank(self, node: NodeId) -> bool:
        """Whether nothing is stored of a node that was loaded or sighted."""
        entry = self._entries.get(node)
        return entry is not None and entry.is_blank

    def load_edges(self, nodes: Iterable[Node]) -> None:
        """Read the edges of those nodes whose edges were not loaded."""
        edges_not_loaded = {
            node.id: node for node in nodes if self._entries[node.id].edges_not_loaded
        }
        if edges_not_loaded:
            placements = self._store.placements_of(self._realm, edges_not_loaded.keys())
            self._read(edges_not_loaded, set(), placements)

    def _closed_among(
        self, missing: dict[NodeId, Node], placements: Mapping[NodeId, Placement]
    ) -> set[NodeId]:
        """Shareable nodes above the degree limit.

        By the rules of the map these are shared already, and no other need be counted: the edges
        that would bring one above the limit are not stored yet, or are those of batches in doubt.
        """
        table = self._table
        shareable = [
            node
            for node in missing.values()
            if node.type in table.rank
            and node.type not in table.personal
            and (
                not self._rules_of_map
                or (row := placements.get(node.id)) is None
                or row.kind is ProfileKind.SHARED
            )
        ]
        if not shareable:
            return set()
        crowd = self._hubs_among(shareable)
        # Edges of a must-not-link pair do not count: such a node must be read.
        for decision in self._store.decisions_of(self._realm, crowd) if crowd else ():
            crowd -= {decision.a.id, decision.b.id}
        return crowd

    def _hubs_among(self, shareable: list[Node]) -> set[NodeId]:
        """Those above a limit of `is_hub`, with the margin."""
        table, listed = self._table, self._table.rank.keys()
        fewest = min(table.hub_above, table.hub_above_ephemeral)
        many = self._above([node.id for node in shareable], fewest, listed)
        if not many:  # the usual case, in one read
            return many
        devices = many & {node.id for node in shareable if node.type in table.devices}
        return (
            self._above(many - devices, table.hub_above, listed)
            | self._above(devices, table.hub_above, listed - table.visits)
            | self._above(devices, table.hub_above_ephemeral, table.visits)
        )

    def _above(self, nodes: Collection[NodeId], limit: int, types: Collection[str]) -> set[NodeId]:
        """Those with more neighbours of these types than a limit and the margin."""
        if not nodes:
            return set()
        above = limit + self.hub_margin
        return self._store.nodes_above_degree(self._realm, nodes, above, types)

    def _read(
        self,
        missing: dict[NodeId, Node],
        edges_not_loaded: set[NodeId],
        placements: Mapping[NodeId, Placement],
    ) -> None:
        store, realm, entries = self._store, self._realm, self._entries
        ids = missing.keys()
        for node in missing.values():
            entries[node.id] = CachedGraph(node)
        for node_id in edges_not_loaded:
            entries[node_id].edges_not_loaded = True
        for edge in store.edges_of(realm, ids - edges_not_loaded):
            for end, other in ((edge.a, edge.b), (edge.b, edge.a)):
                if end.id in missing:
                    self._hold(end, other, edge)
        for decision in store.decisions_of(realm, ids):
            for end, other in ((decision.a, decision.b), (decision.b, decision.a)):
                if end.id in missing:
                    entries[end.id].node = end
                    entries[end.id].decisions[other.id] = decision
        for refusal in store.refusals_of(realm, ids):
            for end_id in {refusal.a, refusal.b} & ids:
                entries[end_id].refusals[refusal.key] = refusal
        for node_id in store.marks_of(realm, ids):
            entries[node_id].marked = True
        for node_id, placement in placements.items():
            entries[node_id].placement = placement
        for node_id in self._ahead.keys() & ids:
            for edge in self._ahead.pop(node_id):
                self._hold_at_loaded(edge)

    def _hold_at_loaded(self, edge: Edge) -> None:
        """Keep an edge at its ends, or until they are read."""
        for end, other in ((edge.a, edge.b), (edge.b, edge.a)):
            if end.id in self._entries:
                self._hold(end, other, edge)
            else:
                self._ahead[end.id].append(edge)

    def _hold(self, end: Node, other: Node, edge: Edge) -> None:
        """Keep an edge at one of its ends."""
        entry = self._entries[end.id]
        entry.node = end
        if entry.edges_not_loaded:
            return
        entry.edges[other.id] = edge
        entry.apart_known = False
        if edge.first_seen_ms < entry.first_seen_ms and counts(edge, self._table):
            entry.first_seen_ms = edge.first_seen_ms

    def merge_edge(self, edge: Edge) -> tuple[Edge | None, Edge]:
        """Merge a report into the edge of its pair; returns the edge before and after.

        Both ends are loaded, and at least one of them is open; or else one end is new, and the
        other need not be loaded.
        """
        a = self._entries.get(edge.a.id)
        if a is None or a.edges_not_loaded:
            known = self._entries[edge.b.id].edges.get(edge.a.id)
        else:
            known = a.edges.get(edge.b.id)
        now = edge if known is None else better(known, edge)
        if now != known:
            self._hold_at_loaded(now)
        return known, now

    def merge_decision(self, decision: Decision) -> tuple[Decision | None, Decision]:
        """Merge a decision into the one of its pair; returns the decision before and after."""
        known = self._entries[decision.a.id].decisions.get(decision.b.id)
        now = decision if known is None else later(known, decision)
        for end, other in ((now.a, now.b), (now.b, now.a)):
            entry = self._entries[end.id]
            entry.node = end
            entry.decisions[other.id] = now
            entry.apart_known = False
        return known, now

    def mark(self, node: NodeId) -> bool:
        """Mark a node as permanently shared; returns whether it was not before."""
        entry = self._entries[node]
        news = not entry.marked
        entry.marked = True
        entry.apart_known = False
        return news

    def isolated(self, node: NodeId) -> Reason | None:
        """Why a loaded node joins nobody, or None."""
        entry = self._entries[node]
        if not entry.apart_known:
            entry.isolated = self._judge(entry)
            entry.apart_known = True
        return entry.isolated

    def _judge(self, entry: CachedGraph) -> Reason | None:
        if entry.edges_not_loaded and not entry.marked:
            return Reason.HUB
        few = len(entry.edges) <= self._table.few
        if few and not entry.marked and entry.node.type in self._table.rank:
            return None  # The usual case, without reading the edges.
        node = entry.node.id
        neighbours = [(other_end(one, node), one.first_seen_ms) for one in self.joining(node)]
        return apart_reason(entry.node, neighbours, entry.marked, self._table)

    def joining(self, node: NodeId) -> Iterator[Edge]:
        """The edges of a loaded node that may join: verified, and not decided otherwise."""
        entry = self._entries[node]
        deciding = bool(entry.decisions)
        for other, edge in entry.edges.items():
            if counts(edge, self._table) and not (deciding and entry.differs_from(other)):
                yield edge
