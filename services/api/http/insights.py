"""Routes of measures: which there are, one over a window, and what they say of a customer."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from schemas.api.insights import PersonInsights
from schemas.api.pages import Page
from schemas.api.problem import ProblemCode
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.notes import note
from services.api.http.parts import api_parts
from services.api.http.problems import Problem, documented
from services.api.http.run import (
    LIST_PROBLEMS,
    OF_PROFILE_PROBLEMS,
    READ_PROBLEMS,
    ProfileId,
    document,
    merged,
    one,
    page,
    rows,
)
from services.api.queries.insights import (
    INSIGHTS_HISTORY,
    INSIGHTS_LIST,
    INSIGHTS_SHOW,
    KEPT_SHOWN_MAX,
    HistoryRequest,
    ListedMeasure,
    MeasureRequest,
    MeasuresRequest,
)
from services.api.queries.person_insights import INSIGHTS_PROFILE
from services.api.queries.profiles import ProfileRequest
from services.measures.catalogue import MEASURES
from services.measures.core.result import KeptMeasure, MeasureResult

NO_MEASURE = "there is no such measure"
router = APIRouter(tags=["insights"])


@router.get(
    "/v1/insights/measures",
    operation_id="listMeasures",
    response_model=Page[ListedMeasure],
    responses=documented(LIST_PROBLEMS),
)
async def measures(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.INSIGHTS_READ))],
) -> Response:
    """All measures."""
    found = await rows(request, INSIGHTS_LIST, MeasuresRequest())
    return page(found, None)


@router.get(
    "/v1/insights/measures/{measure}",
    operation_id="getMeasure",
    response_model=MeasureResult,
    responses=documented(READ_PROBLEMS),
)
async def measure(
    request: Request,
    measure: Annotated[str, Path(description="Its name, as the list of measures gives it.")],
    caller: Annotated[Caller, Depends(allowed(Scope.INSIGHTS_READ))],
    first: Annotated[
        date | None, Query(description="First day; by default 365 days before `until`.")
    ] = None,
    until: Annotated[
        date | None, Query(description="First day after the window; by default today.")
    ] = None,
    segment: Annotated[
        str,
        Query(max_length=64, description="Of those who belong to this segment now; empty: all."),
    ] = "",
) -> Response:
    """One measure over whole days of the realm's time zone, of all or of a segment."""
    if measure not in MEASURES:
        raise Problem(ProblemCode.NOT_FOUND, NO_MEASURE)
    asked = MeasureRequest(
        realm=caller.realm, measure=measure, first=first, until=until, segment=segment
    )
    found = await one(request, INSIGHTS_SHOW, asked, api_parts(request).measures)
    return document(found)


@router.get(
    "/v1/insights/measures/{measure}/history",
    operation_id="listMeasureHistory",
    response_model=Page[KeptMeasure],
    responses=documented(READ_PROBLEMS),
)
async def history(
    request: Request,
    measure: Annotated[str, Path(description="Its name, as the list of measures gives it.")],
    caller: Annotated[Caller, Depends(allowed(Scope.INSIGHTS_READ))],
    limit: Annotated[int, Query(ge=1, le=KEPT_SHOWN_MAX)] = 30,
) -> Response:
    """What a measure was each time it was kept, the latest first: by the map of then."""
    if measure not in MEASURES:
        raise Problem(ProblemCode.NOT_FOUND, NO_MEASURE)
    asked = HistoryRequest(realm=caller.realm, measure=measure, limit=limit)
    found = await rows(request, INSIGHTS_HISTORY, asked)
    return page(found, None)


@router.get(
    "/v1/profiles/{profile_id}/insights",
    operation_id="getProfileInsights",
    response_model=PersonInsights,
    responses=documented((*OF_PROFILE_PROBLEMS, ProblemCode.INVALID_STATE)),
)
async def of_profile(
    request: Request,
    profile_id: ProfileId,
    caller: Annotated[Caller, Depends(allowed(Scope.INSIGHTS_PERSON))],
) -> Response:
    """What measures say of a customer, each score with its reasons and the events behind them. Of a
    customer who objects to profiling the objection alone."""
    asked = ProfileRequest(realm=caller.realm, handle=str(profile_id))
    found = await one(request, INSIGHTS_PROFILE, asked)
    note(request, caller, INSIGHTS_PROFILE.name, [found.profile_id])
    return document(found, 200, **merged(profile_id, found.profile_id))
