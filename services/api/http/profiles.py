"""Routes of profiles: by id, by identifiers, by many ids, by what is known of them.

Personal data stands in bodies, never in a URL. Without `profiles:pii` values are masked.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from schemas.api.pages import Page
from schemas.api.problem import ProblemCode
from schemas.api.profiles import (
    BatchBody,
    BatchEntry,
    FoundProfile,
    IdentityTime,
    LookupBody,
    MergedProfile,
    ProfilePart,
    SearchBody,
)
from schemas.base import Instant
from schemas.profile import Profile
from services.api.auth import Scope
from services.api.handles import ERASED
from services.api.http.caller import Caller, allowed
from services.api.http.notes import note
from services.api.http.problems import Problem, documented
from services.api.http.run import (
    BODY_PROBLEMS,
    LIST_PROBLEMS,
    NOT_MODIFIED_DOCUMENTED,
    READ_PROBLEMS,
    document,
    kept,
    kept_document,
    one,
    page,
    rows,
)
from services.api.operation import plain
from services.api.queries.profiles import (
    PROFILE_BATCH,
    PROFILE_GET,
    PROFILE_LOOKUP,
    PROFILE_SEARCH,
    BatchRequest,
    LookupRequest,
    ProfileGetRequest,
    SearchRequest,
    fields_of,
)
from services.runtime.errors import NotFound

INLINE = "merged=inline"
FIELDS_CHARS_MAX = 1_000
MERGED = 308
NOBODY = "no profile of the realm has or had it"
router = APIRouter(tags=["profiles"])
Reader = Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))]
Prefer = Annotated[
    str,
    Header(
        alias="Prefer",
        max_length=200,
        description=f"`{INLINE}`: of an id that another profile holds now, answer with that "
        "profile instead of a redirect (RFC 7240).",
    ),
]


@router.get(
    "/v1/profiles/{profile_id}",
    operation_id="getProfile",
    response_model=Profile | ProfilePart,
    responses={
        MERGED: {
            "model": MergedProfile,
            "description": "Another profile holds the id now; `Location` leads to it.",
            "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
        },
        **NOT_MODIFIED_DOCUMENTED,
        **documented((*READ_PROBLEMS, ProblemCode.ERASED, ProblemCode.INVALID_STATE)),
    },
)
async def profile(
    request: Request,
    profile_id: UUID,
    caller: Reader,
    fields: Annotated[
        str,
        Query(
            max_length=FIELDS_CHARS_MAX,
            description="Only these top-level fields of the document, separated by commas.",
            examples=["profile_id,consents"],
        ),
    ] = "",
    as_of: Annotated[
        Instant | None,
        Query(description="Only what occurred up to this time counts; RFC 3339 with a zone."),
    ] = None,
    identity: Annotated[
        IdentityTime,
        Query(description="With `as_of`: whose identifiers make the profile."),
    ] = IdentityTime.NOW,
    prefer: Prefer = "",
) -> Response:
    """One customer: golden record, identifiers, consents and figures, by any id it ever had.

    An id that another profile holds now is redirected there. With `identity=then` there is no
    redirect: the profile has the id that it had then.
    """
    wanted = fields_of(fields)
    asked = ProfileGetRequest(
        realm=caller.realm,
        handle=str(profile_id),
        as_of=as_of,
        identity=identity,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
    try:
        found = await kept(request, PROFILE_GET, asked, _subject, wanted)
    except NotFound as error:
        if error.reason == ERASED:
            raise Problem(ProblemCode.ERASED, "the profile was erased on request") from error
        raise Problem(ProblemCode.NOT_FOUND, NOBODY) from error
    [held_by], headers = found.subjects, dict[str, str]()
    if held_by != profile_id and identity is IdentityTime.NOW:
        headers["Merged_Into"] = str(held_by)
        if INLINE not in _preferences(prefer):
            note(request, caller, PROFILE_GET.name, [held_by], MERGED)
            query = f"?{request.url.query}" if request.url.query else ""
            headers["Location"] = f"/v1/profiles/{held_by}{query}"
            moved = MergedProfile(requested_id=profile_id, merged_into=held_by)
            return document(moved, MERGED, **headers)
        headers["Preference_Applied"] = INLINE
    answer = kept_document(request, found, **headers)
    note(request, caller, PROFILE_GET.name, [held_by], answer.status_code)
    return answer


def _subject(found: Profile) -> tuple[UUID]:
    return (found.profile_id,)


def _preferences(prefer: str) -> set[str]:
    """The preferences of a Prefer header, without blanks and quotes."""
    return {part.replace(" ", "").replace('"', "").lower() for part in prefer.split(",")}


@router.post(
    "/v1/profiles/lookup",
    operation_id="lookupProfile",
    response_model=Profile,
    responses=documented((*READ_PROBLEMS, *BODY_PROBLEMS, ProblemCode.SEVERAL_PROFILES)),
)
async def look_up(request: Request, body: LookupBody, caller: Reader) -> Response:
    """The customer whom any of up to 20 identifiers names; 409 with their ids if they name several.

    Identifiers that several people use count only if no other names somebody.
    """
    asked = LookupRequest(
        realm=caller.realm,
        identifiers=tuple(body.identifiers),
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
    found = await rows(request, PROFILE_LOOKUP, asked)
    ids = [one_.profile_id for one_ in found]
    if len(found) > 1:
        note(request, caller, PROFILE_LOOKUP.name, ids, ProblemCode.SEVERAL_PROFILES.status)
        detail = f"the identifiers belong to {len(found)} profiles; ask for them by their ids"
        several = [
            {name: value for name, value in plain(one_).items() if name != "profile"}
            for one_ in found
        ]
        members = {"profile_ids": list(map(str, ids)), "profiles": several}
        raise Problem(ProblemCode.SEVERAL_PROFILES, detail, members=members)
    known = found[0].profile if found else None
    if known is None:
        raise Problem(ProblemCode.NOT_FOUND, "nobody is known by any of the identifiers")
    note(request, caller, PROFILE_LOOKUP.name, ids)
    return document(known)


@router.post(
    "/v1/profiles/batch",
    operation_id="getProfiles",
    response_model=Page[BatchEntry],
    responses=documented((*LIST_PROBLEMS, *BODY_PROBLEMS)),
)
async def batch(request: Request, body: BatchBody, caller: Reader) -> Response:
    """Up to 1,000 customers by any ids that they ever had: what became of each id, in the order
    asked, with the profile that holds it now."""
    asked = BatchRequest(
        realm=caller.realm, ids=tuple(body.ids), is_masked=not caller.has(Scope.PROFILES_PII)
    )
    found = await rows(request, PROFILE_BATCH, asked)
    held_by = [one_.profile.profile_id for one_ in found if one_.profile]
    note(request, caller, PROFILE_BATCH.name, held_by)
    return page(found, None)


@router.post(
    "/v1/profiles/search",
    operation_id="searchProfiles",
    response_model=Page[FoundProfile],
    responses=documented((*LIST_PROBLEMS, *BODY_PROBLEMS)),
)
async def search(
    request: Request,
    body: SearchBody,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_PII))],
) -> Response:
    """Customers by a text, by attributes of the golden record, or by both; exact values first.

    Each page looks through all values of the realm. It may be short, even empty, and still have a
    next one.
    """
    asked = SearchRequest(realm=caller.realm, **dict(body))
    found = await one(request, PROFILE_SEARCH, asked)
    note(request, caller, PROFILE_SEARCH.name, [one_.profile_id for one_ in found.entries])
    return page(found.entries, found.next_cursor)
