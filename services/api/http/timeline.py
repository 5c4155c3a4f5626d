"""The route of a customer's timeline."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from schemas.api.pages import Page
from schemas.base import Instant
from schemas.profile import TimelineEntry
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.notes import note
from services.api.http.problems import documented
from services.api.http.run import OF_PROFILE_PROBLEMS, Cursor, ProfileId, merged, one, page
from services.api.queries.timeline import (
    FILTER_VALUES_MAX,
    PROFILE_TIMELINE,
    TIMELINE_ENTRIES_MAX,
    TimelineRequest,
)

router = APIRouter(tags=["profiles"])


@router.get(
    "/v1/profiles/{profile_id}/timeline",
    operation_id="listTimeline",
    response_model=Page[TimelineEntry],
    responses=documented(OF_PROFILE_PROBLEMS),
)
async def timeline(
    request: Request,
    profile_id: ProfileId,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    type_: Annotated[
        list[str],
        Query(alias="type", max_length=FILTER_VALUES_MAX, description="Only of these event types."),
    ] = [],  # noqa: B006 - FastAPI copies it
    channel: Annotated[
        list[str], Query(max_length=FILTER_VALUES_MAX, description="Only on these channels.")
    ] = [],  # noqa: B006
    since: Annotated[
        Instant | None, Query(description="Only what happened at this time or later.")
    ] = None,
    until: Annotated[
        Instant | None, Query(description="Only what happened before this time.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=TIMELINE_ENTRIES_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """The touchpoints of a customer, newest first, by any id that the profile ever had."""
    asked = TimelineRequest(
        realm=caller.realm,
        handle=str(profile_id),
        type=tuple(type_),
        channel=tuple(channel),
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )
    found = await one(request, PROFILE_TIMELINE, asked)
    note(request, caller, PROFILE_TIMELINE.name, [found.profile_id])
    return page(found.entries, found.next_cursor, **merged(profile_id, found.profile_id))
