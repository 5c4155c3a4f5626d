"""Writes the sales of a person again without the person, before an erasure removes them.

May be repeated with the same key: the same sales get the same ids, and a row replaces itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError

from schemas.touchpoint import Touchpoint, TouchpointAdapter
from services.erasure.anonymous import Pseudonyms, numbers_in, without_person
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
COUNT_SALES_SQL = _STATEMENTS["count_sales"]
SALES_SQL = _STATEMENTS["sales"]
STANDING_SQL = _STATEMENTS["standing"]
SALES_PER_PAGE = 500
SALES = "sales"
KEPT_SALES = "sales (kept)"
"""Counts, among the rows that were removed, the events of sales that stay without the person."""
WriteSales = Callable[[Sequence[tuple[bytes, datetime]]], int]
"""Stores events of nobody, each with the time at which it happened; how many of them. Raises Retry
or Fatal."""
log = structlog.get_logger()


def count_sales(database: Database, asked: dict[str, Any]) -> int:
    """How many events of sales there are; `asked` finds the person's events."""
    [(events,)] = database.rows(COUNT_SALES_SQL, asked)
    return int(events)


def keep_sales(database: Database, asked: dict[str, Any], key: bytes, write: WriteSales) -> int:
    """Write them without the person; how many are kept. Raises Retry or Fatal."""
    kept = 0
    for page in _pages(database, asked):
        numbers = {one for event, _ in page for one in numbers_in(event)}
        standing = _standing(database, asked, numbers)
        names = Pseudonyms(key, standing)
        sales = [
            (without_person(event, issuer, names), event.occurred_at) for event, issuer in page
        ]
        kept += write(sales)
    return kept


def _standing(
    database: Database, asked: dict[str, Any], numbers: Collection[str]
) -> frozenset[tuple[str, str]]:
    rows = database.rows(STANDING_SQL, {**asked, "numbers": sorted(numbers)})
    return frozenset((issuer, number) for issuer, number in rows)


def _pages(database: Database, asked: dict[str, Any]) -> Iterator[list[tuple[Touchpoint, str]]]:
    """Events of sales with the issuer of their number; a page's rows may be gone afterwards."""
    place: dict[str, Any] = {"after_node": UUID(int=0), "after_id": "", "limit": SALES_PER_PAGE}
    while rows := database.rows(SALES_SQL, {**asked, **place}):
        found: list[tuple[Touchpoint, str]] = []
        for _, _, issuer, payload in rows:
            try:
                found.append((TouchpointAdapter.validate_json(payload), issuer))
            except ValidationError:  # of a contract of before: what it says cannot be told apart
                log.warning("sale_not_kept", reason="it cannot be read any more")
        yield found
        place |= {"after_node": rows[-1][0], "after_id": rows[-1][1]}
