"""Routes of contact permission: of one customer, and of many addresses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from schemas.api.pages import Page
from schemas.api.permission import AddressPermission, ConsentWithEvidence, ContactQuestion
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.language import AcceptLanguage, preferred
from services.api.http.notes import note
from services.api.http.problems import documented
from services.api.http.run import (
    BODY_PROBLEMS,
    LIST_PROBLEMS,
    OF_PROFILE_PROBLEMS,
    Cursor,
    ProfileId,
    merged,
    one,
    page,
    rows,
)
from services.api.queries.consents import (
    CONTACT_PERMISSION,
    PROFILE_CONSENTS,
    STATES_PER_PAGE_MAX,
    ConsentsRequest,
    ContactRequest,
)

router = APIRouter(tags=["consents"])


@router.get(
    "/v1/profiles/{profile_id}/consents",
    operation_id="listConsents",
    response_model=Page[ConsentWithEvidence],
    responses=documented(OF_PROFILE_PROBLEMS),
)
async def consents(
    request: Request,
    profile_id: ProfileId,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    limit: Annotated[int, Query(ge=1, le=STATES_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
    languages: AcceptLanguage = "",
) -> Response:
    """The contact permission for every address, channel and purpose that an event of the customer
    named, with the evidence. Without `profiles:pii` addresses are masked."""
    language = preferred(languages)
    asked = ConsentsRequest(
        realm=caller.realm,
        handle=str(profile_id),
        limit=limit,
        cursor=cursor,
        language=language,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
    found = await one(request, PROFILE_CONSENTS, asked)
    note(request, caller, PROFILE_CONSENTS.name, [found.profile_id])
    headers = {"Content_Language": language, **merged(profile_id, found.profile_id)}
    return page(found.entries, found.next_cursor, **headers)


@router.post(
    "/v1/contact-permission",
    operation_id="checkContactPermission",
    response_model=Page[AddressPermission],
    responses=documented((*LIST_PROBLEMS, *BODY_PROBLEMS)),
)
async def contact_permission(
    request: Request,
    question: ContactQuestion,
    caller: Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))],
    languages: AcceptLanguage = "",
) -> Response:
    """Whether up to 10,000 addresses may be contacted on a channel for a purpose: one answer for
    each, in the same order, with legal basis, evidence and the sentence for the customer.

    What counts is everything that the person behind the address ever said. The answer is never yes
    for an address that nobody is known by.
    """
    language = preferred(languages)
    asked = ContactRequest(realm=caller.realm, **dict(question), language=language)
    found = await rows(request, CONTACT_PERMISSION, asked)
    persons = [one_.profile_id for one_ in found if one_.profile_id is not None]
    note(request, caller, CONTACT_PERMISSION.name, persons)
    return page(found, None, Content_Language=language)
