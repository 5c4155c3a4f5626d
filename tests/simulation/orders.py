"""Stored facts as reports of orders."""

from __future__ import annotations

from schemas.instants import from_ms
from services.consistency.core.cancelled_orders import ReportedOrder
from services.ingest.core.decode import decode
from services.ingest.core.outcome import Accepted, Reject
from services.ingest.ports import OrderName


def name_of_order(event: Accepted) -> OrderName:
    """The order that an event reports."""
    return event.realm, event.row["order_issuer"], event.row["order_id"]


def report_of(event: Accepted) -> ReportedOrder | None:
    """The event as a report of an order; None if it is none, or a test journey."""
    decoded = decode(event.row["payload"])
    if isinstance(decoded, Reject) or event.row["synthetic"]:
        return None
    report = ReportedOrder.of(decoded[0], from_ms(event.occurred_ms), event.row["order_issuer"])
    return report and report._replace(event_id=event.event_id)
