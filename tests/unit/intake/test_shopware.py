"""Shopware 6: promotions spread over goods, states of an order, and who signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from schemas.faults import Fault
from services.intake.format import Delivered, Refused
from services.intake.formats.shopware import is_signed, touchpoints
from services.intake.shopware.payload import NOT_TAKEN, OWN_CURRENCY, READERS, SHAPES

PAGE = Path(__file__).parents[3] / "docs/formats/shopware.md"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLACED = "2026-03-02T17:24:00.000+00:00"


def item(total: float, **more: Any) -> dict[str, Any]:
    """A line of an order."""
    return {"id": "l", "quantity": 1, "totalPrice": total, "payload": {}} | more


def order(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An order of an account."""
    return {
        "id": "0a1b", "orderNumber": "10012", "orderDateTime": PLACED, "createdAt": PLACED,
        "currency": {"isoCode": "EUR"}, "taxStatus": "gross", "lineItems": list(items),
        "orderCustomer": {"email": "anna@example.com", "customerNumber": "10001"}, **more,
    }  # fmt: skip


def read(payload: Any) -> list[dict[str, Any]]:
    """The touchpoints of a payload of which nothing is refused."""
    found = touchpoints(json.dumps(payload).encode())
    assert not isinstance(found, Fault), found
    assert not any(isinstance(one, Refused) for one in found), found
    return [json.loads(one) for one in found if isinstance(one, bytes)]


def test_promotions_are_spread_over_the_goods() -> None:
    """To the cent, with the code that gave them."""
    promotion = item(-10.0, payload={"code": "SPRING"})
    [found] = read(order(item(20.0), item(10.0), promotion))
    totals = [Decimal(one["total"]) for one in found["body"]["lines"]]
    assert totals == [Decimal("13.33"), Decimal("6.67")]
    assert found["body"]["lines"][0]["discounts"] == [
        {"kind": "coupon", "amount": "6.67", "code": "SPRING"}
    ]


def test_tax_is_added_to_prices_without_it() -> None:
    """And to no others."""
    line = item(10.0, price={"calculatedTaxes": [{"tax": 1.9}]})
    for status, expected in (("net", "11.90"), ("gross", "10.00")):
        [found] = read(order(line, taxStatus=status))
        assert Decimal(found["body"]["lines"][0]["total"]) == Decimal(expected)


def test_states_are_revisions_of_one_order() -> None:
    """The latest state counts; a cancellation keeps the time at which it was first shown."""
    [first] = read(order(item(20.0)))
    cancelled = {"technicalName": "cancelled"}
    early, late = (
        read(order(item(10.0), stateMachineState=cancelled, updatedAt=f"2026-03-0{day}T08:00:00Z"))
        for day in (3, 4)
    )
    assert first["event_id"] == early[0]["event_id"] == late[0]["event_id"]
    assert first.get("revision", 0) < early[0]["revision"] < late[0]["revision"]
    assert early[1]["type"] == late[1]["type"] == "order.cancelled"
    assert early[1]["revision"] > late[1]["revision"]


def test_a_guest_has_a_number_for_one_order() -> None:
    """It is proven for nobody."""
    buyer = {"customerNumber": "10002", "customer": {"guest": True}}
    [found] = read(order(item(1.0), orderCustomer=buyer))
    assert [one["type"] for one in found["identifiers"]] == ["guest_number", "order_number"]
    assert not any(one.get("verified") for one in found["identifiers"])


def test_prices_of_both_interfaces() -> None:
    """Calculated for everybody, or gross in the currency of the shop; in another one alone it is
    refused. An answer of either interface is a list of entities."""
    head = {"id": "p1", "productNumber": "4711", "taxId": "t", "updatedAt": PLACED}
    gross = [{"currencyId": "a1", "gross": 24.0}, {"currencyId": OWN_CURRENCY, "gross": 20.0}]
    calculated = {**head, "calculatedPrice": {"unitPrice": 20.0}}
    for payload in ({"total": 1, "data": [{**head, "price": gross}]}, {"elements": [calculated]}):
        [found] = read(payload)
        assert (found["type"], Decimal(found["body"]["price"])) == ("offer.published", Decimal(20))
    refused = touchpoints(json.dumps({**head, "price": gross[:1]}).encode())
    assert isinstance(refused, list)
    assert isinstance(refused[0], Refused)


def test_every_thing_is_read_or_refused_by_name() -> None:
    """Messages that name keys only are refused with the reason that the page has."""
    page = " ".join(PAGE.read_text("utf-8").split())
    assert {name for name, _ in SHAPES} == set(READERS)
    for name, reason in NOT_TAKEN.items():
        assert reason in page, name
        event = {"data": {"event": f"customer.{name}", "payload": [{"primaryKey": "c1"}]}}
        found = touchpoints(json.dumps(event).encode())
        assert not isinstance(found, Fault)
        assert isinstance(found[0], Refused)
        assert found[0].fault.message == reason


def test_only_the_secret_signs() -> None:
    """The right signature is taken; a wrong one, none, and one of another body are not."""
    content, secret = b'{"data": {}}', "a-secret-of-the-shop"
    right = hmac.digest(secret.encode(), content, hashlib.sha256).hex()
    header = "shopware-shop-signature"
    assert is_signed(Delivered(content, {header: right}, "", NOON), secret)
    assert not is_signed(Delivered(content, {header: right}, "", NOON), "another-secret")
    assert not is_signed(Delivered(content + b" ", {header: right}, "", NOON), secret)
    for wrong in ("", "no hex", right[:-2], "é"):
        assert not is_signed(Delivered(content, {header: wrong}, "", NOON), secret)
    assert not is_signed(Delivered(content, {}, "", NOON), secret)
