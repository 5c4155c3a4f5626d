"""One store today: what contradicts itself there, and what its customers say."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from services.api.auth import Scope
from services.console.navigation import ROOT
from services.console.pages.incidents import VIEWS
from services.console.pages.measures import title_of, window_of
from services.console.visit import Visit, Visiting

ENTRIES = 25
MEASURES = ("nps", "csat", "ces", "stars", "response", "promise_kept")
"""Those whose groups may be stores."""
BY_STORE = "store"
router = APIRouter(prefix=f"{ROOT}/store", include_in_schema=False)


@router.get("")
async def store(visit: Visiting, store: str = "") -> Response:
    """The stores with incidents, or one of them."""
    counts = await visit.api.get("/v1/incidents/counts", by=["location"])
    stores = [one["group"]["location"] for one in counts["counts"] if one["group"]["location"]]
    if not store:
        return visit.page("store.html", store="", stores=sorted(stores), counts=counts)
    asked = {"location": store, "limit": ENTRIES}
    open_, resolved, causes = await asyncio.gather(
        visit.api.get("/v1/incidents", **asked, state=[one.value for one in VIEWS["open"]]),
        visit.api.get("/v1/incidents", **asked, state=[one.value for one in VIEWS["resolved"]]),
        visit.api.get("/v1/incidents/counts", location=store, by=["kind", "cause"]),
    )
    return visit.page(
        "store.html",
        store=store,
        stores=sorted({*stores, store}),
        counts=counts,
        open=open_,
        resolved=resolved,
        causes=causes,
        has_measures=visit.has(Scope.INSIGHTS_READ),
    )


@router.get("/customers")
async def customers(visit: Visiting, store: str) -> Response:
    """What its customers say, as far as at least five did."""
    window = await window_of(visit)
    days = {"first": window.first.isoformat(), "until": window.until.isoformat()}
    found = await asyncio.gather(*(_of_store(visit, one, store, days) for one in MEASURES))
    rows = [one for one in found if one is not None]
    return visit.part("store_customers.html", rows=rows, store=store, window=window)


async def _of_store(
    visit: Visit, measure: str, store: str, days: dict[str, str]
) -> dict[str, Any] | None:
    result = await visit.api.get(f"/v1/insights/measures/{measure}", **days)
    title = title_of(visit, {"measure": measure, "title": measure})
    for cell in result["breakdown"]:
        if cell["by"] == BY_STORE and cell["key"] == store:
            return {**cell, "measure": measure, "title": title, "all": result}
    return None
