"""People who must not be processed at all, by node ids, with who decided so and why.

Ingest rejects what names one of the nodes (services/ingest/ledger.py). Steps are only added, in one
insert each, so that a step is there as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from schemas.identifiers import NodeId
from schemas.instants import from_ms, to_ms
from services.store.database import Database, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
OF_NODES_SQL = _STATEMENTS["of_nodes"]
IN_FORCE_SQL = _STATEMENTS["in_force"]
LATEST_SQL = _STATEMENTS["latest"]
COLUMNS = ("realm", "node", "decided_at", "lifted", "suppression_id", "author", "reason")


class SuppressionStep(NamedTuple):
    """Somebody is suppressed, or no longer. `reason` must not name the person."""

    realm: str
    suppression_id: str
    nodes: tuple[NodeId, ...]
    author: str
    reason: str
    decided_at: datetime
    lifted: bool = False

    @property
    def said(self) -> tuple[str, str]:
        """Who decided so, and why."""
        return self.author, self.reason


def suppression_id_of(realm: str, nodes: Collection[NodeId], decided_at: datetime) -> str:
    """Names the suppression of these nodes."""
    named = ",".join(f"{node:032x}" for node in sorted(nodes))
    text = f"{realm}\x1f{decided_at.isoformat()}\x1f{named}"
    return str(UUID(bytes=sha256(text.encode()).digest()[:16]))


class Suppressions:
    """Those of all realms. Methods block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, steps: Sequence[SuppressionStep]) -> None:
        """Note steps, all or none."""
        rows = [
            (one.realm, node, one.decided_at, one.lifted, one.suppression_id, *one.said)
            for one in steps
            for node in one.nodes
        ]  # fmt: skip
        if rows:
            self._database.insert_rows("suppressions", COLUMNS, rows)

    def after_all(self, realm: str, now: datetime) -> datetime:
        """A time for the next step: later than every other one, whatever the clock says."""
        [(latest,)] = self._database.rows(LATEST_SQL, {"realm": realm})
        return from_ms(max(to_ms(now), to_ms(latest) + 1))

    def in_force(self, realm: str) -> list[SuppressionStep]:
        """All of a realm, the earliest first."""
        return self._read(realm, {"is_any": True, "ids": []})

    def of_nodes(self, realm: str, nodes: Collection[NodeId]) -> list[SuppressionStep]:
        """Those in force of any of these nodes, each with all its nodes."""
        rows = rows_by_key(self._database, OF_NODES_SQL, realm, nodes)
        ids = sorted({one for (one,) in rows})
        return self._read(realm, {"is_any": False, "ids": ids}) if ids else []

    def _read(self, realm: str, asked: dict[str, object]) -> list[SuppressionStep]:
        return [
            SuppressionStep(
                realm, name, tuple(sorted(node.int for node in nodes)), author, reason, decided_at
            )
            for name, nodes, author, reason, decided_at in self._database.rows(
                IN_FORCE_SQL, {"realm": realm, **asked}
            )
        ]
