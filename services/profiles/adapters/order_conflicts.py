"""Orders with contradicting reports, read page by page. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from schemas.identifiers import NodeId
from services.profiles.core.order_conflicts import OrderConflict, OrderReport, differences
from services.profiles.ports import Resolved
from services.store.database import Database
from services.store.statements import statements_of

REPEATED_SQL = statements_of(__file__)["repeated"]
PAGE_ORDERS = 5_000
Resolve = Callable[[str, Sequence[NodeId]], Mapping[NodeId, Resolved]]


class OrderConflictReader:
    """Implements `services.profiles.ports.OrderConflictSource`.

    Args:
        zones: time zone by realm.
        resolve: the profile of each node.
    """

    def __init__(self, database: Database, zones: Mapping[str, ZoneInfo], resolve: Resolve) -> None:
        self._database = database
        self._zones = zones
        self._resolve = resolve

    def conflicts(self, realm: str) -> Iterator[OrderConflict]:
        """See the port."""
        zone, issuer, order = self._zones[realm], "", ""
        while rows := self._page(realm, issuer, order):
            nodes = [row[6].int for row in rows if row[6] is not None]
            held = self._resolve(realm, list(dict.fromkeys(nodes)))
            for (issuer, order), mine in groupby(rows, key=lambda row: (row[0], row[1])):
                reports = [_report(row, held) for row in mine]
                found = differences(reports, zone)
                if found:
                    yield OrderConflict(issuer, order, found, reports)

    def _page(self, realm: str, issuer: str, order: str) -> list[tuple[Any, ...]]:
        where = {"realm": realm, "issuer": issuer, "order": order, "orders": PAGE_ORDERS}
        return self._database.rows(REPEATED_SQL, where)


def _report(row: tuple[Any, ...], held: Mapping[NodeId, Resolved]) -> OrderReport:
    _, _, event_id, occurred_at, channel, store, node, currency, value, action, is_whole = row
    customer = None
    if node is not None:
        customer = held[node.int].profile if node.int in held else node.int
    amount = None if is_whole else value
    return OrderReport(event_id, occurred_at, channel, store, customer, currency, amount, action)
