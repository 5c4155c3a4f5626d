"""Removes the events of a type that are older than it is kept, with all that follows from them.

The ledger comes first: from then on ingest rejects what is as old, so that a replay brings nothing
back. The events are then listed, and every further step follows from the list and from what is
stored, so each may be repeated: a removal that was killed is completed by whoever keeps the map
next. Edges are derived anew from the events that stay. The state afterwards is that of a store
which never took these events in (ADR 0103). Other events may come in meanwhile (ADR 0110).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from schemas.edge import Edge, Node
from schemas.identifiers import NodeId, as_uuid
from services.erasure.places import PLACES, FoundBy
from services.identity.core.model import Pair, better
from services.identity.ports import ChangedMap
from services.ingest.core.decode import decode
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.identify import LINK_TYPES, StoredNames, names_its_sender
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.ports import FactStore
from services.ingest.stage import outcome_of
from services.store.database import Database
from services.store.event_cutoffs import Cutoff, EventCutoffs, RemovalStage
from services.store.retention import UNFINISHED_SQL
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
LIST_EVENTS_SQL = _STATEMENTS["list_events"]
LIST_CORRECTED_SQL = _STATEMENTS["list_corrected"]
LISTED_SQL = _STATEMENTS["listed"]
EDGES_PAGE_SQL = _STATEMENTS["edges_page"]
EVENTS_PAGE_SQL = _STATEMENTS["events_page"]
NODES_PAGE_SQL = _STATEMENTS["nodes_page"]
LIST_UNNAMED_SQL = _STATEMENTS["list_unnamed"]
SENT_AGAIN_SQL = _STATEMENTS["sent_again"]
NAMED_AGAIN_SQL = _STATEMENTS["named_again"]
UNNAMED_PAGE_SQL = _STATEMENTS["unnamed_page"]
KNOWN_SQL = _STATEMENTS["known"]
FACTS = "facts"
EVIDENCE = "evidence"
LINKS = "links"
ALONE = "alone"
UNNAMED = "unnamed"
UNNAMED_SUGGESTIONS = "unnamed_suggestions"
LIST = "list"
REMOVALS = {
    FACTS: (_STATEMENTS["count_facts"], _STATEMENTS["delete_facts"]),
    EVIDENCE: (_STATEMENTS["count_evidence"], _STATEMENTS["delete_evidence"]),
    LINKS: (_STATEMENTS["count_links"], _STATEMENTS["delete_links"]),
    ALONE: (_STATEMENTS["count_alone"], _STATEMENTS["delete_alone"]),
    UNNAMED: (_STATEMENTS["count_unnamed"], _STATEMENTS["delete_unnamed"]),
    UNNAMED_SUGGESTIONS: (
        _STATEMENTS["count_unnamed_suggestions"],
        _STATEMENTS["delete_unnamed_suggestions"],
    ),
    LIST: (_STATEMENTS["count_list"], _STATEMENTS["delete_list"]),
}
"""What counts the rows of a removal, and what removes them."""
BY_ID_ALONE = "id_conflicts"
"""Bodies under the id of an event may stand under another anchor than it."""
WORK_TABLES = ("expired_events", "unlinked_nodes", "unnamed_nodes")
PAGE = 1_000
EVENTS_PER_PART = 1_000_000
"""So many listed events are looked for at once: their keys are held in memory."""
MUTATION_S = 3_600.0
LATE = "{table}: expired rows are still being removed; the store goes on by itself"


class EventRemoval:
    """Removes expired events of a realm. One at a time for each realm, by the writer of its map;
    raises Retry or Fatal as the store does.

    Args:
        map_: changes the map.
        core: decides what a stored event says. What was stored stays also of people who are
            suppressed, so it does not ask.
        facts: where events and values are stored again that came in meanwhile.
        fence: called before each write; raises if another writer has taken over.
        waits: called while the store removes rows: it is progress.
    """

    def __init__(
        self,
        database: Database,
        map_: ChangedMap,
        core: EventProcessor,
        facts: FactStore,
        fence: Callable[[], None] = lambda: None,
        waits: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._cutoffs = EventCutoffs(database)
        self._map = map_
        self._core = core
        self._facts = facts
        self._fence = fence
        self._waits = waits

    def run(self, realm: str, cutoffs: Collection[Cutoff]) -> Iterator[None]:
        """Remove what is older than these cut-offs of the realm. Stops after each part, which is
        durable then, and may be told; all is removed, but not noted as removed, at the end.

        One that was interrupted is to be run with the same cut-offs, at the stage they have then.
        """
        if all(one.stage is RemovalStage.NOTED for one in cutoffs):
            self.empty(realm)
        if any(one.stage is RemovalStage.NOTED for one in cutoffs):
            for one in cutoffs:
                asked = {"realm": realm, "type": one.type, "before": one.before_ms}
                self._command(LIST_EVENTS_SQL, asked)
                self._command(LIST_CORRECTED_SQL, asked)
            self._reach(cutoffs, RemovalStage.LISTED)
        [(listed,)] = self._database.rows(LISTED_SQL, {"realm": realm})
        if not listed:
            return
        parts = listed // EVENTS_PER_PART + 1
        for table, place in PLACES.items():
            if place.found_by is FoundBy.EVENT_ID or table == BY_ID_ALONE:
                self._delete(EVIDENCE, realm, table, parts)
            elif place.found_by is FoundBy.EVENT:
                self._delete(FACTS, realm, table, parts)
        self._store_again(self._found(SENT_AGAIN_SQL, {"realm": realm}))
        if any(one.stage < RemovalStage.RENEWED for one in cutoffs):
            for _ in self._renew_edges(realm, parts):
                yield
            self._reach(cutoffs, RemovalStage.RENEWED)
        for table in ("edges", "edges_reversed"):
            self._delete(LINKS, realm, table, parts)
        self._delete(EVIDENCE, realm, "refusals", parts)
        yield from self._settle(realm)
        yield from self._remove_values(realm, parts)

    def finish(self, realm: str, cutoffs: Collection[Cutoff]) -> None:
        """Forget the list, then note that all is removed, and everybody told: a process that is
        killed in between finds nothing more to remove, and notes it."""
        self.empty(realm)
        self._fence()
        self._reach(cutoffs, RemovalStage.REMOVED)

    def empty(self, realm: str) -> None:
        """Forget the list."""
        for table in WORK_TABLES:
            self._delete(LIST, realm, table)

    def _renew_edges(self, realm: str, parts: int) -> Iterator[None]:
        """Give each edge that rests on an expired event the best of the events that stay; the old
        rows, and edges without any, are removed afterwards."""
        for part in range(parts):
            place: tuple[Any, ...] = (UUID(int=0), UUID(int=0))
            asked = {"realm": realm, "parts": parts, "part": part, "limit": PAGE}
            while True:
                rows = self._database.rows(EDGES_PAGE_SQL, {**asked, "a": place[0], "b": place[1]})
                ends = [(Node(a.int, *of[:2]), Node(b.int, *of[2:])) for a, b, *of in rows]
                pairs = {(a.id, b.id): (a, b) for a, b in ends}
                if pairs:
                    self._unlinked(realm, {node for pair in pairs for node in pair})
                    self._fence()
                    self._map.write_edges(realm, self._best_edges(realm, pairs))
                    yield
                if len(rows) < PAGE:
                    break
                place = rows[-1][:2]

    def _best_edges(self, realm: str, pairs: Mapping[Pair, tuple[Node, Node]]) -> list[Edge]:
        """The edges between these pairs by the events that stay, as they were stored."""
        best: dict[Pair, Edge] = {}
        nodes = sorted({node for pair in pairs for node in pair})
        asked = {
            "realm": realm,
            "nodes": [str(as_uuid(node)) for node in nodes],
            "link_types": sorted(LINK_TYPES),
        }
        for row in self._rows(EVENTS_PAGE_SQL, asked):
            stored = _stored_names(row)
            for node, verified in self._core.joined(stored):
                pair = (min(stored.anchor, node), max(stored.anchor, node))
                if ends := pairs.get(pair):
                    edge = Edge(*ends, stored.occurred_ms, stored.event_id, verified)
                    best[pair] = better(best.get(pair, edge), edge)
        return list(best.values())

    def _found(self, sql: str, asked: Mapping[str, Any]) -> Iterator[Accepted]:
        """Stored events that a statement finds."""
        for _, _, payload, received_at, intake in self._rows(sql, asked):
            outcome = outcome_of(self._core, payload.encode(), received_at, Intake(intake))
            if isinstance(outcome, Accepted):
                yield outcome

    def _rows(self, sql: str, asked: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Rows of stored events, which begin with anchor and id, page by page."""
        place: tuple[Any, ...] = (UUID(int=0), "")
        while True:
            after = {"after_node": place[0], "after_id": place[1], "limit": PAGE}
            rows = self._database.rows(sql, {**asked, **after})
            yield from rows
            if len(rows) < PAGE:
                return
            place = rows[-1][:2]

    def _store_again(self, events: Iterator[Accepted]) -> None:
        """Rows of events that came in meanwhile may have been taken with those that have expired:
        another body under the id of one, or a value that nothing named until then."""
        for one in events:
            self._fence()
            self._facts.forget_values()
            self._facts.write_facts([one], 0)
            self._facts.write_values([one], 0)

    def _settle(self, realm: str) -> Iterator[None]:
        """The map around what lost an edge; what no edge holds any more is no longer on it."""
        for nodes in self._nodes(realm, alone=False):
            self._unlinked(realm, self._map.unlink(realm, nodes), alone=True)
            yield
        for table in ("map", "members"):
            self._delete(ALONE, realm, table)
        for nodes in self._nodes(realm, alone=True):
            self._map.regroup(realm, nodes)
            yield

    def _nodes(self, realm: str, *, alone: bool) -> Iterator[set[NodeId]]:
        """The nodes that lost an edge, page by page; all, or those that no edge holds."""
        yield from self._pages(NODES_PAGE_SQL, {"realm": realm, "alone": alone})

    def _pages(self, sql: str, asked: Mapping[str, Any]) -> Iterator[set[NodeId]]:
        after = UUID(int=0)
        while True:
            rows = self._database.rows(sql, {**asked, "node": after, "limit": PAGE})
            if rows:
                yield {node.int for (node,) in rows}
            if len(rows) < PAGE:
                return
            [after] = rows[-1]

    def _remove_values(self, realm: str, parts: int) -> Iterator[None]:
        """The values of identifiers that no event names any more, and suggestions about them."""
        for part in range(parts):
            self._command(LIST_UNNAMED_SQL, {"realm": realm, "parts": parts, "part": part})
        self._delete(UNNAMED_SUGGESTIONS, realm, "suggestions")
        self._delete(UNNAMED, realm, "node_values")
        self._store_again(self._found(NAMED_AGAIN_SQL, {"realm": realm}))
        for nodes in self._pages(UNNAMED_PAGE_SQL, {"realm": realm}):
            asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in sorted(nodes)]}
            known = {node.int for (node,) in self._database.rows(KNOWN_SQL, asked)}
            self._map.forgotten(realm, nodes - known)
            yield

    def _unlinked(self, realm: str, nodes: Collection[NodeId], *, alone: bool = False) -> None:
        rows = [(realm, node, alone) for node in nodes]
        if rows:
            self._database.insert_rows("unlinked_nodes", ("realm", "node", "alone"), rows)

    def _delete(self, what: str, realm: str, table: str, parts: int = 1) -> None:
        """Remove rows physically. Most tables have none, and a look is cheap."""
        count_sql, delete_sql = REMOVALS[what]
        for part in range(parts):
            asked = {"realm": realm, "table": table, "parts": parts, "part": part}
            [(rows,)] = self._database.rows(count_sql, asked)
            if rows:
                # Statements have a time limit; a large table takes longer.
                self._command(f"{delete_sql}\nSETTINGS mutations_sync = 0", asked)
                late = LATE.format(table=table)
                wait_until(partial(self._is_done, table), MUTATION_S, late)

    def _command(self, sql: str, asked: dict[str, Any]) -> None:
        self._fence()
        self._database.command(sql, asked)

    def _is_done(self, table: str) -> bool:
        self._waits()
        [(unfinished,)] = self._database.rows(UNFINISHED_SQL, {"table": table})
        return not unfinished

    def _reach(self, cutoffs: Collection[Cutoff], stage: RemovalStage) -> None:
        self._cutoffs.reach(cutoffs, stage)


def _stored_names(row: tuple[Any, ...]) -> StoredNames:
    anchor, event_id, occurred_ms, anchor_type, anchor_verified, *of_ids, intake, payload = row
    by_sender = intake != Intake.PUBLIC
    if payload and by_sender:
        decoded = decode(payload.encode())
        by_sender = not isinstance(decoded, Reject) and names_its_sender(decoded[0], Intake(intake))
    identifiers = tuple(
        (node.int, type_name, verified) for node, type_name, verified in zip(*of_ids, strict=True)
    )
    return StoredNames(
        event_id, occurred_ms, anchor.int, anchor_type, anchor_verified, identifiers, by_sender
    )
