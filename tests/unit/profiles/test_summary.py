"""One line per touchpoint: what happened, and nothing that says who."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.touchpoint import EVENT_TYPES
from services.profiles.core.summary import TELLERS, summarise


def line(type_name: str, body: dict[str, Any], channel: str = "shop", store: str = "") -> str:
    """The summary of an event."""
    event = {
        "event_id": "e1",
        "type": type_name,
        "occurred_at": "2026-01-01T00:00:00Z",
        "channel": channel,
        "source": {"store": store},
        "body": body,
    }
    return summarise(orjson.dumps(event), "EUR")


BASKET = [
    {"quantity": "12", "total": "24.00"},
    {"quantity": "0.734", "unit": "kg", "total": "7.20"},
    {"quantity": "12", "kind": "deposit", "total": "3.00"},
]


@pytest.mark.parametrize(
    ("type_name", "body", "expected"),
    [
        (
            "order.placed",
            {"order_id": "3119", "lines": BASKET},
            "bought 13 items for 34.20 EUR, order 3119",
        ),
        ("order.placed", {"order_id": "1", "receipt_kind": "void"}, "no sale (void): order 1"),
        ("order.cancelled", {"order_id": "A1"}, "cancelled order A1"),
        (
            "order.returned",
            {"order_id": "A1", "refund": "5", "currency": "CHF"},
            "returned goods for 5.00 CHF of order A1",
        ),
        ("order.returned", {"refund": "5"}, "returned goods for 5.00 EUR"),
        ("order.returned", {"order_id": "A1"}, "returned goods of order A1"),
        (
            "order.returned",
            {"order_id": "A1", "refund": "5"},
            "returned goods for 5.00 of order A1",
        ),
        (
            "order.cancelled",
            {"order_id": "A1", "lines": [{"total": "-3.00"}]},
            "cancelled 1 item for 3.00 of order A1",
        ),
        ("order.returned", {"refund": "1500", "currency": "JPY"}, "returned goods for 1500 JPY"),
        ("order.returned", {"refund": "1.5", "currency": "KWD"}, "returned goods for 1.500 KWD"),
        (
            "order.returned",
            {"lines": [{"quantity": "2", "unit": "kg", "total": "7.20"}], "refund": "5"},
            "returned 1 item for 7.20 EUR",
        ),
        ("order.status_changed", {"order_id": "A1", "status": "shipped"}, "order A1 is shipped"),
        (
            "product.viewed",
            {"offer": {"sku": "4711", "price": "1.99"}},
            "looked at product 4711 at 1.99 EUR",
        ),
        ("cart.updated", {}, "emptied the cart"),
        ("page.viewed", {}, "viewed a page"),
        ("identity.linked", {"reason": "card_presented"}, "identified by card presented"),
        ("email.opened", {"campaign": "K1"}, "e-mail opened of campaign K1"),
        ("email.clicked", {"automated": True}, "e-mail clicked by a program"),
        (
            "email.sent",
            {"purpose": "cart_reminder", "campaign": "K1"},
            "cart reminder e-mail sent for campaign K1",
        ),
        (
            "consent.given",
            {"double_opt_in": True},
            "consent given: marketing by email, waits for confirmation",
        ),
        ("objection.made", {}, "objected to marketing by every channel"),
        (
            "survey.answered",
            {"kind": "nps", "answers": [{"question": "q", "score": "9"}]},
            "answered a nps survey: 9",
        ),
        (
            "loyalty.changed",
            {"points_change": "-50", "points_balance": "120", "tier": "gold"},
            "loyalty account: -50 points, balance 120, tier gold",
        ),
    ],
)
def test_lines(type_name: str, body: dict[str, Any], expected: str) -> None:
    """The line of an event reads like a sentence."""
    assert line(type_name, body) == expected


@pytest.mark.parametrize(
    ("type_name", "body", "expected"),
    [
        ("order.placed", {"order_id": "1", "gross": "9.5"}, "bought goods for 9.50 EUR, order 1"),
        ("order.placed", {"order_id": "1"}, "bought goods, order 1"),
        (
            "order.placed",
            {"order_id": "1", "currency": "CHF", "lines": [{"quantity": "1", "total": "2"}]},
            "bought 1 item for 2.00 CHF, order 1",
        ),
        (
            "order.cancelled",
            {"order_id": "A1", "lines": BASKET[:1]},
            "cancelled 12 items for 24.00 of order A1",
        ),
        (
            "order.cancelled",
            {"order_id": "A1", "lines": BASKET[:1], "currency": "CHF"},
            "cancelled 12 items for 24.00 CHF of order A1",
        ),
        ("product.viewed", {"sku": "4711"}, "looked at product 4711"),
        ("product.viewed", {}, "looked at"),
        (
            "product.viewed",
            {"sku": "4711", "offer": {"sku": "4712", "price": "2", "currency": "CHF"}},
            "looked at product 4711 at 2.00 CHF",
        ),
        ("search.performed", {}, "searched"),
        ("search.performed", {"results": 0}, "searched, 0 results"),
        ("cart.updated", {"items": [{}, {}]}, "cart with 2 products"),
        (
            "cart.updated",
            {"items": [{}], "total": "7.2"},
            "cart with 1 products worth 7.20 EUR",
        ),
        (
            "cart.updated",
            {"items": [{}], "total": "7.2", "currency": "CHF"},
            "cart with 1 products worth 7.20 CHF",
        ),
        ("voucher.issued", {"code": "SECRET"}, "received a voucher"),
        ("voucher.issued", {"code": "S", "value": "5"}, "received a voucher of 5.00 EUR"),
        (
            "voucher.redeemed",
            {"code": "S", "value": "5", "currency": "CHF"},
            "redeemed a voucher of 5.00 CHF",
        ),
        ("email.opened", {}, "e-mail opened"),
        ("email.clicked", {"campaign": "K1"}, "e-mail clicked of campaign K1"),
        ("identity.linked", {}, "identified"),
        ("profile.updated", {"attributes": {}}, "profile updated"),
        (
            "profile.updated",
            {"attributes": {"last_name": "SECRET", "city": "SECRET"}},
            "profile updated: city, last_name",
        ),
        ("consent.given", {}, "consent given: marketing by email"),
        ("consent.withdrawn", {"double_opt_in": True}, "consent withdrawn: marketing by email"),
        ("objection.made", {"channel": "phone"}, "objected to marketing by phone"),
        ("loyalty.changed", {}, "loyalty account changed"),
        ("loyalty.changed", {"tier": "gold"}, "loyalty account: tier gold"),
        ("loyalty.changed", {"points_change": "5"}, "loyalty account: +5 points"),
        (
            "survey.answered",
            {"kind": "nps", "answers": [{"question": "q"}]},
            "answered a nps survey",
        ),
        (
            "survey.answered",
            {"kind": "nps", "answers": [{"question": q, "score": "9"} for q in "ab"]},
            "answered a nps survey: 9, 9",
        ),
        ("review.posted", {}, "reviewed the retailer"),
        (
            "review.posted",
            {"sku": "4711", "rating": "4"},
            "reviewed product 4711 with rating 4",
        ),
        ("support.contacted", {"case_id": "7"}, "asked service, case 7"),
        (
            "support.contacted",
            {"case_id": "7", "repeated": True},
            "asked service, case 7, explained again",
        ),
        ("support.answered", {"case_id": "7"}, "was answered by service, case 7"),
        ("message.sent", {"purpose": "marketing"}, "marketing shop message sent"),
        ("campaign.reached", {}, "reached by a campaign"),
        ("campaign.reached", {"campaign": "K1"}, "reached by campaign K1"),
        ("contract.started", {"contract_id": "S"}, "contract started"),
        ("contract.ended", {"contract_id": "S", "product": "P1"}, "contract ended for P1"),
        ("complaint.opened", {"case_id": "7"}, "complaint opened, case 7"),
        ("quote.sent", {"quote_id": "7"}, "quote 7 sent"),
        ("quote.sent", {"quote_id": "7", "amount": "5"}, "quote 7 sent over 5.00 EUR"),
        (
            "quote.sent",
            {"quote_id": "7", "amount": "5", "currency": "CHF"},
            "quote 7 sent over 5.00 CHF",
        ),
        (
            "opportunity.changed",
            {"opportunity_id": "S", "stage": "won"},
            "sales opportunity at stage won",
        ),
        ("message.exchanged", {"conversation_id": "7"}, "message from the customer"),
        (
            "message.exchanged",
            {"conversation_id": "7", "author": "bot", "handed_over": True},
            "message from the bot, handed over to a person",
        ),
        ("offer.published", {"sku": "4711"}, "offer of product 4711"),
        (
            "offer.published",
            {"gtin": "4006381333931", "price": "2", "currency": "CHF"},
            "offer of product 4006381333931 at 2.00 CHF",
        ),
    ],
)
def test_what_an_event_does_not_say_is_not_in_its_line(
    type_name: str, body: dict[str, Any], expected: str
) -> None:
    """Each part of a line appears with its value and only then; amounts in the event's currency."""
    assert line(type_name, body) == expected


def test_receipt_at_a_store() -> None:
    """A till's order is a receipt, and the store is named."""
    body = {"order_id": "3119", "lines": BASKET[:1]}
    told = line("order.placed", body, "pos", "367")
    assert told == "bought 12 items for 24.00 EUR, receipt 3119 at store 367"


@pytest.mark.parametrize(
    ("type_name", "body"),
    [
        ("profile.updated", {"attributes": {"city": "SECRET", "last_name": "SECRET"}}),
        ("search.performed", {"query": "SECRET", "results": 3}),
        ("support.contacted", {"case_id": "7", "subject": "SECRET", "text": "SECRET"}),
        ("message.exchanged", {"conversation_id": "7", "text": "SECRET"}),
        ("email.sent", {"purpose": "marketing", "address": "SECRET", "subject": "SECRET"}),
        ("email.clicked", {"address": "SECRET", "url": "SECRET"}),
        ("consent.given", {"address": "SECRET"}),
        ("review.posted", {"text": "SECRET", "rating": "4"}),
        ("page.viewed", {"url": "SECRET", "title": "SECRET"}),
    ],
)
def test_nothing_personal(type_name: str, body: dict[str, Any]) -> None:
    """What somebody wrote, searched or is called never stands in a line."""
    told = line(type_name, body)
    assert told
    assert "SECRET" not in told


def test_every_body_has_a_line() -> None:
    """No event type is left without a sentence of its own."""
    assert {row.body for row in EVENT_TYPES.values()} == set(TELLERS)


def test_codes_cannot_break_the_line() -> None:
    """A code with control signs or of great length stays one short line."""
    told = line("order.status_changed", {"order_id": "A\n\x1b[31m" + "9" * 90, "status": "paid"})
    assert told == f"order A  [31m{'9' * 32}… is paid"
    assert line("order.status_changed", {"order_id": "9" * 40, "status": "paid"}) == (
        f"order {'9' * 40} is paid"
    )
    assert line("order.status_changed", {"order_id": "9" * 41, "status": "paid"}) == (
        f"order {'9' * 39}… is paid"
    )


def test_unreadable_event() -> None:
    """An event that the contract no longer reads has an empty line."""
    assert summarise(b'{"type": "of.old"}', "EUR") == ""
