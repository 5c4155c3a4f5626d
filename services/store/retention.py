"""Counts what is older than it may be kept, by the store's clock; removes it from tables of pure
age.

Events are only counted here: what follows from them goes with them, and an event that is read again
would bring them back (services/retention/removal.py). A removal may be interrupted and
repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from time import monotonic
from typing import NamedTuple

from schemas.instants import DAY_MS, from_ms, to_ms
from services.store.database import Database
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
NOW_SQL = _STATEMENTS["now"]
OLDER_SQL = _STATEMENTS["older"]
REMOVE_SQL = _STATEMENTS["remove"]
UNFINISHED_SQL = _STATEMENTS["unfinished"]
OLDER_EVENTS_SQL = _STATEMENTS["older_events"]
RECORDS = {
    "rejected": {"rejected": "received_at"},
    "conflicts": {"id_conflicts": "received_at"},
    "access_log": {"access_log": "at", "access_by_profile": "at"},
    "insights": {"insight_values": "computed_at"},
}
"""What has an age: its tables, each with the column of its time."""
COLUMNS = {table: column for tables in RECORDS.values() for table, column in tables.items()}
LATE = (
    "not all of {table} that is too old is removed yet; the store goes on by itself "
    "(system.mutations says how far it is): run the same command again"
)


class Expired(NamedTuple):
    """Rows of a table that are older than they may be."""

    table: str
    kept_days: int
    before: datetime
    """What is older than this is expired."""
    rows: int
    """How many there are, repeated ones not yet merged."""
    event_type: str = ""
    """Of which type of events; empty if the table has no events."""


def expired_rows(database: Database, kept_days: Mapping[str, int]) -> list[Expired]:
    """What has expired; `kept_days` is by the names of RECORDS."""
    [(now_ms,)] = database.rows(NOW_SQL)
    found: list[Expired] = []
    for record, days in kept_days.items():
        before_ms = now_ms - days * DAY_MS
        for table in RECORDS[record]:
            before = from_ms(before_ms)
            found.append(Expired(table, days, before, _older(database, table, before)))
    return found


def expired_events(database: Database, kept_days: Mapping[str, int]) -> list[Expired]:
    """The events that have expired; `kept_days` is by type."""
    [(now_ms,)] = database.rows(NOW_SQL)
    found: list[Expired] = []
    for name, days in sorted(kept_days.items()):
        before_ms = now_ms - days * DAY_MS
        [(rows,)] = database.rows(OLDER_EVENTS_SQL, {"type": name, "before": before_ms})
        found.append(Expired("touchpoints", days, from_ms(before_ms), rows, name))
    return found


def remove_expired(
    database: Database, expired: Sequence[Expired], within_s: float
) -> Iterator[Expired]:
    """Remove these rows, and what else of their tables is as old; gives each table that is done.

    Raises Retry if the store has not removed them within `within_s`: it goes on by itself.
    """
    ends_at_s = monotonic() + within_s
    for one in expired:
        is_gone = partial(_is_gone, database, one.table, one.before)
        wait_until(is_gone, ends_at_s - monotonic(), LATE.format(table=one.table))
        yield one


def _is_gone(database: Database, table: str, before: datetime) -> bool:
    """Whether it is removed; if nobody is at it, not even a run that was killed, begin."""
    [(unfinished,)] = database.rows(UNFINISHED_SQL, {"table": table})
    if unfinished:
        return False
    if not _older(database, table, before):
        return True
    database.command(REMOVE_SQL, _older_than(table, before))
    return False


def _older(database: Database, table: str, before: datetime) -> int:
    [(rows,)] = database.rows(OLDER_SQL, _older_than(table, before))
    return int(rows)


def _older_than(table: str, before: datetime) -> dict[str, str | int]:
    return {"table": table, "column": COLUMNS[table], "before": to_ms(before)}
