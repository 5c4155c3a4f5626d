"""What is compared, from the store: counts, reasons and one product, however small the slices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.api.actions import kafka_sink
from services.api.operation import plain
from services.api.queries.coverage import CONSISTENCY_COVERAGE, CoverageRequest
from services.api.read_store import access_to
from services.consistency.adapters.stored_books import StoredBooks
from services.consistency.coverage import PriceCoverage
from services.consistency.kinds import KINDS
from services.consistency.rules import consistency_rules
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.events import SECRET, event, line
from tests.pipelines import ingested

pytestmark = pytest.mark.any_store
REALM = "default"
NOW = datetime(2026, 3, 10, tzinfo=UTC)


def offer(sku: str, channel: str, price: str = "10.00", day: int = 9, **fields: Any) -> bytes:
    """A published price."""
    body = {"sku": sku, "price": price, "currency": "EUR", **fields}
    at = f"2026-03-{day:02}T06:00:00Z"
    return line(
        event("offer.published", channel=channel, identifiers=[], occurred_at=at, body=body)
    )


def receipt(number: str, sku: str, store: str, day: int = 9, **fields: Any) -> bytes:
    """A line of a till's receipt."""
    at = f"2026-03-{day:02}T16:00:00Z"
    body = {
        "order_id": number,
        "receipt_kind": "sale",
        "currency": "EUR",
        "lines": [{"sku": sku, "quantity": 1, "unit_price": "10.00", "total": "10.00"}],
    }
    return line(
        event(
            "order.placed",
            channel="pos",
            event_id=f"r-{number}",
            identifiers=[],
            source={"system": "till", "store": store},
            occurred_at=at,
            body=body,
            **fields,
        )
    )


LINES = [
    *(offer("both", channel) for channel in ("shop", "app")),
    offer("alone", "shop"),
    offer("business", "shop"),
    offer("business", "app", tax_mode="net"),
    offer("abroad", "shop"),
    offer("abroad", "app", market="AT"),
    offer("gone", "shop", day=7),
    offer("gone", "app"),
    offer("gone", "shop", availability="discontinued"),
    receipt("1", "till-only", "12", day=8),
    receipt("2", "till-only", "12"),
    receipt("3", "till-only", "13"),
    receipt("4", "long-ago", "12", day=2),
]
EXPECTED = {
    ("app", "", None): 1,
    ("shop", "", None): 1,
    ("shop", "", "alone"): 1,
    ("app", "", "alone"): 1,
    ("app", "", "tax_mode"): 1,
    ("shop", "", "tax_mode"): 1,
    ("app", "", "market"): 1,
    ("shop", "", "market"): 1,
    ("shop", "", "withdrawn"): 1,
    ("pos", "12", "alone"): 1,
    ("pos", "13", "alone"): 1,
    ("pos", "12", "seen_long_ago"): 1,
}


@pytest.fixture
def stored(database: Database) -> Database:
    """A store with a price of each sort."""
    ingested(database, LINES, NOW)
    return database


def asked(database: Database, **arguments: Any) -> list[dict[str, Any]]:
    """The rows of the operation, without those of progress."""
    settings = load_settings(identity_secret=SECRET.decode())
    access = access_to(settings, database, kafka_sink(settings))
    request = CoverageRequest(realm=REALM, **arguments)
    rows = [plain(row) for row in CONSISTENCY_COVERAGE.run(access, request)]
    return [row for row in rows if row["row"] != "progress"]


def counted(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str | None], int]:
    """Offers by channel, place and reason."""
    found = {
        (row["channel"], row["location"], row["reason"]): row["offers"]
        for row in rows
        if row["row"] == "count"
    }
    assert len(found) == sum(row["row"] == "count" for row in rows)
    return found


def test_every_offer_is_counted_once_with_its_reason(stored: Database) -> None:
    """Those of articles that are in no book that is judged, too, by their latest receipt."""
    *rows, summary = asked(stored)
    assert counted(rows) == EXPECTED
    numbers = [summary[name] for name in ("offers", "offers_compared", "products_compared")]
    assert numbers == [10, 2, 1]
    assert summary["products"] == 7  # two markets of one article are two products
    [sample] = next(row for row in rows if row["reason"] == "withdrawn")["samples"]
    assert sample == {"market": "DE", "sku": "gone"}


def test_slices_and_chunks_leave_nothing_out(stored: Database) -> None:
    """However small they are; both markets of an article stay together."""
    coverage = PriceCoverage(StoredBooks(stored, KINDS, 2, 1), REALM, consistency_rules())
    assert all(chunk.articles == 1 for chunk in coverage.run())
    found = {
        (cell.channel, cell.place.label, cell.reason): count.offers
        for cell, count in coverage.tally.cells.items()
    }
    assert found == EXPECTED


def test_only_of_a_channel_or_a_place(stored: Database) -> None:
    """What others say still counts for the reason."""
    *rows, summary = asked(stored, channel="app")
    assert counted(rows) == {key: n for key, n in EXPECTED.items() if key[0] == "app"}
    assert (summary["offers"], summary["offers_compared"]) == (4, 1)
    *rows, _ = asked(stored, location="13")
    assert counted(rows) == {("pos", "13", "alone"): 1}


def test_one_product_with_the_reason_of_each_pair(stored: Database) -> None:
    """Compared, not compared, withdrawn, in another market, and an unknown one."""
    shop, app = (row for row in asked(stored, sku="both") if row["row"] == "offer")
    assert [shop["channel"], app["channel"]] == ["app", "shop"]
    assert shop["compared_with"] == [{"channel": "shop", "location": ""}]
    assert [pair["reason"] for pair in shop["pairs"]] == [None]

    app, shop = (row for row in asked(stored, sku="gone") if row["row"] == "offer")
    assert (app["reason"], shop["reason"], shop["is_in_force"]) == ("alone", "withdrawn", False)
    assert [pair["reason"] for pair in app["pairs"]] == ["withdrawn"]

    net, gross = (row for row in asked(stored, sku="business") if row["row"] == "offer")
    assert (net["terms"], gross["terms"]) == ({"tax_mode": "net"}, {})
    abroad = [row for row in asked(stored, sku="abroad") if row["row"] == "offer"]
    assert [(row["market"], row["reason"]) for row in abroad] == [
        ("AT", "market"),
        ("DE", "market"),
    ]
    [summary] = asked(stored, sku="nobody's")
    assert (summary["products"], summary["offers"]) == (0, 0)


def test_a_corrected_receipt_counts_as_corrected(stored: Database) -> None:
    """Of an article that only the tills know: its former body says nothing any more."""
    corrected = receipt("3", "other", "13", revision=2)
    ingested(stored, [corrected], NOW)
    *rows, _ = asked(stored, location="13")
    assert [row["samples"] for row in rows] == [[{"market": "DE", "sku": "other"}]]


def test_a_store_without_ticks(database: Database) -> None:
    """Nothing was judged, so nothing is looked at."""
    [summary] = asked(database)
    assert (summary["as_of"], summary["products"]) == (None, 0)
