"""Pages of measures: for each question the measures that answer it, each with what it rests on.

A measure may take seconds, so each is loaded after the page, by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from fastapi import APIRouter, Response
from markupsafe import Markup

from services.api.auth import Scope
from services.console import texts
from services.console.api_client import segment
from services.console.charts.trend import TrendPoint, trend
from services.console.csv_files import csv_file
from services.console.navigation import ROOT
from services.console.pages.measure_figures import ends_of, figure_of, special_figures
from services.console.visit import Visit, Visiting

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "satisfaction": (
        "nps", "csat", "disconfirmation", "cli", "cli_reasons", "ces", "stars", "reviews",
        "feedback_loop", "satisfaction_effect", "relationship_quality",
    ),
    "drivers": ("drivers",),
    "kano": ("kano",),
    "rfm": ("rfm", "clv", "potential", "types", "discount_dependence"),
    "retention": (
        "retention_rate", "churn_rate", "retention_curve", "repeat_purchase_rate", "bonds",
        "relationship_kind", "silent", "programme_effect",
    ),
    "win-back": ("leaving", "win_back", "silent", "due"),
    "funnel": (
        "funnel", "sales_plan", "lead_score", "conversion", "cart_rescue", "acquisition_cost",
        "payback",
    ),
    "flywheel": ("flywheel", "buying_cycle", "referral"),
    "contact-pressure": ("contact_pressure", "relevance", "campaign_effect"),
    "response": (
        "response", "first_contact_solved", "told_twice", "promise_kept", "dialogue",
    ),
    "paths": (
        "paths", "channel_preference", "attribution", "decision_type", "search_quality",
        "cross_sell_rate", "up_sell_rate", "affinity",
    ),
}  # fmt: skip
"""The pages, and the measures on them."""
HISTORY = 30
CSV_COLUMNS = ("by", "key", "n", "value", "unit", "low", "high", "flags")
STALE = timedelta(days=2)
WINDOW = timedelta(days=365)
router = APIRouter(prefix=ROOT, include_in_schema=False)


class ChosenWindow(NamedTuple):
    """The days that figures are about."""

    first: date
    until: date
    """The first day after them."""
    is_of_data: bool
    """Whether it ends with the latest event, which is some time ago."""


@router.get("/measures")
async def every(visit: Visiting, segment: str = "") -> Response:
    """All measures by name."""
    found = await visit.api.get("/v1/insights/measures")
    names = sorted((title_of(visit, one), one["measure"]) for one in found["data"])
    return visit.page("measures.html", names=names, segment=segment)


@router.get("/measures/{measure}")
async def one(visit: Visiting, measure: str, segment: str = "") -> Response:
    """One measure, as a part of a page or alone."""
    window = await window_of(visit)
    path = f"/v1/insights/measures/{_part(measure)}"
    asked = {"first": window.first.isoformat(), "until": window.until.isoformat()}
    result, kept = await asyncio.gather(
        visit.api.get(path, **asked, segment=segment),
        visit.api.get(f"{path}/history", limit=HISTORY),
    )
    groups = grouped(result["breakdown"])
    special = special_figures(visit, measure, groups, result["counts"])
    drawn = {by for figure in special for by in figure.dimensions}
    return visit.part(
        "measure.html",
        result=result,
        special=special,
        title=title_of(visit, {"measure": measure, "title": measure}),
        groups=groups,
        figure_of=lambda by, rows: None if by in drawn else figure_of(visit, by, rows),
        history=history_of(visit, measure, kept["data"]),
        kept=kept["data"],
    )


@router.get("/measures/{measure}/table.csv")
async def as_csv(visit: Visiting, measure: str, segment: str = "") -> Response:
    """The groups of a measure as a file; small groups are hidden there, too."""
    window = await window_of(visit)
    path = f"/v1/insights/measures/{_part(measure)}"
    asked = {"first": window.first.isoformat(), "until": window.until.isoformat()}
    result = await visit.api.get(path, **asked, segment=segment)
    whole = {**result, "by": "", "key": ""}
    rows = [{**row, **(row["interval"] or {})} for row in [whole, *result["breakdown"]]]
    return csv_file(measure, CSV_COLUMNS, rows)


@router.get("/{question}")
async def page(visit: Visiting, question: str, segment: str = "") -> Response:
    """The measures that answer a question."""
    if question not in QUESTIONS:
        return visit.page("no_page.html", 404)
    window, segments = await asyncio.gather(window_of(visit), _segments(visit))
    return visit.page(
        "question.html",
        question=question,
        measures=[(name, title_of(visit, {"measure": name, "title": name}))
                  for name in QUESTIONS[question]],
        window=window,
        segment=segment,
        segments=segments,
        query=visit.request.url.query,
    )  # fmt: skip


def grouped(cells: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The groups of each dimension, in the order in which they come."""
    found: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        found.setdefault(cell["by"], []).append(cell)
    return found


async def window_of(visit: Visit) -> ChosenWindow:
    """The days of the address; by default a year, which ends today, or with the latest event where
    that is some days ago."""
    query = visit.request.query_params
    until = _day(query.get("until", ""))
    is_of_data = False
    if until is None:
        until = visit.now.date() + timedelta(days=1)
        if visit.has(Scope.PROFILES_READ):
            freshness = await visit.api.get("/v1/freshness")
            latest = max((one["occurred_at"] for one in freshness["channels"]), default="")
            moment = visit.formats.moment(latest)
            if moment is not None and visit.now - moment > STALE:
                until, is_of_data = moment.date() + timedelta(days=1), True
    first = _day(query.get("first", "")) or until - WINDOW
    return ChosenWindow(first, until, is_of_data)


def title_of(visit: Visit, listed: Mapping[str, str]) -> str:
    """What a measure is called, in the words of the field."""
    key = f"measure.{listed['measure']}"
    return visit.text(key) if texts.has_text(visit.language, key) else listed["title"]


def history_of(visit: Visit, measure: str, kept: list[dict[str, Any]]) -> Markup | None:
    """What it was each time it was kept; none before there are two."""
    results = [one["result"] for one in reversed(kept)]
    points = [
        TrendPoint(datetime.fromisoformat(one["window"]["until"]), one["value"], *ends_of(one))
        for one in results
        if one["value"] is not None
    ]
    if len(points) < 2:
        return None
    unit = results[-1]["unit"]
    title = visit.text("measures.history")
    return trend(points, title, lambda value: visit.value(value, unit), visit.formats.day)


def _part(measure: str) -> str:
    return segment(measure)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def _segments(visit: Visit) -> list[dict[str, Any]]:
    if not visit.has(Scope.SEGMENTS_READ):
        return []
    found = await visit.api.get("/v1/segments")
    return list(found["data"])
