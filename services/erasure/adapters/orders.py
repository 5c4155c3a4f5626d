"""Keeps erasures that are ordered on a server, from their ledger to their end.

An order is open from its ledger on: until it is closed nothing of the person is taken, however new.
Methods block and raise Retry or Fatal. Each may be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from schemas.records import ErasureRecord
from services.erasure.adapters.eraser import LAST_NAMED_SQL, erasure_id_of
from services.store.database import Database, chunks
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
OPEN_SQL = _STATEMENTS["open"]
STEP_SQL = _STATEMENTS["step"]
OF_NODE_SQL = _STATEMENTS["of_node"]
REFUSED_SQL = _STATEMENTS["refused"]
STANDING_SQL = _STATEMENTS["standing"]
STATED_SQL, STORED_SQL = _STATEMENTS["stated"], _STATEMENTS["stored"]
PAUSED_SQL = _STATEMENTS["paused"]
NODES_PER_QUERY = 5_000
COLUMNS = ("realm", "erasure_id", "nodes", "erased_at", "anonymise", "step")


class ErasureStep(IntEnum):
    """How far an erasure on a server is."""

    NONE = 0
    """It was never ordered here."""
    REFUSING = 1
    """The ledger is written; what was under way before may still land."""
    PAUSING = 2
    """All of that has landed; nobody may write an incident before the end."""
    CLOSED = 3
    """All rows are removed, and whoever follows was told."""


class ErasureOrder(NamedTuple):
    """An erasure that was ordered."""

    record: ErasureRecord
    step: ErasureStep

    @property
    def erasure_id(self) -> str:
        """Its name, here and in the receipt."""
        return erasure_id_of(self.record)


class ErasureOrders:
    """The orders of all realms."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self) -> list[ErasureOrder]:
        """Those that are not at their end, the earliest first."""
        return [self._order(row) for row in self._database.rows(OPEN_SQL)]

    def open_of(self, realm: str, nodes: Collection[NodeId]) -> ErasureOrder | None:
        """The open order that names all of these nodes."""
        asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in nodes]}
        for row in self._database.rows(OF_NODE_SQL, asked):
            return self._order(row)
        return None

    def step_of(self, record: ErasureRecord) -> ErasureStep:
        """How far the order of a record is."""
        asked = {"realm": record.realm, "id": erasure_id_of(record)}
        for (step,) in self._database.rows(STEP_SQL, asked):
            return ErasureStep(step)
        return ErasureStep.NONE

    def begin(self, record: ErasureRecord) -> None:
        """The ledger, then the order. One that was begun stays as it is. Where another open order
        names everybody already, as when somebody ordered the same twice, there is nothing to do:
        it is noted as closed, so that no replay begins it once a new profile may exist."""
        if self.step_of(record) is not ErasureStep.NONE:
            return
        if self.open_of(record.realm, [one.int for one in record.nodes]) is not None:
            self.put(record, ErasureStep.CLOSED)
            return
        self._note_ledger(record, record.erased_ms)
        self.put(record, ErasureStep.REFUSING)

    def close(self, record: ErasureRecord, now_ms: int) -> None:
        """From now on newer events of the person count: they begin a new profile.

        What was refused meanwhile stays refused, or a replay would bring it back.
        """
        until_ms = max(now_ms, record.erased_ms)
        self._note_ledger(record, until_ms)
        self.put(record, ErasureStep.CLOSED)

    def put(self, record: ErasureRecord, step: ErasureStep) -> None:
        """Note the step of an order."""
        nodes = [one.int for one in record.nodes]
        at, anonymise = from_ms(record.erased_ms), record.anonymise
        row = (record.realm, erasure_id_of(record), nodes, at, anonymise, step)
        self._database.insert_rows("erasure_orders", COLUMNS, [row])

    def refused_until(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, int]:
        """Of those nodes that were erased, or are being erased: up to which time (Unix ms) nothing
        that is said of them counts."""
        found: dict[NodeId, int] = {}
        for part in chunks(sorted(nodes), NODES_PER_QUERY):
            asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in part]}
            rows = self._database.rows(REFUSED_SQL, asked)
            found |= {node.int: to_ms(until) for node, until in rows}
        return found

    def gone(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Those of erased nodes of which no event is stored."""
        found = set(nodes)
        for part in chunks(sorted(nodes), NODES_PER_QUERY):
            asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in part]}
            found -= {node.int for (node,) in self._database.rows(STANDING_SQL, asked)}
        return found

    def stated(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Those of these nodes that somebody who was erased had stated, and nobody else by then."""
        found: set[NodeId] = set()
        for part in chunks(sorted(nodes), NODES_PER_QUERY):
            asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in part]}
            found |= {node.int for (node,) in self._database.rows(STATED_SQL, asked)}
        return found

    def not_stored(self, realm: str, hashes: Mapping[str, int]) -> set[str]:
        """Those of these events, with their hashes, of which nothing is stored."""
        found = set(hashes)
        for part in chunks(sorted(hashes.values()), NODES_PER_QUERY):
            asked = {"realm": realm, "hashes": part}
            found -= {event_id for (event_id,) in self._database.rows(STORED_SQL, asked)}
        return found

    def paused(self, erasure_id: str) -> set[int]:
        """Partitions of `c360.offers` in which nobody writes until the erasure is complete."""
        rows = self._database.rows(PAUSED_SQL, {"id": erasure_id})
        return {number for (number,) in rows}

    def _note_ledger(self, record: ErasureRecord, erased_ms: int) -> None:
        """Of each node the later of that time and its last event, which may claim the future."""
        asked: dict[str, Any] = {"realm": record.realm, "nodes": [str(one) for one in record.nodes]}
        asked |= {"others": [], "events": []}  # events of others are not the person's last
        last: Mapping[object, int] = dict(self._database.rows(LAST_NAMED_SQL, asked))
        rows = [
            (record.realm, node.int, from_ms(max(erased_ms, last.get(node, erased_ms))))
            for node in record.nodes
        ]
        self._database.insert_rows("erasures", ("realm", "node", "erased_at"), rows)

    @staticmethod
    def _order(row: tuple[Any, ...]) -> ErasureOrder:
        realm, nodes, erased_at, anonymise, step = row
        record = ErasureRecord.model_validate(
            {
                "realm": realm,
                "nodes": nodes,
                "erased_ms": to_ms(erased_at),
                "anonymise": anonymise,
            }
        )
        return ErasureOrder(record, ErasureStep(step))
