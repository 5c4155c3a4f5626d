"""Orders, carts and prices of the e-commerce specification, in exact amounts.

What holds for a whole order (discount, tax) is spread over its lines in proportion, so that sums
stay exact (docs/adr/0145). Whether prices include the tax follows from the total; where it does not
follow, the order is not taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from services.intake.amounts import CENT, ZERO, plain, shares, step_of
from services.intake.fields import STEP, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.segment.message import Json

ORDER_ID = ("order_id", "orderId")
AMOUNT_MAX = Decimal(10) ** 15


class Product(NamedTuple):
    """One product of a list, with its price."""

    fields: Fields
    price: Decimal
    quantity: Decimal
    step: Decimal
    """The smallest amount that is paid."""

    @property
    def total(self) -> Decimal:
        """Its amount before anything that holds for the whole order; of weighed goods what a till
        takes. Raises NotTaken beyond what an amount may be."""
        exact = self.price * self.quantity
        if abs(exact) >= AMOUNT_MAX:
            raise NotTaken(self.fields.path_of("price"), "too large, times the quantity")
        paid = exact.quantize(self.step, ROUND_HALF_UP)
        return exact if exact == paid else paid


def placed(properties: Fields) -> Json:
    """The body of `order.placed`."""
    body: Json = {
        "order_id": properties.required(*ORDER_ID),
        "currency": properties.currency() or _no_currency(properties),
        **_given("payment", properties.text("payment_method")),
    }
    step = step_of(str(body["currency"]))
    products = _products(properties, step)
    if not products:
        return body | {"gross": plain(properties.needed("total"), properties.path_of("total"))}
    return body | _lines(properties, products, step)


def cancelled(properties: Fields) -> Json:
    """The body of `order.cancelled`: the whole order."""
    return {"order_id": properties.required(*ORDER_ID)}


def returned(properties: Fields) -> Json:
    """The body of `order.returned`: what came back, if it makes up the amount; else the amount."""
    currency, total = properties.currency(), properties.amount("total")
    body = {"order_id": properties.required(*ORDER_ID), **_given("currency", currency)}
    products = _products(properties, step_of(currency) if currency else STEP)
    if products and total in (None, sum(one.total for one in products)):
        return body | {"lines": [_line(one, {}, one.total) for one in products]}
    refund = properties.needed("total")
    if refund < 0:
        raise NotTaken(properties.path_of("total"), "must not be negative")
    return body | {"refund": plain(refund, properties.path_of("total"))}


def cart(properties: Fields) -> Json:
    """The body of `cart.updated`: the whole cart as it is now."""
    products = properties.objects("products")
    if products is None:
        raise NotTaken(properties.path_of("products"), "Field required: the whole cart")
    currency, worth = properties.currency(), properties.amount("value")
    body: Json = {
        **_given("cart_id", properties.text("cart_id", "cartId")),
        "items": [_item(one, currency) for one in products],
    }
    if worth is not None and currency:
        body |= {"total": plain(worth, properties.path_of("value")), "currency": currency}
    return body


def viewed(properties: Fields) -> Json:
    """The body of `product.viewed`."""
    return {
        **_given("sku", sku_of(properties)),
        **_given("title", properties.text("name", chars_max=TITLE_CHARS_MAX)),
        **_given("category", properties.text("category")),
        **_offer(properties, properties.currency()),
    }


def sku_of(product: Fields) -> str:
    """The article number."""
    return product.text("sku", "product_id", "productId", "id")


def _lines(properties: Fields, products: Sequence[Product], step: Decimal) -> Json:
    """The lines of an order, and whether their prices include tax."""
    discount = _positive(properties, "discount")
    tax, shipping = _positive(properties, "tax"), _positive(properties, "shipping")
    weights = [one.total for one in products]
    goods = sum(weights, ZERO)
    if (discount or tax) and (goods <= 0 or min(weights) < 0 or discount > goods):
        name = "discount" if discount else "tax"
        raise NotTaken(properties.path_of(name), "there is not enough in the products for it")
    rounding = max(CENT, step) * len(products)
    is_net = _is_net(properties, goods - discount + shipping, tax, rounding)
    off = shares(discount, weights, step)
    on = shares(tax if is_net else ZERO, weights, step)
    code = _given("code", properties.text("coupon"))
    kind = "coupon" if code else "other"
    lines: list[Json] = []
    for one, less, more in zip(products, off, on, strict=True):
        reduced = {"discounts": [{"kind": kind, "amount": f"{less:f}", **code}]} if less else {}
        lines.append(_line(one, reduced, one.total - less + more))
    if shipping:
        path = properties.path_of("shipping")
        lines.append({"kind": "shipping", "total": plain(shipping, path)})
    return {"lines": lines, **({"tax_mode": "net"} if is_net else {})}


def _is_net(properties: Fields, without_tax: Decimal, tax: Decimal, rounding: Decimal) -> bool:
    """Whether the tax is on top of the prices, as the total shows."""
    total, path = properties.amount("total"), properties.path_of("total")
    if total is None:
        if tax:
            raise NotTaken(path, "Field required: it shows whether the prices include the tax")
        return False
    if abs(total - without_tax) <= rounding:
        return False
    if tax and abs(total - without_tax - tax) <= rounding:
        return True
    raise NotTaken(path, "products, discount, shipping and tax do not make it up")


def _products(properties: Fields, step: Decimal) -> list[Product]:
    found = properties.objects("products") or []
    return [
        Product(one, _price(one), Decimal(1) if quantity is None else quantity, step)
        for one in found
        for quantity in [one.amount("quantity")]
    ]


def _price(product: Fields) -> Decimal:
    price = product.needed("price")
    if price < 0:
        raise NotTaken(product.path_of("price"), "must not be negative")
    return price


def _line(product: Product, more: Json, total: Decimal) -> Json:
    fields = product.fields
    return {
        **_given("sku", sku_of(fields)),
        **_given("title", fields.text("name", chars_max=TITLE_CHARS_MAX)),
        **_given("category", fields.text("category")),
        **_given("variant", fields.text("variant")),
        "quantity": plain(product.quantity, fields.path_of("quantity")),
        "unit_price": plain(product.price, fields.path_of("price")),
        "total": plain(total, fields.path_of("price")),
        **more,
    }


def _item(product: Fields, currency: str) -> Json:
    quantity = product.amount("quantity")
    return {
        **_given("sku", sku_of(product)),
        **({} if quantity is None else {"quantity": plain(quantity, product.path_of("quantity"))}),
        **_offer(product, product.currency() or currency),
    }


def _offer(product: Fields, currency: str) -> Json:
    """What a product is offered at; without its currency a price says nothing."""
    sku, price = sku_of(product), product.amount("price")
    if price is None or not currency or not sku:
        return {}
    offer = {
        "sku": sku,
        "price": plain(_price(product), product.path_of("price")),
        "currency": currency,
        **_given("variant", product.text("variant")),
    }
    return {"offer": offer}


def _positive(properties: Fields, name: str) -> Decimal:
    amount = properties.amount(name) or ZERO
    if amount < 0:
        raise NotTaken(properties.path_of(name), "must not be negative")
    return amount


def _no_currency(properties: Fields) -> str:
    raise NotTaken(properties.path_of("currency"), "Field required: whose amounts these are")


def _given(name: str, text: str) -> Json:
    return {name: text} if text else {}
