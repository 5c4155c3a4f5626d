"""Segments: which there are, how many belong to them, who they are, and who comes and goes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from services.api.auth import Scope
from services.console.api_client import segment as part
from services.console.csv_files import csv_file
from services.console.navigation import ROOT
from services.console.pages.search import require_purpose
from services.console.visit import Visiting

ENTRIES = 50
CSV_PAGE, CSV_ROWS_MAX = 500, 10_000
COLUMNS = ("profile_id", "since", "definition", "because")
router = APIRouter(prefix=f"{ROOT}/segments", include_in_schema=False)


@router.get("")
async def listed(visit: Visiting) -> Response:
    """All of them with their sizes; the table follows changes while it is open."""
    found = await visit.api.get("/v1/segments")
    return visit.part_or_page("segments_list.html", "segments.html", segments=found["data"])


@router.get("/{segment}")
async def one(visit: Visiting, segment: str, cursor: str = "") -> Response:
    """Its definition, and who belongs to it."""
    found = await visit.api.get("/v1/segments")
    known = next((one for one in found["data"] if one["segment"] == segment), None)
    if known is None:
        return visit.page("no_page.html", 404)
    members = None
    if visit.has(Scope.SEGMENTS_MEMBERS):
        require_purpose(visit)
        path = f"/v1/segments/{part(segment)}/members"
        members = await visit.api.get(path, limit=ENTRIES, cursor=cursor)
    return visit.page("segment.html", one=known, members=members)


@router.get("/{segment}/members.csv")
async def as_csv(visit: Visiting, segment: str) -> Response:
    """The members by profile id; who may be contacted, the export of the command line says."""
    require_purpose(visit)
    rows: list[dict[str, Any]] = []
    cursor = ""
    while len(rows) < CSV_ROWS_MAX:
        path = f"/v1/segments/{part(segment)}/members"
        found = await visit.api.get(path, limit=CSV_PAGE, cursor=cursor)
        rows += found["data"]
        cursor = found["page"]["next"]
        if not cursor:
            break
    return csv_file(f"members-{segment}", COLUMNS, rows)
