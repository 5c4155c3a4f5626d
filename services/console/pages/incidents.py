"""Incidents with exposure: what is wrong now, who is hurt, and what starts soon."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from fastapi import APIRouter, Response

from schemas.incident import IncidentState, Severity
from schemas.incident_action import ActionKind
from services.api.auth import Scope
from services.console.api_client import segment
from services.console.charts.price_lines import PriceMet, PriceStory, price_lines
from services.console.csv_files import csv_file
from services.console.navigation import ROOT
from services.console.pages.search import require_purpose
from services.console.visit import Visit, Visiting, see_other

VIEWS: dict[str, tuple[IncidentState, ...]] = {
    "open": (
        IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.PENDING,
        IncidentState.MUTED,
    ),
    "upcoming": (IncidentState.UPCOMING,),
    "resolved": (IncidentState.RESOLVED,),
    "all": (),
}  # fmt: skip
"""Tabs of the list."""
ENTRIES = 50
CSV_ROWS_MAX = 10_000
CSV_PAGE = 200
FILTERS = ("kind", "cause", "channel", "location", "sku", "severity", "fault")
GROUPED_BY = ("kind", "cause")
CSV_COLUMNS = (
    "incident_id", "kind", "state", "severity", "cause", "subject", "channel", "location",
    "expected", "observed", "currency", "since", "until", "customers", "orders", "overcharged",
    "undercharged",
)  # fmt: skip
AFFECTED_COLUMNS = (
    "occurred_at", "profile_id", "order_id", "order_issuer", "basis", "value", "quantity",
    "difference", "currency", "event_id",
)  # fmt: skip
AFFECTED_SHOWN = 100
router = APIRouter(prefix=f"{ROOT}/incidents", include_in_schema=False)


@router.get("")
async def listed(visit: Visiting, view: str = "open", cursor: str = "") -> Response:
    """By cause, and one by one."""
    view = view if view in VIEWS else "open"
    asked = {**_filters(visit), "state": [one.value for one in VIEWS[view]]}
    found, counts = await asyncio.gather(
        visit.api.get("/v1/incidents", **asked, limit=ENTRIES, cursor=cursor),
        visit.api.get("/v1/incidents/counts", **asked, by=GROUPED_BY),
    )
    return visit.part_or_page(
        "incidents_list.html",
        "incidents.html",
        view=view,
        views=list(VIEWS),
        found=found,
        counts=counts,
        filters=_filters(visit),
        severities=[one.value for one in reversed(Severity)],
    )


@router.get(".csv")
async def as_csv(visit: Visiting, view: str = "open") -> Response:
    """The same incidents as a file."""
    states = [one.value for one in VIEWS.get(view, ())]
    asked = {**_filters(visit), "state": states}
    rows = [_row(one) for one in await _all(visit, "/v1/incidents", asked)]
    return csv_file("incidents", CSV_COLUMNS, rows)


@router.get("/{incident_id}")
async def shown(visit: Visiting, incident_id: str) -> Response:
    """One, with its figure and whom it concerns."""
    path = f"/v1/incidents/{segment(incident_id)}"
    incident = await visit.api.get(path)
    affected = None
    if visit.has(Scope.PROFILES_READ) and visit.session.purpose:
        affected = await visit.api.get(f"{path}/affected", limit=AFFECTED_SHOWN)
    return visit.page(
        "incident.html",
        incident=incident,
        affected=affected,
        figure=_figure(visit, incident, affected),
        actions=[one.value for one in ActionKind],
        customer=(incident.get("subject") or {}).get("handle"),
    )


@router.get("/{incident_id}/affected.csv")
async def affected_as_csv(visit: Visiting, incident_id: str, paid: bool = False) -> Response:
    """The list to make good."""
    require_purpose(visit)
    path = f"/v1/incidents/{segment(incident_id)}/affected"
    rows = await _all(visit, path, {"paid": "true"} if paid else {})
    return csv_file(f"affected-{incident_id[:8]}", AFFECTED_COLUMNS, rows)


@router.post("/{incident_id}/actions")
async def act(visit: Visiting, incident_id: str) -> Response:
    """Acknowledge it, mute it, or take that back."""
    fields = await visit.form()
    body = {"action": fields.get("action", ""), "reason": fields.get("reason", "").strip()}
    await visit.api.post(f"/v1/incidents/{segment(incident_id)}/actions", body)
    return see_other(f"{ROOT}/incidents/{segment(incident_id)}")


def _filters(visit: Visit) -> dict[str, str]:
    query = visit.request.query_params
    return {name: query[name] for name in FILTERS if query.get(name)}


async def _all(visit: Visit, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """All rows of a list, up to a number that a spreadsheet bears."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while len(rows) < CSV_ROWS_MAX:
        found = await visit.api.get(path, **asked, limit=CSV_PAGE, cursor=cursor)
        rows += found["data"]
        cursor = found["page"]["next"]
        if not cursor:
            break
    return rows


def _row(incident: dict[str, Any]) -> dict[str, Any]:
    subject = incident["subject"]
    named = [value for name, value in subject.items() if name != "type" and value]
    return {**incident, **(incident.get("exposure") or {}), "subject": " ".join(map(str, named))}


def _figure(visit: Visit, incident: dict[str, Any], affected: dict[str, Any] | None) -> str:
    """The price over time; empty for what is no price."""
    try:
        expected, observed = Decimal(incident["expected"]), Decimal(incident["observed"])
    except (KeyError, TypeError, InvalidOperation):
        return ""
    formats, currency = visit.formats, incident.get("currency") or ""
    until = formats.moment(incident["until"])
    since, due_at = formats.moment(incident["since"]), formats.moment(incident["due_at"])
    assert since is not None
    assert due_at is not None
    story = PriceStory(
        float(expected),
        float(observed),
        since,
        due_at,
        until or max(visit.now.astimezone(since.tzinfo), since),
        until is not None,
        [*_met(visit, affected, float(expected))],
    )
    return price_lines(
        story,
        lambda value: formats.money(Decimal(str(round(value, 4))), currency),
        formats.time,
        lambda word: visit.text(f"incident.figure.{word}"),
    )


def _met(visit: Visit, affected: dict[str, Any] | None, expected: float) -> list[PriceMet]:
    """Those whose event says a price."""
    found = []
    for one in (affected or {}).get("data", []):
        at: datetime | None = visit.formats.moment(one["occurred_at"])
        try:
            price = float(one["value"])
        except ValueError:
            continue
        if at is not None:
            found.append(PriceMet(at, price, one["basis"] == "charged"))
    return found
