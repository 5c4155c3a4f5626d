"""Orders of Shopware 6: each state is a revision of the same events (docs/adr/0159).

Discounts are lines of their own there, below zero; they are spread over the goods, so that each
line says what it cost. Of prices without tax the tax of each line is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from services.intake.amounts import ZERO, plain, shares, step_of
from services.intake.fields import REQUIRED, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.shops.message import (
    Json,
    ShopMessage,
    earlier,
    given,
    identifier,
    later,
    moment,
    touchpoint,
)

SYSTEM = "shopware"
NET = "net"
CANCELLED = "cancelled"


class ShopwareLine(NamedTuple):
    """A line with what it costs, tax included."""

    fields: Fields
    total: Decimal


class ShopwareOrder:
    """An order as it stands. Raises NotTaken."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.number = fields.required("orderNumber")
        self.currency = fields.object("currency").currency("isoCode")
        if not self.currency:
            raise NotTaken("currency.isoCode", REQUIRED)
        self.placed_at = moment(fields, "orderDateTime", "createdAt")
        self.created_at = fields.time("createdAt") or self.placed_at
        self.updated_at = fields.time("updatedAt") or self.created_at
        self.persons = self._persons()

    def line(self, type_name: str, part: str, at: str, body: Json, revision: int) -> bytes:
        """One of its touchpoints."""
        name = f"{SYSTEM}-{self.fields.required('id')}{part}"
        who = self.persons
        return touchpoint(type_name, name, at, body, who, system=SYSTEM, revision=revision)

    def _persons(self) -> list[Json]:
        buyer, found = self.fields.object("orderCustomer"), list[Json]()
        is_guest = buyer.object("customer").plain.get("guest") is True
        if number := buyer.text("customerNumber"):
            kind = "guest_number" if is_guest else "customer_number"
            found.append(identifier(kind, number, verified=not is_guest))
        if email := buyer.text("email", chars_max=320):
            found.append(identifier("email", email))
        return [*found, identifier("order_number", self.number)] if found else []


def order(message: ShopMessage) -> Iterator[bytes]:
    """What a state of an order says: what was bought, and whether it was cancelled."""
    found = ShopwareOrder(message.fields)
    head: Json = {"order_id": found.number}
    newest = later(found.created_at, found.updated_at)
    body = {**head, "currency": found.currency, "lines": _lines(found)}
    yield found.line("order.placed", "", found.placed_at, body, newest)
    status = found.fields.object("stateMachineState").text("technicalName")
    first = earlier(found.created_at, found.updated_at)
    if status == CANCELLED:
        yield found.line("order.cancelled", "-cancelled", found.updated_at, head, first)
    elif status and status != "open":
        changed = {**head, "status": status}
        yield found.line("order.status_changed", f"-{status}", found.updated_at, changed, first)


def _lines(found: ShopwareOrder) -> list[Json]:
    fields = found.fields
    items = fields.objects("lineItems")
    if items is None:
        raise NotTaken("lineItems", REQUIRED)
    status = fields.text("taxStatus") or fields.object("price").text("taxStatus")
    lines = [
        ShopwareLine(one, _worth(one, one.needed("totalPrice"), status))
        for one in items
        if not one.text("parentId")
    ]
    goods = [one for one in lines if one.total >= ZERO]
    off = -sum((one.total for one in lines if one.total < ZERO), ZERO)
    weights = [one.total for one in goods]
    if off > sum(weights, ZERO):
        raise NotTaken("lineItems", "discounts are more than the goods")
    parts = shares(off, weights, step_of(found.currency))
    codes = _codes(lines)
    shown = [_line(one, less, codes) for one, less in zip(goods, parts, strict=True)]
    return [*shown, *_postage(found, status)]


def _postage(found: ShopwareOrder, status: str) -> list[Json]:
    stated = found.fields.object("shippingCosts")
    total = stated.amount("totalPrice")
    if total is None:
        total = found.fields.amount("shippingTotal") or ZERO
    else:
        total = total + (_tax(stated) if status == NET else ZERO)
    return [{"kind": "shipping", "total": plain(total, "shippingTotal")}] if total else []


def _line(line: ShopwareLine, less: Decimal, codes: Sequence[str]) -> Json:
    fields, total = line.fields, line.total
    quantity, path = fields.needed("quantity"), fields.path_of("totalPrice")
    discount: Json = {"kind": "coupon" if codes else "promotion", "amount": plain(less, path)}
    if len(codes) == 1:
        discount["code"] = codes[0]
    return {
        **given(
            line_id=fields.text("id"),
            sku=fields.object("payload").text("productNumber"),
            title=fields.text("label", chars_max=TITLE_CHARS_MAX),
        ),
        "quantity": plain(quantity, fields.path_of("quantity")),
        **({"discounts": [discount]} if less else {}),
        "total": plain(total - less, path),
    }


def _codes(lines: Sequence[ShopwareLine]) -> list[str]:
    found = {one.fields.object("payload").text("code") for one in lines if one.total < ZERO}
    return sorted(found - {""})


def _worth(fields: Fields, total: Decimal, status: str) -> Decimal:
    return total + (_tax(fields.object("price")) if status == NET else ZERO)


def _tax(price: Fields) -> Decimal:
    taxes = price.objects("calculatedTaxes") or []
    return sum((one.needed("tax") for one in taxes), ZERO)
