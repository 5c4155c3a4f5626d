"""Reads erasures: what one would remove, how far one is, and whether anything is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import DAY_MS, from_ms
from schemas.records import ErasureRecord
from schemas.topics import CATALOGUE
from services.erasure.adapters.eraser import (
    COUNTS,
    KEPT,
    REMOVED,
    count_asked,
    count_of_others,
    erasure_id_of,
    values_asked,
)
from services.erasure.adapters.files import ReplacedFiles
from services.erasure.adapters.held import HeldPerson, HeldReader
from services.erasure.adapters.kept import keeping_of
from services.erasure.adapters.kept_sales import KEPT_SALES, count_sales
from services.erasure.adapters.orders import ErasureOrders, ErasureStep
from services.erasure.places import PLACES, FoundBy
from services.runtime.errors import Retry
from services.store.database import Database
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
RUN_SQL = _STATEMENTS["run"]
OF_NODE_SQL = _STATEMENTS["of_node"]
TIMED_SQL = _STATEMENTS["timed"]
OLDER_SQL = _STATEMENTS["older"]
NEWER_SQL = _STATEMENTS["newer"]
SEGMENT_DAYS = 1
"""Kafka deletes whole segments: a record stays until the last one of its segment is old enough."""
NOT_YET = "the erasure is under way; ask again with the same command"
STANDS = {
    ErasureStep.NONE: "it is sent, and no identity worker has taken it yet",
    ErasureStep.REFUSING: "it waits until the ingest workers have read what was sent before it",
    ErasureStep.PAUSING: "it waits for the consistency workers, or the rows are being removed",
}
"""How far an erasure on a server is that is not at its end."""


class RunState(NamedTuple):
    """How far an erasure is."""

    realm: str
    erasure_id: str
    nodes: tuple[NodeId, ...]
    stated: tuple[NodeId, ...]
    """What only events of the person named; of some of it only the value went."""
    marked: int
    erased_ms: int
    is_removed: bool
    removed: dict[str, int]
    kept_objections: int
    kept_sales: int | None = None
    """How many events of sales stay without the person; None if none were to be kept."""


class ErasureRuns:
    """Implements services.api.ports.ErasureSource. Methods block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = HeldReader(database)
        self._orders = ErasureOrders(database)

    def preview(self, person: HeldPerson) -> dict[str, int]:
        """Rows by table that an erasure would remove; tables without one are left out."""
        found: dict[str, int] = {}
        for table, place in PLACES.items():
            if place.is_erased and place.found_by is not FoundBy.TEXT:
                asked = count_asked(self._database, person, place.found_by) | {"table": table}
                if table == "node_values":
                    asked |= values_asked(person)
                [(rows,)] = self._database.rows(COUNTS[place.found_by], asked)
                found[table] = rows
        found["rejected"] = self._reader.rejected_count(person)
        found |= count_of_others(self._database, self._reader.of_others(person))
        return {table: rows for table, rows in found.items() if rows}

    def kept_objections(self, person: HeldPerson) -> int:
        """How many objections, withdrawals and complaints an erasure would keep."""
        asked = count_asked(self._database, person, FoundBy.EVENT)
        return keeping_of(self._database, person, asked).total

    def sales(self, person: HeldPerson) -> int:
        """How many events of sales an erasure would keep without the person."""
        return count_sales(self._database, count_asked(self._database, person, FoundBy.EVENT))

    def run(self, realm: str, erasure_id: str) -> RunState | None:
        """One erasure."""
        return self._one(RUN_SQL, {"realm": realm, "id": erasure_id})

    def run_of(self, realm: str, node: NodeId) -> RunState | None:
        """The latest erasure of a node."""
        return self._of_all(realm, [as_uuid(node)])

    def ordered(self, realm: str, node: NodeId) -> ErasureRecord | None:
        """The erasure of a node that is under way on a server."""
        found = self._orders.open_of(realm, [node])
        return None if found is None else found.record

    def wait(self, record: ErasureRecord, within_s: float) -> RunState:
        """Wait until all rows are removed. Raises Retry if they are not within that time.

        On a server another erasure may do it, which named everybody of this one when it came.
        """
        meant, found = [record], list[RunState]()
        is_server = bool(self._database.place)

        def is_done() -> bool:
            run = self.run(record.realm, erasure_id_of(meant[-1]))
            if is_server:
                step = self._orders.step_of(meant[-1])
                if run is None and step in (ErasureStep.NONE, ErasureStep.CLOSED):
                    other = self._orders.open_of(record.realm, [one.int for one in record.nodes])
                    meant.extend([] if other is None else [other.record])
                    if other is None and step is ErasureStep.CLOSED:
                        run = self._of_all(record.realm, record.nodes)
                if step is not ErasureStep.CLOSED:
                    return False
            found.extend([run] if run is not None and run.is_removed else [])
            return bool(found)

        try:
            wait_until(is_done, within_s, NOT_YET)
        except Retry as error:
            if not is_server or str(error) != NOT_YET:
                raise
            stands = STANDS.get(self._orders.step_of(meant[-1]), "it is nearly complete")
            raise Retry(f"{NOT_YET}: {stands}") from error
        return found[-1]

    def topics(self, realm: str, nodes: Sequence[NodeId]) -> dict[str, datetime]:
        """See the port."""
        if not self._database.place:
            return {}
        until_ms = min(self._orders.refused_until(realm, nodes).values(), default=0)
        return {
            topic.name: from_ms(until_ms + (topic.retention_days + SEGMENT_DAYS) * DAY_MS)
            for topic in CATALOGUE.topics
            if topic.retention_days is not None
        }

    def files_gone(self, within_s: float) -> bool:
        """See the port."""
        return ReplacedFiles(self._database).gone(within_s)

    def remaining(
        self, realm: str, nodes: Sequence[NodeId], stated: Sequence[NodeId] = ()
    ) -> dict[str, int]:
        """Rows by table that are left of erased nodes, and of what was named only beside them, but
        for what came since."""
        asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in nodes]}
        events = [table for table, place in PLACES.items() if place.found_by is FoundBy.EVENT]
        timed = [table for (table,) in self._database.rows(TIMED_SQL, {"tables": events})]
        found = {table: self._count(OLDER_SQL, {**asked, "table": table}) for table in timed}
        if not self.newer(realm, nodes):
            beside = self._reader.holding_of(realm, (), stated)
            found |= self.preview(beside._replace(nodes=tuple(nodes), texts=(), short_texts=()))
        return {table: rows for table, rows in found.items() if rows}

    def newer(self, realm: str, nodes: Sequence[NodeId]) -> int:
        """How many events of these nodes came since their erasure."""
        return self._count(
            NEWER_SQL, {"realm": realm, "nodes": [str(as_uuid(node)) for node in nodes]}
        )

    def _count(self, sql: str, asked: dict[str, Any]) -> int:
        [(rows,)] = self._database.rows(sql, asked)
        return int(rows)

    def _of_all(self, realm: str, nodes: Sequence[UUID]) -> RunState | None:
        asked = {"realm": realm, "nodes": [str(node) for node in nodes]}
        return self._one(OF_NODE_SQL, asked)

    def _one(self, sql: str, asked: dict[str, Any]) -> RunState | None:
        for row in self._database.rows(sql, asked):
            realm, erasure_id, nodes, stated, _, marked, erased_ms, stage, counts = row
            held, beside = tuple(_ids(nodes)), tuple(_ids(stated))
            removed, is_removed = orjson.loads(counts), stage >= REMOVED
            kept = removed.pop(KEPT, 0)
            sales = removed.pop(KEPT_SALES, None)
            return RunState(
                realm,
                erasure_id,
                held,
                beside,
                len(marked),
                erased_ms,
                is_removed,
                removed,
                kept,
                sales,
            )
        return None


def _ids(nodes: Sequence[UUID]) -> list[NodeId]:
    return [node.int for node in nodes]
