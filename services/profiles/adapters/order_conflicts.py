"""Orders with contradicting reports, read page by page. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from schemas.identifiers import NodeId
from services.profiles.core.order_conflicts import (
    Contradiction,
    OrderConflict,
    OrderReport,
    contradictions,
)
from services.profiles.ports import Resolved
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
REPEATED_SQL, RETURNS_SQL = _STATEMENTS["repeated"], _STATEMENTS["returns"]
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
        for issuer, order, reports in self._grouped(REPEATED_SQL, realm):
            found = contradictions([report for _, report in reports], self._zones[realm])
            if found:
                yield OrderConflict(issuer, order, found, [report for _, report in reports])
        for issuer, _, returns in self._grouped(RETURNS_SQL, realm):
            reports_of = [report for _, report in returns]
            yield OrderConflict(issuer, returns[0][0], [Contradiction.RETURN], reports_of)

    def _grouped(
        self, sql: str, realm: str
    ) -> Iterator[tuple[str, str, list[tuple[str, OrderReport]]]]:
        """Issuer, number, and the reports under it, each with the order that it names."""
        issuer = number = ""
        where = {"realm": realm, "orders": PAGE_ORDERS}
        while rows := self._database.rows(sql, {**where, "issuer": issuer, "number": number}):
            nodes = [row[7].int for row in rows if row[7] is not None]
            held = self._resolve(realm, list(dict.fromkeys(nodes)))
            for (issuer, number), mine in groupby(rows, key=lambda row: (row[0], row[1])):
                yield issuer, number, [(row[2], _report(row, held)) for row in mine]


def _report(row: tuple[Any, ...], held: Mapping[NodeId, Resolved]) -> OrderReport:
    _, _, _, event_id, occurred_at, channel, store, node, currency, value, action, is_whole = row
    customer = None
    if node is not None:
        customer = held[node.int].profile if node.int in held else node.int
    amount = None if is_whole else value
    return OrderReport(event_id, occurred_at, channel, store, customer, currency, amount, action)
