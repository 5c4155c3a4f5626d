"""Orders: each state that Shopify sends is a revision of the same events (docs/adr/0159).

Amounts are shop money, in the currency of the shop; what the customer saw in another currency is
not added to it. Lines say all: totals of an order change with edits and refunds in ways that differ
by version, and are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from services.intake.amounts import ZERO, plain, shares, step_of
from services.intake.fields import REQUIRED, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.shopify.fulfilments import shipped
from services.intake.shopify.parties import SYSTEM, TILL, SalesPlace, buyers, line, numbered
from services.intake.shopify.refunds import ShopifyRefund, refunded
from services.intake.shops.message import Json, ShopMessage, earlier, given, later, moment

DISCOUNT_KINDS = {"discount_code": "coupon", "automatic": "promotion"}
TEST = "placed for a test: nobody bought anything"


class SoldLine(NamedTuple):
    """One line of an order."""

    fields: Fields
    quantity: Decimal
    price: Decimal
    discounts: list[Json]
    total: Decimal
    """After its discounts, tax included."""


class ShopifyOrder:
    """An order as it stands. Raises NotTaken."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        if fields.plain.get("test") is True:
            raise NotTaken("test", TEST)
        self.number = fields.required("id")
        self.currency = fields.currency()
        if not self.currency:
            raise NotTaken("currency", REQUIRED)
        self.step = step_of(self.currency)
        self.created_at = moment(fields, "created_at")
        self.placed_at = fields.time("processed_at") or self.created_at
        """Of an order that was brought from another system, before it was created here."""
        self.updated_at = fields.time("updated_at") or self.created_at
        self.revision = later(self.created_at, self.updated_at)
        self.cancelled_at = fields.time("cancelled_at")
        """Empty unless it is cancelled as a whole."""
        self.place = SalesPlace(fields)
        self.is_net = fields.plain.get("taxes_included") is not True
        self.lines = _lines(self)
        named = buyers(fields)
        self.identifiers = [*named, numbered(self.number)] if named else []

    @property
    def head(self) -> Json:
        """What every body says of the order."""
        return {"order_id": self.number, "issuer": SYSTEM}

    def line(self, type_name: str, part: str, occurred_at: str, body: Json, revision: int) -> bytes:
        """One of its touchpoints."""
        name = f"order-{self.number}{part}"
        return line(type_name, name, occurred_at, body, self.identifiers, self.place, revision)


def order(message: ShopMessage) -> Iterator[bytes | NotTaken]:
    """All that a state of an order says: what was bought, paid, cancelled, sent and given back. A
    refund or a fulfilment has a number of its own, and is refused alone."""
    found = ShopifyOrder(message.fields)
    fields = found.fields
    yield found.line("order.placed", "", found.placed_at, _placed(found), found.revision)
    if fields.text("financial_status") in ("paid", "partially_refunded", "refunded"):
        paid, first = {**found.head, "status": "paid"}, earlier(found.created_at, found.updated_at)
        yield found.line("order.status_changed", "-paid", found.updated_at, paid, first)
    if found.cancelled_at:
        body = {**found.head, **given(reason=fields.label("cancel_reason"))}
        yield found.line("order.cancelled", "-cancelled", found.cancelled_at, body, found.revision)
    yield from _given_back(found)
    for one in fields.objects("fulfillments") or []:
        try:
            yield from list(shipped(one))
        except NotTaken as refusal:
            yield refusal


def _placed(found: ShopifyOrder) -> Json:
    fields = found.fields
    lines: list[Json] = [_line(one) for one in found.lines]
    for one in fields.objects("shipping_lines") or []:
        lines += _shipping(found, one)
    codes = [one.label("code") for one in fields.objects("discount_codes") or []]
    gateways = fields.plain.get("payment_gateway_names")
    payment = gateways[0] if isinstance(gateways, list) and gateways else None
    return {
        **found.head,
        "currency": found.currency,
        **({"lines": lines} if lines else _gross(fields)),
        "tax_mode": "net" if found.is_net else "gross",
        **given(payment=Fields({"payment": payment}).label("payment") or fields.label("gateway")),
        **({"vouchers": codes} if any(codes) else {}),
        **({"fulfilment": "store"} if found.place.channel == TILL else {}),
    }


def _gross(fields: Fields) -> Json:
    """Of an order without lines: a subscription may leave them out."""
    total = fields.amount("total_price")
    if total is None:
        raise NotTaken("line_items", REQUIRED)
    return {"gross": plain(total, "total_price")}


def _given_back(found: ShopifyOrder) -> Iterator[bytes | NotTaken]:
    """The refunds of an order by their numbers, so that each takes off the same in every state."""
    plain_refunds = found.fields.objects("refunds") or []
    off: dict[str, Decimal] = {}
    """Pieces taken off so far, by line."""
    for one in sorted(plain_refunds, key=_age):
        try:
            refund = ShopifyRefund(one)
            lines = list(
                refunded(refund, is_cancelled=bool(found.cancelled_at), is_net=found.is_net)
            )
            taken = dict(off)
            lines += _taken_off(found, refund, taken)
        except NotTaken as refusal:
            yield refusal
        else:
            yield from lines
            off = taken


def _age(refund: Fields) -> tuple[int, str]:
    """Numbers rise; one that is none is refused in its turn."""
    number = str(refund.plain.get("id", ""))
    return len(number), number


def _taken_off(
    found: ShopifyOrder, refund: ShopifyRefund, off: dict[str, Decimal]
) -> Iterator[bytes]:
    """Goods that were taken off the order before they were sent. What they cost only the order
    knows, which says whether prices include the tax. All pieces of a line make up the line."""
    sold = {one.fields.text("id"): one for one in found.lines}
    lines: list[Json] = []
    for item in refund.cancelled:
        one = sold.get(item.line_id)
        if one is None:
            raise NotTaken(item.fields.path_of("line_item_id"), "is no line of this order")
        before = off.get(item.line_id, ZERO)
        after = off[item.line_id] = before + item.quantity
        if not 0 <= before <= after <= one.quantity:
            raise NotTaken(item.fields.path_of("quantity"), "more than the order has left")
        less = _worth_of(one, after, found.step) - _worth_of(one, before, found.step)
        path = one.fields.path_of("price")
        lines.append(_named(one) | {"quantity": f"{item.quantity:f}", "total": plain(less, path)})
    if lines:
        body = {**found.head, "currency": found.currency, "lines": lines}
        name, at = f"refund-{refund.number}-cancelled", refund.created_at
        who, where = found.identifiers, found.place
        yield line("order.cancelled", name, at, body, who, where, found.revision)


def _worth_of(sold: SoldLine, pieces: Decimal, step: Decimal) -> Decimal:
    return shares(sold.total, [pieces, sold.quantity - pieces], step)[0] if pieces else ZERO


def _lines(found: ShopifyOrder) -> list[SoldLine]:
    fields = found.fields
    plain_lines = fields.objects("line_items")
    if not plain_lines:
        return []
    pieces = [(one.needed("price"), one.needed("quantity")) for one in plain_lines]
    discounts = _discounts(found, plain_lines, [price * count for price, count in pieces])
    net = [
        price * count - sum((Decimal(less["amount"]) for less in off), ZERO)
        for (price, count), off in zip(pieces, discounts, strict=True)
    ]
    taxes = _taxes(found, plain_lines, net) if found.is_net else [ZERO] * len(net)
    return [
        SoldLine(one, count, price, off, worth + tax)
        for one, (price, count), off, worth, tax in zip(
            plain_lines, pieces, discounts, net, taxes, strict=True
        )
    ]


def _discounts(
    found: ShopifyOrder, lines: Sequence[Fields], worth: Sequence[Decimal]
) -> list[list[Json]]:
    """Of each line: as Shopify allocates them, or what is stated of the order in proportion."""
    applied = found.fields.objects("discount_applications") or []
    if any("discount_allocations" in one.plain for one in lines):
        return [_allocated(one, applied) for one in lines]
    own = [one.amount("total_discount") or ZERO for one in lines]
    whole = found.fields.amount("total_discounts") or ZERO
    left = [price - less for price, less in zip(worth, own, strict=True)]
    more = _spread(found, "total_discounts", max(ZERO, whole - sum(own, ZERO)), left)
    path = found.fields.path_of("total_discounts")
    return [
        [{"kind": "other", "amount": plain(less + part, path)}] if less + part else []
        for less, part in zip(own, more, strict=True)
    ]


def _allocated(sold: Fields, applied: Sequence[Fields]) -> list[Json]:
    causes = {str(place): one for place, one in enumerate(applied)}
    found: list[Json] = []
    for one in sold.objects("discount_allocations") or []:
        amount = one.needed("amount")
        cause = causes.get(one.text("discount_application_index"), Fields(None))
        kind = DISCOUNT_KINDS.get(cause.text("type"), "other")
        discount = {"kind": kind, "amount": plain(amount, one.path_of("amount"))}
        found.append(discount | given(code=cause.label("code")))
    return [one for one in found if Decimal(one["amount"])]


def _taxes(found: ShopifyOrder, lines: Sequence[Fields], worth: Sequence[Decimal]) -> list[Decimal]:
    """On top of the prices of each line."""
    if any(one.plain.get("tax_lines") for one in lines):
        return [_tax(one) for one in lines]
    postage = sum((_tax(one) for one in found.fields.objects("shipping_lines") or []), ZERO)
    whole = max(ZERO, (found.fields.amount("total_tax") or ZERO) - postage)
    return _spread(found, "total_tax", whole, worth)


def _spread(
    found: ShopifyOrder, name: str, whole: Decimal, worth: Sequence[Decimal]
) -> list[Decimal]:
    if whole and (min(worth, default=ZERO) < 0 or not sum(worth, ZERO)):
        raise NotTaken(found.fields.path_of(name), "there is not enough in the lines for it")
    return shares(whole, worth, found.step)


def _tax(fields: Fields) -> Decimal:
    return sum((one.needed("price") for one in fields.objects("tax_lines") or []), ZERO)


def _shipping(found: ShopifyOrder, fields: Fields) -> list[Json]:
    if fields.plain.get("is_removed") is True:
        return []
    off = [one.needed("amount") for one in fields.objects("discount_allocations") or []]
    total = fields.needed("price") - sum(off, ZERO) + (_tax(fields) if found.is_net else ZERO)
    title = given(title=fields.label("title", chars_max=TITLE_CHARS_MAX))
    worth = plain(total, fields.path_of("price"))
    return [{"kind": "shipping", "total": worth, **title}] if total else []


def _named(sold: SoldLine) -> Json:
    fields = sold.fields
    is_voucher = fields.plain.get("gift_card") is True
    return {
        **given(
            line_id=fields.text("id"),
            sku=fields.text("sku", "variant_id"),
            title=fields.label("title", "name", chars_max=TITLE_CHARS_MAX),
            variant=fields.label("variant_title"),
        ),
        **({"kind": "gift_card"} if is_voucher else {}),
    }


def _line(sold: SoldLine) -> Json:
    fields = sold.fields
    return {
        **_named(sold),
        "quantity": plain(sold.quantity, fields.path_of("quantity")),
        "unit_price": plain(sold.price, fields.path_of("price")),
        **({"discounts": sold.discounts} if sold.discounts else {}),
        "total": plain(sold.total, fields.path_of("price")),
    }
