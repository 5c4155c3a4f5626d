"""Removes facts by key, from every table that holds rows of events.

The tables are those that the schema says have an anchor and an event id; none is named here. Bodies
kept as id conflicts stay. A removal may be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.store.database import Database, chunks
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
FACT_TABLES_SQL = _STATEMENTS["fact_tables"]
ANY_ROW_SQL = _STATEMENTS["any_row"]
DELETE_SQL = """
DELETE FROM {table} WHERE realm = {{realm:String}} AND node IN {{nodes:Array(UUID)}}
    AND event_id IN {{events:Array(String)}}
    AND has(arrayZip({{nodes:Array(UUID)}}, {{events:Array(String)}}), (node, event_id))
"""
ROWS_PER_DELETE = 1_000


def delete_facts(database: Database, realm: str, keys: Sequence[tuple[str, str]]) -> None:
    """Delete what events (anchor, event id) of a realm have left in the fact tables."""
    tables = [table for (table,) in database.rows(FACT_TABLES_SQL)]
    for part in chunks(keys, ROWS_PER_DELETE):
        nodes, events = zip(*part, strict=True)
        parameters = {"realm": realm, "nodes": list(nodes), "events": list(events)}
        for table in tables:
            # a mutation costs far more than a look
            if database.rows(ANY_ROW_SQL, {**parameters, "table": table}):
                database.command(DELETE_SQL.format(table=table), parameters)
