"""A store written before incidents had kinds opens, keeps its incidents and goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.claim import PriceClaim
from schemas.incident import IncidentState
from schemas.instants import to_ms
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.kinds.price_mismatch import PriceDetails
from services.consistency.rules import consistency_rules
from services.consistency.writer import ConsistencyWriter
from services.store.database import Database
from services.store.migrations import migrate, sql_directory
from tests.events import product_book
from tests.unit.consistency.market import charged, claim, hour, price_book

BEFORE_KINDS, BEFORE_AGES = 5, 16
BODY = (
    '{"incident_id":"ID","realm":"default","kind":"price_mismatch","cause":"wrong_price",'
    '"state":"open","severity":"high","market":"DE","sku":"ä/1","channel":"shop","location":"",'
    '"expected":"10.00","observed":"12.00","currency":"EUR","since":"2026-03-02T10:00:00Z",'
    '"due_at":"2026-03-02T14:00:00Z","until":null,"opened_at":"2026-03-02T14:00:00Z",'
    '"resolved_at":null,"evidence":[["w \\"1\\""],["a","s"]]}'
)
"""As the version before wrote it."""
BOOK = product_book("ä/1")


@pytest.fixture(params=[BEFORE_KINDS])
def old_store(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> Iterator[Database]:
    """A database of its own with the schema as it was after so many migrations."""
    old = tmp_path / "sql"
    old.mkdir()
    for file in sorted(sql_directory().glob("*.sql"))[: request.param]:
        shutil.copy(file, old)
    client, before = database.client, database.client.database
    database.command("CREATE DATABASE c360_old ENGINE = Atomic")
    client.database = "c360_old"
    migrate(database, directory=old)
    yield database
    client.database = before
    database.command("DROP DATABASE c360_old SYNC")


def write_offers(database: Database, said: list[PriceClaim]) -> None:
    """The facts of claims, as ingest stores them."""
    names = (
        "realm", "event_id", "version", "occurred_at", "channel", "offers.sku", "offers.market",
        "offers.location", "offers.basis", "offers.price", "offers.currency", "offers.quantity",
        "offers.terms",
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = [
        ("default", one.event_id, one.version, to_ms(one.occurred_at), one.channel, ["ä/1"],
         ["DE"], [""], [one.basis], [one.price], ["EUR"], [0], [""])
        for one in said
    ]  # fmt: skip
    database.insert_rows("offers", names, rows)


def write_as_before(database: Database) -> str:
    """The claims of one product, the incident that follows and its due time; the incident's id."""
    said = [
        claim("app", "10.00", 0, book=BOOK, event_id="a"),
        claim("shop", "10.00", 0, book=BOOK, event_id="s"),
        claim("shop", "12.00", 10, book=BOOK, event_id='w "1"'),
        claim("pos", "10.00", 0, book=BOOK, event_id="p"),
    ]
    write_offers(database, said)
    book = price_book(BOOK)
    book.add(said)
    book.advance(hour(20))
    [(key, _)] = book.incidents().items()
    body = BODY.replace("ID", key)
    database.insert_rows(
        "incidents",
        ("realm", "incident_id", "kind", "market", "sku", "state", "since", "body", "version"),
        [("default", key, "price_mismatch", "DE", "ä/1", "open", to_ms(hour(10)), body, 7)],
    )
    due = ("default", "DE", "ä/1", to_ms(hour(90)), 7)
    database.insert_rows("book_timers", ("realm", "market", "sku", "due_at", "version"), [due])
    return key


def test_incidents_are_carried_over(old_store: Database) -> None:
    """The incident has its id, its life and its prices; migrating twice changes nothing."""
    key = write_as_before(old_store)
    migrate(old_store)
    assert migrate(old_store) == []
    store = ClickHouseConsistencyStore(old_store)
    [carried] = store.incidents_of([BOOK])[BOOK]
    assert (carried.incident_id, carried.state) == (key, IncidentState.OPEN)
    assert (carried.since, carried.opened_at) == (hour(10), hour(14))
    assert carried.evidence == [['w "1"'], ["a", "s"]]
    assert isinstance(carried.details, PriceDetails)
    assert carried.details == PriceDetails(expected="10.00", observed="12.00", currency="EUR")


def test_the_next_tick_judges_it_again(old_store: Database) -> None:
    """What was carried over is due at once, and ends as the claims of before say."""
    key = write_as_before(old_store)
    migrate(old_store)
    store = ClickHouseConsistencyStore(old_store)
    store.note([BOOK])
    writer = ConsistencyWriter(store, consistency_rules())
    [judged] = writer.apply([], hour(30))
    assert (judged.incident_id, judged.state) == (key, IncidentState.OPEN)
    writer.commit(8)
    writer.apply([claim("shop", "10.00", 40, book=BOOK)], hour(50))
    writer.commit(9)
    [resolved] = store.incidents_of([BOOK])[BOOK]
    assert (resolved.incident_id, resolved.state) == (key, IncidentState.RESOLVED)


@pytest.mark.parametrize("old_store", [BEFORE_AGES], indirect=True)
def test_what_was_open_for_ever_ends_at_the_next_tick(old_store: Database) -> None:
    """A single old receipt had opened it, and nothing made its book due again."""
    said = [
        claim("shop", "10.00", 0, book=BOOK),
        claim("app", "10.00", 0, book=BOOK),
        charged("app", "12.00", 30, book=BOOK),
    ]
    store = ClickHouseConsistencyStore(old_store)
    writer = ConsistencyWriter(store, consistency_rules())
    writer.apply(said, hour(40))
    writer.commit(7)
    write_offers(old_store, said)
    store.write_due({BOOK: None}, 8)
    assert store.due_books("default", hour(900)) == []
    assert BEFORE_AGES + 1 in [one.version for one in migrate(old_store)]
    again = ClickHouseConsistencyStore(old_store)
    again.note([BOOK])
    [ended] = ConsistencyWriter(again, consistency_rules()).apply([], hour(900))
    assert (ended.state, ended.resolved_at) == (IncidentState.RESOLVED, hour(102))
