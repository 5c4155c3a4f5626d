"""The identity graph and map on ClickHouse, keyed by node in both directions.

A version is generation << 48 | batch number. The single writer of a realm raises it with every
batch, so the row written last is the one that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import to_ms
from services.identity.core.model import Placement, ProfileKind, Reason, Refusal
from services.identity.ports import Placed
from services.store.database import Database, chunks

NODES_PER_QUERY = 5_000
EDGE_FIELDS = "a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified"
EDGES_SQL = f"""
SELECT {EDGE_FIELDS} FROM edges FINAL WHERE realm = {{realm:String}} AND a IN {{nodes:Array(UUID)}}
UNION DISTINCT
SELECT {EDGE_FIELDS} FROM edges_reversed FINAL
WHERE realm = {{realm:String}} AND b IN {{nodes:Array(UUID)}}
"""
CROWDED_SQL = """
SELECT node FROM (
    SELECT a AS node, b AS other FROM edges FINAL
    WHERE realm = {realm:String} AND a IN {nodes:Array(UUID)} AND verified
        AND b_type IN {types:Array(String)}
    UNION ALL
    SELECT b AS node, a AS other FROM edges_reversed FINAL
    WHERE realm = {realm:String} AND b IN {nodes:Array(UUID)} AND verified
        AND a_type IN {types:Array(String)}
) GROUP BY node HAVING count() > {above:UInt32}
"""
PLACEMENTS_SQL = """
SELECT node, profile, kind FROM map FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
"""
MEMBERS_SQL = """
SELECT node FROM members FINAL WHERE realm = {realm:String} AND profile = {profile:UUID}
"""
VALUES_SQL = """
SELECT node, type, issuer, value FROM node_values FINAL
WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}
"""
DECISIONS_SQL = """
SELECT a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason, decided_at
FROM decisions FINAL
WHERE realm = {realm:String} AND (a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)})
"""
MARKS_SQL = (
    "SELECT node FROM marks FINAL WHERE realm = {realm:String} AND node IN {nodes:Array(UUID)}"
)
REFUSALS_SQL = """
SELECT a, b, reason, blocked_by, event_id FROM refusals FINAL
WHERE realm = {realm:String} AND active
    AND (a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)})
"""
REFUSAL_COLUMNS = (
    "realm", "a", "b", "reason", "blocked_by", "event_id", "is_decision", "active", "version",
)  # fmt: skip


class ClickHouseIdentityStore:
    """Implements `services.identity.ports.IdentityStore`.

    A new writer of a realm creates a new one: decisions and marks are read when it is created, and
    afterwards it knows only its own writes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # Most realms never have a decision or a mark; they are not read in every batch.
        self._has_decisions = self._any("decisions")
        self._has_marks = self._any("marks")

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See the port."""
        found: dict[tuple[NodeId, NodeId], Edge] = {}
        for row in self._by_node(EDGES_SQL, realm, nodes):
            edge = _edge(row)
            found[edge.a.id, edge.b.id] = edge
        return list(found.values())

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        """See the port."""
        rows = self._by_node(CROWDED_SQL, realm, nodes, above=above, types=sorted(types))
        return {row[0].int for row in rows}

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """See the port."""
        return {
            node.int: Placement(profile.int, ProfileKind(kind))
            for node, profile, kind in self._by_node(PLACEMENTS_SQL, realm, nodes)
        }

    def members_of(self, realm: str, profile: NodeId) -> set[NodeId]:
        """All nodes whose latest map row is this profile; itself at least."""
        parameters = {"realm": realm, "profile": str(as_uuid(profile))}
        nodes = {row[0].int for row in self._database.rows(MEMBERS_SQL, parameters)}
        # A member row remains when its node moves: the map is authoritative.
        placed = self.placements_of(realm, nodes)
        return {node for node in nodes if placed[node].profile == profile} | {profile}

    def values_of(
        self, realm: str, nodes: Collection[NodeId]
    ) -> dict[NodeId, tuple[str, str, str]]:
        """Type, issuer and value of nodes."""
        rows = self._by_node(VALUES_SQL, realm, nodes)
        return {node.int: (type_name, issuer, value) for node, type_name, issuer, value in rows}

    def decisions_of(self, realm: str, nodes: Collection[NodeId]) -> list[Decision]:
        """See the port."""
        if not self._has_decisions:
            return []
        rows = self._by_node(DECISIONS_SQL, realm, nodes)
        return list({(row[0], row[3]): _decision(row) for row in rows}.values())

    def marks_of(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See the port."""
        if not self._has_marks:
            return set()
        return {row[0].int for row in self._by_node(MARKS_SQL, realm, nodes)}

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """See the port."""
        found = {}
        for a, b, reason, blocked_by, event_id in self._by_node(REFUSALS_SQL, realm, nodes):
            blockers = tuple(sorted(node.int for node in blocked_by))
            refusal = Refusal(a.int, b.int, Reason(reason), blockers, event_id)
            found[refusal.key] = refusal
        return list(found.values())

    def write_edges(self, realm: str, edges: Sequence[Edge], version: int) -> None:
        """See the port."""
        names = (
            "realm", "a", "b", "a_type", "a_issuer", "b_type", "b_issuer", "first_seen",
            "event_id", "verified", "batch",
        )  # fmt: skip
        rows = [
            (realm, a.id, b.id, a.type, a.issuer, b.type, b.issuer, *rest, version)
            for a, b, *rest in edges
        ]
        self._insert("edges", names, rows)

    def write_decisions(self, realm: str, decisions: Sequence[Decision], version: int) -> None:
        """See the port."""
        names = (
            "realm", "a", "b", "a_type", "a_issuer", "b_type", "b_issuer", "verdict", "author",
            "reason", "decided_at", "batch",
        )  # fmt: skip
        rows = [
            (realm, a.id, b.id, a.type, a.issuer, b.type, b.issuer, *rest, version)
            for a, b, *rest in decisions
        ]
        self._insert("decisions", names, rows)
        self._has_decisions = self._has_decisions or bool(rows)

    def write_marks(self, realm: str, marks: Collection[NodeId], version: int) -> None:
        """See the port."""
        rows = [(realm, node, version) for node in marks]
        self._insert("marks", ("realm", "node", "batch"), rows)
        self._has_marks = self._has_marks or bool(rows)

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int
    ) -> None:
        """See the port."""
        rows = [
            (realm, placement.profile, node.id, node.type, placement.kind, version)
            for node, placement in placements.values()
        ]
        self._insert("members", ("realm", "profile", "node", "type", "kind", "version"), rows)

    def write_refusals(
        self,
        realm: str,
        appeared: Sequence[Refusal],
        vanished: Sequence[Refusal],
        version: int,
    ) -> None:
        """See the port."""
        rows = [
            (
                realm, one.a, one.b, one.reason, list(one.blocked_by), one.event_id,
                not one.event_id, stands, version,
            )
            for refusals, stands in ((vanished, False), (appeared, True))
            for one in refusals
        ]  # fmt: skip
        self._insert("refusals", REFUSAL_COLUMNS, rows)

    def _insert(self, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._database.insert_rows(table, names, rows)

    def _any(self, table: str) -> bool:
        return bool(self._database.rows(f"SELECT 1 FROM {table} LIMIT 1"))

    def _by_node(
        self, sql: str, realm: str, nodes: Collection[NodeId], **parameters: Any
    ) -> Iterable[tuple[Any, ...]]:
        for part in chunks(list(nodes), NODES_PER_QUERY):
            uuids = [str(as_uuid(node)) for node in part]
            yield from self._database.rows(sql, {"realm": realm, "nodes": uuids, **parameters})


def _edge(row: tuple[Any, ...]) -> Edge:
    a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified = row
    return Edge(
        Node(a.int, a_type, a_issuer),
        Node(b.int, b_type, b_issuer),
        to_ms(first_seen),
        event_id,
        verified,
    )


def _decision(row: tuple[Any, ...]) -> Decision:
    a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason, decided_at = row
    return Decision(
        Node(a.int, a_type, a_issuer),
        Node(b.int, b_type, b_issuer),
        Verdict(verdict),
        author,
        reason,
        to_ms(decided_at),
    )
