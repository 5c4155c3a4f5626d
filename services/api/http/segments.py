"""Routes of segments: which there are, who belongs to one, and to which a customer belongs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from schemas.api.pages import Page
from schemas.api.segments import ListedSegment, ProfileSegment, SegmentMember
from schemas.rules.segment_conditions import SEGMENT_ID
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.notes import note
from services.api.http.problems import documented
from services.api.http.run import (
    LIST_PROBLEMS,
    OF_PROFILE_PROBLEMS,
    READ_PROBLEMS,
    Cursor,
    ProfileId,
    merged,
    one,
    page,
    rows,
)
from services.api.queries.profiles import ProfileRequest
from services.api.queries.segment_members import (
    MEMBERS_PER_PAGE_MAX,
    PROFILE_SEGMENTS,
    SEGMENTS_LIST,
    SEGMENTS_PAGE,
    MembersRequest,
    SegmentsRequest,
)

router = APIRouter(tags=["segments"])
ReadsMembers = Annotated[Caller, Depends(allowed(Scope.SEGMENTS_MEMBERS))]
SegmentPath = Annotated[
    str, Path(pattern=SEGMENT_ID, description="Id of the segment.", examples=["lapsing_coffee"])
]


@router.get(
    "/v1/segments",
    operation_id="listSegments",
    response_model=Page[ListedSegment],
    responses=documented(LIST_PROBLEMS),
)
async def segments(
    request: Request, caller: Annotated[Caller, Depends(allowed(Scope.SEGMENTS_READ))]
) -> Response:
    """All segments with definition and size. Without `segments:members` sizes of fewer than five
    are null."""
    asked = SegmentsRequest(realm=caller.realm, hides_small=not caller.has(Scope.SEGMENTS_MEMBERS))
    found = await rows(request, SEGMENTS_LIST, asked)
    return page(found, None)


@router.get(
    "/v1/segments/{segment}/members",
    operation_id="listSegmentMembers",
    response_model=Page[SegmentMember],
    responses=documented(READ_PROBLEMS),
)
async def members(
    request: Request,
    segment: SegmentPath,
    caller: ReadsMembers,
    limit: Annotated[int, Query(ge=1, le=MEMBERS_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """Who belongs to a segment, each as the profile that it is now. Whether somebody may be
    contacted does not decide about that."""
    asked = MembersRequest(realm=caller.realm, segment=segment, limit=limit, cursor=cursor)
    found = await one(request, SEGMENTS_PAGE, asked)
    note(request, caller, SEGMENTS_PAGE.name, [member.profile_id for member in found.entries])
    return page(found.entries, found.next_cursor)


@router.get(
    "/v1/profiles/{profile_id}/segments",
    operation_id="listProfileSegments",
    response_model=Page[ProfileSegment],
    responses=documented(OF_PROFILE_PROBLEMS),
)
async def of_profile(request: Request, profile_id: ProfileId, caller: ReadsMembers) -> Response:
    """The segments that a customer belongs to, by any id that the profile ever had."""
    asked = ProfileRequest(realm=caller.realm, handle=str(profile_id))
    found = await one(request, PROFILE_SEGMENTS, asked)
    note(request, caller, PROFILE_SEGMENTS.name, [found.profile_id])
    return page(found.entries, None, **merged(profile_id, found.profile_id))
