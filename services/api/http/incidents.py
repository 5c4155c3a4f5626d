"""Routes of incidents: lists, one of them, and what people do with it."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from schemas.api.incidents import (
    AffectedItem,
    IncidentCounts,
    IncidentField,
    NewIncidentAction,
)
from schemas.api.pages import Page
from schemas.api.problem import ProblemCode
from schemas.base import Instant
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.records import ActionRecord
from services.api.auth import Scope
from services.api.http.caller import Actor, Caller, acting_as, allowed
from services.api.http.notes import note
from services.api.http.problems import Problem, documented
from services.api.http.repeated import IdempotencyKey, once
from services.api.http.run import (
    BODY_PROBLEMS,
    LIST_PROBLEMS,
    READ_PROBLEMS,
    Cursor,
    document,
    one,
    page,
)
from services.api.queries.incidents import (
    FIELDS_MAX,
    INCIDENTS_ACT,
    INCIDENTS_AFFECTED,
    INCIDENTS_AFFECTED_PAGE,
    INCIDENTS_COUNTS,
    INCIDENTS_PAGE,
    INCIDENTS_PER_PAGE_MAX,
    INCIDENTS_SHOW,
    ActionRequest,
    AffectedPageRequest,
    IncidentCountsRequest,
    IncidentRequest,
    IncidentsPageRequest,
)

INCIDENT_ID = re.compile(r"[0-9a-f]{32}")
ACTION_PROBLEMS = (
    *READ_PROBLEMS, *BODY_PROBLEMS, ProblemCode.INVALID_STATE, ProblemCode.KEY_REUSED,
)  # fmt: skip
IncidentPath = Annotated[str, Path(description="The whole id of the incident.")]
AnyView: Any = INCIDENTS_SHOW.response
router = APIRouter(tags=["incidents"])


class IncidentList(Page[AnyView]):
    """One page of incidents."""


def _chosen(
    state: Annotated[
        list[IncidentState],
        Query(max_length=len(IncidentState), description="Only these; all but retracted if none."),
    ] = [],  # noqa: B006 - FastAPI copies it
    severity: Annotated[
        list[Severity],
        Query(max_length=len(Severity), description="Only of these severities; all if none."),
    ] = [],  # noqa: B006
    kind: Annotated[str, Query(max_length=100, description="Only of this kind.")] = "",
    cause: Annotated[str, Query(max_length=100, description="Only with this cause.")] = "",
    fault: Annotated[str, Query(max_length=100, description="Only of this fault.")] = "",
    sku: Annotated[str, Query(max_length=100, description="Only of this product.")] = "",
    channel: Annotated[str, Query(max_length=100, description="Only on this channel.")] = "",
    location: Annotated[
        str, Query(max_length=200, description="Only at this store, or at `zone:NAME`.")
    ] = "",
    since: Annotated[
        Instant | None, Query(description="Only those that began at this time or later.")
    ] = None,
) -> dict[str, Any]:
    """Which incidents are asked for."""
    return {
        "states": tuple(state),
        "severities": tuple(severity),
        "kind": kind,
        "cause": cause,
        "fault": fault,
        "sku": sku,
        "channel": channel,
        "location": location,
        "since": since,
    }


Chosen = Annotated[dict[str, Any], Depends(_chosen)]


@router.get(
    "/v1/incidents",
    operation_id="listIncidents",
    response_model=IncidentList,
    responses=documented(LIST_PROBLEMS),
)
async def incidents(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.INCIDENTS_READ))],
    chosen: Chosen,
    limit: Annotated[int, Query(ge=1, le=INCIDENTS_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """Where channels contradict each other, with exposure: who saw or paid it. The oldest first."""
    asked = IncidentsPageRequest(realm=caller.realm, limit=limit, cursor=cursor, **chosen)
    found = await one(request, INCIDENTS_PAGE, asked)
    note(request, caller, INCIDENTS_PAGE.name, _customers(found.entries))
    return page(found.entries, found.next_cursor)


class AffectedList(Page[AffectedItem]):
    """One page of those whom an incident concerns."""


@router.get(
    "/v1/incidents/counts",
    operation_id="countIncidents",
    response_model=IncidentCounts,
    responses=documented(LIST_PROBLEMS),
)
async def counts(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.INCIDENTS_READ))],
    chosen: Chosen,
    by: Annotated[
        list[IncidentField],
        Query(min_length=1, max_length=FIELDS_MAX, description="What they are counted by."),
    ] = [IncidentField.CAUSE],  # noqa: B006
) -> Response:
    """How many incidents there are by the values of one to three fields, the worst first."""
    asked = IncidentCountsRequest(realm=caller.realm, by=tuple(by), **chosen)
    found = await one(request, INCIDENTS_COUNTS, asked)
    return document(found)


@router.get(
    "/v1/incidents/{incident_id}",
    operation_id="getIncident",
    response_model=AnyView,
    responses=documented(READ_PROBLEMS),
)
async def incident(
    request: Request,
    incident_id: IncidentPath,
    caller: Annotated[Caller, Depends(allowed(Scope.INCIDENTS_READ))],
) -> Response:
    """One incident with evidence, exposure, and what people did with it."""
    asked = IncidentRequest(realm=caller.realm, incident_id=_whole(incident_id))
    found = await one(request, INCIDENTS_SHOW, asked)
    note(request, caller, INCIDENTS_SHOW.name, _customers([found]))
    return document(found)


@router.get(
    "/v1/incidents/{incident_id}/affected",
    operation_id="listAffected",
    response_model=AffectedList,
    responses=documented(READ_PROBLEMS),
)
async def affected(
    request: Request,
    incident_id: IncidentPath,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    is_paid: Annotated[
        bool,
        Query(alias="paid", description="Only what was paid, each order as its first event says."),
    ] = False,
    limit: Annotated[int, Query(ge=1, le=INCIDENTS_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """Who saw or paid the deviating price, the earliest first: the customers to make good, and
    receipts without a customer. A line of an order is a row."""
    asked = AffectedPageRequest(
        realm=caller.realm,
        incident_id=_whole(incident_id),
        is_paid=is_paid,
        limit=limit,
        cursor=cursor,
    )
    found = await one(request, INCIDENTS_AFFECTED_PAGE, asked)
    customers = [item.profile_id for item in found.entries if item.profile_id is not None]
    note(request, caller, INCIDENTS_AFFECTED.name, customers)
    return page(found.entries, found.next_cursor)


@router.post(
    "/v1/incidents/{incident_id}/actions",
    operation_id="actOnIncident",
    response_model=ActionRecord,
    responses=documented(ACTION_PROBLEMS),
)
async def act(
    request: Request,
    incident_id: IncidentPath,
    action: NewIncidentAction,
    caller: Annotated[Caller, Depends(allowed(Scope.INCIDENTS_WRITE))],
    idempotency_key: IdempotencyKey = "",
    actor: Actor = "",
) -> Response:
    """Acknowledge or mute an incident, or take either back. It is durable when this answers, and
    kept in the audit trail with the name of the key; workers apply it within moments."""
    asked = ActionRequest(
        realm=caller.realm,
        incident_id=_whole(incident_id),
        action=action.action,
        by=acting_as(caller, actor),
        reason=action.reason,
        until=action.until.isoformat() if action.until else "",
    )

    async def write() -> Response:
        done = await one(request, INCIDENTS_ACT, asked)
        return document(done)

    who = f"{actor}\n".encode()  # another person is another action
    return await once(request, caller, idempotency_key, who + await request.body(), write)


def _whole(incident_id: str) -> str:
    """The id; beginnings of ids are for people at a terminal."""
    if not INCIDENT_ID.fullmatch(incident_id):
        raise Problem(ProblemCode.NOT_FOUND, "there is no such incident")
    return incident_id


def _customers(found: list[AnyIncident]) -> list[UUID]:
    """The customers that incidents are about."""
    handles = (getattr(one_.subject, "handle", None) for one_ in found)
    return [handle for handle in handles if handle is not None]
