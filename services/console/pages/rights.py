"""Consents and rights: may we, who says so, and what else the customer may ask."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.api.auth import Scope
from services.console.navigation import ROOT
from services.console.pages.profile import name_of, profile_of
from services.console.visit import Visit, Visiting

LOOKS = 30
router = APIRouter(prefix=f"{ROOT}/profiles", include_in_schema=False)


@router.get("/{profile_id}/rights")
async def rights(visit: Visiting, profile_id: UUID) -> Response:
    """Permissions with their evidence, the objection to profiling, and who looked."""
    path = f"/v1/profiles/{profile_id}"
    profile, consents, insights, looks = await asyncio.gather(
        profile_of(visit, profile_id),
        visit.api.get(f"{path}/consents"),
        _if(visit, Scope.INSIGHTS_PERSON, f"{path}/insights"),
        _if(visit, Scope.AUDIT_READ, "/v1/access-log", profile_id=profile_id, limit=LOOKS),
    )
    return visit.page(
        "profile_rights.html",
        profile=profile,
        name=name_of(profile),
        tab="rights",
        consents=consents,
        objection=(insights or {}).get("objection"),
        knows_objection=insights is not None,
        looks=looks,
    )


async def _if(visit: Visit, scope: Scope, path: str, **asked: Any) -> Any:
    return await visit.api.get(path, **asked) if visit.has(scope) else None
