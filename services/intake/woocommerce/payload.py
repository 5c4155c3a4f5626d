"""Payloads of WooCommerce: orders, customers and products, and what is refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from schemas.reject import RejectReason
from services.intake.amounts import ZERO, plain
from services.intake.fields import REQUIRED, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.shops.message import (
    ACCOUNTS,
    ShopMessage,
    ShopReader,
    ShopSystem,
    digest,
    given,
    identifier,
)
from services.intake.woocommerce.orders import order
from services.intake.woocommerce.site import SYSTEM, Site, host_of, moment_of

OWN = {"first_name": "first_name", "last_name": "last_name", "email": "email"}
ADDRESS = {
    "phone": "phone", "company": "company", "street": "address_1", "address_addition": "address_2",
    "postal_code": "postcode", "city": "city", "state": "state", "country": "country",
}  # fmt: skip
VALUE_CHARS_MAX = 500
OF_ACCOUNT = (*ACCOUNTS, *OWN.values(), "billing", "date_created", "date_modified")
"""What says that there is an account. The topic is a header, which nobody signs."""
STOCK = {"instock": "in_stock", "outofstock": "out_of_stock", "onbackorder": "in_stock"}
SINGLE = frozenset({"", "simple", "variation", "external", "subscription"})


def customer(message: ShopMessage) -> Iterator[bytes]:
    """A state of an account; what it leaves empty is no longer so."""
    fields, site = message.fields, Site(message)
    billing = fields.object("billing")
    number, at = fields.required("id"), moment_of(fields, "date_modified", "date_created")
    attributes = {
        name: of.text(field, chars_max=VALUE_CHARS_MAX) or None
        for of, names in ((fields, OWN), (billing, ADDRESS))
        for name, field in names.items()
        if field in of.plain
    }
    persons = site.customer(number)
    for of, name in ((fields, "email"), (billing, "phone")):
        if value := of.text(name, chars_max=320):
            persons.append(identifier(name, value))
    name = f"customer-{number}-{digest(at, attributes, persons)}"
    yield site.line("profile.updated", name, at, {"attributes": attributes}, persons)


def deleted(message: ShopMessage) -> Iterator[bytes]:
    """An account that is no more: nothing that it said of the person holds any longer."""
    site, number = Site(message), message.fields.required("id")
    if any(message.fields.plain.get(name) is not None for name in OF_ACCOUNT):
        raise NotTaken("topic", "the account is there: it has fields of its own")
    if not message.at:
        raise NotTaken("triggered_at", REQUIRED)
    body = {"attributes": dict.fromkeys([*OWN, *ADDRESS])}
    name = f"customer-{number}-deleted"
    yield site.line("profile.updated", name, message.at, body, site.customer(number))


def product(message: ShopMessage) -> Iterator[bytes]:
    """An offer of the site."""
    fields, site = message.fields, Site(message)
    if fields.text("type") not in SINGLE:
        raise NotTaken("type", "a price that stands for several articles is none of them")
    number, price = fields.required("id"), fields.needed("price")
    if price < ZERO:
        raise NotTaken("price", "must not be negative")
    at, pieces = moment_of(fields, "date_modified", "date_created"), fields.amount("stock_quantity")
    is_sold = fields.text("status") in ("", "publish")
    stock = STOCK.get(fields.text("stock_status"), "in_stock")
    body = {
        "sku": fields.text("sku") or number,
        **given(title=fields.label("name", chars_max=TITLE_CHARS_MAX)),
        "price": plain(price, "price"),
        "availability": stock if is_sold else "discontinued",
        **({} if pieces is None else {"stock": plain(pieces, "stock_quantity")}),
        **_reduction(fields),
    }
    yield site.line("offer.published", f"product-{number}-{digest(at, body)}", at, body, [])


def _reduction(fields: Fields) -> dict[str, str]:
    regular, price = fields.amount("regular_price"), fields.needed("price")
    if fields.plain.get("on_sale") is not True or regular is None or regular <= price:
        return {}
    return {"former_price": plain(regular, "regular_price"), "sale_kind": "promotion"}


ORDER_TYPES = ("order.placed", "order.status_changed", "order.cancelled", "order.returned")
READERS: Mapping[str, ShopReader] = {
    "order": ShopReader(
        order, ("order.placed", "order.status_changed", "order.cancelled", "order.returned")
    ),
    "customer": ShopReader(customer, ("profile.updated",)),
    "customer.deleted": ShopReader(deleted, ("profile.updated",)),
    "product": ShopReader(product, ("offer.published",)),
}
"""By topic, or by the part of a topic before its point."""
NOT_TAKEN: Mapping[str, str] = {
    "order.deleted": "an order that is deleted says no longer what it was",
    "product.deleted": "names no article number",
    "coupon": "a code is used in orders, which name it",
    "refund": "a refund is in the states of its order, which it does not name",
    "action": "an action of the site's own is nothing that all sites have",
}
"""Why what is none of these is refused; the page of the format has the same list."""
CONTRADICTED = "is not what the body is"
UNKNOWN = "is nothing that this format reads"
SHAPES: tuple[tuple[str, frozenset[str]], ...] = (
    ("refund", frozenset({"refunded_by", "amount"})),
    ("order", frozenset({"line_items", "billing"})),
    ("customer", frozenset({"is_paying_customer"})),
    ("product", frozenset({"regular_price", "stock_status"})),
    ("coupon", frozenset({"discount_type", "code"})),
)
"""Fields that only one sort of thing has; the first that fits counts."""


def messages(payload: Any) -> Iterator[tuple[str, Any]]:
    """The things of a payload, each with what it is."""
    for one in payload if isinstance(payload, list) else [payload]:
        yield _shape(one) if isinstance(one, dict) else "", one


def _shape(plain: Mapping[str, Any]) -> str:
    return next((name for name, fields in SHAPES if plain.keys() >= fields), "")


def read(message: ShopMessage) -> Iterable[bytes | NotTaken]:
    """The touchpoints of one thing. Raises NotTaken. The topic of a webhook is not signed, so it
    must be that of the body, as far as the body says."""
    kind = message.topic.partition(".")[0]
    for name in (message.topic, kind):
        if name in NOT_TAKEN:
            raise NotTaken("topic", NOT_TAKEN[name], RejectReason.UNKNOWN_TYPE)
        if name in READERS:
            if _shape(message.fields.plain) not in ("", kind):
                raise NotTaken("topic", CONTRADICTED)
            return READERS[name].read(message)
    raise NotTaken("topic", UNKNOWN, RejectReason.UNKNOWN_TYPE)


HEADERS = {
    "topic": "x-wc-webhook-topic",
    "webhook_id": "x-wc-webhook-delivery-id",
    "shop_domain": "x-wc-webhook-source",
}
WOOCOMMERCE = ShopSystem(SYSTEM, messages, read, host_of, HEADERS, READERS, NOT_TAKEN)
