"""Routes of orders: those of a customer, and those whose reports contradict each other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from schemas.api.orders import ProfileOrder
from schemas.api.pages import Page
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.notes import note
from services.api.http.problems import documented
from services.api.http.run import (
    LIST_PROBLEMS,
    OF_PROFILE_PROBLEMS,
    Cursor,
    ProfileId,
    merged,
    one,
    page,
    rows,
)
from services.api.queries.orders import (
    ORDER_CONFLICTS,
    ORDERS_PER_PAGE_MAX,
    PROFILE_ORDERS,
    ListedConflict,
    OrderConflictsRequest,
    OrdersRequest,
)

CONFLICTS_MAX = 1_000
router = APIRouter(tags=["orders"])


@router.get(
    "/v1/profiles/{profile_id}/orders",
    operation_id="listOrders",
    response_model=Page[ProfileOrder],
    responses=documented(OF_PROFILE_PROBLEMS),
)
async def orders(
    request: Request,
    profile_id: ProfileId,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    limit: Annotated[int, Query(ge=1, le=ORDERS_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """The orders of a customer, the latest first: each once across systems, with its cancellations
    and returns. They add up to the figures of the profile."""
    asked = OrdersRequest(realm=caller.realm, handle=str(profile_id), limit=limit, cursor=cursor)
    found = await one(request, PROFILE_ORDERS, asked)
    note(request, caller, PROFILE_ORDERS.name, [found.profile_id])
    return page(found.entries, found.next_cursor, **merged(profile_id, found.profile_id))


@router.get(
    "/v1/orders/conflicts",
    operation_id="listOrderConflicts",
    response_model=Page[ListedConflict],
    responses=documented(LIST_PROBLEMS),
)
async def conflicts(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    limit: Annotated[int, Query(ge=1, le=CONFLICTS_MAX)] = 100,
) -> Response:
    """Orders whose reports contradict each other, by issuer and number; the first ones only."""
    asked = OrderConflictsRequest(realm=caller.realm, limit=limit)
    found = await rows(request, ORDER_CONFLICTS, asked)
    customers = {report.profile_id for one_ in found for report in one_.reports}
    note(request, caller, ORDER_CONFLICTS.name, [one_ for one_ in customers if one_])
    return page(found, None)
