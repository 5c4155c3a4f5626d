"""Why one person: the evidence, and a decision where it is wrong.

A decision is previewed before it is written: which profiles it would merge or split.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.api.auth import Scope
from services.console.charts.evidence_graph import EvidenceEdge, EvidenceNode, evidence_graph
from services.console.navigation import ROOT
from services.console.pages.profile import name_of, profile_of
from services.console.visit import Visit, Visiting, see_other

MEMBERS = 100
DRAWN_MAX = 26
PERSONAL = ("customer_number", "email", "loyalty_card", "phone", "app_user", "guest_number")
"""Types that name a person, in the order in which people ask about them."""
VERDICTS = ("same", "different", "none")
SUGGESTIONS = 5
router = APIRouter(prefix=f"{ROOT}/profiles", include_in_schema=False)


@router.get("/{profile_id}/why")
async def why(visit: Visiting, profile_id: UUID, a: str = "", b: str = "") -> Response:
    """Identifiers, what joins them, and the way from one to another."""
    profile, identity = await asyncio.gather(
        profile_of(visit, profile_id),
        visit.api.get(f"/v1/profiles/{profile_id}/identity", limit=MEMBERS),
    )
    members = sorted(identity["members"], key=_rank)
    first, second = a or _id_of(members, 0), b or _id_of(members, 1)
    explained = None
    if first and second and first != second:
        explained = await visit.api.post("/v1/identity/why", {"a": first, "b": second})
    return visit.page(
        "profile_why.html",
        profile=profile,
        name=name_of(profile),
        tab="why",
        identity=identity,
        members=members,
        figure=_figure(visit, members, identity["edges"]),
        explained=explained,
        a=first,
        b=second,
        may_decide=visit.has(Scope.IDENTITY_WRITE),
    )


@router.post("/{profile_id}/decision")
async def decide(visit: Visiting, profile_id: UUID) -> Response:
    """Show what a decision would change, or write it."""
    fields = await visit.form()
    decision = {name: fields.get(name, "").strip() for name in ("a", "b", "verdict", "reason")}
    is_preview = fields.get("confirmed") != "yes"
    outcome = await visit.api.post("/v1/identity/decisions", {**decision, "dry_run": is_preview})
    if not is_preview:
        return see_other(f"{ROOT}/profiles/{profile_id}/why")
    return visit.page("decision.html", profile_id=profile_id, decision=decision, outcome=outcome)


def _figure(visit: Visit, members: list[dict[str, Any]], edges: list[dict[str, Any]]) -> Any:
    """The strongest identifiers, and those beside them."""
    shown = members[:DRAWN_MAX]
    nodes = [
        EvidenceNode(one["node_id"], _label(visit, one), _ring(place, one))
        for place, one in enumerate(shown)
    ]
    lines = [
        EvidenceEdge(one["a"], one["b"], one["rule"] is not None, _words(visit, one))
        for one in edges
    ]
    title = visit.text("why.figure")
    said = visit.text("why.figure_says", n=len(members))
    return evidence_graph(nodes, lines, title, said)


def _label(visit: Visit, member: dict[str, Any]) -> str:
    value = member["value"] or ""
    return f"{visit.word('identifier', member['type'])} {value}".strip()


def _words(visit: Visit, edge: dict[str, Any]) -> str:
    reason = edge["rule"] or edge["why"] or edge["refused_because"] or ""
    seen = visit.formats.day(edge["first_seen"])
    return f"{visit.word('rule', reason)}, {seen}, {edge['event_id']}"


def _ring(place: int, member: dict[str, Any]) -> int:
    if place == 0:
        return 0
    return 1 if member["type"] in PERSONAL else 2


def _rank(member: dict[str, Any]) -> tuple[int, str, str]:
    type_ = member["type"]
    rank = PERSONAL.index(type_) if type_ in PERSONAL else len(PERSONAL)
    return rank, type_, member["node_id"]


def _id_of(members: list[dict[str, Any]], place: int) -> str:
    return str(members[place]["node_id"]) if place < len(members) else ""
