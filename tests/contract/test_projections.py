"""Batches of few events are written without the views of the facts, with the same rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.examples import EXAMPLES
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.adapters.projections import FEW, IN_A_ROW, MANY, PROJECTIONS, VIEWS_SQL
from services.ingest.core.fact_row import FactRow
from services.ingest.core.outcome import Accepted, Intake
from services.runtime.errors import Retry
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import RECEIVED_AT, core, event, line

TABLES = ("touchpoints", "group_keys", *sorted({one.table for one in PROJECTIONS}))
VIEWS = {one.view for one in PROJECTIONS}
Rows = dict[str, list[tuple[Any, ...]]]


def accepted(fields: dict[str, Any]) -> Accepted:
    """The outcome of an event that is accepted."""
    outcome = core().process(line(fields), RECEIVED_AT, Intake.SERVER)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def all_kinds() -> list[Accepted]:
    """An event of every type, one with two claims of a kind, and one that says nothing; and
    corrections like them, which write every projection."""
    found = [accepted(dict(one)) for one in EXAMPLES.values()]
    lines = [
        {"sku": sku, "quantity": number, "unit_price": "2.00", "total": f"{2 * number}.00"}
        for number, sku in enumerate(("a", "b", "a"), start=1)
    ]
    found.append(accepted(event("order.placed", body={"order_id": "twice", "lines": lines})))
    successor = {"account_id": "a-1", "issuer": "crm", "replaced_by": "a-2"}
    found.append(accepted(event("account.updated", body=successor, identifiers=[])))
    found.append(accepted(event(event_id="says-nothing")))
    return found + [
        one._replace(
            corrects=True, row=FactRow.of({**one.row, "event_id": f"{one.event_id}-corrects"})
        )
        for one in found
    ]


def snapshot(database: Database) -> Rows:
    """All rows that count of the facts and of what views make of them."""
    return {table: database.rows(f"SELECT * FROM {table} FINAL ORDER BY ALL") for table in TABLES}


def attached(database: Database) -> set[str]:
    """The views that an insert of facts goes through."""
    return {view for (view,) in database.rows(VIEWS_SQL)}


def without_views(database: Database) -> ClickHouseFactStore:
    """A store of one process whose last batches were small; its tables are empty."""
    store = ClickHouseFactStore(database, sole_writer=True)
    warm = accepted(event(event_id="warm"))
    for batch in range(IN_A_ROW):
        store.write_facts([warm], batch)
    assert not attached(database)
    empty_tables(database)
    return store


@pytest.fixture(autouse=True)
def _views_are_back(database: Database) -> Iterator[None]:
    """Whatever a test leaves, the next one finds the views attached."""
    yield
    ClickHouseFactStore(database, sole_writer=True).close()
    assert attached(database) == VIEWS


def test_the_rows_are_those_of_the_views(database: Database) -> None:
    """Of every kind of event, in every table, also of corrections."""
    events = all_kinds()
    ClickHouseFactStore(database).write_facts(events, 7)
    by_views = snapshot(database)
    assert all(by_views.values()), {table for table, rows in by_views.items() if not rows}
    empty_tables(database)
    store = without_views(database)
    for start in range(0, len(events), FEW):
        store.write_facts(events[start : start + FEW], 7)
    assert not attached(database)
    assert snapshot(database) == by_views


def test_views_are_attached_before_many_events(database: Database) -> None:
    """A batch of many is projected by the engine, and so is one of several that are not small."""
    store = without_views(database)
    many = [accepted(event(event_id=f"e-{number}")) for number in range(MANY + 1)]
    store.write_facts(many[: FEW + 1], 1)
    assert not attached(database)
    store.write_facts(many, 2)
    assert attached(database) == VIEWS
    [(ids,)] = database.rows("SELECT uniqExact(event_id) FROM event_ids")
    assert ids == len(many)


def test_a_process_leaves_and_finds_the_views(database: Database) -> None:
    """Whoever writes next, in the same engine, has them."""
    store = without_views(database)
    store.close()
    assert attached(database) == VIEWS
    without_views(database)
    ClickHouseFactStore(database, sole_writer=True)
    assert attached(database) == VIEWS


class Faulty(Database):
    """Its statements fail after some more of them, once."""

    def __init__(self, database: Database, word: str, left: int) -> None:
        vars(self).update(vars(database))
        self._word, self.left = word, left

    def _spend(self, text: str) -> None:
        if self._word in text:
            self.left -= 1
            if self.left == -1:
                raise Retry("the engine has no memory")

    def command(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """See Database."""
        self._spend(sql)
        return super().command(sql, parameters)

    def insert(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """See Database."""
        self._spend(f"INSERT {table}")
        super().insert(table, names, columns)


@pytest.mark.parametrize(("word", "left"), [("DETACH", 1), ("ATTACH TABLE o", 0)])
def test_half_of_the_views_are_never_relied_on(database: Database, word: str, left: int) -> None:
    """If a change of the views fails, nothing is written; the next attempt writes all rows."""
    one = accepted(EXAMPLES["order.placed"])
    ClickHouseFactStore(database).write_facts([one], 1)
    wanted = snapshot(database)
    store = ClickHouseFactStore(Faulty(database, word, left), sole_writer=True)
    for _ in range(IN_A_ROW - 1):
        store.write_facts([one], 1)
    if word != "DETACH":
        store.write_facts([one], 1)
    empty_tables(database)
    with pytest.raises(Retry):
        store.write_facts([one] * (1 if word == "DETACH" else MANY + 1), 1)
    assert not any(snapshot(database).values())
    store.write_facts([one] * (FEW + 1), 1)
    assert snapshot(database) == wanted


def test_what_failed_between_two_tables_is_made_whole(database: Database) -> None:
    """Wherever a batch breaks off, writing it again completes it and changes nothing."""
    events = all_kinds()[:FEW]
    ClickHouseFactStore(database).write_facts(events, 1)
    wanted, tables = snapshot(database), 0
    while True:
        faulty = Faulty(database, "INSERT", 10 * IN_A_ROW * len(TABLES))
        store = ClickHouseFactStore(faulty, sole_writer=True)
        for batch in range(IN_A_ROW):
            store.write_facts([accepted(event(event_id="warm"))], batch)
        empty_tables(database)
        faulty.left = tables
        try:
            store.write_facts(events, 1)
        except Retry:
            store.write_facts(events, 1)
            assert snapshot(database) == wanted, tables
            tables += 1
        else:
            break
    assert tables > IN_A_ROW


def test_an_unknown_view_keeps_them_all(database: Database) -> None:
    """A view that somebody added makes rows that only it can make."""
    database.command("CREATE TABLE added (event_id String) ENGINE = MergeTree ORDER BY event_id")
    database.command(
        "CREATE MATERIALIZED VIEW added_view TO added AS SELECT event_id FROM touchpoints"
    )
    try:
        store = ClickHouseFactStore(database, sole_writer=True)
        for batch in range(2 * IN_A_ROW):
            store.write_facts([accepted(event())], batch)
        assert attached(database) == {*VIEWS, "added_view"}
    finally:
        database.command("DROP TABLE added_view")
        database.command("DROP TABLE added")


KILLED = """
import os, pathlib, signal, sys
from services.store.database import open_embedded
from services.store.migrations import migrate_directory
from services.ingest.adapters.projections import VIEWS_SQL, FactViews
path = pathlib.Path(sys.argv[1])
database = open_embedded(path)
if sys.argv[2] == "detach":
    migrate_directory(database, path)
    views = FactViews(database)
    while views.project(1):
        pass
    print(len(database.rows(VIEWS_SQL)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
print(len(database.rows(VIEWS_SQL)), flush=True)
"""


def test_a_killed_process_leaves_the_views(tmp_path: Path) -> None:
    """What was detached is attached when the engine starts again."""

    def told(mode: str) -> tuple[int, int]:
        command = [sys.executable, "-c", KILLED, str(tmp_path), mode]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, int(done.stdout)

    assert told("detach") == (-9, 0)
    assert told("look") == (0, len(VIEWS))


BESIDE_READERS = """
import pathlib, sys, threading
from services.ingest.adapters.projections import MANY, FactViews
from services.store.database import COLUMNS_SQL, open_embedded
from services.store.migrations import migrate_directory
path, ends = pathlib.Path(sys.argv[1]), threading.Event()
database = open_embedded(path)
migrate_directory(database, path)

def read():
    other = open_embedded(path)
    while not ends.is_set():
        other.rows(COLUMNS_SQL, {"table": "access_log"})

readers = [threading.Thread(target=read) for _ in range(2)]
for one in readers:
    one.start()
try:
    views = FactViews(database)
    for _ in range(15):
        while views.project(1):
            pass
        views.project(MANY + 1)
finally:
    ends.set()
    for one in readers:
        one.join()
print("came back")
"""


def test_views_come_back_beside_readers(tmp_path: Path) -> None:
    """A statement of another connection that looks at all tables holds none of them back."""
    done = subprocess.run(
        [sys.executable, "-c", BESIDE_READERS, str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout == "came back\n", done.stderr[-2000:]
