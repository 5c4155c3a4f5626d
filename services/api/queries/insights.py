"""Operations on measures: which there are, one of them over a window, and what they were before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import Field

from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest, Request
from services.api.ports import Access
from services.api.queries.segment_members import require_segment
from services.measures.catalogue import MEASURES
from services.measures.core.result import (
    KeptMeasure,
    MeasureBias,
    MeasureExplained,
    MeasureResult,
)
from services.runtime.errors import InvalidInput, NotFound

Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
"""What a store can hold."""
MEASURES_MAX = 200
KEPT_SHOWN_MAX = 400
"""A year of days, and some."""


class MeasuresRequest(Request):
    """No arguments: all measures."""


class MeasureRequest(RealmRequest):
    """A measure over whole days of the realm's time zone."""

    measure: str
    """Its name."""
    first: Day | None = None
    """First day; by default 365 days before `until`."""
    until: Day | None = None
    """First day after the window; by default today."""
    segment: str = Field(default="", max_length=64)
    """Of those who belong to this segment now; empty: of all."""


class ExplainRequest(RealmRequest):
    """What a measure is."""

    measure: str
    """Its name."""


class BiasRequest(RealmRequest):
    """Whether a score is even among groups of customers."""

    measure: str
    """Its name."""


class KeepRequest(RealmRequest):
    """Measures over the 365 days up to yesterday."""

    measures: tuple[str, ...] = Field(default=(), max_length=MEASURES_MAX)
    """Their names; all if none is given."""


class HistoryRequest(RealmRequest):
    """What a measure was."""

    measure: str
    """Its name."""
    limit: int = Field(default=30, ge=1, le=KEPT_SHOWN_MAX)
    """Most rows."""


class ListedMeasure(Answer):
    """One measure."""

    measure: str
    """Its name."""
    definition: str
    """Name and version of its definition."""
    population: str
    """Who is counted."""
    title: str
    """What it says."""


def _list(_access: Access, _asked: MeasuresRequest) -> Iterator[ListedMeasure]:
    for one in MEASURES.values():
        yield ListedMeasure(
            measure=one.name,
            definition=one.definition,
            population=one.population.name,
            title=one.title,
        )


def _show(access: Access, asked: MeasureRequest) -> Iterator[MeasureResult]:
    measures, where = access.reads.measures, (asked.first, asked.until, asked.segment)
    if asked.segment:
        require_segment(access.reads, asked.realm, asked.segment)
    try:
        yield measures.measure(asked.measure, asked.realm, *where)
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _explain(access: Access, asked: ExplainRequest) -> Iterator[MeasureExplained]:
    yield access.reads.measures.explained(asked.measure, asked.realm)


def _bias(access: Access, asked: BiasRequest) -> Iterator[MeasureBias]:
    try:
        yield access.reads.measures.bias(asked.measure, asked.realm)
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _keep(access: Access, asked: KeepRequest) -> Iterator[KeptMeasure]:
    """Each is durable when it is given: one that fails takes nothing back."""
    reads = access.reads
    for name in asked.measures or MEASURES:
        version = reads.kept_measures.map_version(asked.realm)
        result = reads.measures.measure(name, asked.realm)
        kept = KeptMeasure(map_version=version, result=result)
        access.writes.keep_measures([kept])
        yield kept


def _history(access: Access, asked: HistoryRequest) -> Iterator[KeptMeasure]:
    require_realm(access.reads, asked.realm)
    if asked.measure not in MEASURES:
        raise NotFound(f"no measure {asked.measure!r}; there are: {', '.join(MEASURES)}")
    yield from access.reads.kept_measures.latest(asked.realm, asked.measure, asked.limit)


INSIGHTS_LIST = Operation(
    "insights_list", Scope.INSIGHTS_READ, MeasuresRequest, ListedMeasure, _list
)
"""All measures."""
INSIGHTS_SHOW = Operation(
    "insights_show", Scope.INSIGHTS_READ, MeasureRequest, MeasureResult, _show
)
"""One measure."""
INSIGHTS_EXPLAIN = Operation(
    "insights_explain", Scope.INSIGHTS_READ, ExplainRequest, MeasureExplained, _explain
)
"""What a measure is, and what it reads."""
INSIGHTS_BIAS = Operation("insights_bias", Scope.INSIGHTS_READ, BiasRequest, MeasureBias, _bias)
"""Whether a score chooses some groups less often than others."""
INSIGHTS_KEEP = Operation("insights_keep", Scope.STORE_REPAIR, KeepRequest, KeptMeasure, _keep)
"""Compute measures and keep what they are."""
INSIGHTS_HISTORY = Operation(
    "insights_history", Scope.INSIGHTS_READ, HistoryRequest, KeptMeasure, _history
)
"""What a measure was when it was computed, the latest first."""
OPERATIONS = (
    INSIGHTS_LIST, INSIGHTS_SHOW, INSIGHTS_EXPLAIN, INSIGHTS_BIAS, INSIGHTS_KEEP, INSIGHTS_HISTORY,
)  # fmt: skip
