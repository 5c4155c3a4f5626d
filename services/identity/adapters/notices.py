"""Notices read from the stored graph and map. Reads all edges of a realm; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.identifiers import NodeId
from schemas.placement import ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.model import type_table
from services.identity.core.notices import Notice, NoticeKind
from services.store.database import Database, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
CANDIDATES_SQL = _STATEMENTS["candidates"]
CROWDS_SQL = _STATEMENTS["crowds"]
MANY_SQL = _STATEMENTS["many"]


class NoticeReader:
    """Implements `services.identity.ports.NoticeSource`."""

    def __init__(
        self, database: Database, store: ClickHouseIdentityStore, rules: IdentityRules
    ) -> None:
        self._database = database
        self._store = store
        self._table = type_table(rules)

    def notices(self, realm: str) -> Iterator[Notice]:
        """See the port."""
        yield from self._values(realm)
        yield from self._persons(realm)

    def _values(self, realm: str) -> Iterator[Notice]:
        table = self._table
        given: dict[str, Any] = {
            "above": table.suspicious_above,
            "limit": table.hub_above_personal,
            "personal": sorted(table.personal),
        }
        # One visit or purchase that seems to be of many joins nobody, and is gone tomorrow.
        lasting = sorted(table.rank.keys() - table.ephemeral)
        rows = self._database.rows(CANDIDATES_SQL, {"realm": realm, "types": lasting, **given})
        nodes = [row[0].int for row in rows]
        found = list(rows_by_key(self._database, CROWDS_SQL, realm, nodes, **given))
        nodes = [row[0].int for row in found]
        values, placed = self._values_of(realm, nodes), self._store.placements_of(realm, nodes)
        for node_id, type_name, counted, count, _, _, since_ms in found:
            node = node_id.int
            is_shared = node in placed and placed[node].kind is ProfileKind.SHARED
            # One that may be in several hands joins no persons. It is worth a notice if it does
            # stand for several, who came within a day.
            if type_name not in table.personal and not (is_shared and since_ms is not None):
                continue
            kind = NoticeKind.DEGREE_LIMIT if since_ms is None else NoticeKind.SUSPICIOUS_VALUE
            yield Notice(kind, node, *values[node], counted, count, since_ms, is_shared)

    def _persons(self, realm: str) -> Iterator[Notice]:
        for type_name, above in self._table.review_above.items():
            where = {"realm": realm, "type": type_name, "above": above}
            held = {node.int: count for node, count in self._database.rows(MANY_SQL, where)}
            values = self._values_of(realm, list(held))
            for profile, count in held.items():
                kind, told = NoticeKind.MANY_IDENTIFIERS, values[profile]
                yield Notice(kind, profile, *told, type_name, count, None, False)

    def _values_of(self, realm: str, nodes: list[NodeId]) -> dict[NodeId, tuple[str, str, str]]:
        """Type, issuer and value; empty for a node of which only the edge is stored so far."""
        return dict.fromkeys(nodes, ("", "", "")) | self._store.values_of(realm, nodes)
