"""Refunds: goods that came back, goods that were taken off before they were sent, or money alone.

A refund is sent by itself, which may be before its order, and within each later state of the order;
both say the same, so they become the same events. What a refund does not say of its order, the
state of the order adds (services/intake/shopify/orders.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from services.intake.amounts import ZERO, plain, shares
from services.intake.fields import STEP, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.shopify.parties import SYSTEM, TILL, SalesPlace, line, numbered
from services.intake.shops.message import Json, ShopMessage, given, moment

CANCEL, BACK = "cancel", "return"
BALANCING = "pending refund discrepancy"
"""Why Shopify adjusts the balance of an edited order: the money follows goods that were taken off
before."""
OF_CANCELLED = 2
"""The revision by which a cancelled order corrects a return; that for its tax is 1."""
FAILED = frozenset({"failure", "error"})


class RefundItem(NamedTuple):
    """So many pieces of a line, given back."""

    fields: Fields
    line: Fields
    line_id: str
    quantity: Decimal
    is_cancelled: bool

    def worth(self, side: str) -> Decimal:
        """What they cost, as prices are stated: with the tax or without."""
        stated = _money(self.fields, "subtotal", side)
        if stated is not None:
            return stated
        price, whole = self.line.needed("price"), self.line.amount("quantity") or self.quantity
        off = _sum(self.line, "discount_allocations", "amount")
        off = off or self.line.amount("total_discount") or ZERO
        return price * self.quantity - self._part(off, whole)

    def tax(self, side: str) -> Decimal:
        """The tax on them."""
        stated = _money(self.fields, "total_tax", side)
        if stated is not None:
            return stated
        whole = self.line.amount("quantity") or self.quantity
        return self._part(_sum(self.line, "tax_lines", "price"), whole)

    def _part(self, amount: Decimal, whole: Decimal) -> Decimal:
        return shares(amount, [self.quantity, whole - self.quantity], STEP * 100)[0]


class ShopifyRefund:
    """A refund by itself. Raises NotTaken."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.number = fields.required("id")
        self.order_id = fields.required("order_id")
        self.created_at = moment(fields, "created_at")
        payments = fields.objects("transactions") or []
        if any(one.plain.get("test") is True for one in payments):
            raise NotTaken(fields.path_of("transactions"), "a test: no money was given back")
        self.payments = [
            one
            for one in payments
            if one.text("kind") == "refund" and one.text("status") not in FAILED
        ]
        self.items = [self._item(one) for one in fields.objects("refund_line_items") or []]

    @property
    def cancelled(self) -> list[RefundItem]:
        """What was taken off the order before it was sent."""
        return [one for one in self.items if one.is_cancelled]

    @property
    def returned(self) -> list[RefundItem]:
        """What came back."""
        return [one for one in self.items if not one.is_cancelled]

    @property
    def is_unpaid(self) -> bool:
        """No payment was even tried."""
        return not self.fields.objects("transactions")

    @property
    def paid(self) -> Decimal:
        """The money given back."""
        return sum((one.needed("amount") for one in self.payments), ZERO)

    @property
    def currency(self) -> str:
        """Of the money given back; empty if none is stated."""
        found = {one.currency() for one in self.payments}
        if len(found) > 1:
            raise NotTaken(self.fields.path_of("transactions"), "in several currencies")
        return found.pop() if found else ""

    @property
    def is_money(self) -> bool:
        """Money without goods. That for shipping takes nothing off a purchase, and that for goods
        which an edit took off before is in the order already."""
        side, adjusted = self.side, self.fields.objects("order_adjustments") or []
        is_balancing = any(one.text("reason").lower() == BALANCING for one in adjusted)
        postage = (self.shipping(side, with_tax=False), self.shipping(side, with_tax=True))
        is_told = is_balancing or self.paid in postage
        return not self.items and self.paid > 0 and not is_told

    @property
    def side(self) -> str:
        """In whose money the payments are stated: that of the customer or that of the shop."""
        for one in self.fields.objects("refund_line_items", "order_adjustments") or []:
            for name in ("subtotal_set", "amount_set"):
                shop = one.object(name).object("shop_money").currency("currency_code")
                if shop and self.currency and shop != self.currency:
                    return "presentment_money"
        return "shop_money"

    def shipping(self, side: str, *, with_tax: bool) -> Decimal:
        """Shipping costs given back."""
        found = ZERO
        for one in self.fields.objects("order_adjustments") or []:
            if one.text("kind") == "shipping_refund":
                tax = (_money(one, "tax_amount", side) or ZERO) if with_tax else ZERO
                found -= (_money(one, "amount", side) or ZERO) + tax
        for one in self.fields.objects("refund_shipping_lines") or []:
            found += _money(one, "subtotal_amount", side) or ZERO
        return found

    def _item(self, fields: Fields) -> RefundItem:
        """An edit takes goods off without giving money back; else Shopify says whether they had
        been sent. What came back may be unpaid, too: exchanged, or not paid for before."""
        kind = fields.text("restock_type")
        is_cancelled = kind == CANCEL or (self.is_unpaid and kind != BACK)
        sold = fields.object("line_item")
        number = fields.text("line_item_id") or sold.text("id")
        return RefundItem(fields, sold, number, fields.needed("quantity"), is_cancelled)


def refund(message: ShopMessage) -> Iterator[bytes]:
    """A refund that is sent by itself."""
    return refunded(ShopifyRefund(message.fields))


def refunded(
    found: ShopifyRefund, *, is_cancelled: bool = False, is_net: bool = False
) -> Iterator[bytes]:
    """What a refund says: a return, or that something changed. Two things only the order knows, and
    it corrects the return by them: that it is cancelled as a whole, so that nothing of it came back
    which was ever sold, and that its tax is on top of what came back unpaid."""
    head: Json = {"order_id": found.order_id, "issuer": SYSTEM}
    if found.returned or found.is_money:
        if is_cancelled:
            body = {**head, "status": "refunded"}
            yield _line(found, "order.status_changed", "", body, OF_CANCELLED)
            return
        body = {**head, "return_id": found.number, **_amounts(found, is_net), **_reason(found)}
        yield _line(found, "order.returned", "", body, int(found.is_unpaid and is_net))
        return
    status = "lines_cancelled" if found.items else "refunded"
    yield _line(found, "order.status_changed", f"-{status}", {**head, "status": status})


def _line(found: ShopifyRefund, type_name: str, part: str, body: Json, revision: int = 0) -> bytes:
    """A till gives back to whoever stands there; all else finds its customer by the order."""
    payments = found.payments
    till = next((one for one in payments if one.text("source_name") == TILL), None)
    place = SalesPlace(till) if till else None
    named = [] if till and type_name == "order.returned" else [numbered(found.order_id)]
    name = f"refund-{found.number}{part}"
    return line(type_name, name, found.created_at, body, named, place, revision)


def _amounts(found: ShopifyRefund, is_net: bool) -> Json:
    """What came back, if it makes up the money or there is none; else the money."""
    currency, side = found.currency, found.side
    if found.is_unpaid:
        return _lines(found, currency, with_tax=is_net)
    worth = [one.worth(side) for one in found.items]
    taxes = [one.tax(side) for one in found.items]
    goods = sum(worth, ZERO)
    if found.items and goods + found.shipping(side, with_tax=False) == found.paid:
        return _lines(found, currency, with_tax=False)
    goods += sum(taxes, ZERO)
    if found.items and goods + found.shipping(side, with_tax=True) == found.paid:
        return _lines(found, currency, with_tax=True)
    path = found.fields.path_of("transactions")
    if found.cancelled:
        raise NotTaken(path, "do not make up what came back and what was not sent")
    return {**given(currency=currency), "refund": plain(found.paid, path)}


def _lines(found: ShopifyRefund, currency: str, *, with_tax: bool) -> Json:
    """In the currency of the shop, whatever was given back."""
    lines: list[Json] = []
    for one in found.returned:
        total = one.worth("shop_money") + (one.tax("shop_money") if with_tax else ZERO)
        named = given(
            line_id=one.line_id,
            sku=one.line.text("sku", "variant_id"),
            title=one.line.label("title", "name", chars_max=TITLE_CHARS_MAX),
        )
        path = one.fields.path_of("subtotal")
        lines.append(named | {"quantity": f"{one.quantity:f}", "total": plain(total, path)})
    stated = found.items[0].fields.object("subtotal_set").object("shop_money")
    shop = stated.currency("currency_code")
    return {**given(currency=shop or currency), "lines": lines}


def _reason(found: ShopifyRefund) -> Json:
    note = found.fields.plain.get("note")
    return given(reason=note) if isinstance(note, str) and len(note) <= TITLE_CHARS_MAX else {}


def _money(fields: Fields, name: str, side: str) -> Decimal | None:
    stated = fields.object(f"{name}_set").object(side).amount("amount")
    if stated is None and side == "shop_money":
        return fields.amount(name)
    return stated


def _sum(fields: Fields, names: str, name: str) -> Decimal:
    return sum((one.needed(name) for one in fields.objects(names) or []), ZERO)
