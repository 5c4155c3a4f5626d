"""Queries over stored facts: rejected lines, and events stored under two anchors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas.reject import ADVICE, RejectReason
from services.ingest.adapters.removal import delete_facts
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
REJECTED_SQL = _STATEMENTS["rejected"]
LINES_SQL = _STATEMENTS["lines"]
COUNTS_SQL = _STATEMENTS["counts"]
TWICE_SQL = _STATEMENTS["twice"]


class RejectedEvent(NamedTuple):
    """A rejected line as it is kept."""

    reject_id: str
    reason: RejectReason
    path: str
    message: str
    event_id: str
    received_at: datetime
    raw_bytes: int
    raw: str

    def as_json(self) -> dict[str, Any]:
        """The documented JSON form, with advice."""
        return {"version": 1, **self._asdict(), "advice": ADVICE[self.reason]}


class RawLine(NamedTuple):
    """The bytes of a rejected line."""

    reject_id: str
    reason: RejectReason
    raw_bytes: int
    """Size of the whole line."""
    raw_base64: str
    is_public: bool
    """Sent with a public write key."""


class DoubleAnchor(NamedTuple):
    """An event stored under several anchors: that of its latest body is kept, or the smallest."""

    realm: str
    event_id: str
    kept: str
    others: list[str]


class StoreAudit:
    """Reads and, on demand, repairs what normal operation never touches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rejected(
        self, reason: str = "", id_prefix: str = "", limit: int = 100, *, with_raw: bool = False
    ) -> list[RejectedEvent]:
        """Rejected lines, the latest first."""
        bound = {"reason": reason, "id": id_prefix, "limit": limit, "with_raw": with_raw}
        rows = self._database.rows(REJECTED_SQL, bound)
        return [RejectedEvent(str(row[0]), RejectReason(row[1]), *row[2:]) for row in rows]

    def raw_lines(
        self, reason: str, since_ms: int, ids: Sequence[str], after: str, limit: int
    ) -> list[RawLine]:
        """The bytes of rejected lines by id, those after the id `after`; no `ids` means any."""
        bound = {"reason": reason, "since_ms": since_ms, "ids": list(ids), "after": after}
        rows = self._database.rows(LINES_SQL, {**bound, "limit": limit})
        return [RawLine(row[0], RejectReason(row[1]), *row[2:]) for row in rows]

    def rejected_counts(self) -> dict[str, int]:
        """Rejected lines by reason."""
        return dict(self._database.rows(COUNTS_SQL))

    def double_anchors(self) -> Iterator[DoubleAnchor]:
        """Events under two anchors: re-sent with other identifiers, or after a change of rules."""
        for realm, event_id, kept, nodes in self._database.rows(TWICE_SQL):
            others = sorted(node for node in nodes if node != kept)
            yield DoubleAnchor(realm, event_id, kept, others)

    def keep_one_anchor(self, doubles: Sequence[DoubleAnchor]) -> None:
        """Delete the rows under the other anchors, by key, in every fact table."""
        for realm in {double.realm for double in doubles}:
            rows = [
                (node, double.event_id)
                for double in doubles
                if double.realm == realm
                for node in double.others
            ]
            delete_facts(self._database, realm, rows)
