"""One valid example of every event type; the reference page prints them, tests validate them.

Together they form one story: Anna Berg views a coffee maker, buys it, has trouble, and gets an
answer. Times and numbers are invented; addresses use example.com, phone numbers a fictional range.
"""

from __future__ import annotations

from typing import Any

from schemas.touchpoint import EVENT_TYPES

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
}
REACTION: Json = {
    "address": "anna.berg@example.com",
    "campaign": "spring-coffee",
    "message_id": "m-55120",
}


def _event(
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


_BROWSING = (
    _event(
        "page.viewed",
        "04-02T09",
        "shop",
        SHOP,
        [COOKIE],
        {"url": "https://shop.example.com/kitchen", "title": "Kitchen"},
    ),
    _event(
        "search.performed", "04-02T09", "shop", SHOP, [COOKIE], {"query": "coffee", "results": 8}
    ),
    _event(
        "product.viewed",
        "04-02T09",
        "shop",
        SHOP,
        [COOKIE],
        {"sku": "CM-200", "title": "Coffee maker 200", "category": "kitchen", "offer": OFFER},
    ),
    _event(
        "cart.updated",
        "04-02T10",
        "shop",
        SHOP,
        [COOKIE],
        {
            "cart_id": "cart-991",
            "items": [{"sku": "CM-200", "quantity": "1", "offer": OFFER}],
            "total": "79.90",
            "currency": "EUR",
        },
    ),
)
_ORDERS = (
    _event(
        "order.placed",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER, EMAIL, COOKIE],
        {
            "order_id": "O-2026-4711",
            "currency": "EUR",
            "lines": [LINE],
            "gross": "74.90",
            "fulfilment": "click_and_collect",
            "payment": "card",
            "vouchers": ["WELCOME5"],
        },
    ),
    _event(
        "order.status_changed",
        "04-04T11",
        "shop",
        SHOP,
        [],
        {"order_id": "O-2026-4711", "status": "ready_for_collection"},
    ),
    _event(
        "order.cancelled",
        "04-04T12",
        "shop",
        SHOP,
        [CUSTOMER],
        {"order_id": "O-2026-4698", "reason": "ordered twice"},
    ),
    _event(
        "order.returned",
        "04-20T16",
        "pos",
        TILL,
        [CARD],
        {
            "order_id": "O-2026-4711",
            "issuer": "shop",
            "return_id": "R-881",
            "currency": "EUR",
            "lines": [{"line_id": "1", "sku": "CM-200", "quantity": "1", "total": "74.90"}],
            "reason": "leaks",
        },
    ),
    _event(
        "voucher.issued",
        "04-01T08",
        "email",
        MAILER,
        [EMAIL],
        {
            "code": "WELCOME5",
            "value": "5.00",
            "currency": "EUR",
            "valid_to": "2026-06-30T23:59:59+02:00",
        },
    ),
    _event(
        "voucher.redeemed",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER],
        {"code": "WELCOME5", "order_id": "O-2026-4711", "value": "5.00", "currency": "EUR"},
    ),
    _event(
        "till.closed",
        "04-20T20",
        "pos",
        TILL,
        [],
        {
            "till": "3",
            "number": "1204",
            "receipts": 188,
            "gross": "6120.45",
            "currency": "EUR",
            "opened_at": "2026-04-20T07:55:00+02:00",
            "closed_at": "2026-04-20T20:00:00+02:00",
        },
    ),
    _event(
        "day.closed",
        "04-21T02",
        "shop",
        SHOP,
        [],
        {"date": "2026-04-20", "orders": 412, "gross": "31220.80", "currency": "EUR"},
    ),
)
_MESSAGES = (
    _event(
        "message.sent",
        "04-04T11",
        "sms",
        SHOP,
        [CUSTOMER],
        {"purpose": "transactional", "address": "+493023125014", "message_id": "s-204"},
    ),
    _event(
        "email.sent",
        "04-01T08",
        "email",
        MAILER,
        [EMAIL],
        {
            "purpose": "marketing",
            **REACTION,
            "subject": "Spring is coffee time",
        },
    ),
    _event("email.delivered", "04-01T08", "email", MAILER, [EMAIL], REACTION),
    _event("email.opened", "04-01T19", "email", MAILER, [EMAIL], REACTION),
    _event(
        "email.clicked",
        "04-01T19",
        "email",
        MAILER,
        [EMAIL | {"verified": True}, COOKIE],
        REACTION | {"url": "https://shop.example.com/kitchen", "single_use_token": True},
    ),
    _event(
        "email.bounced",
        "04-01T08",
        "email",
        MAILER,
        [{"type": "email", "value": "anna.brg@example.com"}],
        REACTION | {"address": "anna.brg@example.com", "reason": "no such mailbox"},
    ),
    _event(
        "email.complained",
        "04-05T07",
        "email",
        MAILER,
        [EMAIL],
        REACTION | {"reason": "reported as spam"},
    ),
    _event("email.unsubscribed", "04-05T07", "email", MAILER, [EMAIL], REACTION),
    _event(
        "campaign.published",
        "03-30T06",
        "print",
        {"system": "leaflets", "campaign": "spring-coffee"},
        [],
        {
            "campaign": "spring-coffee",
            "title": "Spring leaflet",
            "starts_at": "2026-04-01T00:00:00+02:00",
            "ends_at": "2026-04-15T00:00:00+02:00",
        },
    ),
    _event(
        "campaign.reached",
        "04-01T21",
        "ads",
        {"system": "ad-server", "campaign": "spring-coffee"},
        [COOKIE],
        {"campaign": "spring-coffee", "title": "Spring banner"},
    ),
)
_MASTER_DATA = (
    _event(
        "identity.linked",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER, COOKIE],
        {"reason": "login"},
    ),
    _event(
        "profile.updated",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER],
        {
            "attributes": {
                "first_name": "Anna",
                "last_name": "Berg",
                "city": "Berlin",
                "preference.channel": "email",
                "street": None,
            }
        },
    ),
    _event(
        "consent.given",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER, EMAIL],
        {
            "purpose": "marketing",
            "channel": "email",
            "address": "anna.berg@example.com",
            "text_version": "2026-01",
            "double_opt_in": True,
        },
    ),
    _event(
        "consent.confirmed",
        "04-03T19",
        "email",
        MAILER,
        [EMAIL | {"verified": True}],
        {
            "purpose": "marketing",
            "channel": "email",
            "address": "anna.berg@example.com",
            "text_version": "2026-01",
            "double_opt_in": True,
        },
    ),
    _event(
        "consent.withdrawn",
        "05-02T10",
        "shop",
        SHOP,
        [CUSTOMER],
        {"purpose": "marketing", "channel": "email", "address": "anna.berg@example.com"},
    ),
    _event(
        "objection.made",
        "05-02T10",
        "letter",
        CRM,
        [CUSTOMER],
        {"purpose": "marketing", "reason": "by letter of 28 April"},
    ),
    _event(
        "loyalty.changed",
        "04-03T18",
        "pos",
        TILL,
        [CARD],
        {"programme": "plus", "points_balance": "1240", "points_change": "74", "tier": "silver"},
    ),
    _event(
        "contract.started",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER],
        {
            "contract_id": "W-310",
            "product": "warranty-plus",
            "until": "2028-04-03T00:00:00+02:00",
        },
    ),
    _event(
        "contract.renewed",
        "06-01T10",
        "phone",
        CRM,
        [CUSTOMER],
        {
            "contract_id": "W-310",
            "product": "warranty-plus",
            "until": "2029-04-03T00:00:00+02:00",
        },
    ),
    _event(
        "contract.ended",
        "07-01T10",
        "letter",
        CRM,
        [CUSTOMER],
        {"contract_id": "W-310", "product": "warranty-plus", "reason": "goods returned"},
    ),
    _event(
        "store.published",
        "04-01T06",
        "shop",
        SHOP,
        [],
        {
            "store": "store-12",
            "name": "Berlin Mitte",
            "address": "Beispielstraße 1, 10117 Berlin",
            "phone": "+493023125000",
            "opening_hours": {"mon-fri": "09:00-20:00", "sat": "09:00-18:00"},
            "holiday_hours": {"2026-05-01": "closed"},
        },
    ),
)
_DIALOGUE = (
    _event(
        "survey.answered",
        "04-10T12",
        "email",
        MAILER,
        [EMAIL],
        {
            "survey": "after-purchase",
            "kind": "nps",
            "touchpoint": "order.placed",
            "answers": [{"question": "recommend", "score": "9", "text": "Fast collection"}],
        },
    ),
    _event(
        "review.posted",
        "04-12T12",
        "shop",
        SHOP,
        [CUSTOMER],
        {"sku": "CM-200", "rating": "4", "text": "Good coffee, a little loud."},
    ),
    _event("referral.made", "04-12T13", "app", {"system": "app"}, [CUSTOMER], {"code": "ANNA-7"}),
    _event(
        "support.contacted",
        "04-18T09",
        "phone",
        DESK,
        [PHONE, CUSTOMER],
        {"case_id": "C-5521", "subject": "Coffee maker leaks", "repeated": False},
    ),
    _event(
        "support.answered",
        "04-18T15",
        "email",
        DESK,
        [EMAIL],
        {"case_id": "C-5521", "subject": "Coffee maker leaks", "text": "Please return it."},
    ),
    _event(
        "complaint.opened",
        "04-18T09",
        "phone",
        DESK,
        [CUSTOMER],
        {"case_id": "C-5521", "subject": "Coffee maker leaks"},
    ),
    _event(
        "complaint.closed",
        "04-21T09",
        "phone",
        DESK,
        [CUSTOMER],
        {"case_id": "C-5521", "subject": "Coffee maker leaks", "outcome": "refunded"},
    ),
    _event(
        "message.exchanged",
        "04-18T08",
        "chat",
        {"system": "chatbot"},
        [COOKIE],
        {
            "conversation_id": "chat-81",
            "author": "bot",
            "handed_over": True,
            "text": "I will fetch a colleague.",
        },
    ),
    _event(
        "appointment.booked",
        "04-13T10",
        "app",
        {"system": "app", "store": "store-12"},
        [CUSTOMER],
        {
            "appointment_id": "A-77",
            "starts_at": "2026-04-15T17:00:00+02:00",
            "subject": "Coffee tasting",
        },
    ),
    _event(
        "quote.sent",
        "05-05T10",
        "email",
        CRM,
        [EMAIL],
        {
            "quote_id": "Q-19",
            "amount": "2390.00",
            "currency": "EUR",
            "valid_to": "2026-06-05T00:00:00+02:00",
        },
    ),
    _event(
        "opportunity.changed",
        "05-12T10",
        "field_sales",
        CRM,
        [CUSTOMER],
        {"opportunity_id": "OP-8", "stage": "offer", "amount": "2390.00", "currency": "EUR"},
    ),
)
_OFFERS = (
    _event(
        "offer.published",
        "03-31T22",
        "email",
        {"system": "mailer", "campaign": "spring-coffee"},
        [],
        OFFER
        | {
            "price": "69.90",
            "promotion": "spring",
            "sale_kind": "promotion",
            "valid_from": "2026-04-01T00:00:00+02:00",
            "valid_to": "2026-04-15T00:00:00+02:00",
        },
    ),
    _event(
        "price_list.completed",
        "04-01T03",
        "shop",
        SHOP,
        [],
        {"price_list_id": "nightly", "price_list_edition": "2026-04-01", "offers": 41207},
    ),
)


_GROUPS = (
    _event(
        "account.updated",
        "04-02T08",
        "field_sales",
        CRM,
        [],
        {
            "account_id": "K-2040",
            "issuer": "crm",
            "name": "Café Morgenrot GmbH",
            "industry": "I56.10",
            "vat_id": "DE123456789",
            "postal_code": "20095",
            "city": "Hamburg",
            "country": "DE",
        },
    ),
    _event(
        "account.contact_changed",
        "04-02T09",
        "field_sales",
        CRM,
        [CUSTOMER],
        {
            "account_id": "K-2040",
            "issuer": "crm",
            "roles": ["buyer", "decider"],
            "job_title": "Head of purchasing",
            "since": "2026-03-01T00:00:00+01:00",
        },
    ),
    _event(
        "household.member_changed",
        "04-02T10",
        "shop",
        CRM,
        [CUSTOMER],
        {"household_id": "H-512", "issuer": "crm", "relation": "partner"},
    ),
)


def _by_type() -> dict[str, Json]:
    """The examples in the order of the table of event types."""
    every = (*_BROWSING, *_ORDERS, *_MESSAGES, *_MASTER_DATA, *_DIALOGUE, *_OFFERS, *_GROUPS)
    found = {event["type"]: event for event in every}
    return {name: found[name] for name in EVENT_TYPES}


EXAMPLES = _by_type()
"""Example by event type."""
