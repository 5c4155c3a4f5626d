"""Orders of Shopify in the store: whatever comes first and how often, one exact profile."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

from schemas.faults import Fault
from schemas.identifiers import node_id
from schemas.profile import Profile
from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.intake.formats.shopify import touchpoints
from services.profiles.adapters.clickhouse import ProfileReader
from services.profiles.adapters.order_history import OrderHistoryReader
from services.runtime.settings import RealmSettings
from services.store.database import Database
from tests.events import RECEIVED_AT, SECRET
from tests.pipelines import ingested

REALMS = {"default": RealmSettings()}
CUSTOMER: dict[str, Any] = {"id": 7001, "email": "anna@example.com", "verified_email": True}
COFFEE: dict[str, Any] = {"id": 101, "sku": "4711", "price": "27.50", "quantity": 1,
                          "discount_allocations": [{"amount": "2.50"}]}  # fmt: skip
FILTERS: dict[str, Any] = {"id": 102, "sku": "4712", "price": "3.10", "quantity": 3}
MUG: dict[str, Any] = {"id": 103, "sku": "4713", "price": "12.00", "quantity": 1}


def order(minute: int, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A state of an order, so many minutes after it was placed."""
    return {
        "id": 5001, "test": False, "created_at": "2026-11-02T18:00:00+01:00", "currency": "EUR",
        "updated_at": f"2026-11-02T18:{minute:02}:00+01:00", "taxes_included": True,
        "financial_status": "paid", "source_name": "web", "customer": CUSTOMER,
        "line_items": items, "shipping_lines": [{"title": "Parcel", "price": "4.50"}], **more,
    }  # fmt: skip


def refund(number: int, item: dict[str, Any], kind: str) -> dict[str, Any]:
    """One piece that was given back, with its price."""
    payment = {"kind": "refund", "status": "success", "amount": item["price"], "currency": "EUR"}
    piece = {"line_item_id": item["id"], "quantity": 1, "restock_type": kind, "line_item": item,
             "subtotal": item["price"], "total_tax": "0.49"}  # fmt: skip
    return {"id": number, "order_id": 5001, "created_at": "2026-11-02T18:40:00+01:00",
            "refund_line_items": [piece], "transactions": [payment]}  # fmt: skip


CANCELLED, RETURNED = refund(9001, FILTERS, "cancel"), refund(9002, MUG, "return")
WITHDRAWN = refund(9003, MUG, "no_restock") | {"order_id": 5003}
STATES: list[dict[str, Any]] = [
    RETURNED,
    order(0, COFFEE, FILTERS, financial_status="pending"),
    order(10, COFFEE, FILTERS, MUG),
    order(41, COFFEE, FILTERS, MUG, refunds=[CANCELLED, RETURNED]),
    CANCELLED,
    {**order(5, MUG, id=5002), "source_name": "pos", "location_id": 12, "customer": CUSTOMER},
    {**order(5, MUG, id=5003), "cancelled_at": "2026-11-02T18:20:00+01:00", "refunds": [WITHDRAWN]},
    WITHDRAWN,
    order(5, MUG, id=5004, test=True),
]
"""A refund before its order, an edit that adds a mug, a piece that was never sent, a receipt of a
till, an order that was cancelled without its goods going back on the shelf, the refund of it, and
one that was placed for a test."""


def sent(*payloads: dict[str, Any]) -> list[bytes]:
    """Their touchpoints."""
    found: list[bytes] = []
    for payload in payloads:
        taken = touchpoints(json.dumps(payload).encode())
        assert not isinstance(taken, Fault)
        found += [one for one in taken if isinstance(one, bytes)]
    return found


def reader_of(database: Database) -> ProfileReader:
    """Reads profiles."""
    return ProfileReader(database, REALMS, profile_rules(), identity_rules(), lambda: RECEIVED_AT)


def profile(database: Database) -> Profile:
    """The customer as the store has her."""
    node = node_id(SECRET, "default", "customer_number", "shopify", "7001")
    return reader_of(database).profile("default", node)


def items(database: Database) -> dict[str, list[tuple[str, int]]]:
    """What she ordered, by order."""
    reader = OrderHistoryReader(database, REALMS, reader_of(database).settled)
    orders, _ = reader.page("default", profile(database).profile_id.int, 50, None)
    return {
        one.order_id: [(line.sku, int(line.quantity)) for line in one.lines if line.sku]
        for one in orders
    }


def test_states_in_any_order_end_in_one_exact_profile(database: Database) -> None:
    """25.00 for coffee, two of three filters, a mug; a second mug at the till; one mug came back.
    Postage is no revenue, and neither the test nor the cancelled order counts."""
    random.seed(5)
    ingested(database, sent(STATES[0], WITHDRAWN))
    ingested(database, sent(*random.sample(STATES, len(STATES))))
    ingested(database, sent(*random.choices(STATES, k=20)))
    found = profile(database)
    assert found.orders == 2
    assert found.revenue == Decimal("25.00") + 2 * Decimal("3.10") + 2 * Decimal("12.00")
    assert (found.returns, found.returned) == (1, Decimal("12.00"))
    assert found.cancellations == 1
    assert not found.other_currencies
    assert items(database) == {
        "5001": [("4711", 1), ("4712", 3), ("4713", 1)],
        "5002": [("4713", 1)],
        "5003": [("4713", 1)],
    }
    assert database.rows("SELECT count() FROM id_conflicts") == [(0,)]
