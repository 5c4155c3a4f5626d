"""What stays of a sale when its customer is erased is a list; everything else goes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.touchpoint import TouchpointAdapter
from services.erasure.anonymous import OF_BODY, Pseudonyms, numbers_in, without_person
from tests.events import event, identifier, line
from tests.filled_events import Filler

KEY = b"k" * 32
NAMES = Pseudonyms(KEY)
LINE = {
    "sku", "gtin", "category", "unit", "unit_price", "total", "tax_rate",
    "tax_mode", "seller",
}  # fmt: skip
KEPT = {
    "order.placed": {
        "order_id", "voids", "issuer", "currency", "gross", "market", "fulfilment", "tax_mode",
        "lines",
    },
    "order.cancelled": {"order_id", "issuer", "currency", "lines"},
    "order.returned": {"order_id", "return_id", "issuer", "currency", "refund", "lines"},
}  # fmt: skip
"""Beside what is as the contract has it by default, as a quantity of 1."""
READABLE = {"category", "unit", "issuer"}
"""Fields whose words stay: they are the shop's."""


def parsed(sent: dict[str, Any], names: Pseudonyms = NAMES) -> dict[str, Any]:
    """The event that stays of one."""
    found: dict[str, Any] = orjson.loads(
        without_person(TouchpointAdapter.validate_json(line(sent)), "erp", names)
    )
    return found


def filled(type_name: str) -> tuple[Filler, dict[str, Any]]:
    """An event with a string of its own in every field there is, also in fields of its own."""
    filler = Filler("zq")
    [body] = [body for name, body in filler.events() if name == type_name]
    who = [identifier("email", "zq@mail.example", verified=True)]
    source = {"system": "webshop", **filler.source()}
    body |= {"of_their_own": filler.plant("of_their_own")}
    return filler, event(type_name, event_id="zq-id", identifiers=who, body=body, source=source)


@pytest.mark.parametrize("type_name", KEPT)
def test_only_listed_fields_stay(type_name: str) -> None:
    """Of an event in which every field says something; a new field goes until it is listed."""
    filler, sent = filled(type_name)
    found = parsed(sent)
    assert set(found) == {
        "event_id", "type", "occurred_at", "realm", "channel", "source", "body",
    }  # fmt: skip
    assert set(found["source"]) == {"system", "store", "till"}
    assert set(found["body"]) == KEPT[type_name]
    assert {name for one in found["body"]["lines"] for name in one} == LINE
    text = orjson.dumps(found).decode()
    left = {path.rpartition(".")[2] for one, path in filler.planted.items() if one in text}
    assert left == READABLE
    assert "zq@" not in text
    assert "zq-id" not in text


def test_every_type_of_a_sale_is_listed() -> None:
    """None of them is forgotten."""
    assert {model.__name__ for model in OF_BODY} == {
        "OrderPlaced", "OrderCancelled", "OrderReturned",
    }  # fmt: skip


def test_what_stays_counts_as_before() -> None:
    """Amounts, kinds and time; a line of a third party is no revenue of the shop."""
    lines = [{"sku": "1", "quantity": "2", "unit_price": "3.00", "total": "6.00"},
             {"sku": "2", "total": "4.00", "seller": "zq-seller", "kind": "service"}]  # fmt: skip
    body = {"order_id": "zq-1", "lines": lines, "gross": "9.00", "receipt_kind": "training"}
    found = parsed(event("order.placed", body=body, occurred_at="2026-11-20T10:00:00.123+01:00"))
    assert found["occurred_at"] == "2026-11-20T10:00:00.123000+01:00"
    again = TouchpointAdapter.validate_json(orjson.dumps(found)).body
    assert [str(one.total) for one in again.lines] == ["6.00", "4.00"]
    assert [one.seller for one in again.lines] == ["", "third party"]
    assert (again.receipt_kind, str(again.gross)) == ("training", "9.00")


def test_a_return_names_its_order() -> None:
    """By the same new number, which another key, or another issuer, would not give."""
    placed = parsed(event("order.placed", body={"order_id": "zq-1", "lines": []}))
    back = event("order.returned", body={"order_id": "zq-1", "return_id": "zq-2", "lines": []})
    returned = parsed(back)
    number = placed["body"]["order_id"]
    assert returned["body"]["order_id"] == number
    assert returned["body"]["return_id"] != number
    assert parsed(back, Pseudonyms(b"other"))["body"]["order_id"] != number
    assert Pseudonyms(KEY).number("shop", "zq-1") != number == Pseudonyms(KEY).number("erp", "zq-1")
    assert numbers_in(TouchpointAdapter.validate_json(line(back))) == {"zq-1", "zq-2"}


def test_a_number_that_stands_elsewhere_stays() -> None:
    """Of the same issuer only."""
    names = Pseudonyms(KEY, {("erp", "zq-1"), ("shop", "zq-2")})
    assert names.number("erp", "zq-1") == "zq-1"
    assert names.number("erp", "zq-2") != "zq-2"
