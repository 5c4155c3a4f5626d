"""Operations on measures: which there are, and one of them over a window."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import Field

from services.api.auth import Scope
from services.api.operation import Answer, Operation, RealmRequest, Request
from services.api.ports import Access
from services.measures.catalogue import MEASURES
from services.measures.core.result import MeasureResult
from services.runtime.errors import InvalidInput

Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
"""What a store can hold."""


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
    measures = access.reads.measures
    try:
        yield measures.measure(asked.measure, asked.realm, asked.first, asked.until)
    except ValueError as error:
        raise InvalidInput(str(error)) from error


INSIGHTS_LIST = Operation(
    "insights_list", Scope.INSIGHTS_READ, MeasuresRequest, ListedMeasure, _list
)
"""All measures."""
INSIGHTS_SHOW = Operation(
    "insights_show", Scope.INSIGHTS_READ, MeasureRequest, MeasureResult, _show
)
"""One measure."""
OPERATIONS = (INSIGHTS_LIST, INSIGHTS_SHOW)
