"""A price under an article number and a GTIN, on the real engine: however the events come."""

from __future__ import annotations

import random
from typing import Any

import pytest

from schemas.offer import Basis
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.adapters.reader import IncidentReader
from services.consistency.adapters.stored_books import StoredBooks
from services.consistency.coverage import CoverageFilter, PriceCoverage
from services.consistency.rules import consistency_rules
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import event, product_book
from tests.integration.test_cancelled_orders import END, cancelled, receipt, send, told
from tests.unit.consistency.market import claim

Json = dict[str, Any]
GTIN, ZERO, OTHER = "4006381333931", "04006381333931", "4006381333948"
FIRST = "2026-11-01T10:00:00Z"


def offer(name: str, channel: str, price: str, at: str = FIRST, **body: Any) -> Json:
    """A published price; it names nobody."""
    return event(
        "offer.published",
        event_id=name,
        channel=channel,
        body={"price": price, **body},
        occurred_at=at,
        identifiers=[],
        source={"system": channel},
    )


def sold(price: str, **numbers: str) -> Json:
    """A line of a receipt."""
    return {"unit_price": price, "total": price, **numbers}


LIST = offer("list", "shop", "10.00", sku="A", gtin=GTIN)
TILL = receipt("1", sold("32.41", gtin=ZERO))
BOTH = receipt("2", sold("32.41", sku="A", gtin=GTIN), at="10:20")
MARKET = offer("market", "app", "10.00", gtin=GTIN)
DISPLAY = offer("display", "shop", "120.00", sku="D", gtin=GTIN)
WORLDS = {
    "the till knows the GTIN only": [LIST, TILL, *END],
    "one till knows both": [LIST, TILL, BOTH, *END],
    "the market agrees": [LIST, TILL, BOTH, MARKET, *END],
    "a display": [LIST, TILL, BOTH, MARKET, DISPLAY, *END],
    "a cancelled receipt": [LIST, MARKET, BOTH, cancelled("2", sold("32.41", sku="A")), *END],
    "a display that was none": [
        LIST,
        TILL,
        DISPLAY,
        DISPLAY | {"revision": 1, "body": {"price": "120.00", "sku": "D", "gtin": OTHER}},
        *END,
    ],
}
TOLD: dict[str, dict[str, tuple[int, int, str]]] = {
    "the till knows the GTIN only": {f"price_mismatch {GTIN}": (1, 1, "22.41")},
    "one till knows both": {
        f"price_mismatch {GTIN}": (2, 2, "44.82"),
        "price_mismatch A": (1, 1, "22.41"),
    },
    "the market agrees": {
        f"price_mismatch {GTIN}": (2, 2, "44.82"),
        "price_mismatch A": (1, 1, "22.41"),
    },
    "a display": {
        f"price_mismatch {GTIN}": (1, 1, "22.41"),
        "price_mismatch A": (1, 1, "22.41"),
    },
    "a cancelled receipt": {},
    "a display that was none": {f"price_mismatch {GTIN}": (1, 1, "22.41")},
}


def found(database: Database, *batches: list[Json]) -> tuple[Any, list[Json]]:
    """What is told after these batches, briefly and in full."""
    send(database, *batches)
    reader = IncidentReader(database, consistency_rules(), lambda _realm, _nodes: {})
    return told(database), [one.model_dump() for one in reader.listed("default")]


def replayed(database: Database) -> list[str]:
    """What is told when all books of prices are read and judged again."""
    source, rules = StoredBooks(database), consistency_rules()
    incidents: list[str] = []
    for chunk in source.chunks("default", ["price_mismatch"]):
        for name in chunk.books:
            book = rules.kinds.judge(name, rules.by_kind)
            book.add(chunk.claims[name])
            tick = source.latest_tick("default")
            assert tick is not None
            book.advance(tick)
            incidents += [f"{one.kind} {one.about.parts[1]}" for one in book.incidents().values()]
    return sorted(incidents)


@pytest.mark.parametrize("name", WORLDS)
def test_it_makes_no_difference_how_they_come(database: Database, name: str) -> None:
    """In one go, in four parts, backwards and twice; judged alike when all is read again."""
    events = WORLDS[name]
    at_once = found(database, events)
    assert at_once[0] == TOLD[name]
    assert replayed(database) == sorted(at_once[0])
    shuffled = random.Random(name).sample(events, len(events))
    for parts in (
        [[one] for one in reversed(events)],
        [shuffled[n::4] for n in range(4)],
        [events, events],
    ):
        empty_tables(database)
        assert found(database, *parts) == at_once


def test_which_books_are_compared_is_read_as_it_was_heard(database: Database) -> None:
    """After a restart a book with guests only is none yet; its second channel is known."""
    body = {"sku": "B", "offer": {"sku": "B", "gtin": OTHER, "price": "1.00"}}
    view = event("product.viewed", event_id="view", channel="kiosk", occurred_at=FIRST, body=body)
    send(database, [LIST, view])
    store = ClickHouseConsistencyStore(database)
    books = [product_book(GTIN), product_book(OTHER)]
    for book, channel, is_compared in (
        (books[0], "pos", True),  # a published guest
        (books[1], "pos", True),  # another channel
        (books[1], "kiosk", False),  # the same channel
    ):
        shown = claim(channel, "9", 1, book=book, basis=Basis.CHARGED)
        compared = store.comparable_books()
        assert compared.filter([shown._replace(with_sku="A")]) == []
        if channel == "kiosk":
            compared = store.comparable_books()
        assert bool(compared.filter([shown])) is is_compared


def test_each_offer_is_covered_once(database: Database) -> None:
    """Guests are no offers of their own; the till's own are, and are compared with them."""
    send(database, [LIST, TILL, MARKET, *END])
    run = PriceCoverage(StoredBooks(database), "default", consistency_rules())
    assert sum(one.articles for one in run.run()) == 2
    assert run.tally.products == 2
    compared = {
        cell.channel: cell.reason for cell, count in run.tally.cells.items() if count.offers
    }
    assert set(compared) == {"shop", "app", "pos"}
    assert compared["app"] is None


def test_an_offer_that_is_compared_by_its_gtin_is_covered(database: Database) -> None:
    """The list is alone under its article number; the app knows the GTIN, and not the other one."""
    send(database, [LIST, MARKET, offer("lone", "shop", "1.00", sku="B", gtin=OTHER), *END])
    for sku, reasons in (("", {None, "alone"}), ("A", {None}), ("B", {"alone"}), (GTIN, {None})):
        asked = CoverageFilter(sku=sku)
        run = PriceCoverage(StoredBooks(database), "default", consistency_rules(), asked)
        chunks = list(run.run())
        assert {cell.reason for cell, count in run.tally.cells.items() if count.offers} == reasons
        if sku == "A":
            [shown] = chunks[0].offers
            assert [channel for channel, _ in shown.compared_with] == ["app"]
