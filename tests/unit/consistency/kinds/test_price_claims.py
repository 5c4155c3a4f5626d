"""Which prices an event claims: of what, where, for whom and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import PRICE_MISMATCH, Book, PriceClaim
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.kinds.price_mismatch import claims
from tests.events import event
from tests.unit.consistency.market import hour

OFFER = {"sku": "A-1", "price": "9.99"}
LINE = {"sku": "A-1", "quantity": "2", "unit_price": "5", "total": "10"}


def said(type_name: str, body: dict[str, Any], **envelope: Any) -> list[tuple[PriceClaim, Decimal]]:
    """The claims of an event of version 7 in Germany, paid in EUR."""
    one = TouchpointAdapter.validate_python(event() | envelope | {"type": type_name, "body": body})
    return claims(Heard(one, hour(0), 7, 1, "DE", "EUR"))


def prices(type_name: str, body: dict[str, Any], **envelope: Any) -> list[tuple[str, str, int]]:
    """Price, basis and number of each claim."""
    return [
        (f"{claim.price:f}", claim.basis, claim.ordinal)
        for claim, _ in said(type_name, body, **envelope)
    ]


@pytest.mark.parametrize(
    ("type_name", "body", "expected"),
    [
        ("offer.published", OFFER, [("9.99", "published", 0)]),
        ("offer.published", {**OFFER, "basis": "displayed"}, [("9.99", "displayed", 0)]),
        ("offer.published", {"sku": "A-1", "availability": "in_stock"}, []),
        ("product.viewed", {"sku": "A-1", "offer": OFFER}, [("9.99", "displayed", 0)]),
        ("product.viewed", {"sku": "A-1"}, []),
        ("page.viewed", {}, []),
        (
            "cart.updated",
            {"items": [{"offer": OFFER}, {"sku": "B"}, {"offer": {**OFFER, "price": "8"}}]},
            [("9.99", "displayed", 0), ("8", "displayed", 1)],
        ),
    ],
)
def test_offers_with_a_price_are_claims(
    type_name: str, body: dict[str, Any], expected: list[tuple[str, str, int]]
) -> None:
    """Published by the channel or displayed to a customer; numbered within the event."""
    assert prices(type_name, body) == expected


@pytest.mark.parametrize(
    ("envelope", "offer", "place"),
    [
        ({"channel": "pos", "source": {"store": "12"}}, {}, ("12", "")),
        ({"channel": "app", "source": {"store": "12"}}, {}, ("", "")),
        ({"channel": "pos", "source": {"store": "12"}}, {"location": "7"}, ("7", "")),
        ({"channel": "pos", "source": {"store": "12"}}, {"zone": "south"}, ("", "south")),
    ],
)
def test_an_offer_holds_where_it_says_or_at_its_store(
    envelope: dict[str, Any], offer: dict[str, str], place: tuple[str, str]
) -> None:
    """The store of the event counts only on a channel of stores, and not beside a zone."""
    [(claim, _)] = said("offer.published", OFFER | offer, **envelope)
    assert (claim.location, claim.zone) == place


def test_an_offer_keeps_its_market_version_and_validity() -> None:
    """The market is the region of the realm unless the offer names one; times are UTC."""
    valid = {"valid_from": "2026-03-01T00:00:00+01:00", "valid_to": "2026-03-08T00:00:00Z"}
    [(claim, quantity)] = said("offer.published", OFFER | valid | {"market": "AT"})
    assert (claim.book.subject, claim.version, quantity) == (
        Subject.product("AT", "A-1"),
        7,
        Decimal(0),
    )
    assert claim.valid_from == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert claim.valid_to == datetime(2026, 3, 8, tzinfo=UTC)
    [(claim, _)] = said("offer.published", OFFER)
    assert claim.book.subject == Subject.product("DE", "A-1")
    assert (claim.valid_from, claim.valid_to) == (None, None)


@pytest.mark.parametrize("year", [1, 1970, 2200, 9999])
def test_a_bound_that_stands_for_none_is_none(year: int) -> None:
    """Systems write the first or last day they know where a price is not bounded."""
    bound = datetime(year, 6, 1, tzinfo=UTC).isoformat()
    for name in ("valid_from", "valid_to"):
        [(claim, _)] = said("offer.published", OFFER | {name: bound})
        assert getattr(claim, name) is None


def test_bounds_count_in_whole_milliseconds() -> None:
    """As they are stored, in the first and the last year that count."""
    bounds = {
        "valid_from": "1971-01-01T00:00:00.000999Z", "valid_to": "2199-12-31T23:59:59.999999Z",
    }  # fmt: skip
    [(claim, _)] = said("offer.published", OFFER | bounds)
    assert claim.valid_from == datetime(1971, 1, 1, tzinfo=UTC)
    assert claim.valid_to == datetime(2199, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({}, [("5", "2")]),
        ({"discounts": [{"kind": "promotion", "amount": "1"}]}, [("4.5000", "2")]),
        ({"discounts": [{"kind": "coupon", "amount": "1"}]}, [("5.0000", "2")]),
        ({"discounts": [{"kind": "promotion", "amount": "10"}]}, []),  # nothing is left
        ({"unit_price": None}, []),
        ({"unit_price": "0"}, []),
        ({"kind": "service"}, []),
        ({"seller": "somebody"}, []),
        ({"quantity": "-1"}, []),
        ({"quantity": "0"}, []),
        ({"quantity": "0.5"}, [("5", "0.5")]),
        ({"sku": ""}, []),
        ({"sku": "", "gtin": "4006381333931"}, [("5", "2")]),
    ],
)
def test_a_line_of_an_order_proves_a_shelf_price(
    line: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """The price per unit less the promotion; lines that prove none are no claims."""
    found = said("order.placed", {"order_id": "1", "lines": [LINE | line]})
    assert [(f"{claim.price:f}", f"{quantity:f}") for claim, quantity in found] == expected
    assert all(claim.basis == "charged" for claim, _ in found)


def off(*amounts: str, kind: str = "promotion") -> dict[str, Any]:
    """Reductions of a line."""
    return {"discounts": [{"kind": kind, "amount": amount} for amount in amounts]}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"quantity": "2"} | off("5"), []),  # 1 + 1 free
        ({"quantity": "3"} | off("5"), []),  # 3 for 2
        ({"quantity": "6"} | off("10.00"), []),  # the same twice
        ({"quantity": "3"} | off("1", "5"), []),  # and a promotion besides
        ({"quantity": "2"} | off("0"), ["5.0000"]),
        ({"quantity": "2"} | off("2.50"), ["3.7500"]),
        ({"quantity": "2"} | off("2", "3"), ["2.5000"]),  # together, by chance
        ({"quantity": "1"} | off("4"), ["1.0000"]),
        ({"quantity": "2.5"} | off("5"), ["3.0000"]),  # what is weighed has no free unit
        ({"quantity": "2"} | off("5", kind="quantity"), ["5.0000"]),
    ],
)
def test_units_given_away_prove_no_lower_price(line: dict[str, Any], expected: list[str]) -> None:
    """A promotion that takes off the price of whole units may be "1 + 1 free"."""
    found = said("order.placed", {"order_id": "1", "lines": [LINE | line]})
    assert [f"{claim.price:f}" for claim, _ in found] == expected


@pytest.mark.parametrize(
    ("article", "subject"),
    [
        ({"sku": "B"}, "B"),
        ({"sku": "", "gtin": "4006381333931"}, "4006381333931"),
        ({"sku": "B", "gtin": "4006381333931"}, "B"),
    ],
)
def test_a_line_is_about_its_article(article: dict[str, str], subject: str) -> None:
    """By the retailer's own number, else by that of the trade, in the region of the realm."""
    (claim, _), *_ = said("order.placed", {"order_id": "1", "lines": [LINE | article]})
    assert claim.book == Book("default", PRICE_MISMATCH, Subject.product("DE", subject))
    assert (claim.channel, claim.occurred_at) == ("shop", hour(0))


def test_an_order_is_charged_at_its_store_in_its_currency() -> None:
    """The store counts on channels of stores; the currency is the realm's unless named."""
    body = {"order_id": "1", "lines": [LINE, LINE | {"sku": "B", "unit": "kg"}]}
    at_till = said("order.placed", body, channel="pos", source={"store": "12"})
    assert [(c.location, c.currency, c.ordinal, c.unit, c.version) for c, _ in at_till] == [
        ("12", "EUR", 0, "piece", 7),
        ("12", "EUR", 1, "kg", 7),
    ]
    online = said("order.placed", body | {"currency": "CHF"}, source={"store": "12"})
    assert {(claim.location, claim.currency) for claim, _ in online} == {("", "CHF")}


def test_a_charged_price_keeps_its_kind_of_sale() -> None:
    """The promotion and the price list of the line stand behind the price; it holds nowhere else
    than at its store."""
    line = LINE | {"sale_kind": "promotion", "promotion": "P1", "price_list_id": "L7"}
    free = LINE | {"unit_price": "0"}
    [(claim, _)] = said("order.placed", {"order_id": "1", "lines": [free, line]})
    assert (claim.sale_kind, claim.promotion, claim.price_list_id) == ("promotion", "P1", "L7")
    assert (claim.zone, claim.ordinal) == ("", 0)


def test_a_receipt_that_is_no_sale_proves_nothing() -> None:
    """A void or training receipt has prices that nobody paid."""
    assert said("order.placed", {"order_id": "1", "lines": [LINE], "receipt_kind": "void"}) == []


ORDER_TERMS = {
    "tax_mode": "net",
    "customer_group": "business",
    "market": "AT",
    "price_location": "7",
}
LINE_TERMS = {"tax_mode": "gross", "customer_group": "club", "market": "CH", "price_location": "9"}
LINE_ONLY = {"variant": "XL", "condition": "used", "pack_content": "0.5", "pack_unit": "kg"}


def terms_of(body: dict[str, Any], **envelope: Any) -> tuple[str, ...]:
    """Tax mode, group, market and store of the one claim of an order."""
    [(one, _)] = said("order.placed", {"order_id": "1"} | body, **envelope)
    return one.tax_mode, one.customer_group, one.book.subject.parts[0], one.location


@pytest.mark.parametrize(
    ("order", "line", "expected"),
    [
        ({}, {}, ("gross", "", "DE", "12")),
        (ORDER_TERMS, {}, ("net", "business", "AT", "7")),
        ({}, LINE_TERMS, ("gross", "club", "CH", "9")),
        (ORDER_TERMS, LINE_TERMS, ("gross", "club", "CH", "9")),
        (ORDER_TERMS, {"customer_group": "club"}, ("net", "club", "AT", "7")),
        ({"price_location": "*"}, {}, ("gross", "", "DE", "")),
        ({"price_location": "7"}, {"price_location": "*"}, ("gross", "", "DE", "")),
    ],
)
def test_the_terms_of_a_line_are_its_own_or_those_of_the_order(
    order: dict[str, Any], line: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """What neither says is usual: with tax, for everybody, in the realm's market, at its store."""
    till: dict[str, Any] = {"channel": "pos", "source": {"store": "12"}}
    assert terms_of(order | {"lines": [LINE | line]}, **till) == expected


def test_an_order_of_the_web_shop_may_be_at_the_price_of_a_store() -> None:
    """The store that it names counts, though the web shop is in none."""
    body = {"lines": [LINE], "price_location": "7"}
    assert terms_of(body, channel="shop", source={"store": "12"})[-1] == "7"
    assert terms_of({"lines": [LINE]}, channel="shop", source={"store": "12"})[-1] == ""


def test_a_line_names_pack_variant_and_condition() -> None:
    """As an offer does; without them it is a new piece of unknown pack and variant."""
    [(one, _)] = said("order.placed", {"order_id": "1", "lines": [LINE | LINE_ONLY]})
    found = (one.variant, one.condition, one.pack_content, one.pack_unit)
    assert found == ("XL", "used", Decimal("0.5"), "kg")
    [(one, _)] = said("order.placed", {"order_id": "1", "lines": [LINE]})
    assert (one.variant, one.condition, one.pack_content, one.pack_unit) == ("", "new", None, "")
