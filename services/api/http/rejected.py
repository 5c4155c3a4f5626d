"""Routes of rejected events: lists, numbers, one of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from schemas.api.pages import Page
from schemas.api.rejected import (
    RejectedCounts,
    RejectedItem,
    RejectedLetterItem,
    ShownRejectedItem,
    ShownRejectedLetter,
)
from schemas.reject import RejectReason
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.problems import documented
from services.api.http.run import LIST_PROBLEMS, READ_PROBLEMS, Cursor, document, one, page
from services.api.operation import RealmRequest
from services.api.queries.rejected import (
    REJECTED_GET,
    REJECTED_PAGE,
    REJECTED_PER_PAGE_MAX,
    REJECTED_SUMMARY,
    RealmRejectedRequest,
    RealmRejectRequest,
)

router = APIRouter(tags=["events"])


class RejectedList(Page[RejectedLetterItem | RejectedItem]):
    """One page of rejected events."""


@router.get(
    "/v1/rejected",
    operation_id="listRejected",
    response_model=RejectedList,
    responses=documented(LIST_PROBLEMS),
)
async def rejected(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.REJECTED_READ))],
    reason: Annotated[
        RejectReason | None, Query(description="Only those rejected for this reason.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=REJECTED_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """Events that were rejected, without their content, the latest first. A page may have fewer
    rows than asked for, even none, while there are more. Only events that name the realm of the
    key; where the service has one realm only, also those whose realm cannot be read."""
    asked = RealmRejectedRequest(realm=caller.realm, reason=reason, limit=limit, cursor=cursor)
    found = await one(request, REJECTED_PAGE, asked)
    return page(found.entries, found.next_cursor)


@router.get(
    "/v1/rejected/counts",
    operation_id="countRejected",
    response_model=RejectedCounts,
    responses=documented(LIST_PROBLEMS),
)
async def counts(
    request: Request, caller: Annotated[Caller, Depends(allowed(Scope.REJECTED_READ))]
) -> Response:
    """Rejected events by reason."""
    found = await one(request, REJECTED_SUMMARY, RealmRequest(realm=caller.realm))
    return document(found)


@router.get(
    "/v1/rejected/{reject_id}",
    operation_id="getRejected",
    response_model=ShownRejectedLetter | RejectedLetterItem | ShownRejectedItem | RejectedItem,
    responses=documented(READ_PROBLEMS),
)
async def shown(
    request: Request,
    reject_id: Annotated[str, Path(max_length=100, description="Its whole id.")],
    caller: Annotated[Caller, Depends(allowed(Scope.REJECTED_READ))],
) -> Response:
    """One rejected event as it was sent; without `profiles:pii` its content is left out."""
    asked = RealmRejectRequest(
        realm=caller.realm,
        reject_id=reject_id,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
    found = await one(request, REJECTED_GET, asked)
    return document(found)
