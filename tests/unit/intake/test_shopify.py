"""Shopify: states of an order, refunds before and after it, money, persons, and who signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.format import Delivered, Refused
from services.intake.formats.shopify import FORMAT, is_signed, touchpoints, with_topic
from services.intake.shopify.payload import NOT_TAKEN, READERS, SHAPES

EXAMPLES = Path(__file__).parents[2] / "contract/formats/shopify"
PAGE = Path(__file__).parents[3] / "docs/formats/shopify.md"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CREATED = "2026-03-02T18:24:00+01:00"
ITEM: dict[str, Any] = {
    "id": 101, "sku": "4711", "title": "Espresso", "price": "20.00", "quantity": 2,
    "discount_allocations": [], "tax_lines": [{"price": "7.60"}],
}  # fmt: skip
ORDER: dict[str, Any] = {
    "id": 5001, "test": False, "created_at": CREATED, "updated_at": CREATED, "currency": "EUR",
    "taxes_included": True, "financial_status": "pending", "source_name": "web",
    "customer": {"id": 7001, "email": "anna@example.com", "verified_email": True},
    "line_items": [ITEM],
}  # fmt: skip


def read(payload: Any) -> list[dict[str, Any]]:
    """The touchpoints of a payload of which nothing is refused."""
    found = touchpoints(json.dumps(payload).encode())
    assert not isinstance(found, Fault), found
    return [
        json.loads(one) for one in found if not isinstance(one, Refused) or pytest.fail(str(one))
    ]


def refused(payload: Any) -> Refused:
    """What is refused of a payload of one message."""
    found = touchpoints(json.dumps(payload).encode())
    assert not isinstance(found, Fault), found
    [one] = found
    assert isinstance(one, Refused)
    return one


def body(payload: Any, type_name: str) -> Any:
    """The body of the one touchpoint of this type."""
    [found] = [one["body"] for one in read(payload) if one["type"] == type_name]
    return found


def total(lines: list[dict[str, str]]) -> Decimal:
    """What lines cost together."""
    return sum((Decimal(one["total"]) for one in lines), Decimal(0))


def given_back(*items: dict[str, Any], paid: str | None, **more: Any) -> dict[str, Any]:
    """A refund of the order with this money."""
    payment = {"kind": "refund", "status": "success", "amount": paid, "currency": "EUR"}
    return {
        "id": 9001, "order_id": 5001, "created_at": "2026-03-09T11:00:00+01:00",
        "refund_line_items": list(items), "transactions": [payment] if paid else [], **more,
    }  # fmt: skip


def back(kind: str = "return", quantity: int = 1, **more: Any) -> dict[str, Any]:
    """Pieces of the item that came back."""
    stated = {"subtotal": 20.0 * quantity, "total_tax": 3.8 * quantity}
    return {
        "line_item_id": 101, "quantity": quantity, "restock_type": kind, "line_item": ITEM,
        **stated, **more,
    }  # fmt: skip


def test_the_same_state_twice_is_one_event() -> None:
    """By webhook or file, created or updated: one id, one revision, one content."""
    first = read(ORDER)
    for again in (
        {"order": ORDER},
        {"topic": "orders/create", "webhook_id": "a", "payload": ORDER},
        {"topic": "orders/updated", "webhook_id": "b", "payload": ORDER},
    ):
        assert read(again) == first


def test_another_state_is_a_revision() -> None:
    """An edited order has the id of its first state and a higher revision, whichever came first."""
    more = {**ITEM, "id": 102, "sku": "4712"}
    edit = {"line_items": [ITEM, more], "updated_at": "2026-03-02T18:25:30+01:00"}
    [before], [after] = read(ORDER), read(ORDER | edit)
    assert before["event_id"] == after["event_id"] == "shopify-order-5001"
    assert (before.get("revision", 0), after["revision"]) == (0, 90)
    assert total(after["body"]["lines"]) == 2 * total(before["body"]["lines"]) == 80


def test_what_many_states_repeat_happened_first() -> None:
    """Of states that say that the order is paid the earliest has the highest revision."""
    late = {"financial_status": "paid", "updated_at": "2026-04-02T18:24:00+01:00"}
    early = late | {"updated_at": "2026-03-02T18:30:00+01:00"}
    [first], [last] = ([one for one in read(ORDER | more) if one["body"].get("status")]
                       for more in (early, late))  # fmt: skip
    assert first["event_id"] == last["event_id"]
    assert first["revision"] > last["revision"]


def test_amounts_are_exact() -> None:
    """Prices with and without tax, discounts of lines and codes: to the cent."""
    assert total(body(ORDER, "order.placed")["lines"]) == Decimal("40.00")
    net = body(ORDER | {"taxes_included": False}, "order.placed")
    assert (net["tax_mode"], total(net["lines"])) == ("net", Decimal("47.60"))
    less = {**ITEM, "discount_allocations": [{"amount": "3.33", "discount_application_index": 0}]}
    cause = {"type": "discount_code", "code": "SPRING"}
    reduced = body(ORDER | {"line_items": [less], "discount_applications": [cause]}, "order.placed")
    assert reduced["lines"][0]["discounts"] == [
        {"kind": "coupon", "amount": "3.33", "code": "SPRING"}
    ]
    assert total(reduced["lines"]) == Decimal("36.67")


def test_what_holds_for_a_whole_old_order_is_spread() -> None:
    """Orders of old versions state discount and tax for the whole: the lines bear both exactly."""
    plain = {name: one for name, one in ITEM.items() if "_" not in name}
    lines = [plain, {**plain, "id": 102, "price": "10.00", "quantity": 1}]
    old = {"line_items": lines, "total_discounts": "10.00", "total_tax": "4.00",
           "taxes_included": False}  # fmt: skip
    found = body(ORDER | old, "order.placed")["lines"]
    assert [one["total"] for one in found] == ["35.20", "8.80"]
    assert total(found) == 50 - 10 + 4


def test_shop_money_counts() -> None:
    """What the customer saw in dollars is neither the price nor added to it."""
    sets = {"shop_money": {"amount": "20.00", "currency_code": "EUR"},
            "presentment_money": {"amount": "22.00", "currency_code": "USD"}}  # fmt: skip
    found = body(
        ORDER | {"presentment_currency": "USD", "line_items": [{**ITEM, "price_set": sets}]},
        "order.placed",
    )
    assert (found["currency"], total(found["lines"])) == ("EUR", Decimal(40))


def test_a_refund_in_the_money_of_the_customer_is_stated_in_that_of_the_shop() -> None:
    """22 dollars were paid back for goods of 20 euros: the goods are worth 20 euros."""
    sets = {"shop_money": {"amount": "20.00", "currency_code": "EUR"},
            "presentment_money": {"amount": "22.00", "currency_code": "USD"}}  # fmt: skip
    taxes = {"presentment_money": {"amount": "4.18", "currency_code": "USD"}}
    item = back(subtotal_set=sets, total_tax_set=taxes)
    payment = {"kind": "refund", "status": "success", "amount": "22.00", "currency": "USD"}
    found = body(given_back(item, paid=None, transactions=[payment]), "order.returned")
    assert (found["currency"], found["lines"][0]["total"]) == ("EUR", "20.00")


def test_a_refund_says_the_same_alone_and_within_its_order() -> None:
    """It may come before its order; the return is one event either way."""
    refund = given_back(back(), paid="20.00")
    alone = read(refund)
    assert [one["type"] for one in alone] == ["order.returned"]
    assert total(alone[0]["body"]["lines"]) == 20
    within = read(ORDER | {"refunds": [refund]})
    assert [one for one in within if one["event_id"] == alone[0]["event_id"]] == alone


def test_prices_without_tax_come_back_with_it() -> None:
    """The money shows whether the tax was on top."""
    assert total(body(given_back(back(), paid="23.80"), "order.returned")["lines"]) == Decimal(
        "23.80"
    )


def test_less_money_than_the_goods_is_the_money() -> None:
    """A fee was kept: what was given back counts, and the goods are not guessed."""
    found = body(given_back(back(), paid="15.00"), "order.returned")
    assert (found["refund"], "lines" in found) == ("15.00", False)


def test_goods_that_were_not_sent_are_taken_off() -> None:
    """A cancelled piece reduces the order, with tax where the order has it; it never came back."""
    refund = given_back(back("cancel"), paid="23.80")
    [alone] = read(refund)
    assert (alone["type"], alone["body"]["status"]) == ("order.status_changed", "lines_cancelled")
    state = ORDER | {"taxes_included": False, "refunds": [refund]}
    assert total(body(state, "order.cancelled")["lines"]) == Decimal("23.80")
    assert "order.returned" not in {one["type"] for one in read(state)}


def test_an_edit_takes_goods_off_without_money() -> None:
    """Such a refund has no payment; the one that pays for it later takes nothing off again."""
    edit = given_back(back("no_restock"), paid=None)
    assert total(body(ORDER | {"refunds": [edit]}, "order.cancelled")["lines"]) == 20
    adjusted = [{"kind": "refund_discrepancy", "reason": "Pending refund discrepancy"}]
    [paid] = read(given_back(paid="20.00", order_adjustments=adjusted))
    assert (paid["type"], paid["body"]["status"]) == ("order.status_changed", "refunded")


def test_postage_given_back_is_no_return() -> None:
    """Nor is it taken for one of goods that are given back with it."""
    adjusted = [{"kind": "shipping_refund", "amount": "-4.50", "tax_amount": "0.00"}]
    [alone] = read(given_back(paid="4.50", order_adjustments=adjusted))
    assert alone["body"]["status"] == "refunded"
    both = given_back(back(), paid="24.50", order_adjustments=adjusted)
    assert total(body(both, "order.returned")["lines"]) == 20


def test_a_cancelled_order_is_cancelled_as_a_whole() -> None:
    """When, why and by whom it was bought."""
    state = {"cancelled_at": "2026-03-03T08:00:00+01:00", "cancel_reason": "customer"}
    [found] = [one for one in read(ORDER | state) if one["type"] == "order.cancelled"]
    assert found["occurred_at"] == "2026-03-03T08:00:00+01:00"
    assert found["body"] == {"order_id": "5001", "issuer": "shopify", "reason": "customer"}


def test_a_till_is_a_store() -> None:
    """An order of Shopify POS is a receipt of its location; nobody is made up for it."""
    [found] = read(
        ORDER | {"source_name": "pos", "location_id": 12, "device_id": 3, "customer": None}
    )
    assert (found["channel"], found["identifiers"]) == ("pos", [])
    assert found["source"] == {"system": "shopify", "store": "12", "till": "3"}
    assert found["body"]["issuer"] == "shopify"


def test_a_test_order_is_refused() -> None:
    """With the reason, and with whom it names, so that its bytes may be kept only if they may."""
    found = refused(ORDER | {"test": True})
    assert (found.fault.path, found.fault.reason) == ("test", RejectReason.INVALID_FIELD)
    named = json.loads(found.named)["identifiers"]
    assert {one["value"] for one in named} == {"7001", "anna@example.com"}
    assert {one.get("issuer", "") for one in named} == {"shopify", ""}


def test_bytes_that_name_more_people_than_are_looked_up_are_not_kept() -> None:
    """Nobody could check whether they may be."""
    many = [{"email": f"person-{number}@example.com"} for number in range(21)]
    found = refused(ORDER | {"test": True, "contacts": many})
    assert (found.content, found.named) == (b"", b"")


def test_only_a_confirmed_address_is_proven() -> None:
    """The number is Shopify's own; the address of an order is what somebody typed."""
    [found] = read(ORDER | {"email": "office@example.com"})
    proven = {one["value"]: one.get("verified", False) for one in found["identifiers"]}
    assert proven == {
        "7001": True, "anna@example.com": True, "office@example.com": False, "5001": False,
    }  # fmt: skip
    unconfirmed = ORDER["customer"] | {"verified_email": False}
    [stated] = read(ORDER | {"customer": unconfirmed})
    assert not stated["identifiers"][1].get("verified")


def test_a_consent_counts_from_its_own_time() -> None:
    """A customer who is sent again later agrees to nothing again."""
    agreed = {"state": "subscribed", "opt_in_level": "single_opt_in",
              "consent_updated_at": "2026-02-01T12:00:00Z"}  # fmt: skip
    customer = ORDER["customer"] | {"created_at": "2026-01-01T08:00:00Z",
                                    "email_marketing_consent": agreed}  # fmt: skip
    states = [customer | {"updated_at": f"2026-03-0{day}T12:00:00Z"} for day in (1, 2)]
    first, second = (
        [one for one in read({"customer": state}) if one["type"] == "consent.given"]
        for state in states
    )
    assert first == second
    assert first[0]["occurred_at"] == "2026-02-01T12:00:00Z"
    timeless = customer | {"email_marketing_consent": agreed | {"consent_updated_at": None}}
    [since] = [one for one in read({"customer": timeless}) if one["type"] == "consent.given"]
    assert since["occurred_at"] == "2026-01-01T08:00:00Z"


@pytest.mark.parametrize(
    ("state", "level", "expected"),
    [
        ("subscribed", "single_opt_in", "consent.given"),
        ("subscribed", "confirmed_opt_in", "consent.confirmed"),
        ("pending", "confirmed_opt_in", "consent.given"),
        ("unsubscribed", "confirmed_opt_in", "consent.withdrawn"),
        ("not_subscribed", "single_opt_in", None),
        ("redacted", "unknown", None),
        ("invalid", "unknown", None),
    ],
)
def test_states_of_consent(state: str, level: str, expected: str | None) -> None:
    """Only what somebody agreed to or refuses is one."""
    agreed = {"state": state, "opt_in_level": level, "consent_updated_at": "2026-02-01T12:00:00Z"}
    customer = ORDER["customer"] | {"updated_at": CREATED, "email_marketing_consent": agreed}
    found = [one["type"] for one in read({"customer": customer}) if "consent" in one["type"]]
    assert found == ([expected] if expected else [])


def test_a_no_that_never_was_a_yes_is_none() -> None:
    """Of old versions, which know no states."""
    customer = ORDER["customer"] | {"created_at": CREATED, "accepts_marketing": False}
    for at, expected in ((None, 1), (CREATED, 1), ("2026-03-05T00:00:00Z", 2)):
        found = read({"customer": customer | {"accepts_marketing_updated_at": at}})
        assert len(found) == expected, at


def test_a_cart_meets_its_order() -> None:
    """By the token that its browser holds, before anybody is known."""
    cart = {"token": "c-1", "updated_at": CREATED, "line_items": [ITEM]}
    [found] = read({"topic": "carts/update", "payload": cart})
    [session] = found["identifiers"]
    assert session == {"type": "session", "value": "c-1", "issuer": "shopify"}
    [bought] = read(ORDER | {"cart_token": "c-1"})
    assert session in bought["identifiers"]
    assert "offer" not in found["body"]["items"][0]  # nobody said in which currency


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "in_stock"),
        ({"inventory_quantity": 0}, "out_of_stock"),
        ({"inventory_quantity": -2, "inventory_policy": "continue"}, "in_stock"),
        ({"inventory_quantity": 0, "inventory_management": None}, "in_stock"),
    ],
)
def test_what_can_be_bought(more: dict[str, Any], expected: str) -> None:
    """What is not counted, or sold beyond what is there, is there."""
    variant = {"id": 1, "sku": "4711", "price": "27.50", "inventory_management": "shopify",
               "inventory_quantity": 3, "inventory_policy": "deny"}  # fmt: skip
    product = {"title": "Espresso", "updated_at": CREATED, "variants": [variant | more]}
    assert body({"product": product}, "offer.published")["availability"] == expected
    for unsold in ({"status": "draft"}, {"status": "archived"}, {"published_at": None}):
        [gone] = read({"product": product | unsold})
        assert gone["body"]["availability"] == "discontinued"


def test_every_thing_is_read_or_refused_by_name() -> None:
    """No shape leads nowhere, and the page has each reason."""
    page = " ".join(PAGE.read_text("utf-8").split())
    kinds = {one.partition("/")[0] for one in READERS}
    assert not {name for name, _ in SHAPES} - kinds - set(NOT_TAKEN)
    for name, reason in NOT_TAKEN.items():
        assert f"`{name}`" in page, name
        assert reason in page, name
        assert refused({"topic": name, "payload": {"id": 1}}).fault.message == reason


def test_any_states_in_any_order_are_the_same_events() -> None:
    """Of one id and revision there is one content, whatever is sent again and again."""
    random.seed(11)
    refund = given_back(back(), paid="20.00")
    off = given_back(back("cancel"), paid="20.00", id=9002)
    states = [ORDER]
    changes: list[dict[str, Any]] = [
        {"financial_status": "paid"}, {"refunds": [off]}, {"refunds": [off, refund]},
    ]  # fmt: skip
    for minute, more in enumerate(changes):
        states.append(states[-1] | more | {"updated_at": f"2026-03-09T12:0{minute}:00+01:00"})
    seen: dict[tuple[str, int], Any] = {}
    for payload in random.choices([*states, refund, off], k=60):
        for one in read(payload):
            key = one["event_id"], one.get("revision", 0)
            assert seen.setdefault(key, one) == one


def test_only_the_secret_signs() -> None:
    """The right signature is taken; a wrong one, none, and one of another body are not."""
    content, secret = b'{"id": 1}', "a-secret-of-the-app"
    right = base64.b64encode(hmac.digest(secret.encode(), content, hashlib.sha256)).decode()
    header = "x-shopify-hmac-sha256"

    def delivered(headers: dict[str, str], body: bytes = content) -> Delivered:
        return Delivered(body, headers, "https://c360.example.com", NOON)

    assert is_signed(delivered({header: right}), secret)
    assert not is_signed(delivered({header: right}), "another-secret")
    assert not is_signed(delivered({header: right}, content + b" "), secret)
    for wrong in ("", "no base64 at all", right[:-4], "é"):
        assert not is_signed(delivered({header: wrong}), secret)
    assert not is_signed(delivered({}), secret)
    assert FORMAT.is_signed is is_signed


def test_headers_name_the_topic() -> None:
    """A delivery becomes a payload with its topic; a body that is no JSON stays what it is."""
    headers = {"x-shopify-topic": "customers/delete", "x-shopify-webhook-id": "w-1"}
    [found] = read(json.loads(with_topic(Delivered(b'{"id": 7}', headers, "", NOON))))
    assert found["occurred_at"] == "2026-03-02T12:00:00.000Z"
    triggered = headers | {"x-shopify-triggered-at": "2026-03-02T11:59:59.5Z"}
    [exact] = read(json.loads(with_topic(Delivered(b'{"id": 7}', triggered, "", NOON))))
    assert exact["occurred_at"] == "2026-03-02T11:59:59.5Z"
    assert with_topic(Delivered(b"no json", headers, "", NOON)) == b"no json"
    bare = Delivered(json.dumps(ORDER).encode(), {}, "", NOON)
    assert touchpoints(with_topic(bare)) == touchpoints(bare.body)


def test_an_objection_without_a_time_counts_from_its_state() -> None:
    """Dated by the creation of the account it would stand before the consent that it takes back."""
    refuses = {"state": "unsubscribed", "opt_in_level": "single_opt_in",
               "consent_updated_at": None}  # fmt: skip
    customer = ORDER["customer"] | {
        "phone": "+4930231250140", "created_at": "2026-01-01T08:00:00Z",
        "updated_at": "2026-05-01T00:00:00Z", "email_marketing_consent": refuses,
        "sms_marketing_consent": refuses,
    }  # fmt: skip
    found = [one for one in read({"customer": customer}) if one["type"] == "consent.withdrawn"]
    assert [one["occurred_at"] for one in found] == ["2026-05-01T00:00:00Z"] * 2


@pytest.mark.parametrize("kind", ["no_restock", "return"])
def test_of_a_cancelled_order_nothing_came_back(kind: str) -> None:
    """What the refund says by itself, the cancelled order corrects, whichever comes first."""
    cancelled = {"cancelled_at": "2026-03-03T08:00:00+01:00"}
    money = given_back(paid="5.00", id=9002)
    refund = given_back(back(kind, 2), paid="40.00")
    for one in (refund, money):
        [alone] = read(one)
        within = read(ORDER | cancelled | {"refunds": [one]})
        assert "order.returned" not in {one["type"] for one in within}
        [corrected] = [one for one in within if one["event_id"] == alone["event_id"]]
        assert (alone["type"], corrected["type"]) == ("order.returned", "order.status_changed")
        assert corrected["revision"] > alone.get("revision", 0)
        assert corrected["identifiers"] == alone["identifiers"]


def test_the_tax_on_postage_is_not_that_of_the_goods() -> None:
    """Goods without tax, postage with it: `total_tax` is what postage has, and counts once."""
    free = {**ITEM, "tax_lines": []}
    post = {"title": "Post", "price": "5.00", "tax_lines": [{"price": "0.95"}]}
    state = {"taxes_included": False, "total_tax": "0.95", "line_items": [free],
             "shipping_lines": [post]}  # fmt: skip
    lines = body(ORDER | state, "order.placed")["lines"]
    assert [one["total"] for one in lines] == ["40.00", "5.95"]
    more = body(ORDER | state | {"total_tax": "2.95"}, "order.placed")["lines"]
    assert [one["total"] for one in more] == ["42.00", "5.95"]
    nothing = state | {"line_items": [{**free, "price": "0.00"}]}
    assert total(body(ORDER | nothing, "order.placed")["lines"]) == Decimal("5.95")


def test_long_labels_are_cut() -> None:
    """They cost no order."""
    item = {**ITEM, "variant_title": "v" * 120, "title": "t" * 400,
            "discount_allocations": [{"amount": "1.00", "discount_application_index": 0}],
            }  # fmt: skip
    found = body(
        ORDER | {"line_items": [item], "discount_codes": [{"code": "c" * 120}],
                 "discount_applications": [{"type": "discount_code", "code": "c" * 120}]},
        "order.placed",
    )  # fmt: skip
    [sold] = found["lines"]
    assert (len(sold["variant"]), len(sold["title"])) == (100, 300)
    assert found["vouchers"] == [sold["discounts"][0]["code"]] == ["c" * 100]


FEE_KEPT = given_back(back("cancel"), back(), paid="35.00")
UNKNOWN_LINE = given_back(back("cancel", line_item_id=999), paid="20.00")
TOO_MANY = given_back(back("cancel", 3), paid="60.00")
WITHOUT_TIME = given_back(back(), paid="20.00", created_at=None)


@pytest.mark.parametrize(
    ("odd", "path"),
    [
        (FEE_KEPT, "refunds.0.transactions"),
        (UNKNOWN_LINE, "refunds.0.refund_line_items.0.line_item_id"),
        (TOO_MANY, "refunds.0.refund_line_items.0.quantity"),
        (WITHOUT_TIME, "refunds.0.created_at"),
    ],
)
def test_an_odd_refund_is_refused_alone(odd: dict[str, Any], path: str) -> None:
    """The order stands, and so do its other refunds."""
    good = given_back(back("cancel"), paid="20.00", id=9002)
    state = ORDER | {"refunds": [odd, good]}
    found = touchpoints(json.dumps(state).encode())
    assert not isinstance(found, Fault)
    [refusal] = [one for one in found if isinstance(one, Refused)]
    assert refusal.fault.path == path
    assert json.loads(refusal.content) == state
    assert refusal.named
    taken = [one for one in found if isinstance(one, bytes)]
    assert taken == touchpoints(json.dumps(ORDER | {"refunds": [good]}).encode())


def test_an_odd_fulfilment_is_refused_alone() -> None:
    """As a refund is."""
    found = touchpoints(json.dumps(ORDER | {"fulfillments": [{"id": 1}]}).encode())
    assert not isinstance(found, Fault)
    assert [isinstance(one, Refused) for one in found] == [False, True]


def test_a_line_of_no_pieces_has_none_to_take_off() -> None:
    """It is refused by name, and not for an error of arithmetic."""
    state = {"line_items": [{**ITEM, "quantity": 0}],
             "refunds": [given_back(back("cancel"), paid="20.00")]}  # fmt: skip
    found = touchpoints(json.dumps(ORDER | state).encode())
    assert not isinstance(found, Fault)
    [refusal] = [one for one in found if isinstance(one, Refused)]
    assert refusal.fault.reason is RejectReason.INVALID_FIELD


def test_pieces_that_are_taken_off_one_by_one_make_up_the_line() -> None:
    """10.00 for three: to the cent, and each refund the same in every state and order."""
    item = {**ITEM, "price": "3.34", "quantity": 3, "discount_allocations": [{"amount": "0.02"}]}
    refunds = [given_back(back("cancel"), paid="3.33", id=number) for number in (998, 999, 1000)]
    off: dict[str, str] = {}
    for some in (refunds[:1], refunds[:2], refunds, refunds[::-1]):
        lines = [
            (one["event_id"], one["body"]["lines"][0]["total"])
            for one in read(ORDER | {"line_items": [item], "refunds": some})
            if one["type"] == "order.cancelled"
        ]
        assert all(off.setdefault(name, amount) == amount for name, amount in lines)
    assert sum((Decimal(one) for one in off.values()), Decimal(0)) == 10


def test_what_came_back_unpaid_is_a_return() -> None:
    """An exchange, credit, or cash that was never paid: worth what the goods cost."""
    refund = given_back(back(), paid=None)
    found = body(refund, "order.returned")
    assert (total(found["lines"]), found["lines"][0]["quantity"]) == (Decimal(20), "1")
    within = read(ORDER | {"refunds": [refund]})
    assert [one for one in within if one["type"] == "order.returned"] == read(refund)
    assert "order.cancelled" not in {one["type"] for one in within}
    net = ORDER | {"taxes_included": False, "refunds": [refund]}
    [taxed] = [one for one in read(net) if one["type"] == "order.returned"]
    assert (total(taxed["body"]["lines"]), taxed["revision"]) == (Decimal("23.80"), 1)


def test_a_topic_is_believed_only_as_far_as_the_body_agrees() -> None:
    """Headers are not signed: a signed state of an account cannot be sent again as its end."""
    account = ORDER["customer"] | {"created_at": CREATED, "updated_at": CREATED}
    for topic, content in (
        ("customers/delete", account),
        ("customers/delete", {"id": 7001, "first_name": "Anna"}),
        ("fulfillments/update", account),
        ("customers/update", ORDER),
        ("orders/updated", given_back(back(), paid="20.00")),
    ):
        assert refused({"topic": topic, "payload": content}).fault.path == "topic", topic
    gone: dict[str, Any] = {
        "id": 7001, "phone": None, "addresses": [], "email_marketing_consent": None,
        "sms_marketing_consent": None,
    }  # fmt: skip
    assert read({"topic": "customers/delete", "triggered_at": CREATED, "payload": gone})


def test_no_delivery_was_sent_after_it_was_received() -> None:
    """Nor is the time of the header signed."""
    headers = {"x-shopify-topic": "customers/delete",
               "x-shopify-triggered-at": "2027-01-01T00:00:00Z"}  # fmt: skip
    [found] = read(json.loads(with_topic(Delivered(b'{"id": 7}', headers, "", NOON))))
    assert found["occurred_at"] == "2026-03-02T12:00:00.000Z"
    wrong = headers | {"x-shopify-triggered-at": "soon"}
    payload = json.loads(with_topic(Delivered(b'{"id": 7}', wrong, "", NOON)))
    assert refused(payload).fault.path == "triggered_at"
