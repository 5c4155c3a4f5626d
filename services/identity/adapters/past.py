"""The identity graph as the edges and decisions of an earlier time make it.

An edge is there from its best report on, a decision from when it was made. The store keeps the
latest decision of a pair only, and of a mark no time: a mark counts always. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection

from schemas.edge import Decision, Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore, edge_of_row
from services.identity.core.model import Refusal
from services.identity.past_groups import PastGroup, group_of
from services.runtime.errors import InvalidState
from services.store.database import KEYS_PER_QUERY, Database, chunks, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
EDGES_SQL = _STATEMENTS["edges"]
CROWDED_SQL = _STATEMENTS["crowded"]
EDGES_MAX = 50_000
"""Edges that one answer may read. A person has a few dozen; an identifier above the limits of the
rules is not read at all."""


class PastGraph:
    """Implements `services.identity.ports.GraphSource` for one question about one time."""

    def __init__(self, database: Database, today: ClickHouseIdentityStore, until_ms: int) -> None:
        """`until_ms` is the last millisecond (Unix, event time) that counts."""
        self._database = database
        self._today = today
        self._until_ms = until_ms
        self._edges_left = EDGES_MAX

    def possibly_known(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """See GraphSource: all, because of no node it is known."""
        return nodes

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See GraphSource. Raises InvalidState when the question would read too many edges."""
        found: dict[tuple[NodeId, NodeId], Edge] = {}
        for part in chunks(list(nodes), KEYS_PER_QUERY):
            rows = rows_by_key(
                self._database,
                EDGES_SQL,
                realm,
                part,
                until=self._until_ms,
                limit=self._edges_left + 1,
            )
            for row in rows:
                edge = edge_of_row(row)
                found[edge.a.id, edge.b.id] = edge
            if len(found) > self._edges_left:
                raise InvalidState(
                    f"more than {EDGES_MAX:,} links between identifiers would have to be read to "
                    "tell who belonged together then"
                )
        self._edges_left -= len(found)
        return list(found.values())

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        """See GraphSource."""
        rows = rows_by_key(
            self._database,
            CROWDED_SQL,
            realm,
            nodes,
            above=above,
            types=sorted(types),
            until=self._until_ms,
        )
        return {node.int for (node,) in rows}

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """See GraphSource: none, because the map is that of today."""
        return {}

    def decisions_of(self, realm: str, nodes: Collection[NodeId]) -> list[Decision]:
        """See GraphSource."""
        found = self._today.decisions_of(realm, nodes)
        return [one for one in found if one.decided_ms <= self._until_ms]

    def marks_of(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See GraphSource."""
        return self._today.marks_of(realm, nodes)

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """See GraphSource: none, because they are results."""
        return []


def group_then(
    database: Database, rules: IdentityRules, realm: str, node: NodeId, until_ms: int
) -> PastGroup:
    """The profile that a node belonged to at a time. Raises as PastGraph does."""
    today = ClickHouseIdentityStore(database)
    known = today.values_of(realm, [node]).get(node)
    if known is None:  # a receipt without identifiers, or nothing at all
        return PastGroup(node, None, frozenset({node}))
    type_name, issuer, _ = known
    graph = PastGraph(database, today, until_ms)
    return group_of(graph, realm, Node(node, type_name, issuer), rules)
