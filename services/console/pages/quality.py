"""Data quality: can I trust this page? How new the data are, what was refused, what is in doubt."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Response

from services.api.auth import Scope
from services.console.csv_files import csv_file
from services.console.navigation import ROOT
from services.console.visit import Visit, Visiting

EXAMPLES = 20
LATE = timedelta(days=2)
"""A channel whose latest event is older than this is marked."""
REJECT_COLUMNS = ("received_at", "reason", "path", "message", "advice", "event_id", "reject_id")
router = APIRouter(prefix=f"{ROOT}/quality", include_in_schema=False)


@router.get("")
async def quality(visit: Visiting, reason: str = "", cursor: str = "") -> Response:
    """What the person may see of it."""
    of_reason = {"reason": reason, "limit": EXAMPLES, "cursor": cursor}
    freshness, conflicts, suspicious, counts, examples = await asyncio.gather(
        _if(visit, Scope.PROFILES_READ, "/v1/freshness"),
        _if(visit, Scope.PROFILES_READ, "/v1/orders/conflicts", limit=EXAMPLES),
        _if(visit, Scope.PROFILES_READ, "/v1/identity/suspicious", limit=EXAMPLES),
        _if(visit, Scope.REJECTED_READ, "/v1/rejected/counts"),
        _if(visit, Scope.REJECTED_READ, "/v1/rejected", **of_reason),
    )
    return visit.page(
        "quality.html",
        freshness=freshness,
        channels=_channels(freshness, visit.now),
        conflicts=conflicts,
        suspicious=suspicious,
        counts=counts,
        examples=examples,
        reason=reason,
    )


@router.get("/rejected.csv")
async def rejected_as_csv(visit: Visiting, reason: str = "") -> Response:
    """The latest rejected events without their content."""
    found = await visit.api.get("/v1/rejected", reason=reason, limit=200)
    return csv_file("rejected", REJECT_COLUMNS, found["data"])


async def _if(visit: Visit, scope: Scope, path: str, **asked: Any) -> Any:
    return await visit.api.get(path, **asked) if visit.has(scope) else None


def _channels(freshness: dict[str, Any] | None, now: datetime) -> list[dict[str, Any]]:
    """The channels, those first that have been silent longest."""
    rows = (freshness or {}).get("channels", [])
    return [
        {**one, "is_late": now - datetime.fromisoformat(one["occurred_at"]) > LATE}
        for one in sorted(rows, key=lambda one: one["occurred_at"])
    ]
