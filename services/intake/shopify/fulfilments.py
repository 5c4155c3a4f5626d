"""What is on its way: fulfilments of an order, and what their carriers report."""

from __future__ import annotations

from collections.abc import Iterator

from services.intake.fields import Fields
from services.intake.shopify.parties import SYSTEM, line, numbered
from services.intake.shops.message import Json, ShopMessage, earlier, moment

PREPARED, SHIPPED = "shipment_prepared", "shipped"
STATES = {
    "success": SHIPPED, "cancelled": "shipment_cancelled", "error": "shipment_failed",
    "failure": "shipment_failed",
}  # fmt: skip
"""Of a fulfilment. What is pending or open is not sent yet."""
REPORTS = {"ready_for_pickup": "ready_for_collection", "picked_up": "collected"}
"""Of a carrier, as the measures of promises name them; all others keep their name."""


def fulfilment(message: ShopMessage) -> Iterator[bytes]:
    """A fulfilment that is sent by itself."""
    return shipped(message.fields)


def shipped(fields: Fields) -> Iterator[bytes]:
    """One state of a fulfilment. It says the same by itself and within its order, but for the
    address, which it does not need."""
    number, order_id = fields.required("id"), fields.required("order_id")
    status = STATES.get(fields.text("status"), PREPARED)
    created_at = moment(fields, "created_at")
    is_later = status not in (PREPARED, SHIPPED)
    at = fields.time("updated_at") or created_at if is_later else created_at
    first = earlier(created_at, at) if is_later else 0
    yield _changed(f"fulfilment-{number}-{status}", at, order_id, status, first)


def reported(message: ShopMessage) -> Iterator[bytes]:
    """What happened to a parcel, as its carrier reports it."""
    fields = message.fields
    number, order_id = fields.required("id"), fields.required("order_id")
    status = fields.required("status")
    at = moment(fields, "happened_at", "created_at")
    yield _changed(f"parcel-{number}", at, order_id, REPORTS.get(status, status))


def _changed(event_id: str, at: str, order_id: str, status: str, revision: int = 0) -> bytes:
    body: Json = {"order_id": order_id, "issuer": SYSTEM, "status": status}
    named = numbered(order_id)
    return line("order.status_changed", event_id, at, body, [named], None, revision)
