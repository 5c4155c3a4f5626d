"""An event on a hub costs what any event costs, however many neighbours the hub has.

Counted in what the store is asked for, never in time.
"""

from __future__ import annotations

from collections.abc import Collection

from schemas.edge import Decision, Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import Refusal, type_table
from services.identity.core.resolve import resolve
from services.identity.graph_cache import HUBS_KEPT_MAX, GraphCache
from services.identity.writer import IdentityWriter
from tests.unit.identity.stories import link, small_rules

REALM = "r"
TILL = Node(1, "cookie", "")
RULES = small_rules(5, 3)
EVENTS = 300


class AskedStore(MemoryIdentityStore):
    """Remembers which nodes each read was about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[frozenset[NodeId]] = []

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        self.asked.append(frozenset(nodes))
        return super().edges_of(realm, nodes)

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        self.asked.append(frozenset(nodes))
        return super().nodes_above_degree(realm, nodes, above, types)

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        self.asked.append(frozenset(nodes))
        return super().placements_of(realm, nodes)

    def decisions_of(self, realm: str, nodes: Collection[NodeId]) -> list[Decision]:
        self.asked.append(frozenset(nodes))
        return super().decisions_of(realm, nodes)

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        self.asked.append(frozenset(nodes))
        return super().refusals_of(realm, nodes)


def _event(number: int) -> Edge:
    """A new card at the till."""
    return link(TILL, Node(100 + number, "card", ""), number, f"e{number}", True)


def test_a_known_hub_is_never_read_again() -> None:
    """Nothing else stays in memory between the batches, and no read is about the hub, nor about
    more nodes when it has more neighbours; the map is right all the same."""
    store = AskedStore()
    writer = IdentityWriter(store, REALM, RULES, cache_nodes_max=0)
    edges = [_event(number) for number in range(EVENTS)]
    writer.commit(writer.apply(edges[:10]), 1)
    writer.commit(writer.apply(edges[10:11]), 2)  # finds out that it is a hub
    assert any(TILL.id in nodes for nodes in store.asked)
    costs = set()
    for version, edge in enumerate(edges[11:], 3):
        store.asked.clear()
        writer.commit(writer.apply([edge]), version)
        assert not any(TILL.id in nodes for nodes in store.asked)
        costs.add((len(store.asked), sum(map(len, store.asked))))
    assert len(costs) == 1
    expected = resolve(edges, (), (), RULES).placements
    assert store.placements_of(REALM, expected.keys()) == expected


def test_a_hub_takes_no_memory_for_its_edges() -> None:
    """Neither for those in the store nor for those that come."""
    store = MemoryIdentityStore()
    edges = [_event(number) for number in range(EVENTS)]
    store.write_edges(REALM, edges[:200], 1)
    cache = GraphCache(store, REALM, type_table(RULES))
    cache.load(end for edge in edges for end in (edge.a, edge.b))
    for edge in edges:
        cache.merge_edge(edge)
    assert cache[TILL.id].edges == {}
    cache.evict()
    assert len(cache) == 1


def test_only_so_many_hubs_are_kept() -> None:
    """With more of them, all are dropped and counted again when they come."""
    cache = GraphCache(MemoryIdentityStore(), REALM, type_table(RULES))
    for kept, hubs in ((HUBS_KEPT_MAX, HUBS_KEPT_MAX), (0, HUBS_KEPT_MAX + 1)):
        cache.load(Node(number, "cookie", "") for number in range(hubs))
        for number in range(hubs):
            cache[number].edges_not_loaded = True
        cache.evict()
        assert len(cache) == kept
