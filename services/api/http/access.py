"""Routes of the access log: who read whose profile, and why."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from schemas.api.access import AccessEntry
from schemas.api.pages import Page
from schemas.base import Instant
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.problems import documented
from services.api.http.run import LIST_PROBLEMS, one, page
from services.api.queries.access import ACCESS_LIST, PAGE_ENTRIES_MAX, AccessRequest

router = APIRouter(tags=["access log"])


@router.get(
    "/v1/access-log",
    operation_id="listAccesses",
    response_model=Page[AccessEntry],
    responses=documented(LIST_PROBLEMS),
)
async def accesses(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.AUDIT_READ))],
    profile_id: Annotated[
        UUID | None, Query(description="Only reads of this customer, by any id that is or was its.")
    ] = None,
    key_id: Annotated[str, Query(max_length=200, description="Only with this key.")] = "",
    since: Annotated[Instant | None, Query(description="Not before this time.")] = None,
    until: Annotated[Instant | None, Query(description="Before this time.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_ENTRIES_MAX)] = 50,
    cursor: Annotated[str, Query(description="`page.next` of the page before.")] = "",
) -> Response:
    """Who read which profiles, and why: the latest reads first."""
    asked = AccessRequest(
        realm=caller.realm,
        profile=str(profile_id or ""),
        key_id=key_id,
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )
    found = await one(request, ACCESS_LIST, asked)
    return page(found.entries, found.next_cursor)
