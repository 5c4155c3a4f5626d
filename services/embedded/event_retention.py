"""Removes the events of a type that are older than it is kept, with all that follows from them.

The ledger comes first: from then on ingest rejects what is as old, so that a replay brings nothing
back. The events are then listed, and every further step follows from the list and from what is
stored, so each may be repeated: a run that was killed is completed by the next start. Edges are
derived anew from the events that stay. The state afterwards is that of a store which never took
these events in (ADR 0103).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from schemas.edge import Edge
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from services.embedded.pipeline import Pipeline
from services.erasure.places import PLACES, FoundBy
from services.identity.core.model import Pair, better
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.stage import outcome_of
from services.runtime.errors import Fatal, Retry
from services.store.database import Database
from services.store.retention import UNFINISHED_SQL
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
REALMS_SQL = _STATEMENTS["realms"]
STANDING_SQL = _STATEMENTS["standing"]
LIST_EVENTS_SQL = _STATEMENTS["list_events"]
LISTED_SQL = _STATEMENTS["listed"]
EDGES_PAGE_SQL = _STATEMENTS["edges_page"]
EVENTS_PAGE_SQL = _STATEMENTS["events_page"]
NODES_PAGE_SQL = _STATEMENTS["nodes_page"]
LIST_UNNAMED_SQL = _STATEMENTS["list_unnamed"]
FACTS = "facts"
EVIDENCE = "evidence"
ALONE = "alone"
UNNAMED = "unnamed"
UNNAMED_SUGGESTIONS = "unnamed_suggestions"
REMOVALS = {
    FACTS: (_STATEMENTS["count_facts"], _STATEMENTS["delete_facts"]),
    EVIDENCE: (_STATEMENTS["count_evidence"], _STATEMENTS["delete_evidence"]),
    ALONE: (_STATEMENTS["count_alone"], _STATEMENTS["delete_alone"]),
    UNNAMED: (_STATEMENTS["count_unnamed"], _STATEMENTS["delete_unnamed"]),
    UNNAMED_SUGGESTIONS: (
        _STATEMENTS["count_unnamed_suggestions"],
        _STATEMENTS["delete_unnamed_suggestions"],
    ),
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


class RemovalStage(IntEnum):
    """How far a removal is."""

    NOTED = 1
    LISTED = 2
    RENEWED = 3
    REMOVED = 4


class Cutoff(NamedTuple):
    """Since when events of a type are kept."""

    realm: str
    type: str
    before_ms: int
    stage: RemovalStage


class EventRetention:
    """Removes expired events from a data directory. One call at a time, by the thread that writes;
    raises Retry or Fatal as the store does.

    Args:
        removed: called when all rows are gone, before that is noted: what was read of them is to be
            forgotten. May raise Retry, and is repeated.
    """

    def __init__(
        self,
        database: Database,
        pipeline: Pipeline,
        core: EventProcessor,
        removed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._core = core
        self._removed = removed

    def note(self, before: Mapping[str, datetime], realms: Collection[str]) -> None:
        """Write the ledger: of each realm, events of these types are kept since these times. A time
        that is not later than the one noted changes nothing."""
        stored = {realm for (realm,) in self._database.rows(REALMS_SQL)}
        standing = {(one.realm, one.type): one.before_ms for one in self._standing()}
        self._write(
            Cutoff(realm, name, to_ms(at), RemovalStage.NOTED)
            for realm in sorted(stored.union(realms))
            for name, at in before.items()
            if to_ms(at) > standing.get((realm, name), -1)
        )

    def complete(self) -> bool:
        """Remove what the ledger says and is not removed yet; whether there was anything.

        Raises Fatal if it is begun and cannot go on: nothing may be written before it is complete,
        as the next start makes it.
        """
        open_ones = [one for one in self._standing() if one.stage < RemovalStage.REMOVED]
        if not open_ones:
            return False
        try:
            self._remove(open_ones)
        except Retry as error:
            raise Fatal(
                f"a removal of expired events is begun and cannot go on: {error}. Start again: it "
                "is completed first"
            ) from error
        return True

    def _remove(self, cutoffs: Collection[Cutoff]) -> None:
        if all(one.stage is RemovalStage.NOTED for one in cutoffs):
            self._empty()
        if any(one.stage is RemovalStage.NOTED for one in cutoffs):
            for one in cutoffs:
                asked = {"realm": one.realm, "type": one.type, "before": one.before_ms}
                self._database.command(LIST_EVENTS_SQL, asked)
            self._reach(cutoffs, RemovalStage.LISTED)
        [(listed,)] = self._database.rows(LISTED_SQL)
        parts = listed // EVENTS_PER_PART + 1
        if listed:
            for table, place in PLACES.items():
                if place.found_by is FoundBy.EVENT_ID or table == BY_ID_ALONE:
                    self._delete(EVIDENCE, table, parts)
                elif place.found_by is FoundBy.EVENT:
                    self._delete(FACTS, table, parts)
            if any(one.stage < RemovalStage.RENEWED for one in cutoffs):
                self._renew_edges(parts)
                self._reach(cutoffs, RemovalStage.RENEWED)
            for table in ("edges", "edges_reversed", "refusals"):
                self._delete(EVIDENCE, table, parts)
            self._settle()
            self._remove_values(parts)
        self._removed()
        self._reach(cutoffs, RemovalStage.REMOVED)
        self._empty()

    def _renew_edges(self, parts: int) -> None:
        """Give each edge that rests on an expired event the best of the events that stay; the old
        rows, and edges without any, are removed afterwards."""
        for part in range(parts):
            place: tuple[Any, ...] = ("", UUID(int=0), UUID(int=0))
            asked = {"parts": parts, "part": part, "limit": PAGE}
            while True:
                named = dict(zip(("realm", "a", "b"), place, strict=True))
                rows = self._database.rows(EDGES_PAGE_SQL, {**named, **asked})
                pairs: dict[str, set[Pair]] = defaultdict(set)
                for realm, a, b in rows:
                    pairs[realm].add((a.int, b.int))
                for realm, mine in pairs.items():
                    self._unlinked(realm, {node for pair in mine for node in pair})
                    self._pipeline.write_edges(realm, self._best_edges(realm, mine))
                if len(rows) < PAGE:
                    break
                place = rows[-1]

    def _best_edges(self, realm: str, pairs: Collection[Pair]) -> list[Edge]:
        """The edges between these pairs by the events that stay, as ingest would draw them."""
        best: dict[Pair, Edge] = {}
        for event in self._events(realm, {node for pair in pairs for node in pair}):
            for edge in event.edges:
                pair = (edge.a.id, edge.b.id)
                if pair in pairs:
                    best[pair] = better(best.get(pair, edge), edge)
        return list(best.values())

    def _events(self, realm: str, nodes: Collection[NodeId]) -> Iterator[Accepted]:
        """Stored events under these anchors that name another of them."""
        place: tuple[Any, ...] = (UUID(int=0), "")
        asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in sorted(nodes)]}
        while True:
            after = {"after_node": place[0], "after_id": place[1], "limit": PAGE}
            rows = self._database.rows(EVENTS_PAGE_SQL, {**asked, **after})
            for _, _, payload, received_at, intake in rows:
                outcome = outcome_of(self._core, payload.encode(), received_at, Intake(intake))
                if isinstance(outcome, Accepted):
                    yield outcome
            if len(rows) < PAGE:
                return
            place = rows[-1][:2]

    def _settle(self) -> None:
        """The map around what lost an edge; what no edge holds any more is no longer on it."""
        for realm, nodes in self._nodes(alone=False):
            self._unlinked(realm, self._pipeline.unlink(realm, nodes), alone=True)
        for table in ("map", "members"):
            self._delete(ALONE, table)
        for realm, nodes in self._nodes(alone=True):
            self._pipeline.regroup(realm, nodes)

    def _nodes(self, *, alone: bool) -> Iterator[tuple[str, set[NodeId]]]:
        """The nodes that lost an edge, page by page; all, or those that no edge holds."""
        place: tuple[Any, ...] = ("", UUID(int=0))
        while True:
            asked = {"realm": place[0], "node": place[1], "alone": alone, "limit": PAGE}
            rows = self._database.rows(NODES_PAGE_SQL, asked)
            found: dict[str, set[NodeId]] = defaultdict(set)
            for realm, node in rows:
                found[realm].add(node.int)
            yield from found.items()
            if len(rows) < PAGE:
                return
            place = rows[-1]

    def _remove_values(self, parts: int) -> None:
        """The values of identifiers that no event names any more, and suggestions about them."""
        for part in range(parts):
            self._database.command(LIST_UNNAMED_SQL, {"parts": parts, "part": part})
        self._delete(UNNAMED_SUGGESTIONS, "suggestions")
        self._delete(UNNAMED, "node_values")

    def _unlinked(self, realm: str, nodes: Collection[NodeId], *, alone: bool = False) -> None:
        rows = [(realm, node, alone) for node in nodes]
        if rows:
            self._database.insert_rows("unlinked_nodes", ("realm", "node", "alone"), rows)

    def _delete(self, what: str, table: str, parts: int = 1) -> None:
        """Remove rows physically. Most tables have none, and a look is cheap."""
        count_sql, delete_sql = REMOVALS[what]
        for part in range(parts):
            asked = {"table": table, "parts": parts, "part": part}
            [(rows,)] = self._database.rows(count_sql, asked)
            if rows:
                # Statements have a time limit; a large table takes longer.
                self._database.command(f"{delete_sql}\nSETTINGS mutations_sync = 0", asked)
                late = LATE.format(table=table)
                wait_until(partial(self._is_done, table), MUTATION_S, late)

    def _is_done(self, table: str) -> bool:
        [(unfinished,)] = self._database.rows(UNFINISHED_SQL, {"table": table})
        return not unfinished

    def _standing(self) -> list[Cutoff]:
        return [
            Cutoff(realm, name, before_ms, RemovalStage(stage))
            for realm, name, before_ms, stage in self._database.rows(STANDING_SQL)
        ]

    def _reach(self, cutoffs: Collection[Cutoff], stage: RemovalStage) -> None:
        self._write(one._replace(stage=stage) for one in cutoffs if one.stage < stage)

    def _write(self, cutoffs: Iterator[Cutoff]) -> None:
        rows = [
            (realm, name, from_ms(before_ms), stage, before_ms << 3 | stage)
            for realm, name, before_ms, stage in cutoffs
        ]
        names = ("realm", "type", "before", "stage", "version")
        if rows:
            self._database.insert_rows("event_cutoffs", names, rows)

    def _empty(self) -> None:
        for table in WORK_TABLES:
            self._database.command(f"TRUNCATE TABLE {table}")
