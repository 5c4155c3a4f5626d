"""Search: who is calling? By any identifier, a name, or a name and a postal code.

What is searched for is personal data, so it comes in a form and never in an address.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from services.console.navigation import ROOT
from services.console.problems import PurposeWanted
from services.console.visit import Visit, Visiting

ENTRIES = 25
TEXT_MIN = 2
router = APIRouter(prefix=ROOT, include_in_schema=False)


def require_purpose(visit: Visit) -> None:
    """Raises PurposeWanted if the person has not said yet why customers are looked at."""
    if not visit.session.purpose:
        raise PurposeWanted


@router.get("/search")
async def ask(visit: Visiting) -> Response:
    """The empty form."""
    require_purpose(visit)
    return visit.page("search.html", text="", postal_code="", found=None)


@router.post("/search")
async def search(visit: Visiting) -> Response:
    """Who matches."""
    fields = await visit.form()
    require_purpose(visit)
    text, postal_code = fields.get("text", "").strip(), fields.get("postal_code", "").strip()
    asked: dict[str, Any] = {"text": text, "limit": ENTRIES, "cursor": fields.get("cursor", "")}
    if postal_code:
        asked["attributes"] = {"postal_code": postal_code}
    found = None
    if len(text) >= TEXT_MIN:
        found = await visit.api.post("/v1/profiles/search", asked)
    return visit.page("search.html", text=text, postal_code=postal_code, found=found)
