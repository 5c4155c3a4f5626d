"""Builds touchpoint events for tests: short to write, valid unless a test says otherwise."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import orjson

from schemas.claim import PRICE_MISMATCH, Book
from schemas.rules.identity import identity_rules
from schemas.subject import Subject
from services.ingest.core.event_processor import EventProcessor, IngestConfig, Realm
from services.runtime.settings import CHANNELS

RECEIVED_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = b"a secret of the tests"
_numbers = itertools.count(1)


def event(type_: str = "page.viewed", *, channel: str = "shop", **fields: Any) -> dict[str, Any]:
    """An event as a client would send it; keyword arguments replace or add fields."""
    base: dict[str, Any] = {
        "event_id": f"event-{next(_numbers)}",
        "occurred_at": "2026-11-20T10:00:00+01:00",
        "channel": channel,
        "type": type_,
        "identifiers": [identifier("cookie", "c-1")],
        "source": {"system": "webshop"},
    }
    return base | fields


def identifier(
    type_: str, value: str, *, issuer: str = "", verified: bool = False
) -> dict[str, Any]:
    """An identifier of an event."""
    return {"type": type_, "issuer": issuer, "value": value, "verified": verified}


def line(fields: dict[str, Any]) -> bytes:
    """The event as one JSON line."""
    return orjson.dumps(fields)


def order(order_id: str, *totals: str, **fields: Any) -> dict[str, Any]:
    """An order.placed event with one product line per total."""
    lines = [{"sku": f"sku-{n}", "total": total} for n, total in enumerate(totals)]
    body = {"order_id": order_id, "lines": lines} | fields.pop("body", {})
    return event("order.placed", body=body, **fields)


def config(**changes: Any) -> IngestConfig:
    """A configuration of the ingest core with packaged rules."""
    usual: dict[str, Any] = {
        "secret": SECRET,
        "rules": identity_rules(),
        "realms": {"default": Realm("DE", "EUR")},
        "channels": frozenset(CHANNELS),
        "time_floor": datetime(2000, 1, 1, tzinfo=UTC),
    }
    return IngestConfig(**(usual | changes))


def core(**changes: Any) -> EventProcessor:
    """An ingest core with packaged rules."""
    return EventProcessor(config(**changes))


def product_book(sku: str, realm: str = "default", market: str = "DE") -> Book:
    """The price book of a product."""
    return Book(realm, PRICE_MISMATCH, Subject.product(market, sku))
