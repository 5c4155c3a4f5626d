"""Routes of identity: what a profile consists of, why two identifiers are one, what is unusual."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from schemas.api.identity import ProfileIdentity, TwoIdentifiers
from schemas.api.pages import Page
from schemas.api.problem import ProblemCode
from services.api.auth import Scope
from services.api.explained import Explained
from services.api.handles import ERASED
from services.api.http.caller import Caller, allowed
from services.api.http.language import AcceptLanguage, preferred
from services.api.http.notes import note
from services.api.http.problems import Problem, documented
from services.api.http.run import (
    BODY_PROBLEMS,
    LIST_PROBLEMS,
    OF_PROFILE_PROBLEMS,
    Cursor,
    ProfileId,
    document,
    merged,
    one,
    page,
    rows,
)
from services.api.queries.identity import (
    IDENTITY_WHY,
    MEMBERS_PER_PAGE_MAX,
    PROFILE_IDENTITY,
    IdentityRequest,
    WhyRequest,
)
from services.api.queries.notices import IDENTITY_SUSPICIOUS, ListedNotice, NoticesRequest
from services.runtime.errors import NotFound

NOTICES_MAX = 1_000
router = APIRouter(tags=["identity"])


@router.get(
    "/v1/profiles/{profile_id}/identity",
    operation_id="getIdentity",
    response_model=ProfileIdentity,
    responses=documented(OF_PROFILE_PROBLEMS),
)
async def identity(
    request: Request,
    profile_id: ProfileId,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    limit: Annotated[int, Query(ge=1, le=MEMBERS_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """The identifiers of a profile, a page of them, with the edges and decisions at them: what
    joins, and what does not and why. Without `profiles:pii` values are masked."""
    asked = IdentityRequest(
        realm=caller.realm,
        handle=str(profile_id),
        limit=limit,
        cursor=cursor,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
    found = await one(request, PROFILE_IDENTITY, asked)
    note(request, caller, PROFILE_IDENTITY.name, [found.profile_id])
    return document(found, 200, **merged(profile_id, found.profile_id))


@router.post(
    "/v1/identity/why",
    operation_id="explainIdentity",
    response_model=Explained,
    responses=documented((*OF_PROFILE_PROBLEMS, *BODY_PROBLEMS)),
)
async def why(
    request: Request,
    question: TwoIdentifiers,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    languages: AcceptLanguage = "",
) -> Response:
    """Why two identifiers are, or are not, one profile: the path of events, rules and decisions,
    the edges that were set aside, and sentences for those who look after the customer. Without
    `profiles:pii` values are masked."""
    language = preferred(languages)
    asked = WhyRequest(
        realm=caller.realm,
        a=question.a,
        b=question.b,
        is_masked=not caller.has(Scope.PROFILES_PII),
        language=language,
    )
    try:
        found = await one(request, IDENTITY_WHY, asked)
    except NotFound as error:  # its text repeats the identifier
        if error.reason == ERASED:
            gone = "one of the identifiers was erased on request"
            raise Problem(ProblemCode.ERASED, gone) from error
        detail = "one of the identifiers is none, or was never seen in the realm of the key"
        raise Problem(ProblemCode.NOT_FOUND, detail) from error
    note(request, caller, IDENTITY_WHY.name, [UUID(one_) for one_ in found.profiles])
    return document(found, 200, Content_Language=language)


@router.get(
    "/v1/identity/suspicious",
    operation_id="listSuspicious",
    response_model=Page[ListedNotice],
    responses=documented(LIST_PROBLEMS),
)
async def suspicious(
    request: Request,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    limit: Annotated[int, Query(ge=1, le=NOTICES_MAX)] = 100,
) -> Response:
    """Identifiers that stand for too many persons, and persons with too many identifiers.

    Each with its evidence and a proposed decision; the first ones only. Without `profiles:pii`
    values are masked."""
    asked = NoticesRequest(
        realm=caller.realm, limit=limit, is_masked=not caller.has(Scope.PROFILES_PII)
    )
    found = await rows(request, IDENTITY_SUSPICIOUS, asked)
    note(request, caller, IDENTITY_SUSPICIOUS.name, [one_.node_id for one_ in found])
    return page(found, None)
