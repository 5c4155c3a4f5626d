"""Routes of accounts and households: what is said of them, and who belongs to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from schemas.api.groups import AccountContact, BusinessAccount, HouseholdView, MembershipStatus
from schemas.api.pages import Page
from schemas.api.problem import ProblemCode
from services.api.auth import Scope
from services.api.http.caller import Caller, allowed
from services.api.http.notes import note
from services.api.http.problems import documented
from services.api.http.run import READ_PROBLEMS, Cursor, document, one, page
from services.api.queries.groups import (
    ACCOUNT_CONTACTS,
    ACCOUNT_GET,
    CONTACTS_PER_PAGE_MAX,
    HOUSEHOLD_GET,
    NUMBER_CHARS_MAX,
    ContactsRequest,
    GroupRequest,
)

router = APIRouter(tags=["accounts"])
PROBLEMS = documented((*READ_PROBLEMS, ProblemCode.INVALID_STATE))
Reader = Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))]
AccountNumber = Annotated[
    str,
    Path(
        max_length=NUMBER_CHARS_MAX,
        description="Number of the account, or of one that was merged into it.",
        examples=["K-2040"],
    ),
]
HouseholdNumber = Annotated[
    str,
    Path(max_length=NUMBER_CHARS_MAX, description="Number of the household.", examples=["H-512"]),
]
GroupIssuer = Annotated[
    str,
    Query(
        max_length=NUMBER_CHARS_MAX,
        description="Who assigned the number, `-` for nobody. Not needed where only one did.",
        examples=["crm"],
    ),
]


@router.get(
    "/v1/accounts/{account_id}",
    operation_id="getAccount",
    response_model=BusinessAccount,
    responses=PROBLEMS,
)
async def account(
    request: Request, account_id: AccountNumber, caller: Reader, issuer: GroupIssuer = ""
) -> Response:
    """A business account: master data, and how many contacts it has in which roles. Without
    `profiles:pii` values are masked."""
    found = await one(request, ACCOUNT_GET, _asked(caller, account_id, issuer))
    return document(found)


@router.get(
    "/v1/accounts/{account_id}/contacts",
    operation_id="listAccountContacts",
    response_model=Page[AccountContact],
    responses=PROBLEMS,
)
async def contacts(
    request: Request,
    account_id: AccountNumber,
    caller: Reader,
    issuer: GroupIssuer = "",
    status: Annotated[MembershipStatus, Query(description="Of whom.")] = MembershipStatus.CURRENT,
    limit: Annotated[int, Query(ge=1, le=CONTACTS_PER_PAGE_MAX)] = 50,
    cursor: Cursor = "",
) -> Response:
    """The contacts of an account by their ids, with their roles now and before. Persons who turned
    out to be one are one contact."""
    asked = ContactsRequest(
        realm=caller.realm,
        number=account_id,
        issuer=issuer,
        is_masked=not caller.has(Scope.PROFILES_PII),
        status=status,
        limit=limit,
        cursor=cursor,
    )
    found = await one(request, ACCOUNT_CONTACTS, asked)
    note(request, caller, ACCOUNT_CONTACTS.name, [one_.profile_id for one_ in found.entries])
    return page(found.entries, found.next_cursor)


@router.get(
    "/v1/households/{household_id}",
    operation_id="getHousehold",
    response_model=HouseholdView,
    responses=PROBLEMS,
)
async def household(
    request: Request, household_id: HouseholdNumber, caller: Reader, issuer: GroupIssuer = ""
) -> Response:
    """The members of a household beside each other, and sums over them. A view: nobody is merged,
    and no consent of one member is that of another."""
    found = await one(request, HOUSEHOLD_GET, _asked(caller, household_id, issuer))
    note(request, caller, HOUSEHOLD_GET.name, [one_.profile_id for one_ in found.members])
    return document(found)


def _asked(caller: Caller, number: str, issuer: str) -> GroupRequest:
    return GroupRequest(
        realm=caller.realm,
        number=number,
        issuer=issuer,
        is_masked=not caller.has(Scope.PROFILES_PII),
    )
