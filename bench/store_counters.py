"""What a store counts of its own work: statements, rows inserted and merged, inserts by table."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.children import Result

STATEMENTS = ("InsertQuery", "SelectQuery")
ROWS = ("InsertedRows", "MergedRows")
TABLES = "tables"
EVENTS_SQL = f"SELECT event, value FROM system.events WHERE event IN {(*STATEMENTS, *ROWS)}"
BLOCKS_SQL = """
SELECT table, max(max_block_number) FROM system.parts
WHERE database = '{database}' GROUP BY table
"""
"""The engine numbers the blocks that come into a table, by statements and by views."""


def counters(ask: Callable[[str], Iterable[tuple[str, int]]], database: str) -> Result:
    """Since the store was started; of each table since it was made. `ask` runs a query."""
    found: Result = dict.fromkeys((*STATEMENTS, *ROWS), 0) | dict(ask(EVENTS_SQL))
    return found | {TABLES: dict(ask(BLOCKS_SQL.format(database=database)))}


def per_minute(before: Result, after: Result, minutes: float) -> Result:
    """What was done in between."""
    rows, merged = (after[name] - before[name] for name in ROWS)
    blocks = {
        table: round((number - before[TABLES].get(table, 0)) / minutes)
        for table, number in after[TABLES].items()
    }
    return {
        "inserts": round((after["InsertQuery"] - before["InsertQuery"]) / minutes),
        "selects": round((after["SelectQuery"] - before["SelectQuery"]) / minutes),
        "rows": round(rows / minutes),
        "merged_rows": round(merged / minutes),
        "merged_for_one_inserted": round(merged / max(1, rows), 1),
        "blocks": {table: count for table, count in sorted(blocks.items()) if count},
    }
