"""Routes of decisions: two identifiers are one customer, or two; who said so, and what it did."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from schemas.api.identity import NewDecision
from schemas.api.pages import Page
from schemas.api.problem import ProblemCode
from schemas.edge import Verdict
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
from services.api.queries.decisions import (
    DECISIONS_PER_PAGE_MAX,
    IDENTITY_DECIDE,
    IDENTITY_DECISIONS,
    DecideRequest,
    DecisionOutcome,
    DecisionsRequest,
    ListedDecision,
)
from services.runtime.errors import NotFound

DECISION_PROBLEMS = (
    *READ_PROBLEMS, *BODY_PROBLEMS, ProblemCode.INVALID_STATE, ProblemCode.KEY_REUSED,
)  # fmt: skip
router = APIRouter(tags=["identity"])


@router.post(
    "/v1/identity/decisions",
    operation_id="decideIdentity",
    response_model=DecisionOutcome,
    responses=documented(DECISION_PROBLEMS),
)
async def decide(
    request: Request,
    decision: NewDecision,
    caller: Annotated[Caller, Depends(allowed(Scope.IDENTITY_WRITE))],
    idempotency_key: IdempotencyKey = "",
    actor: Actor = "",
) -> Response:
    """Decide that two identifiers are one customer (`same`) or two (`different`), or take that back
    (`none`); with `dry_run` only say which profiles would merge or split. It is durable when this
    answers, with the name of the key as its author; workers apply it within moments. Without
    `profiles:pii` values are masked."""
    asked = DecideRequest(
        realm=caller.realm,
        a=decision.a,
        b=decision.b,
        verdict=decision.verdict,
        by=acting_as(caller, actor),
        reason=decision.reason,
        dry_run=decision.dry_run,
        unseen=decision.unseen,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )

    async def write() -> Response:
        try:
            done = await one(request, IDENTITY_DECIDE, asked)
        except NotFound as error:  # its text repeats the identifier
            detail = "one of the identifiers is none, or no event of the realm has named it"
            raise Problem(ProblemCode.NOT_FOUND, detail) from error
        note(request, caller, IDENTITY_DECIDE.name, told_of(done))
        return document(done)

    who = f"{actor}\n".encode()  # another person decides for themselves
    return await once(request, caller, idempotency_key, who + await request.body(), write)


@router.get(
    "/v1/identity/decisions",
    operation_id="listDecisions",
    response_model=Page[ListedDecision],
    responses=documented(LIST_PROBLEMS),
)
async def decisions(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    node_id: Annotated[
        UUID | None, Query(description="Only about the identifier with this node id.")
    ] = None,
    verdict: Annotated[
        Verdict | None, Query(description="Only with this verdict; `none`: taken back.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=DECISIONS_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """What people decided about identifiers, the latest first. Without `profiles:pii` values are
    masked."""
    asked = DecisionsRequest(
        realm=caller.realm,
        node="" if node_id is None else str(node_id),
        verdict=verdict,
        limit=limit,
        cursor=cursor,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
    found = await one(request, IDENTITY_DECISIONS, asked)
    ends = [
        UUID(end.node_id)
        for entry in found.entries
        for end in (entry.a, entry.b, *entry.blocked_by)
    ]
    note(request, caller, IDENTITY_DECISIONS.name, ends)
    return page(found.entries, found.next_cursor)


def told_of(done: DecisionOutcome) -> list[UUID]:
    """Whom the answer to a decision tells of: profiles, and identifiers that are in the way, by
    their node ids, which resolve."""
    effect = done.effect
    profiles = [part.profile_id for part in (*effect.before, *effect.after)]
    moved = [at for one_ in effect.moved for at in (one_.from_profile_id, one_.to_profile_id)]
    return [*profiles, *moved, *(UUID(node.node_id) for node in effect.blocked_by)]
