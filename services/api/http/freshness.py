"""The route that says how far a realm has come."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from schemas.api.freshness import DataFreshness
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.problems import documented
from services.api.http.run import LIST_PROBLEMS, document, one
from services.api.operation import RealmRequest
from services.api.queries.freshness import FRESHNESS_GET

router = APIRouter(tags=["about"])


@router.get(
    "/v1/freshness",
    operation_id="getFreshness",
    response_model=DataFreshness,
    responses=documented(LIST_PROBLEMS),
)
async def freshness(
    request: Request, caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))]
) -> Response:
    """How far each channel of the realm has come."""
    found = await one(request, FRESHNESS_GET, RealmRequest(realm=caller.realm))
    return document(found)
