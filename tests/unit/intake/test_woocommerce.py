"""WooCommerce: states of an order, amounts with their tax, sites that count for themselves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.faults import Fault
from services.intake.format import Delivered, Refused
from services.intake.formats.woocommerce import is_signed, touchpoints, with_topic
from services.intake.woocommerce.payload import NOT_TAKEN, READERS, SHAPES

PAGE = Path(__file__).parents[3] / "docs/formats/woocommerce.md"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINKS = {"self": [{"href": "https://coffee.example.com/wp-json/wc/v3/orders/12"}]}
ITEM: dict[str, Any] = {
    "id": 1, "product_id": 71, "variation_id": 0, "sku": "4711", "quantity": 3,
    "subtotal": "10.00", "subtotal_tax": "1.90", "total": "8.00", "total_tax": "1.52",
}  # fmt: skip
ORDER: dict[str, Any] = {
    "id": 12, "status": "processing", "currency": "EUR", "date_created_gmt": "2026-03-02T17:24:00",
    "date_modified_gmt": "2026-03-02T17:24:00", "customer_id": 7, "line_items": [ITEM],
    "billing": {"email": "anna@example.com"}, "coupon_lines": [{"code": "spring"}],
    "_links": LINKS,
}  # fmt: skip


def read(payload: Any) -> list[dict[str, Any]]:
    """The touchpoints of a payload of which nothing is refused."""
    found = touchpoints(json.dumps(payload).encode())
    assert not isinstance(found, Fault), found
    assert not any(isinstance(one, Refused) for one in found), found
    return [json.loads(one) for one in found if isinstance(one, bytes)]


def of_type(payload: Any, type_name: str) -> Any:
    """The one touchpoint of this type."""
    [found] = [one for one in read(payload) if one["type"] == type_name]
    return found


def test_amounts_are_those_with_tax() -> None:
    """To the cent; a price that three pieces do not make up exactly is not stated."""
    [line] = of_type(ORDER, "order.placed")["body"]["lines"]
    assert (line["total"], "unit_price" in line) == ("9.52", False)
    assert line["discounts"] == [{"kind": "coupon", "amount": "2.38", "code": "spring"}]
    even = ORDER | {"line_items": [ITEM | {"quantity": 2}]}
    assert of_type(even, "order.placed")["body"]["lines"][0]["unit_price"] == "5.95"


def test_states_are_revisions_of_one_order() -> None:
    """The same state is the same event; a later one counts, and its first refund is kept."""
    assert read({"topic": "order.updated", "payload": ORDER}) == read([ORDER]) == read(ORDER)
    refund = {"refunds": [{"id": 99, "total": "-3.00", "reason": ""}]}
    first, later = (
        ORDER | refund | {"date_modified_gmt": f"2026-03-0{day}T10:00:00"} for day in (5, 9)
    )
    [old, new] = (of_type(one, "order.placed") for one in (ORDER, later))
    assert old["event_id"] == new["event_id"]
    assert new["revision"] > old.get("revision", 0)
    early, late = (of_type(one, "order.returned") for one in (first, later))
    assert early["event_id"] == late["event_id"]
    assert early["revision"] > late["revision"]
    assert Decimal(early["body"]["refund"]) == 3


def test_what_is_not_paid_is_no_sale_yet() -> None:
    """It becomes one by its next state; a cancelled order was one."""
    for status, kind in (("pending", "aborted"), ("failed", "aborted"), ("on-hold", None)):
        found = of_type(ORDER | {"status": status}, "order.placed")
        assert found["body"].get("receipt_kind") == kind, status
    gone = of_type(ORDER | {"status": "cancelled"}, "order.cancelled")
    assert gone["body"] == {"order_id": "12", "issuer": "coffee.example.com"}


def test_each_site_counts_for_itself() -> None:
    """Order 12 of two sites is two orders, and customer 7 two customers."""
    other = {"self": [{"href": "https://tea.example.com/wp-json/wc/v3/orders/12"}]}
    here, there = (of_type(ORDER | {"_links": one}, "order.placed") for one in (LINKS, other))
    assert here["event_id"] != there["event_id"]
    assert here["identifiers"][0]["issuer"] == "coffee.example.com"
    assert there["identifiers"][0]["issuer"] == there["body"]["issuer"] == "tea.example.com"
    long = {"self": [{"href": f"https://{'a' * 60}.example.com/"}]}
    assert len(of_type(ORDER | {"_links": long}, "order.placed")["identifiers"][0]["issuer"]) <= 64


def test_a_guest_has_no_number() -> None:
    """Customer 0 is nobody; the address of the bill is only stated."""
    found = of_type(ORDER | {"customer_id": 0}, "order.placed")["identifiers"]
    assert [one["type"] for one in found] == ["email", "order_number"]
    assert not any(one.get("verified") for one in found)


def test_a_reduced_price_names_the_former_one() -> None:
    """Only while it is reduced."""
    product = {"id": 1, "sku": "4711", "price": "19.90", "regular_price": "23.80", "on_sale": True,
               "stock_status": "instock", "date_modified_gmt": "2026-03-01T07:00:00"}  # fmt: skip
    reduced = of_type(product, "offer.published")["body"]
    assert (reduced["former_price"], reduced["sale_kind"]) == ("23.80", "promotion")
    usual = of_type(product | {"on_sale": False}, "offer.published")["body"]
    assert "former_price" not in usual
    draft = of_type(product | {"status": "draft"}, "offer.published")["body"]
    assert draft["availability"] == "discontinued"


def test_a_refused_account_is_named_by_its_number() -> None:
    """Whether its bytes may be kept is decided by the number with its site, and the address."""
    account = {"id": 7, "is_paying_customer": True, "email": "anna@example.com", "_links": LINKS}
    found = touchpoints(json.dumps(account).encode())
    assert not isinstance(found, Fault)
    [one] = found
    assert isinstance(one, Refused)
    assert one.fault.path == "date_modified_gmt"
    named = {(who["value"], who.get("issuer", "")) for who in json.loads(one.named)["identifiers"]}
    assert named == {("7", "coffee.example.com"), ("anna@example.com", "")}


def test_every_thing_is_read_or_refused_by_name() -> None:
    """No shape leads nowhere, and the page has each reason."""
    page = " ".join(PAGE.read_text("utf-8").split())
    assert not {name for name, _ in SHAPES} - set(READERS) - set(NOT_TAKEN)
    for name, reason in NOT_TAKEN.items():
        assert f"`{name}`" in page, name
        assert reason in page, name
        found = touchpoints(json.dumps({"topic": name, "payload": {"id": 1}}).encode())
        assert not isinstance(found, Fault)
        assert isinstance(found[0], Refused)
        assert found[0].fault.message == reason


@pytest.mark.parametrize("wrong", ["", "no base64", "é"])
def test_only_the_secret_signs(wrong: str) -> None:
    """The right signature is taken; a wrong one, none, and one of another body are not."""
    content, secret = b'{"id": 1}', "a-secret-of-the-webhook"
    right = base64.b64encode(hmac.digest(secret.encode(), content, hashlib.sha256)).decode()
    headers = {"x-wc-webhook-signature": right}
    assert is_signed(Delivered(content, headers, "", NOON), secret)
    assert not is_signed(Delivered(content, headers, "", NOON), "another-secret")
    assert not is_signed(Delivered(content + b" ", headers, "", NOON), secret)
    assert not is_signed(Delivered(content, {"x-wc-webhook-signature": wrong}, "", NOON), secret)
    assert not is_signed(Delivered(content, {}, "", NOON), secret)


def test_headers_name_topic_and_site() -> None:
    """A body without links has the site of the webhook."""
    headers = {"x-wc-webhook-topic": "customer.deleted",
               "x-wc-webhook-source": "https://coffee.example.com/"}  # fmt: skip
    [found] = read(json.loads(with_topic(Delivered(b'{"id": 7}', headers, "", NOON))))
    assert found["identifiers"][0]["issuer"] == "coffee.example.com"
    assert found["occurred_at"] == "2026-03-02T12:00:00.000Z"


def test_of_a_cancelled_order_nothing_came_back() -> None:
    """What a state before showed as a return, the cancelled order corrects, whichever comes
    first."""
    refund = {"refunds": [{"id": 99, "total": "-3.00", "reason": ""}]}
    shown = ORDER | refund | {"date_modified_gmt": "2026-03-05T10:00:00"}
    gone = shown | {"status": "cancelled", "date_modified_gmt": "2026-03-09T10:00:00"}
    before = of_type(shown, "order.returned")
    assert "order.returned" not in {one["type"] for one in read(gone)}
    [after] = [one for one in read(gone) if one["event_id"] == before["event_id"]]
    assert after["body"]["status"] == "refunded"
    assert after["revision"] > before["revision"]
    later = read(gone | {"date_modified_gmt": "2026-03-10T10:00:00"})
    [again] = [one for one in later if one["event_id"] == before["event_id"]]
    assert before["revision"] < again["revision"] < after["revision"]


def test_an_odd_refund_is_refused_alone() -> None:
    """The order stands; labels that are too long are cut."""
    state = ORDER | {"refunds": [{"id": 99}], "coupon_lines": [{"code": "c" * 120}]}
    found = touchpoints(json.dumps(state).encode())
    assert not isinstance(found, Fault)
    placed, refusal = found
    assert isinstance(placed, bytes)
    assert json.loads(placed)["body"]["vouchers"] == ["c" * 100]
    assert isinstance(refusal, Refused)
    assert refusal.fault.path == "refunds.0.total"


def test_a_topic_is_believed_only_as_far_as_the_body_agrees() -> None:
    """Headers are not signed: a signed state of an account cannot be sent again as its end."""
    account = {"id": 7, "is_paying_customer": True, "email": "anna@example.com",
               "date_created_gmt": "2026-03-02T17:24:00", "_links": LINKS}  # fmt: skip
    for topic, content in (
        ("customer.deleted", account), ("customer.deleted", {"id": 7, "email": "a@example.com"}),
        ("customer.updated", ORDER), ("product.updated", account),
    ):  # fmt: skip
        found = touchpoints(json.dumps({"topic": topic, "payload": content}).encode())
        assert not isinstance(found, Fault)
        [one] = found
        assert isinstance(one, Refused)
        assert one.fault.path == "topic"
