"""An erasure in the identity worker: what it removes, and what becomes of published incidents.

`c360.alerts` keeps the latest record of each incident for ever, so each incident about the person
gets a record without a value. Implements services.identity.ports.Erasures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import datetime
from functools import cache, partial

import orjson

from schemas.identifiers import NodeId
from schemas.instants import to_ms
from schemas.records import ErasureRecord
from services.consistency.alerts import ALERTS_TOPIC, alert_of
from services.erasure.adapters.eraser import (
    BEGUN,
    CASES_SQL,
    ERASED_TEXT,
    Eraser,
    Settle,
    count_asked,
    erasure_id_of,
)
from services.erasure.adapters.held import HeldReader
from services.erasure.adapters.kept_sales import WriteSales
from services.erasure.adapters.orders import ErasureOrders, ErasureStep
from services.erasure.places import FoundBy
from services.identity.ports import ErasedAround
from services.ingest.core.decode import event_hash
from services.store.database import Database
from services.store.statements import statements_of
from services.stream.connection import key_of
from services.stream.ports import Outgoing

_STATEMENTS = statements_of(__file__)
INCIDENTS_SQL = _STATEMENTS["incidents"]
REWRITTEN_SQL = _STATEMENTS["rewritten"]
AROUND_SQL = _STATEMENTS["around"]


class ServerErasures:
    """The erasures of the realms that a worker writes. Methods block, raise Retry or Fatal, and may
    be repeated.

    Args:
        waits: called while rows are being removed: it is progress.
        open_slow: a connection whose statements may take long; otherwise that of the rest.
        write_sales: stores sales of nobody, that of a connection; without it none can be kept.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        waits: Callable[[], None] = lambda: None,
        open_slow: Callable[[], Database] | None = None,
        write_sales: Callable[[Database], WriteSales] | None = None,
    ) -> None:
        self._database = database
        self._waits = waits
        self._open_slow = open_slow
        self._write_sales = write_sales
        self._orders = ErasureOrders(database)
        self._now = now

    def refused_until(self, realm: str, nodes: Collection[NodeId]) -> Mapping[NodeId, int]:
        """See the port."""
        return self._orders.refused_until(realm, nodes)

    def gone(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See the port."""
        return self._orders.gone(realm, nodes)

    def stated(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See the port."""
        return self._orders.stated(realm, nodes)

    def not_stored(self, realm: str, event_ids: Collection[str]) -> set[str]:
        """See the port."""
        return self._orders.not_stored(realm, {one: event_hash(one) for one in event_ids})

    def begin(self, record: ErasureRecord) -> None:
        """See the port."""
        self._orders.begin(record)

    def is_due(self, record: ErasureRecord) -> bool:
        """See the port."""
        return self._orders.step_of(record) is ErasureStep.PAUSING

    def farewells(self, record: ErasureRecord) -> list[Outgoing]:
        """See the port."""
        person = HeldReader(self._database).holding_of(record.realm, [n.int for n in record.nodes])
        spoke = count_asked(self._database, person, FoundBy.EVENT)
        cases = [case for (case,) in self._database.rows(CASES_SQL, spoke)]
        about = {"realm": person.realm, "customers": person.uuids, "cases": cases}
        rows = self._database.rows(INCIDENTS_SQL, about)
        return [
            Outgoing(ALERTS_TOPIC, None, key_of(record.realm, incident_id))
            for (incident_id,) in rows
        ]

    def erase(
        self, record: ErasureRecord, settle: Settle, fence: Callable[[], None]
    ) -> ErasedAround:
        """See the port."""
        found = self._run(record)
        if found is None or found[0] <= BEGUN:
            with self._slow() as database:
                write = self._writing_sales(database)
                eraser = Eraser(database, settle, fence, self._waits, write_sales=write)
                eraser.erase(record)
            found = self._run(record)
        assert found is not None
        return found[1]

    def _writing_sales(self, database: Database) -> WriteSales | None:
        """Made when the first sale is kept: most erasures keep none, and need no settings."""
        if self._write_sales is None:
            return None
        made = cache(partial(self._write_sales, database))
        return lambda sales: made()(sales)

    def rewritten(self, realm: str) -> list[Outgoing]:
        """See the port."""
        rows = self._database.rows(REWRITTEN_SQL, {"realm": realm, "text": ERASED_TEXT})
        return [alert_of(orjson.loads(body), version) for body, version in rows]

    def close(self, record: ErasureRecord, appended_ms: int) -> None:
        """See the port."""
        self._orders.close(record, max(to_ms(self._now()), appended_ms))

    def _slow(self) -> AbstractContextManager[Database]:
        return (
            nullcontext(self._database) if self._open_slow is None else closing(self._open_slow())
        )

    def _run(self, record: ErasureRecord) -> tuple[int, ErasedAround] | None:
        asked = {"realm": record.realm, "id": erasure_id_of(record)}
        for stage, *around in self._database.rows(AROUND_SQL, asked):
            return stage, ErasedAround(*([node.int for node in some] for some in around))
        return None
