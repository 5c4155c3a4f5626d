"""The identity graph and map on ClickHouse, keyed by node in both directions.

A version is generation << 48 | batch number. The single writer of a realm raises it with every
batch, so the row written last is the one that counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import to_ms
from schemas.placement import Placement
from services.identity.adapters.node_places import StoredPlaces
from services.identity.adapters.plain_rows import PlainRows
from services.identity.core.model import Pair, Reason, Refusal, TypeTable
from services.identity.known_nodes import ASKED_MIN, KnownNodes
from services.identity.ports import Placed
from services.store.database import Database, chunks, place_of, rows_by_key
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
EDGES_SQL = _STATEMENTS["edges"]
SOME_EDGES_SQL = _STATEMENTS["some_edges"]
AN_EDGE_SQL = _STATEMENTS["an_edge"]
MANY_ROWS_SQL = _STATEMENTS["many_rows"]
CROWDED_SQL = _STATEMENTS["crowded"]
VALUES_SQL = _STATEMENTS["values"]
DECISIONS_SQL = _STATEMENTS["decisions"]
DECISIONS_AFTER_SQL = _STATEMENTS["decisions_after"]
MARKS_SQL = _STATEMENTS["marks"]
ALL_VALUES_SQL = _STATEMENTS["all_values"]
NODES_SQL = _STATEMENTS["nodes"]
REFUSALS_SQL = _STATEMENTS["refusals"]
ANY_DECISION_SQL = _STATEMENTS["any_decision"]
ANY_MARK_SQL = _STATEMENTS["any_mark"]
NODES_SQL_OF = {
    "decisions": _STATEMENTS["decided_nodes"],
    "refusals": _STATEMENTS["refused_nodes"],
    "marks": _STATEMENTS["marked_nodes"],
}
NODES_KNOWN_MAX = 200_000
"""Of each table; above, every node is looked up."""
REFUSAL_COLUMNS = (
    "realm", "a", "b", "reason", "blocked_by", "event_id", "is_decision", "active", "version",
)  # fmt: skip
DELETE_SQL = """
DELETE FROM {table} WHERE realm = {{realm:String}} AND node IN {{nodes:Array(UUID)}}
    AND version <= {{version:UInt64}}
"""
NODES_PER_DELETE = 1_000
PASS_S = 60
"""One pass over a whole graph, of a process that takes no event meanwhile."""
PLACE_MAX = (1 << 128) - 1


class ClickHouseIdentityStore:
    """Implements `services.identity.ports.IdentityStore`.

    A new writer of a realm creates a new one: decisions and marks are read when it is created, and
    afterwards it knows only its own writes.

    Args:
        sole_writer: nobody else writes meanwhile. Then the few nodes that are decided about,
            refused or marked are kept in memory, and a filter of all nodes; no other is looked up.
        reads_lag: a read may lack rows that were acknowledged. Then nothing is concluded for later
            from what is missing in one: all nodes are looked up.
    """

    def __init__(
        self, database: Database, *, sole_writer: bool = False, reads_lag: bool = False
    ) -> None:
        self._database = database
        knows_all = sole_writer and not reads_lag
        tables = NODES_SQL_OF if knows_all else ()
        self._known = {table: self._nodes_in(table) for table in tables}
        self._places = StoredPlaces(database)
        self._nodes = KnownNodes(self._places, ASKED_MIN) if knows_all else None
        self._map = ProfileMap(database)
        self._plain = PlainRows(database, PASS_S if sole_writer else None)
        # Most realms never have a decision or a mark; they are not read in every batch.
        self._has_decisions = reads_lag or bool(database.rows(ANY_DECISION_SQL))
        self._has_marks = reads_lag or bool(database.rows(ANY_MARK_SQL))

    def possibly_known(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """See the port."""
        return nodes if self._nodes is None else self._nodes.among(nodes, in_doubt)

    def bounds_of(self, _realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        """See the port."""
        return {} if self._nodes is None else self._nodes.bounds(nodes)

    def types_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, str]:
        """See the port."""
        return self._map.types_of(realm, nodes)

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See the port."""
        found: dict[Pair, Edge] = {}
        known: dict[bytes, Node] = {}
        for a, a_type, a_issuer, b, b_type, b_issuer, *rest in self._by_node(
            EDGES_SQL, realm, nodes
        ):
            if (one := known.get(a)) is None:
                one = known[a] = Node(int.from_bytes(a), a_type, a_issuer)
            if (other := known.get(b)) is None:
                other = known[b] = Node(int.from_bytes(b), b_type, b_issuer)
            found[one.id, other.id] = Edge(one, other, *rest)
        return list(found.values())

    def some_edges_of(self, realm: str, nodes: Collection[NodeId], limit: int) -> list[Edge]:
        """At most `limit` edges with an end in `nodes`: all of them if there are no more."""
        rows = self._by_node(SOME_EDGES_SQL, realm, nodes, limit=limit)
        return list({edge_of_row(row): None for row in islice(rows, limit)})

    def an_edge_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See the port."""
        rows = self._by_node(AN_EDGE_SQL, realm, nodes)
        return list({edge_of_row(row): None for row in rows})

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        """See the port."""
        many = {row[0].int for row in self._by_node(MANY_ROWS_SQL, realm, nodes, above=above)}
        rows = self._by_node(CROWDED_SQL, realm, many, above=above, types=sorted(types))
        return {row[0].int for row in rows}

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """See the port."""
        return self._map.placements_of(realm, nodes)

    def former_profiles(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See the port."""
        return self._map.former_profiles(realm, nodes)

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
        rows = self._by_node(DECISIONS_SQL, realm, self._among("decisions", nodes))
        return list({(row[0], row[3]): decision_of_row(row) for row in rows}.values())

    def decided(self) -> Collection[NodeId] | None:
        """See the port."""
        return self._known.get("decisions") if self._has_decisions else ()

    def decisions_after(self, version: int) -> list[tuple[str, Decision]]:
        """See the port."""
        if not self._has_decisions:
            return []
        rows = self._database.rows(DECISIONS_AFTER_SQL, {"version": version})
        return [(realm, decision_of_row(row)) for realm, *row in rows]

    def marks_of(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See the port."""
        if not self._has_marks:
            return set()
        rows = self._by_node(MARKS_SQL, realm, self._among("marks", nodes))
        return {row[0].int for row in rows}

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """See the port."""
        found = {}
        rows = self._by_node(REFUSALS_SQL, realm, self._among("refusals", nodes))
        for a, b, reason, blocked_by, event_id in rows:
            blockers = tuple(sorted(node.int for node in blocked_by))
            refusal = Refusal(a.int, b.int, Reason(reason), blockers, event_id)
            found[refusal.key] = refusal
        return list(found.values())

    def nodes(self, realm: str, limit: int, after: NodeId | None = None) -> Iterator[list[Node]]:
        """See `VerificationSource`. In the store's order of ids."""
        place = place_of(after or 0)
        span = PLACE_MAX * limit // (self._places.count() + 1)
        while place < PLACE_MAX:
            page, began, wider = list[Node](), place, 2
            while len(page) < limit and place < PLACE_MAX:
                until = min(PLACE_MAX, place + span)
                asked = {
                    "realm": realm,
                    "after": as_uuid(place_of(place)),
                    "until": as_uuid(place_of(until)),
                    "limit": limit - len(page),
                }
                rows = self._database.rows(NODES_SQL, asked)
                page += [Node(int.from_bytes(node), type_name, "") for node, type_name in rows]
                place, span, wider = until, span * wider, wider * wider
            if len(page) == limit:
                place = place_of(page[-1].id)
            if page:
                yield page
            # A quarter more than what the last ones took, so that one read is mostly enough.
            span = max(1, (place - began) * 5 // 4)

    def crowded(self, realm: str, table: TypeTable, at_most: int) -> list[Node]:
        """See `VerificationSource`."""
        return self._plain.crowded(realm, table, at_most)

    def doubtful(
        self,
        realm: str,
        table: TypeTable,
        isolated: Collection[NodeId],
        named: Collection[NodeId],
        at_most: int,
    ) -> set[NodeId]:
        """See `VerificationSource`."""
        return self._plain.doubtful(realm, table, isolated, named, at_most)

    def values(self, realm: str, limit: int) -> Iterator[dict[NodeId, tuple[str, str, str]]]:
        """See `RulesSource`."""
        after = UUID(int=0)
        while rows := self._database.rows(
            ALL_VALUES_SQL, {"realm": realm, "after": after, "limit": limit}
        ):
            yield {node.int: (name, issuer, value) for node, name, issuer, value in rows}
            after = rows[-1][0]

    def sizes_of(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, int]:
        """See `RulesSource`."""
        members = self._map.members_of(realm, profiles)
        return Counter(holder for holder in members.holder.values() if holder in members.kinds)

    def place_of(self, node: NodeId) -> int:
        """See `VerificationSource`."""
        return place_of(node)

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
        if self._nodes is not None:
            self._nodes.note_edges([end.id for one in edges for end in (one.a, one.b)])
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
        self._note("decisions", [end.id for one in decisions for end in (one.a, one.b)])
        self._insert("decisions", names, rows)
        self._has_decisions = self._has_decisions or bool(rows)

    def write_marks(self, realm: str, marks: Collection[NodeId], version: int) -> None:
        """See the port."""
        rows = [(realm, node, version) for node in marks]
        self._note("marks", marks)
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
        self._note("map", placements.keys())
        self._insert("members", ("realm", "profile", "node", "type", "kind", "version"), rows)

    def remove_placements(self, realm: str, nodes: Collection[NodeId], version: int) -> None:
        """See the port."""
        for part in chunks(list(nodes), NODES_PER_DELETE):
            named = [str(as_uuid(one)) for one in part]
            parameters = {"realm": realm, "nodes": named, "version": version}
            for table in ("members", "map"):  # what is read last is removed last
                self._database.command(DELETE_SQL.format(table=table), parameters)

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
        self._note("refusals", [end for one in (*vanished, *appeared) for end in (one.a, one.b)])
        self._insert("refusals", REFUSAL_COLUMNS, rows)

    def _insert(self, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._database.insert_rows(table, names, rows)

    def _nodes_in(self, table: str) -> set[NodeId] | None:
        """The nodes of all realms in a small table; None if they are too many."""
        rows = self._database.rows(NODES_SQL_OF[table], {"limit": NODES_KNOWN_MAX + 1})
        return None if len(rows) > NODES_KNOWN_MAX else {node.int for (node,) in rows}

    def _among(self, table: str, nodes: Collection[NodeId]) -> Collection[NodeId]:
        """Those of `nodes` that a table may have rows of."""
        known = self._known.get(table)
        return nodes if known is None else known.intersection(nodes)

    def _note(self, table: str, nodes: Collection[NodeId]) -> None:
        """Rows of `nodes` are about to be written: noted first, for a write that fails may land."""
        if self._nodes is not None:
            self._nodes.note(nodes)
        known = self._known.get(table)
        if known is not None:
            known.update(nodes)
            if len(known) > NODES_KNOWN_MAX:
                self._known[table] = None

    def _by_node(
        self, sql: str, realm: str, nodes: Collection[NodeId], **parameters: Any
    ) -> Iterator[tuple[Any, ...]]:
        return rows_by_key(self._database, sql, realm, nodes, **parameters)


def edge_of_row(row: tuple[Any, ...]) -> Edge:
    """The edge of a row as the statements of edges give it."""
    a, a_type, a_issuer, b, b_type, b_issuer, first_seen, event_id, verified = row
    return Edge(
        Node(a.int, a_type, a_issuer),
        Node(b.int, b_type, b_issuer),
        to_ms(first_seen),
        event_id,
        verified,
    )


def decision_of_row(row: Sequence[Any]) -> Decision:
    """The decision of a row as the statements of decisions give it."""
    a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason, decided_at = row
    return Decision(
        Node(a.int, a_type, a_issuer),
        Node(b.int, b_type, b_issuer),
        Verdict(verdict),
        author,
        reason,
        to_ms(decided_at),
    )
