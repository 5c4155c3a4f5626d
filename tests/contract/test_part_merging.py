"""What few events write is merged by level, and a table that keeps too many parts by size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from services.ingest.adapters import merging
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.adapters.merging import (
    BY_LEVEL_SQL,
    BY_SIZE_SQL,
    FIRST_AFTER,
    PARTS_FEW,
    PARTS_MAX,
    ROOM_SQL,
    PartMerging,
)
from services.ingest.adapters.projections import FEW
from services.ingest.core.outcome import Accepted, Intake
from services.store.database import Database
from tests.events import RECEIVED_AT, core, event, line

TABLE = "watermarks"
WAIT_S = 60
STORED = 3_000
SINGLE = 70


@pytest.fixture(autouse=True)
def _by_size_again(database: Database) -> Iterator[None]:
    """Whatever a test leaves, the next one finds the tables as they were made."""
    yield
    ClickHouseFactStore(database, sole_writer=True).close()
    for table in by_level(database):
        database.command(BY_SIZE_SQL, {"table": table})


def accepted(name: str) -> Accepted:
    """A page view of this id."""
    outcome = core().process(line(event(event_id=name)), RECEIVED_AT, Intake.SERVER)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def by_level(database: Database) -> set[str]:
    """The tables that are merged by level."""
    rows = database.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine_full LIKE '%merge_selector_algorithm = \\'Trivial\\'%'"
    )
    return {name for (name,) in rows}


def parts_of(database: Database) -> int:
    """The parts of the table."""
    sql = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND active "
    return int(database.rows(f"{sql} AND table = {{table:String}}", {"table": TABLE})[0][0])


def made(database: Database) -> dict[tuple[str, str], tuple[int, int]]:
    """Level and rows of all parts that are there still, replaced ones, too."""
    sql = "SELECT table, name, level, rows FROM system.parts WHERE database = currentDatabase()"
    return {(table, name): (level, rows) for table, name, level, rows in database.rows(sql)}


def crowded(database: Database) -> None:
    """One part more than a table merged by level can need, and nobody merges them yet."""
    database.command(f"SYSTEM STOP MERGES {TABLE}")
    database.command(BY_LEVEL_SQL, {"table": TABLE})
    for number in range(PARTS_MAX + 1):
        row = ("shop.example", f"c-{number}", RECEIVED_AT, RECEIVED_AT)
        database.insert_rows(TABLE, ("realm", "channel", "occurred_at", "received_at"), [row])
    assert parts_of(database) > PARTS_MAX


def test_few_events_do_not_rewrite_what_is_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less than 20 rows are merged for each that is inserted, on tables of thousands of rows."""
    monkeypatch.setattr(merging, "FIRST_AFTER", 5)
    store = ClickHouseFactStore(database, sole_writer=True)
    store.write_facts([accepted(f"stored-{number}") for number in range(STORED)], 1)
    for table in ("touchpoints", "event_ids", "identifiers"):
        database.command(f"OPTIMIZE TABLE {table} FINAL")  # as any table is that has been used
    single = [accepted(f"single-{number}") for number in range(SINGLE)]
    for batch, one in enumerate(single[:10], start=2):
        store.write_facts([one], batch)
    assert {"touchpoints", "event_ids", "identifiers"} <= by_level(database)
    before = made(database)
    for batch, one in enumerate(single[10:], start=12):
        store.write_facts([one], batch)
    new = [part for name, part in made(database).items() if name not in before]
    inserted = sum(rows for level, rows in new if level == 0)
    merged = sum(rows for level, rows in new if level > 0)
    assert inserted >= 2 * (SINGLE - 10)
    assert 0 < merged < 20 * inserted


def test_a_table_as_it_was_made_is_not_rewritten_by_single_rows(database: Database) -> None:
    """Nor on a server, whose workers insert a few rows many times a minute."""
    database.command(
        "INSERT INTO event_ids SELECT 'shop.example', rand64(), toString(number), "
        "generateUUIDv4(), number, 1 FROM numbers(20000)"
    )
    database.command("OPTIMIZE TABLE event_ids FINAL")
    before = made(database)
    names = ("realm", "event_hash", "event_id", "node", "version", "batch")
    for number in range(SINGLE):
        row = ("shop.example", number, f"e-{number}", UUID(int=number), 1, 1)
        database.insert_rows("event_ids", names, [row])
    new = [part for name, part in made(database).items() if name not in before]
    assert sum(rows for level, rows in new if level == 0) >= SINGLE // 2
    assert sum(rows for level, rows in new if level > 0) < 20 * SINGLE


def test_a_file_that_is_read_changes_nothing(database: Database) -> None:
    """Batches of many events leave the choice to the engine, however many come."""
    merges = PartMerging(database)
    for number in range(FIRST_AFTER):
        ClickHouseFactStore(database).write_facts([accepted(f"e-{number}")], number)
        merges.batch(is_small=number != FEW)
    merges.look()
    assert not by_level(database)


def test_a_table_with_many_parts_is_merged_by_size(database: Database) -> None:
    """Whoever opens the engine finds it so, and merges by level again when few parts are left."""
    crowded(database)
    try:
        ClickHouseFactStore(database, sole_writer=True)
        assert TABLE not in by_level(database)
    finally:
        database.command(f"SYSTEM START MERGES {TABLE}")
    ends_at_s = time.monotonic() + WAIT_S
    while parts_of(database) > PARTS_FEW:
        assert time.monotonic() < ends_at_s, "nobody merges them"
        time.sleep(0.1)
    merges = PartMerging(database)
    for _ in range(FIRST_AFTER):
        merges.batch(is_small=True)
    assert TABLE in by_level(database)


def test_a_running_process_looks_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that a removal left behind are found after some batches."""
    monkeypatch.setattr(merging, "LOOKS_AFTER", 5)
    merges = PartMerging(database)
    crowded(database)
    try:
        for _ in range(4):
            merges.batch(is_small=False)
        assert TABLE in by_level(database)
        merges.batch(is_small=False)
        assert TABLE not in by_level(database)
    finally:
        database.command(f"SYSTEM START MERGES {TABLE}")


class Full(Database):
    """An engine whose disk is full."""

    def __init__(self, database: Database) -> None:
        vars(self).update(vars(database))

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """See Database."""
        return [(0,)] if sql == ROOM_SQL else super().rows(sql, parameters)


def test_no_definition_is_written_on_a_full_disk(database: Database) -> None:
    """It might stay empty, and the engine would never open again."""
    crowded(database)
    try:
        PartMerging(Full(database)).look()
        assert TABLE in by_level(database)
    finally:
        database.command(f"SYSTEM START MERGES {TABLE}")
