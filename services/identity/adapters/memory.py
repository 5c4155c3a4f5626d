"""The identity store in memory: for tests, for simulations, and for trying rules on an export.

It keeps the whole contract of the port, writes nothing to disk, and is not thread-safe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from schemas.edge import Decision, Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement
from services.identity.core.model import Pair, Refusal, TypeTable
from services.identity.core.plain import crowded_nodes, doubtful_profiles
from services.identity.ports import Placed

RefusalKey = tuple[NodeId, NodeId, bool]
K = TypeVar("K", bound=Hashable)


class _Realm:
    """The rows of one realm, and which pairs each node is part of."""

    def __init__(self) -> None:
        self.edges: dict[Pair, Edge] = {}
        self.decisions: dict[Pair, Decision] = {}
        self.decided: dict[Pair, int] = {}
        """The version of each decision."""
        self.marks: set[NodeId] = set()
        self.nodes: dict[NodeId, Node] = {}
        self.placements: dict[NodeId, Placement] = {}
        self.profiles: defaultdict[NodeId, set[NodeId]] = defaultdict(set)
        self.refusals: dict[RefusalKey, Refusal] = {}
        self.edges_at: defaultdict[NodeId, set[Pair]] = defaultdict(set)
        self.decisions_at: defaultdict[NodeId, set[Pair]] = defaultdict(set)
        self.refusals_at: defaultdict[NodeId, set[RefusalKey]] = defaultdict(set)


def _gather(index: Mapping[NodeId, set[K]], nodes: Iterable[NodeId]) -> set[K]:
    """The union of the index entries of the nodes."""
    return set().union(*(index[node] for node in nodes if node in index))


def _leads_to(edge: Edge, node: NodeId, types: Collection[str]) -> bool:
    other = edge.b if edge.a.id == node else edge.a
    return edge.verified and other.type in types


class MemoryIdentityStore:
    """An `IdentityStore` that forgets everything with the process."""

    def __init__(self) -> None:
        self._realms: defaultdict[str, _Realm] = defaultdict(_Realm)

    def possibly_known(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        places = (
            rows.edges_at, rows.decisions_at, rows.refusals_at, rows.marks, rows.placements,
        )  # fmt: skip
        return [node for node in nodes if in_doubt or any(node in one for one in places)]

    def bounds_of(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        """See `IdentityStore`."""
        around = self._realms[realm].edges_at
        return {node: len(around.get(node, ())) for node in nodes}

    def types_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, str]:
        """See `IdentityStore`."""
        known = self._realms[realm].nodes
        return {node: known[node].type for node in nodes if node in known}

    def decided(self) -> Collection[NodeId]:
        """See `IdentityStore`."""
        return {end for rows in self._realms.values() for pair in rows.decisions for end in pair}

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        return [rows.edges[pair] for pair in _gather(rows.edges_at, nodes)]

    def an_edge_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See `IdentityStore`."""
        found = {node: self.edges_of(realm, [node])[:1] for node in nodes}
        return list({(one.a.id, one.b.id): one for some in found.values() for one in some}.values())

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        return {
            node
            for node in nodes
            if len(rows.edges_at.get(node, ())) > above
            and sum(_leads_to(rows.edges[pair], node, types) for pair in rows.edges_at[node])
            > above
        }

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """See `IdentityStore`."""
        placements = self._realms[realm].placements
        return {node: placements[node] for node in nodes if node in placements}

    def former_profiles(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See `IdentityStore`."""
        return _gather(self._realms[realm].profiles, nodes)

    def decisions_of(self, realm: str, nodes: Collection[NodeId]) -> list[Decision]:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        return [rows.decisions[pair] for pair in _gather(rows.decisions_at, nodes)]

    def marks_of(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See `IdentityStore`."""
        return self._realms[realm].marks.intersection(nodes)

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        return [rows.refusals[key] for key in _gather(rows.refusals_at, nodes)]

    def decisions_after(self, version: int) -> list[tuple[str, Decision]]:
        """See `IdentityStore`."""
        return [
            (realm, rows.decisions[pair])
            for realm, rows in self._realms.items()
            for pair, written in rows.decided.items()
            if written > version
        ]

    def write_edges(self, realm: str, edges: Sequence[Edge], version: int = 0) -> None:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        for edge in edges:
            pair = (edge.a.id, edge.b.id)
            rows.edges[pair] = edge
            rows.edges_at[edge.a.id].add(pair)
            rows.edges_at[edge.b.id].add(pair)

    def write_decisions(self, realm: str, decisions: Sequence[Decision], version: int = 0) -> None:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        for decision in decisions:
            pair = (decision.a.id, decision.b.id)
            rows.decisions[pair] = decision
            rows.decided[pair] = version
            rows.decisions_at[decision.a.id].add(pair)
            rows.decisions_at[decision.b.id].add(pair)

    def write_marks(self, realm: str, marks: Collection[NodeId], version: int = 0) -> None:
        """See `IdentityStore`."""
        self._realms[realm].marks.update(marks)

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int = 0
    ) -> None:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        for node, (description, placement) in placements.items():
            rows.nodes[node] = description
            rows.placements[node] = placement
            rows.profiles[node].add(placement.profile)

    def remove_placements(self, realm: str, nodes: Collection[NodeId], version: int = 0) -> None:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        for node in nodes:
            rows.placements.pop(node, None)
            rows.nodes.pop(node, None)

    def write_refusals(
        self,
        realm: str,
        appeared: Sequence[Refusal],
        vanished: Sequence[Refusal],
        version: int = 0,
    ) -> None:
        """See `IdentityStore`."""
        rows = self._realms[realm]
        for refusal in vanished:
            rows.refusals.pop(refusal.key, None)
            rows.refusals_at[refusal.a].discard(refusal.key)
            rows.refusals_at[refusal.b].discard(refusal.key)
        for refusal in appeared:
            rows.refusals[refusal.key] = refusal
            rows.refusals_at[refusal.a].add(refusal.key)
            rows.refusals_at[refusal.b].add(refusal.key)

    def nodes(self, realm: str, limit: int, after: NodeId | None = None) -> Iterator[list[Node]]:
        """See `VerificationSource`."""
        while page := self._nodes_after(realm, after)[:limit]:
            yield page
            after = page[-1].id

    def _nodes_after(self, realm: str, after: NodeId | None) -> list[Node]:
        rows = self._realms[realm]
        found = dict(rows.nodes)
        ends = [(one.a, one.b) for one in rows.edges.values()]
        ends += [(one.a, one.b) for one in rows.decisions.values()]
        found |= {end.id: end for pair in ends for end in pair}
        return [found[node] for node in sorted(found) if after is None or node > after]

    def crowded(self, realm: str, table: TypeTable, at_most: int) -> list[Node]:
        """See `VerificationSource`."""
        return crowded_nodes(self.all_edges(realm), table)[:at_most]

    def doubtful(
        self,
        realm: str,
        table: TypeTable,
        isolated: Collection[NodeId],
        named: Collection[NodeId],
        at_most: int,
    ) -> set[NodeId]:
        """See `VerificationSource`."""
        rows = self._realms[realm]
        pairs = [*rows.decisions, *((one.a, one.b) for one in rows.refusals.values())]
        all_named = {*named, *rows.marks, *(end for pair in pairs for end in pair)}
        edges = list(rows.edges.values())
        found = doubtful_profiles(edges, rows.placements, isolated, all_named, table)
        return set(sorted(found)[:at_most])

    def place_of(self, node: NodeId) -> int:
        """See `VerificationSource`."""
        return node

    def all_nodes(self) -> set[NodeId]:
        """Every node of which anything is stored in any realm."""
        return {
            node
            for rows in self._realms.values()
            for nodes in (
                rows.edges_at, rows.decisions_at, rows.refusals_at, rows.marks, rows.placements,
            )
            for node in nodes
        }  # fmt: skip

    def all_degrees(self) -> Iterator[tuple[NodeId, int]]:
        """Every node with edges and how many it has, for each realm."""
        for rows in self._realms.values():
            yield from ((node, len(pairs)) for node, pairs in rows.edges_at.items())

    def all_edges(self, realm: str) -> list[Edge]:
        """Every stored edge of a realm."""
        return list(self._realms[realm].edges.values())

    def all_decisions(self, realm: str) -> list[Decision]:
        """The latest decision of every pair of a realm."""
        return list(self._realms[realm].decisions.values())

    def all_placements(self, realm: str) -> dict[NodeId, Placement]:
        """Every map row of a realm."""
        return dict(self._realms[realm].placements)

    def all_refusals(self, realm: str) -> list[Refusal]:
        """Every standing refusal of a realm."""
        return sorted(self._realms[realm].refusals.values())
