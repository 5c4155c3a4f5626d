"""One valid example of every event type; the reference page prints them, tests validate them.

Together they form one story: Anna Berg views a coffee maker, buys it, has trouble, and gets an
answer. Times and numbers are invented; addresses use example.com, phone numbers a fictional range.
"""

from __future__ import annotations

from schemas.example_dialogue import DIALOGUE
from schemas.example_parts import (
    CARD,
    COOKIE,
    CRM,
    CUSTOMER,
    EMAIL,
    LINE,
    MAILER,
    OFFER,
    REACTION,
    SHOP,
    TILL,
    Json,
    event,
)
from schemas.touchpoint import EVENT_TYPES

_BROWSING = (
    event(
        "page.viewed",
        "04-02T09",
        "shop",
        SHOP,
        [COOKIE],
        {"url": "https://shop.example.com/kitchen", "title": "Kitchen"},
    ),
    event(
        "search.performed", "04-02T09", "shop", SHOP, [COOKIE], {"query": "coffee", "results": 8}
    ),
    event(
        "product.viewed",
        "04-02T09",
        "shop",
        SHOP,
        [COOKIE],
        {"sku": "CM-200", "title": "Coffee maker 200", "category": "kitchen", "offer": OFFER},
    ),
    event(
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
    event(
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
            "promised_at": "2026-04-04T18:00:00+02:00",
        },
    ),
    event(
        "order.status_changed",
        "04-04T11",
        "shop",
        SHOP,
        [],
        {"order_id": "O-2026-4711", "status": "ready_for_collection"},
    ),
    event(
        "order.cancelled",
        "04-04T12",
        "shop",
        SHOP,
        [CUSTOMER],
        {"order_id": "O-2026-4698", "reason": "ordered twice"},
    ),
    event(
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
    event(
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
    event(
        "voucher.redeemed",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER],
        {"code": "WELCOME5", "order_id": "O-2026-4711", "value": "5.00", "currency": "EUR"},
    ),
    event(
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
    event(
        "day.closed",
        "04-21T02",
        "shop",
        SHOP,
        [],
        {"date": "2026-04-20", "orders": 412, "gross": "31220.80", "currency": "EUR"},
    ),
)
_MESSAGES = (
    event(
        "message.sent",
        "04-04T11",
        "sms",
        SHOP,
        [CUSTOMER],
        {
            "purpose": "survey",
            "address": "+493023125014",
            "message_id": "s-204",
            "survey": "after-purchase",
            "wave": "2026-q2",
        },
    ),
    event(
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
    event("email.delivered", "04-01T08", "email", MAILER, [EMAIL], REACTION),
    event("email.opened", "04-01T19", "email", MAILER, [EMAIL], REACTION),
    event(
        "email.clicked",
        "04-01T19",
        "email",
        MAILER,
        [EMAIL | {"verified": True}, COOKIE],
        REACTION | {"url": "https://shop.example.com/kitchen", "single_use_token": True},
    ),
    event(
        "email.bounced",
        "04-01T08",
        "email",
        MAILER,
        [{"type": "email", "value": "anna.brg@example.com"}],
        REACTION | {"address": "anna.brg@example.com", "reason": "no such mailbox"},
    ),
    event(
        "email.complained",
        "04-05T07",
        "email",
        MAILER,
        [EMAIL],
        REACTION | {"reason": "reported as spam"},
    ),
    event("email.unsubscribed", "04-05T07", "email", MAILER, [EMAIL], REACTION),
    event(
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
            "cost": "18400.00",
            "currency": "EUR",
            "audience": "coffee-lovers",
            "purpose": "retention",
        },
    ),
    event(
        "campaign.reached",
        "04-01T21",
        "ads",
        {"system": "ad-server", "campaign": "spring-coffee"},
        [COOKIE],
        {"campaign": "spring-coffee", "title": "Spring banner"},
    ),
    event(
        "campaign.held_out",
        "03-31T09",
        "email",
        MAILER,
        [{"type": "email", "value": "ben.kurz@example.com"}],
        {"campaign": "spring-coffee"},
    ),
)
_MASTER_DATA = (
    event(
        "identity.linked",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER, COOKIE],
        {"reason": "login"},
    ),
    event(
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
    event(
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
    event(
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
    event(
        "consent.withdrawn",
        "05-02T10",
        "shop",
        SHOP,
        [CUSTOMER],
        {"purpose": "marketing", "channel": "email", "address": "anna.berg@example.com"},
    ),
    event(
        "objection.made",
        "05-02T10",
        "letter",
        CRM,
        [CUSTOMER],
        {"purpose": "marketing", "reason": "by letter of 28 April"},
    ),
    event(
        "loyalty.changed",
        "04-03T18",
        "pos",
        TILL,
        [CARD],
        {"programme": "plus", "points_balance": "1240", "points_change": "74", "tier": "silver"},
    ),
    event(
        "contract.started",
        "04-03T18",
        "shop",
        SHOP,
        [CUSTOMER],
        {
            "contract_id": "W-310",
            "product": "warranty-plus",
            "until": "2028-04-03T00:00:00+02:00",
            "kind": "warranty",
            "notice_until": "2028-03-03T00:00:00+02:00",
            "value_per_year": "24.00",
            "currency": "EUR",
        },
    ),
    event(
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
    event(
        "contract.ended",
        "07-01T10",
        "letter",
        CRM,
        [CUSTOMER],
        {"contract_id": "W-310", "product": "warranty-plus", "reason": "goods returned"},
    ),
    event(
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
_OFFERS = (
    event(
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
    event(
        "price_list.completed",
        "04-01T03",
        "shop",
        SHOP,
        [],
        {"price_list_id": "nightly", "price_list_edition": "2026-04-01", "offers": 41207},
    ),
)


_GROUPS = (
    event(
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
    event(
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
    event(
        "household.member_changed",
        "04-02T10",
        "shop",
        CRM,
        [CUSTOMER],
        {"household_id": "H-512", "issuer": "crm", "relation": "partner"},
    ),
)
_CUSTOM = (
    event(
        "custom.tracked",
        "04-02T09",
        "app",
        {"system": "app"},
        [CUSTOMER, COOKIE],
        {
            "name": "Recipe Saved",
            "properties": [
                {"name": "recipe", "value": "flat-white"},
                {"name": "collection.size", "value": "3"},
            ],
            "by_customer": True,
        },
    ),
)


def _by_type() -> dict[str, Json]:
    """The examples in the order of the table of event types."""
    every = (
        *_BROWSING,
        *_ORDERS,
        *_MESSAGES,
        *_MASTER_DATA,
        *DIALOGUE,
        *_OFFERS,
        *_GROUPS,
        *_CUSTOM,
    )
    found = {one["type"]: one for one in every}
    return {name: found[name] for name in EVENT_TYPES}


EXAMPLES = _by_type()
"""Example by event type."""
