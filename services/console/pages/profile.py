"""Profile 360: what must be known before one says hello.

The head and what the profile itself says come with the page; what takes further questions is loaded
after it, part by part.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.console.navigation import ROOT
from services.console.pages.search import require_purpose
from services.console.visit import Visit, Visiting, see_other

CASE_TYPES = ("complaint.opened", "complaint.closed", "support.contacted", "support.answered")
CART_TYPES = ("cart.updated", "order.placed", "order.status_changed")
ENTRIES = 5
ORDERS = 3
NAME_PARTS = ("title", "first_name", "last_name")
CONTACT_FIRST = (
    "salutation", "title", "first_name", "last_name", "company", "birth_date", "street",
    "postal_code", "city", "country", "email", "phone", "language",
)  # fmt: skip
"""Attributes in the order in which people read them; others follow by name."""
PURPOSES_FIRST = ("marketing", "profiling", "service")
router = APIRouter(prefix=f"{ROOT}/profiles", include_in_schema=False)


@router.get("/{profile_id}")
async def overview(visit: Visiting, profile_id: UUID) -> Response:
    """Head, contact data, permissions."""
    profile = await profile_of(visit, profile_id)
    if profile["profile_id"] != str(profile_id):  # it was merged: the address of today
        return see_other(f"{ROOT}/profiles/{profile['profile_id']}")
    return visit.page(
        "profile.html",
        profile=profile,
        name=name_of(profile),
        tab="overview",
        attributes=contact_data(profile),
        lights=lights(profile),
    )


@router.get("/{profile_id}/orders")
async def orders(visit: Visiting, profile_id: UUID) -> Response:
    """The latest orders with what became of them."""
    require_purpose(visit)
    path = f"/v1/profiles/{profile_id}"
    found, carts = await asyncio.gather(
        visit.api.get(f"{path}/orders", limit=ORDERS),
        visit.api.get(f"{path}/timeline", type=CART_TYPES[0], limit=1),
    )
    cart = next(iter(carts["data"]), None)
    latest = found["data"][0]["occurred_at"] if found["data"] else ""
    is_open = cart is not None and cart["occurred_at"] > latest
    return visit.part("profile_orders.html", orders=found, cart=cart if is_open else None)


@router.get("/{profile_id}/cases")
async def cases(visit: Visiting, profile_id: UUID) -> Response:
    """The latest complaints and requests."""
    require_purpose(visit)
    path = f"/v1/profiles/{profile_id}/timeline"
    found = await visit.api.get(path, type=CASE_TYPES, limit=ENTRIES)
    return visit.part("profile_cases.html", cases=found)


@router.get("/{profile_id}/permissions")
async def permissions(visit: Visiting, profile_id: UUID) -> Response:
    """What to tell the customer who asks why, or why not, they are contacted."""
    require_purpose(visit)
    found = await visit.api.get(f"/v1/profiles/{profile_id}/consents")
    return visit.part("profile_permissions.html", consents=found)


@router.get("/{profile_id}/scores")
async def scores(visit: Visiting, profile_id: UUID) -> Response:
    """What measures say of the customer, with their reasons."""
    require_purpose(visit)
    found = await visit.api.get(f"/v1/profiles/{profile_id}/insights")
    present = [one for one in found["scores"] if one["absent"] is None]
    absent = [one for one in found["scores"] if one["absent"] is not None]
    return visit.part(
        "profile_scores.html",
        found=found,
        present=present,
        absent=absent,
        profile_id=profile_id,
    )


@router.get("/{profile_id}/segments")
async def segments(visit: Visiting, profile_id: UUID) -> Response:
    """The segments that the customer belongs to."""
    require_purpose(visit)
    found = await visit.api.get(f"/v1/profiles/{profile_id}/segments")
    return visit.part("profile_segments.html", segments=found)


async def profile_of(visit: Visit, profile_id: UUID, **asked: Any) -> dict[str, Any]:
    """The profile that holds an id, once the person has said why. Raises PurposeWanted."""
    require_purpose(visit)
    found: dict[str, Any] = await visit.api.get(f"/v1/profiles/{profile_id}", **asked)
    return found


def name_of(profile: dict[str, Any]) -> str:
    """Title, first and last name, as far as they are known."""
    known = profile["attributes"]
    parts = [known[part]["value"] for part in NAME_PARTS if isinstance(known.get(part), dict)]
    company = known.get("company")
    named = " ".join(parts).strip()
    return named or (company["value"] if isinstance(company, dict) else "")


def contact_data(profile: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Attributes by name with their values, those first that people look for."""
    known = profile["attributes"]
    rank = {name: place for place, name in enumerate(CONTACT_FIRST)}
    names = sorted(known, key=lambda name: (rank.get(name, len(rank)), name))
    return [
        (name, known[name] if isinstance(known[name], list) else [known[name]]) for name in names
    ]


def lights(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """May the customer be contacted? One light for each purpose and channel: yes if any address
    may be."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in profile["consents"]:
        key = one["purpose"], one["channel"]
        seen = found.get(key)
        if seen is None or (one["allowed"], one["occurred_at"]) > (
            seen["allowed"], seen["occurred_at"],
        ):  # fmt: skip
            found[key] = one
    rank = {name: place for place, name in enumerate(PURPOSES_FIRST)}
    return sorted(
        found.values(),
        key=lambda one: (rank.get(one["purpose"], len(rank)), one["purpose"], one["channel"]),
    )
