"""Rejected lines of a store that a realm may see, page by page. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from schemas.api.rejected import (
    RejectedCounts,
    RejectedItem,
    RejectedReason,
    ShownRejectedItem,
)
from schemas.instants import to_ms
from schemas.reject import ADVICE, RejectReason
from services.ingest.ports import AnyRejected, RejectedPage
from services.runtime.errors import NotFound
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
PAGE_SQL, COUNTS_SQL = _STATEMENTS["page"], _STATEMENTS["counts"]
VERSION = 1
NO_PLACE: dict[str, Any] = {"is_first": True, "ms": 0, "after": ""}


class RejectedLineReader:
    """Implements `services.ingest.ports.RejectedSource` on a store; `realms` are those that are
    configured."""

    def __init__(self, database: Database, realms: Collection[str]) -> None:
        self._database = database
        self._realms = sorted(realms)

    def page(self, realm: str, reason: str, limit: int, after: list[Any] | None) -> RejectedPage:
        """See the port."""
        place = NO_PLACE
        if after is not None:
            ms, reject_id = after
            place = {"is_first": False, "ms": ms, "after": reject_id}
        rows = self._rows(realm, {"reason": reason, "limit": limit + 1, **place})
        page = rows[:limit]
        following = [to_ms(page[-1][5]), page[-1][0]] if len(rows) > limit else None
        return RejectedPage([_item(row) for row in page], following)

    def one(self, realm: str, reject_id: str, *, with_raw: bool) -> AnyRejected:
        """See the port."""
        where = {"id": reject_id, "with_raw": with_raw, "limit": 1, **NO_PLACE}
        rows = self._rows(realm, where) if reject_id else []
        if not rows:
            raise NotFound("there is no such rejected event")
        if not with_raw:
            return _item(rows[0])
        return ShownRejectedItem(**_head(rows[0]), raw=rows[0][7])

    def counts(self, realm: str) -> RejectedCounts:
        """See the port."""
        rows = self._database.rows(COUNTS_SQL, self._of(realm))
        counts = [RejectedReason(reason=reason, count=count) for reason, count in rows]
        total = sum(one.count for one in counts)
        return RejectedCounts(counts=counts, total=total, is_complete=True)

    def _rows(self, realm: str, where: dict[str, Any]) -> list[tuple[Any, ...]]:
        usual = {"reason": "", "id": "", "with_raw": False}
        return self._database.rows(PAGE_SQL, {**self._of(realm), **usual, **where})

    def _of(self, realm: str) -> dict[str, Any]:
        return {"realm": realm, "realms": self._realms, "alone": len(self._realms) == 1}


def _item(row: tuple[Any, ...]) -> RejectedItem:
    return RejectedItem(**_head(row))


def _head(row: tuple[Any, ...]) -> dict[str, Any]:
    reject_id, reason, path, message, event_id, received_at, raw_bytes, _raw = row
    return {
        "version": VERSION,
        "reject_id": reject_id,
        "reason": reason,
        "path": path,
        "message": message,
        "event_id": event_id,
        "received_at": received_at,
        "raw_bytes": raw_bytes,
        "advice": ADVICE[RejectReason(reason)],
    }
