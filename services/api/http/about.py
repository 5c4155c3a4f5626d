"""Routes about the interface itself: who a key is, and what a problem code means."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import PlainTextResponse

from schemas.api.about import KeyOwner
from schemas.api.problem import PROBLEM_PATH, ProblemCode
from services.api.auth import Principal
from services.api.http.caller import authenticated
from services.api.http.problems import Problem, documented
from services.api.http.run import document

router = APIRouter()
AUTHENTICATION = (ProblemCode.NO_VALID_KEY, ProblemCode.RATE_LIMITED)


@router.get(
    "/v1/whoami",
    operation_id="whoami",
    response_model=KeyOwner,
    responses=documented(AUTHENTICATION),
    tags=["about"],
)
async def whoami(principal: Annotated[Principal, Depends(authenticated)]) -> Response:
    """The realm and the scopes of the key."""
    return document(
        KeyOwner(
            key_id=principal.key_id,
            name=principal.name,
            realm=principal.realm,
            scopes=sorted(principal.scopes),
        )
    )


@router.get(
    PROBLEM_PATH + "/{code}",
    operation_id="getProblem",
    response_class=PlainTextResponse,
    responses=documented((ProblemCode.NOT_FOUND,)),
    tags=["about"],
)
async def problem(
    code: Annotated[str, Path(description="`code` of a problem.", examples=["not-found"])],
) -> Response:
    """What a problem code means, in words."""
    try:
        known = ProblemCode(code)
    except ValueError as error:
        raise Problem(ProblemCode.NOT_FOUND, "there is no such code") from error
    return PlainTextResponse(f"{known.words} ({known.status})\n\n{known.meaning}\n")
