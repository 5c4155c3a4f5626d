"""Orders of WooCommerce: each state is a revision of the same events (docs/adr/0159).

Lines state their amounts without tax and the tax beside it; both together are what was paid. A
refund stands in its order with an amount and no time: it happened when a state first shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext

from services.intake.amounts import PLACES_MAX, ZERO, plain
from services.intake.fields import REQUIRED, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.shops.message import Json, ShopMessage, earlier, given, identifier, later
from services.intake.woocommerce.site import Site, gmt, moment_of

DRAFTS = frozenset({"checkout-draft", "auto-draft", "draft", "trash"})
UNPAID = frozenset({"pending", "failed"})
"""Nobody has paid yet, or said that it will be: no sale so far, and maybe one in the next state."""
CANCELLED = "cancelled"
OF_CANCELLED = 2**30
"""By how much what a cancelled order says of its refunds is above what all other states say: more
seconds than an order has states."""


class WooOrder:
    """An order as it stands. Raises NotTaken."""

    def __init__(self, message: ShopMessage) -> None:
        self.fields = fields = message.fields
        self.status = fields.text("status").removeprefix("wc-")
        if self.status in DRAFTS:
            raise NotTaken("status", "is no order yet, or no longer one")
        self.site, self.number = Site(message), fields.required("id")
        self.currency = fields.currency()
        if not self.currency:
            raise NotTaken("currency", REQUIRED)
        self.created_at = moment_of(fields, "date_created")
        self.updated_at = gmt(fields, "date_modified") or self.created_at
        self.persons = self._persons()

    def line(self, type_name: str, part: str, at: str, body: Json, revision: int) -> bytes:
        """One of its touchpoints."""
        name = f"order-{self.number}{part}"
        return self.site.line(type_name, name, at, body, self.persons, revision)

    def _persons(self) -> list[Json]:
        found = self.site.customer(self.fields.text("customer_id"))
        billing = self.fields.object("billing")
        for name in ("email", "phone"):
            if value := billing.text(name, chars_max=320):
                found.append(identifier(name, value))
        number = identifier("order_number", self.number, self.site.host)
        return [*found, number] if found else []


def order(message: ShopMessage) -> Iterator[bytes | NotTaken]:
    """All that a state of an order says: what was bought, paid, cancelled and given back. A refund
    has a number of its own, and is refused alone."""
    found = WooOrder(message)
    head, fields = found.site.order(found.number), found.fields
    newest = later(found.created_at, found.updated_at)
    first = earlier(found.created_at, found.updated_at)
    yield found.line("order.placed", "", found.created_at, _placed(found), newest)
    for name, status in (("date_paid", "paid"), ("date_completed", "completed")):
        if at := gmt(fields, name):
            body = {**head, "status": status}
            yield found.line("order.status_changed", f"-{status}", at, body, newest)
    if found.status == CANCELLED:
        yield found.line("order.cancelled", "-cancelled", found.updated_at, head, first)
    for one in fields.objects("refunds") or []:
        try:
            yield _given_back(found, one, first)
        except NotTaken as refusal:
            yield refusal


def _given_back(found: WooOrder, refund: Fields, first: int) -> bytes:
    """A return; of a cancelled order none, also if one of its states before showed it as such."""
    number, head = refund.required("id"), found.site.order(found.number)
    part, at = f"-refund-{number}", found.updated_at
    if found.status == CANCELLED:
        body = {**head, "status": "refunded"}
        return found.line("order.status_changed", part, at, body, first)
    body = {
        **head,
        "return_id": number,
        "currency": found.currency,
        "refund": plain(abs(refund.needed("total")), refund.path_of("total")),
        **given(reason=refund.label("reason", chars_max=TITLE_CHARS_MAX)),
    }
    return found.line("order.returned", part, at, body, max(0, first - OF_CANCELLED))


def _placed(found: WooOrder) -> Json:
    fields = found.fields
    codes = [one.label("code") for one in fields.objects("coupon_lines") or []]
    items = fields.objects("line_items")
    if items is None:
        raise NotTaken("line_items", REQUIRED)
    lines = [_line(one, codes) for one in items]
    for names, kind in (("shipping_lines", "shipping"), ("fee_lines", "fee")):
        lines += [
            {
                "kind": kind,
                "total": plain(total, one.path_of("total")),
                **given(title=one.label("method_title", "name", chars_max=TITLE_CHARS_MAX)),
            }
            for one in fields.objects(names) or []
            if (total := _with_tax(one, "total"))
        ]
    return {
        **found.site.order(found.number),
        "currency": found.currency,
        "lines": lines,
        **({"receipt_kind": "aborted"} if found.status in UNPAID else {}),
        **given(payment=fields.label("payment_method")),
        **({"vouchers": codes} if codes and all(codes) else {}),
    }


def _line(fields: Fields, codes: list[str]) -> Json:
    quantity, total = fields.needed("quantity"), _with_tax(fields, "total")
    before = _with_tax(fields, "subtotal") if "subtotal" in fields.plain else total
    off, path = before - total, fields.path_of("total")
    discount = {"kind": "coupon", "amount": plain(off, path)} if off > 0 else {}
    if discount and len(codes) == 1:
        discount["code"] = codes[0]
    variation = fields.text("variation_id")
    return {
        **given(
            line_id=fields.text("id"),
            sku=fields.text("sku")
            or (variation if variation != "0" else "")
            or fields.text("product_id"),
            title=fields.label("name", chars_max=TITLE_CHARS_MAX),
            unit_price=_each(before, quantity),
        ),
        "quantity": plain(quantity, fields.path_of("quantity")),
        **({"discounts": [discount]} if discount else {}),
        "total": plain(total, path),
    }


def _each(amount: Decimal, quantity: Decimal) -> str:
    """The price of one piece, if it is exact; empty if it is not, for it would be rounded."""
    if quantity <= 0:
        return ""
    with localcontext() as context:
        context.prec = 40
        price = (amount / quantity).quantize(Decimal(1).scaleb(-PLACES_MAX))
        return f"{price.normalize():f}" if price * quantity == amount else ""


def _with_tax(fields: Fields, name: str) -> Decimal:
    return fields.needed(name) + (fields.amount(f"{name}_tax") or ZERO)
