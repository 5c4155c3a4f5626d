"""Search: who is calling? By any identifier, a name, or a name and a postal code.

What is searched for is personal data, so it comes in a form and never in an address. Who may not
see values finds a customer by a whole identifier only.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from services.api.auth import Scope
from services.console.api_client import ApiProblem
from services.console.navigation import ROOT
from services.console.problems import PurposeWanted
from services.console.visit import Visit, Visiting, see_other

ENTRIES = 25
TEXT_MIN = 2
router = APIRouter(prefix=ROOT, include_in_schema=False)


def require_purpose(visit: Visit) -> None:
    """Raises PurposeWanted if the person has not said yet why customers are looked at."""
    if not visit.session.purpose:
        raise PurposeWanted


IDENTIFIER_TYPES = ("customer_number", "loyalty_card", "email", "phone", "guest_number")
"""By which people who see no values find a customer."""
SEVERAL, NOT_FOUND = 409, 404


@router.get("/search")
async def ask(visit: Visiting) -> Response:
    """The empty form."""
    require_purpose(visit)
    return _page(visit)


@router.post("/search")
async def search(visit: Visiting) -> Response:
    """Who matches."""
    fields = await visit.form()
    require_purpose(visit)
    if not visit.has(Scope.PROFILES_PII):
        return await _by_identifier(visit, fields)
    text, postal_code = fields.get("text", "").strip(), fields.get("postal_code", "").strip()
    asked: dict[str, Any] = {"text": text, "limit": ENTRIES, "cursor": fields.get("cursor", "")}
    if postal_code:
        asked["attributes"] = {"postal_code": postal_code}
    found = None
    if len(text) >= TEXT_MIN:
        found = await visit.api.post("/v1/profiles/search", asked)
    return _page(visit, text=text, postal_code=postal_code, found=found)


async def _by_identifier(visit: Visit, fields: dict[str, str]) -> Response:
    type_, value = fields.get("type", ""), fields.get("text", "").strip()
    if not value:
        return _page(visit)
    asked = {"identifiers": [{"type": type_, "value": value}]}
    try:
        profile = await visit.api.post("/v1/profiles/lookup", asked)
    except ApiProblem as problem:
        if problem.status not in (NOT_FOUND, SEVERAL):
            raise
        nobody = {"data": [], "page": {"has_more": False}}
        return _page(visit, text=value, type=type_, found=nobody)
    return see_other(visit.link(f"/profiles/{profile['profile_id']}"))


def _page(visit: Visit, **shown: Any) -> Response:
    empty = {"text": "", "postal_code": "", "type": IDENTIFIER_TYPES[0], "found": None}
    return visit.page("search.html", types=IDENTIFIER_TYPES, **{**empty, **shown})
