"""Removes what is older than it may be kept, by the store's clock: tables of pure age only.

Facts of customers are not among them: profiles and incidents are made of all facts, and an event
that is read again from its topic would bring them back. A removal may be interrupted and repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.instants import from_ms, to_ms
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
NOW_SQL = _STATEMENTS["now"]
OLDER_SQL = _STATEMENTS["older"]
REMOVE_SQL = _STATEMENTS["remove"]
DAY_MS = 24 * 60 * 60 * 1000
RECORDS = {
    "rejected": {"rejected": "received_at"},
    "conflicts": {"id_conflicts": "received_at"},
    "access_log": {"access_log": "at", "access_by_profile": "at"},
}
"""What has an age: its tables, each with the column of its time."""


class Expired(NamedTuple):
    """Rows of a table that are older than they may be."""

    table: str
    kept_days: int
    before: datetime
    """What is older than this is expired."""
    rows: int
    """How many there are, repeated ones not yet merged."""


def expired_rows(database: Database, kept_days: Mapping[str, int]) -> list[Expired]:
    """What has expired; `kept_days` is by the names of RECORDS."""
    [(now_ms,)] = database.rows(NOW_SQL)
    found: list[Expired] = []
    for record, days in kept_days.items():
        before_ms = now_ms - days * DAY_MS
        for table, column in RECORDS[record].items():
            parameters = {"table": table, "column": column, "before": before_ms}
            [(rows,)] = database.rows(OLDER_SQL, parameters)
            found.append(Expired(table, days, from_ms(before_ms), rows))
    return found


def remove_expired(database: Database, expired: Sequence[Expired]) -> None:
    """Remove these rows, and what else of their tables is as old."""
    columns = {table: name for tables in RECORDS.values() for table, name in tables.items()}
    for one in expired:
        if one.rows:  # a mutation costs far more than a look
            before = {"column": columns[one.table], "before": to_ms(one.before)}
            database.command(REMOVE_SQL, {"table": one.table, **before})
