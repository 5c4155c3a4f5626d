"""Claims as the books read them: those of the body that counts, of every event, and no others."""

from __future__ import annotations

import random
from typing import Any

import pytest

from schemas.claim import Book, PriceClaim
from schemas.subject import Subject, SubjectType
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from services.store.database import Database
from tests.events import RECEIVED_AT, core, event, identifier, line

pytestmark = pytest.mark.any_store
SKUS, STORES = ("A", "B", "C"), ("S1", "S2")
# By definition: the arrays of the newest body of each event, under whichever anchor it is.
PRICES_SQL = """
SELECT event_id, ordinal - 1, version, sku, price FROM
    (SELECT * FROM touchpoints FINAL ORDER BY version DESC LIMIT 1 BY realm, event_id)
ARRAY JOIN offers.sku AS sku, offers.price AS price, arrayEnumerate(offers.sku) AS ordinal
"""
STATEMENTS_SQL = """
SELECT event_id, ordinal - 1, version, kind, subject, body FROM
    (SELECT * FROM touchpoints FINAL ORDER BY version DESC LIMIT 1 BY realm, event_id)
ARRAY JOIN claims.kind AS kind, claims.subject AS subject, claims.body AS body,
    arrayEnumerateUniq(claims.kind) AS ordinal
WHERE kind = 'store_data_mismatch'
"""


def any_event(rng: random.Random) -> dict[str, Any]:
    """An event of few ids, in one of several bodies, that names products or a store."""
    number = rng.randrange(12)
    fields: dict[str, Any] = {
        "event_id": f"e-{number}",
        "revision": rng.choice((0, 0, 1, 2, 3)),
        "identifiers": [identifier("cookie", f"c-{number if rng.random() < 0.95 else 'other'}")],
    }
    skus = rng.sample(SKUS, rng.randint(0, 3))
    price = rng.choice(("8.00", "10.00"))
    lines = [{"sku": sku, "unit_price": price, "total": price} for sku in skus]
    if number < 6:
        body: dict[str, Any] = {"order_id": f"o-{number}", "lines": lines}
        return event("order.placed", channel="pos", body=body, **fields)
    if number < 9:
        items = [{"sku": sku, "offer": {"sku": sku, "price": price}} for sku in skus]
        return event("cart.updated", body={"items": items}, **fields)
    address = rng.choice(("Hauptstr. 5", ""))
    body = {"store": rng.choice(STORES), "address": address, "phone": "030 901820"}
    return event("store.published", body=body, **fields | {"identifiers": []})


@pytest.mark.parametrize("seed", range(2))
def test_claims_are_those_of_the_newest_bodies(database: Database, seed: int) -> None:
    """Corrections lose, move and regain claims in any order of arrival; parts merge or do not."""
    rng = random.Random(seed)
    stage = IngestStage(core(), ClickHouseFactStore(database))
    for batch in range(1, 4):
        raw = [line(any_event(rng)) for _ in range(12)]
        stage.store(stage.decode([Line(one, len(one)) for one in raw], RECEIVED_AT), batch)
        stage.acknowledge(batch, RECEIVED_AT)
        if rng.random() < 0.3:
            for table in ("price_claims", "statements", "offers", "claims"):
                database.command(f"OPTIMIZE TABLE {table} FINAL")
        require_definition(database)


def require_definition(database: Database) -> None:
    """The claims of all books are those that the facts make by definition."""
    products = [Book("default", "price_mismatch", Subject.product("DE", sku)) for sku in SKUS]
    stores = [
        Book("default", "store_data_mismatch", Subject(SubjectType.STORE, one)) for one in STORES
    ]
    store = ClickHouseConsistencyStore(database)
    store.note([*products, *stores])
    found = store.claims_of([*products, *stores])
    prices = {
        (one.event_id, one.ordinal, one.version, book.subject.parts[1], one.price)
        for book in products
        for one in found.get(book, ())
        if isinstance(one, PriceClaim)
    }
    assert prices == set(database.rows(PRICES_SQL))
    said = {
        (one.event_id, one.ordinal, one.version, book.subject.key)
        for book in stores
        for one in found.get(book, ())
    }
    assert said == {(row[0], row[1], row[2], row[4]) for row in database.rows(STATEMENTS_SQL)}
