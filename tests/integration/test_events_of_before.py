"""Interactions and surveys of events that were stored before there were columns for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.examples import EXAMPLES
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.outcome import Accepted
from services.store.database import Database
from services.store.migrations import migrate, sql_directory
from tests.events import RECEIVED_AT, core, event, line

BEFORE = 38
REALM = ("default", "EUR", ["email"])


def accepted() -> list[Accepted]:
    """An event of every type, one of a customer in a chat who does not say so, and an answer of
    nobody to a survey."""
    said = [dict(one) for one in EXAMPLES.values()]
    said.append(event("message.exchanged", body={"conversation_id": "c", "text": "Hello"}))
    halves = [{"question": "f", "form": "functional", "choice": "like", "importance": 4}]
    body = {"kind": "kano", "survey": "s", "order_id": "O", "answers": [*halves, {"question": "g"}]}
    said.append(event("survey.answered", identifiers=[], body=body))
    outcomes = [core().process(line(one), RECEIVED_AT) for one in said]
    return [one for one in outcomes if isinstance(one, Accepted)]


@pytest.fixture
def migrated(database: Database, tmp_path: Path) -> Iterator[Database]:
    """A store of its own with the facts of the other one, written before the columns were there."""
    old = tmp_path / "sql"
    old.mkdir()
    for file in sorted(sql_directory().glob("*.sql"))[:BEFORE]:
        (old / file.name).write_bytes(file.read_bytes())
    database.insert_rows("realms", ("realm", "currency", "personal_types"), [REALM])
    ClickHouseFactStore(database).write_facts(accepted(), 1)
    client, before = database.client, database.client.database
    database.command("CREATE DATABASE c360_old ENGINE = Atomic")
    client.database = "c360_old"
    migrate(database, directory=old)
    for table in ("realms", "touchpoints"):
        [(names,)] = database.rows(
            "SELECT arrayStringConcat(groupArray(concat('`', name, '`')), ', ') FROM "
            f"system.columns WHERE database = 'c360_old' AND table = '{table}'"
        )
        database.command(f"INSERT INTO {table} ({names}) SELECT {names} FROM {before}.{table}")
    assert [one.version for one in migrate(database)][:1] == [BEFORE + 1]
    client.database = before
    yield database
    database.command("DROP DATABASE c360_old SYNC")


@pytest.mark.parametrize("table", ["interactions", "surveys"])
def test_events_of_before_are_there(migrated: Database, table: str) -> None:
    """Their rows are those that ingest would write, but for what is recognised by a text: whether
    a bounce is a hard one."""
    database = migrated

    def rows(of: str) -> list[dict[str, Any]]:
        return list(database.records(f"SELECT * FROM {of}{table} FINAL ORDER BY ALL"))

    wanted = rows("")
    for one in wanted:
        if one["type" if table == "interactions" else "event_id"] == "email.bounced":
            one["bounce"] = ""
    assert len(wanted) > 1
    assert rows("c360_old.") == wanted
