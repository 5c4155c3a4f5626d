"""Events into `touchpoints` as somebody writes it who has the models and nothing else of ours.

An event is validated by pydantic and keyed by a plain hash of its first usable identifier; the
columns are those that can be read off the model, the same as those of the contestant on Kafka
Streams (bench/kafka-streams/Facts.java). There are no normalised identifiers, no secret, no edges,
no claims, no look-up of events already stored, no kept rejects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from typing import Any, NamedTuple
from uuid import UUID
from zlib import crc32

import clickhouse_connect
from pydantic import ValidationError

from schemas.events.browsing import CartUpdated, ProductViewed
from schemas.events.master_data import ProfileUpdated
from schemas.events.orders import (
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderReturned,
    OrderStatusChanged,
    ReceiptKind,
)
from schemas.offer import Offer
from schemas.touchpoint import (
    EVENT_BYTES_MAX,
    EVENT_TYPES,
    Identifier,
    Source,
    Touchpoint,
    TouchpointAdapter,
)
from services.runtime.settings import Settings

COLUMNS = (
    "realm", "node", "event_id", "version", "event_hash", "occurred_at", "corrected_at",
    "received_at", "channel", "type", "synthetic", "intake", "source_system", "source_store",
    "campaign", "anchor_type", "anchor_verified", "ids.type", "ids.node", "ids.verified",
    "order_action", "order_issuer", "order_id", "return_id", "order_counts", "order_currency",
    "order_value", "lines.sku", "lines.kind", "lines.category", "lines.quantity", "lines.total",
    "attrs.name", "attrs.value", "attrs.present", "offers.sku", "offers.market",
    "offers.location", "offers.basis", "offers.price", "offers.currency", "offers.quantity",
    "offers.terms", "payload",
)  # fmt: skip
FLOOR = datetime(2000, 1, 1, tzinfo=UTC)
TOLERANCE = timedelta(hours=24)
NOBODY = {"", "0", "null", "none", "undefined", "unknown", "guest", "anonymous", "n/a"}
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
ACTIONS = {
    "order.placed": "placed",
    "order.cancelled": "cancelled",
    "order.returned": "returned",
    "order.status_changed": "status",
}
NO_ORDER = ("", "", "", "", False, "", Decimal(0), (), (), (), (), ())
NO_ATTRIBUTES = ((), (), ())
NO_OFFERS = ((), (), (), (), (), (), (), ())
INSERT_SETTINGS = {
    "async_insert": 0, "wait_end_of_query": 1, "optimize_on_insert": 0, "insert_deduplicate": 0,
}  # fmt: skip
"""As the worker's (services/store/database.py): durable when acknowledged."""
Row = tuple[Any, ...]


class Known(NamedTuple):
    """An identifier as a node."""

    type: str
    node: UUID
    verified: bool


class PlainStore:
    """Inserts rows over HTTP, one block each time."""

    def __init__(self, settings: Settings) -> None:
        self._client = clickhouse_connect.get_client(
            dsn=settings.clickhouse_url,
            database=settings.clickhouse_database,
            settings=INSERT_SETTINGS,
            autogenerate_session_id=False,
        )

    def insert(self, rows: Sequence[Row]) -> None:
        """Durable when it returns. Raises ClickHouseError."""
        if rows:
            self._client.insert("touchpoints", rows, column_names=COLUMNS)


def row_of(value: bytes, timestamp_ms: int) -> Row | None:
    """The row of a record; None if it is no event that may be stored."""
    if len(value) > EVENT_BYTES_MAX:
        return None
    try:
        event = TouchpointAdapter.validate_json(value)
    except ValidationError:
        return None
    received_at = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    identifiers = [_known(one) for one in event.identifiers if _names_somebody(one)]
    is_wanted = identifiers or EVENT_TYPES[event.type].anonymous
    if not is_wanted or not FLOOR <= event.occurred_at <= received_at + TOLERANCE:
        return None
    return _row(event, identifiers, value, received_at)


def _row(event: Touchpoint, identifiers: list[Known], value: bytes, received_at: datetime) -> Row:
    record = Known("record", _key("record", "", event.event_id), False)
    anchor = identifiers[0] if identifiers else record
    source = event.source
    event_hash = int.from_bytes(md5(event.event_id.encode()).digest()[:8])
    return (
        event.realm, anchor.node, event.event_id, event.revision << 32 | crc32(value), event_hash,
        event.occurred_at, event.occurred_at, received_at, event.channel, event.type,
        source.synthetic, "server", source.system, source.store, source.campaign, anchor.type,
        anchor.verified, [one.type for one in identifiers], [one.node for one in identifiers],
        [one.verified for one in identifiers], *_order(event), *_attributes(event.body),
        *_offers(event), value,
    )  # fmt: skip


def _known(one: Identifier) -> Known:
    return Known(one.type, _key(one.type, one.issuer, one.value.strip()), one.verified)


def _names_somebody(one: Identifier) -> bool:
    value = one.value.strip()
    is_readable = one.type != "email" or ADDRESS.fullmatch(value) is not None
    return is_readable and value.lower() not in NOBODY


def _key(type_name: str, issuer: str, value: str) -> UUID:
    return UUID(bytes=md5(f"{type_name}\x1f{issuer}\x1f{value}".encode()).digest())


def _order(event: Touchpoint) -> Row:
    body, action = event.body, ACTIONS.get(event.type)
    if action is None:
        return NO_ORDER
    issuer = body.issuer or _till(event.source)
    if isinstance(body, OrderStatusChanged):
        return (action, issuer, body.order_id, *NO_ORDER[3:])
    lines: list[OrderLine] = body.lines
    value = sum((line.total for line in lines), Decimal(0))
    counts, return_id = True, ""
    if isinstance(body, OrderPlaced):
        counts = body.receipt_kind is ReceiptKind.SALE
        value = value if body.gross is None else body.gross
    elif isinstance(body, OrderReturned):
        return_id = body.return_id or event.event_id
    else:
        assert isinstance(body, OrderCancelled)
    return (
        action, issuer, body.order_id, return_id, counts, body.currency or "EUR", value,
        [line.sku for line in lines], [line.kind for line in lines],
        [line.category for line in lines], [line.quantity for line in lines],
        [line.total for line in lines],
    )  # fmt: skip


def _till(source: Source) -> str:
    return f"{source.system}/{source.store}/{source.till}" if source.till else ""


def _attributes(body: Any) -> Row:
    if not isinstance(body, ProfileUpdated):
        return NO_ATTRIBUTES
    given = body.attributes
    values = given.values()
    return (
        list(given),
        [value or "" for value in values],
        [value is not None for value in values],
    )


def _offers(event: Touchpoint) -> Row:
    """One offer for each price that the event names: a published or shown one, or those charged."""
    body, store = event.body, event.source.store
    if isinstance(body, OrderPlaced):
        lines = [line for line in body.lines if line.unit_price is not None]
        currency = body.currency or "EUR"
        return (
            [line.sku for line in lines], [line.market or "DE" for line in lines],
            [store] * len(lines), ["charged"] * len(lines), [line.unit_price for line in lines],
            [currency] * len(lines), [line.quantity for line in lines], [""] * len(lines),
        )  # fmt: skip
    named: list[Offer | None] = []
    if isinstance(body, CartUpdated):
        named = [item.offer for item in body.items]
    elif isinstance(body, Offer):
        named = [body]
    elif isinstance(body, ProductViewed):
        named = [body.offer]
    offers = [one for one in named if one is not None and one.price is not None]
    if not offers:
        return NO_OFFERS
    basis, count = ("published" if isinstance(body, Offer) else "displayed"), len(offers)
    return (
        [one.sku for one in offers], [one.market or "DE" for one in offers],
        [one.location or store for one in offers], [basis] * count,
        [one.price for one in offers], [one.currency or "EUR" for one in offers],
        [Decimal(0)] * count, [""] * count,
    )  # fmt: skip
