"""A removal reads what it is about, and not the whole realm once more for each page or table."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from services.retention.removal import FACTS, KNOWN_SQL, REMOVALS
from services.store.database import Database

ROWS = 40_000
MANY = ROWS // 4


@pytest.fixture
def filled(database: Database) -> Database:
    """A store with that many events, placements and values, of which two events are listed."""
    numbered = (
        f"SELECT 'default', toUUID(leftPad(toString(number), 32, '0')){{more}} FROM numbers({ROWS})"
    )
    for table in ("map", "node_values"):
        database.command(f"INSERT INTO {table} (realm, node) " + numbered.format(more=""))
    more = ", toString(number), 'page.viewed'"
    into = "INSERT INTO touchpoints (realm, node, event_id, type) "
    database.command(into + numbered.format(more=more))
    rows: list[tuple[Any, ...]] = [
        ("default", UUID(int=int(str(one), 16)), str(one), [], 0) for one in (5, 20_000)
    ]
    database.insert_rows("expired_events", ("realm", "node", "event_id", "named", "version"), rows)
    return database


def read_by(database: Database, sql: str, asked: dict[str, Any]) -> tuple[list[Any], int]:
    """The answer of a statement, and how many rows it read."""

    def selected() -> int:
        events = "SELECT value FROM system.events WHERE event = 'SelectedRows'"
        [(rows,)] = database.rows(events)
        return int(rows)

    before = selected()
    answer = database.rows(sql, asked)
    return answer, selected() - before


def test_rows_of_listed_events_are_counted_by_their_keys(filled: Database) -> None:
    """Whether a newer body came in is looked up at the nodes of the listed events alone."""
    count_sql, _ = REMOVALS[FACTS]
    asked = {"realm": "default", "table": "touchpoints", "parts": 1, "part": 0}
    answer, rows = read_by(filled, count_sql, asked)
    assert answer == [(2,)]
    assert rows < MANY


def test_what_is_known_of_a_page_is_looked_up_by_its_keys(filled: Database) -> None:
    """On the map or with a value, at the nodes of the page alone."""
    nodes = [str(UUID(int=7)), str(UUID(int=2**127))]
    answer, rows = read_by(filled, KNOWN_SQL, {"realm": "default", "nodes": nodes})
    assert answer == [(UUID(int=7),)]
    assert rows < MANY
