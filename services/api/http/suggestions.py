"""Routes of match suggestions: who may be one person, why, and what somebody decides about it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from schemas.api.identity import NewAnswer
from schemas.api.pages import Page
from schemas.api.problem import ProblemCode
from services.api.auth import Scope
from services.api.http.caller import Actor, Caller, acting_as, allowed
from services.api.http.decisions import DECISION_PROBLEMS, told_of
from services.api.http.notes import note
from services.api.http.problems import Problem, documented
from services.api.http.repeated import IdempotencyKey, once
from services.api.http.run import LIST_PROBLEMS, READ_PROBLEMS, document, one, page, rows
from services.api.queries.decisions import DecisionOutcome
from services.api.queries.suggestions import (
    ID_CHARS,
    IDENTITY_ANSWER,
    IDENTITY_SUGGESTION,
    IDENTITY_SUGGESTIONS,
    AnswerRequest,
    ListedSuggestion,
    ShownSuggestion,
    SuggestionRequest,
    SuggestionsRequest,
)
from services.matching.core.suggestion import SuggestionKind, SuggestionState
from services.runtime.errors import NotFound

SUGGESTIONS_MAX = 1_000
router = APIRouter(tags=["identity"])
SuggestionId = Annotated[
    str,
    Path(pattern=f"^[0-9a-f]{{{ID_CHARS}}}$", description="Id of the suggestion, as it is listed."),
]
Reader = Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))]


@router.get(
    "/v1/identity/suggestions",
    operation_id="listSuggestions",
    response_model=Page[ListedSuggestion],
    responses=documented(LIST_PROBLEMS),
)
async def suggestions(
    request: Request,
    caller: Reader,
    state: Annotated[
        SuggestionState | None, Query(description="Only of this state; without it, of all.")
    ] = None,
    kind: Annotated[SuggestionKind | None, Query(description="Only of this kind.")] = None,
    limit: Annotated[int, Query(ge=1, le=SUGGESTIONS_MAX)] = 100,
) -> Response:
    """Profiles that may be one person, the most probable first and only the first ones: by ids and
    reasons, without a value of a person. Nothing is joined until somebody answers."""
    asked = SuggestionsRequest(realm=caller.realm, state=state, kind=kind, limit=limit)
    found = await rows(request, IDENTITY_SUGGESTIONS, asked)
    ends = [end for one_ in found for end in (one_.node_id, one_.other_node_id)]
    note(request, caller, IDENTITY_SUGGESTIONS.name, ends)
    return page(found, None)


@router.get(
    "/v1/identity/suggestions/{suggestion_id}",
    operation_id="getSuggestion",
    response_model=ShownSuggestion,
    responses=documented(READ_PROBLEMS),
)
async def suggestion(request: Request, suggestion_id: SuggestionId, caller: Reader) -> Response:
    """A suggestion: what each field says, and what is known of both. Without `profiles:pii` values
    are masked."""
    asked = SuggestionRequest(
        realm=caller.realm,
        suggestion_id=suggestion_id,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
    try:
        found = await one(request, IDENTITY_SUGGESTION, asked)
    except NotFound as error:
        raise _not_there() from error
    note(request, caller, IDENTITY_SUGGESTION.name, [found.node_id, found.other_node_id])
    return document(found)


@router.post(
    "/v1/identity/suggestions/{suggestion_id}/answers",
    operation_id="answerSuggestion",
    response_model=DecisionOutcome,
    responses=documented(DECISION_PROBLEMS),
)
async def answer(
    request: Request,
    suggestion_id: SuggestionId,
    given: NewAnswer,
    caller: Annotated[Caller, Depends(allowed(Scope.IDENTITY_WRITE))],
    idempotency_key: IdempotencyKey = "",
    actor: Actor = "",
) -> Response:
    """Accept a suggestion (both are one customer) or decline it (they are two, and the pair is
    never proposed again). It is a decision as `decideIdentity` makes it, with the name of the key
    as its author, and can be taken back there. Without `profiles:pii` values are masked."""
    asked = AnswerRequest(
        realm=caller.realm,
        suggestion_id=suggestion_id,
        accept=given.accept,
        by=acting_as(caller, actor),
        reason=given.reason,
        dry_run=given.dry_run,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )

    async def write() -> Response:
        try:
            done = await one(request, IDENTITY_ANSWER, asked)
        except NotFound as error:
            raise _not_there() from error
        ends = [UUID(done.a.node_id), UUID(done.b.node_id)]
        note(request, caller, IDENTITY_ANSWER.name, [*ends, *told_of(done)])
        return document(done)

    who = f"{actor}\n".encode()  # another person decides for themselves
    return await once(request, caller, idempotency_key, who + await request.body(), write)


def _not_there() -> Problem:
    detail = "there is no such suggestion in the realm of the key, or one of the two was erased"
    return Problem(ProblemCode.NOT_FOUND, detail)
