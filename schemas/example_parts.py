"""Whom and what the examples of events speak of, and their envelope."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

COOKIE: Json = {"type": "cookie", "issuer": "shop", "value": "c-7f3a91d2"}
CUSTOMER: Json = {
    "type": "customer_number",
    "issuer": "shop",
    "value": "100482",
    "verified": True,
}
EMAIL: Json = {"type": "email", "value": "anna.berg@example.com"}
CARD: Json = {"type": "loyalty_card", "issuer": "shop", "value": "2200417733", "verified": True}
PHONE: Json = {"type": "phone", "value": "+49 30 23125 014"}
SHOP: Json = {"system": "webshop"}
TILL: Json = {"system": "till-backend", "store": "store-12", "till": "3"}
MAILER: Json = {"system": "mailer", "campaign": "spring-coffee"}
DESK: Json = {"system": "helpdesk", "agent": "agent-27"}
CRM: Json = {"system": "crm"}
OFFER: Json = {
    "sku": "CM-200",
    "price": "79.90",
    "currency": "EUR",
    "title": "Coffee maker 200",
    "availability": "in_stock",
}
LINE: Json = {
    "line_id": "1",
    "sku": "CM-200",
    "title": "Coffee maker 200",
    "category": "kitchen",
    "quantity": "1",
    "unit_price": "79.90",
    "discounts": [{"kind": "coupon", "code": "WELCOME5", "amount": "5.00"}],
    "total": "74.90",
    "tax_rate": "0.19",
    "cost": "41.20",
    "margin": "21.74",
}
REACTION: Json = {
    "address": "anna.berg@example.com",
    "campaign": "spring-coffee",
    "message_id": "m-55120",
}


def event(
    name: str,
    when: str,
    channel: str,
    source: Json,
    identifiers: list[Json],
    body: Json,
) -> Json:
    """An event at `when` (month-day and hour of 2026, in Berlin)."""
    return {
        "event_id": f"{source['system']}-{name}-1",
        "occurred_at": f"2026-{when}:00:00+02:00",
        "channel": channel,
        "type": name,
        "identifiers": identifiers,
        "source": source,
        "body": body,
    }
