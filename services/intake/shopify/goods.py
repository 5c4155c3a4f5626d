"""Carts and checkouts, and what is for sale: products, pieces in stock, and places.

A price without its currency is said in that of the realm where it is an offer of the shop, and not
at all in a cart. Pieces in stock belong to an article number; Shopify's own message of them names
none, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from services.intake.amounts import ZERO, plain
from services.intake.fields import REQUIRED, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.shopify.parties import SYSTEM, buyers, line
from services.intake.shops.message import Json, ShopMessage, digest, given, identifier, moment

GTIN = re.compile(r"[0-9]{8}|[0-9]{12,14}")
UNSOLD = frozenset({"archived", "draft"})


def cart(message: ShopMessage) -> Iterator[bytes]:
    """The cart as it is now. Nobody is known yet but the visit."""
    fields = message.fields
    token = fields.required("token", "id")
    body = {"cart_id": token, "items": [_item(one, "") for one in _items(fields)]}
    at = moment(fields, "updated_at", "created_at")
    who = [identifier("session", token, SYSTEM)]
    yield line("cart.updated", f"cart-{token}-{digest(at, body)}", at, body, who)


def checkout(message: ShopMessage) -> Iterator[bytes]:
    """A cart on its way to the order, by somebody who may have said who it is."""
    fields = message.fields
    if fields.plain.get("completed_at"):
        raise NotTaken("completed_at", "is an order by now, which is sent as one")
    token = fields.required("token")
    currency = fields.currency()
    total = fields.amount("total_price")
    body: Json = {
        "cart_id": fields.text("cart_token") or token,
        "items": [_item(one, currency) for one in _items(fields)],
    }
    if total is not None and currency:
        body |= {"total": plain(total, "total_price"), "currency": currency}
    at = moment(fields, "updated_at", "created_at")
    who = [*buyers(fields), identifier("session", token, SYSTEM)]
    yield line("cart.updated", f"checkout-{token}-{digest(at, body, who)}", at, body, who)


def product(message: ShopMessage) -> Iterator[bytes]:
    """An offer of each variant."""
    fields = message.fields
    at = moment(fields, "updated_at", "created_at")
    variants = fields.objects("variants")
    if variants is None:
        raise NotTaken("variants", REQUIRED)
    is_sold = fields.text("status") not in UNSOLD and _is_published(fields)
    title = fields.text("title", chars_max=TITLE_CHARS_MAX)
    for one in variants:
        yield _offer(one, at, title, is_sold=is_sold)


def variant(message: ShopMessage) -> Iterator[bytes]:
    """An offer by itself."""
    fields = message.fields
    at = moment(fields, "updated_at", "created_at")
    yield _offer(fields, at, "", is_sold=True)


def stock(message: ShopMessage) -> Iterator[bytes]:
    """Pieces at one place, if somebody has added the article number that they belong to."""
    fields = message.fields
    sku = fields.text("sku") or fields.object("inventory_item").text("sku")
    if not sku:
        raise NotTaken("sku", "Shopify's message of a stock names no article number")
    available = fields.needed("available")
    place = fields.required("location_id")
    at = moment(fields, "updated_at")
    body = {
        "sku": sku,
        "location": place,
        "availability": "in_stock" if available > 0 else "out_of_stock",
        "stock": plain(available, "available"),
    }
    yield line("offer.published", f"stock-{place}-{digest(at, body)}", at, body, [])


def location(message: ShopMessage) -> Iterator[bytes]:
    """A place of the retailer as the shop knows it."""
    fields = message.fields
    if fields.plain.get("deleted_at") or fields.plain.get("active") is False:
        raise NotTaken("active", "is no longer a place of the retailer")
    number = fields.required("id")
    parts = [
        fields.text("address1", chars_max=TITLE_CHARS_MAX),
        fields.text("address2", chars_max=TITLE_CHARS_MAX),
        f"{fields.text('zip')} {fields.text('city')}".strip(),
    ]
    body = {
        "store": number,
        **given(
            name=fields.text("name", chars_max=TITLE_CHARS_MAX),
            address=", ".join(one for one in parts if one),
            phone=fields.text("phone"),
        ),
    }
    at = moment(fields, "updated_at", "created_at")
    yield line("store.published", f"location-{number}-{digest(at, body)}", at, body, [])


def _items(fields: Fields) -> list[Fields]:
    found = fields.objects("line_items")
    if found is None:
        raise NotTaken("line_items", REQUIRED)
    return found


def _item(fields: Fields, currency: str) -> Json:
    sku = fields.text("sku", "variant_id")
    stated = fields.object("price_set").object("shop_money")
    currency = currency or stated.currency("currency_code")
    price = fields.amount("price")
    found: Json = {
        **given(sku=sku),
        "quantity": plain(fields.needed("quantity"), fields.path_of("quantity")),
    }
    if currency and sku and price is not None:
        worth = _price(fields, "price", price)
        found["offer"] = {"sku": sku, "price": worth, "currency": currency}
    return found


def _offer(fields: Fields, at: str, title: str, *, is_sold: bool) -> bytes:
    number = fields.required("id")
    pieces = fields.amount("inventory_quantity")
    is_counted = bool(fields.text("inventory_management")) and pieces is not None
    former, price = fields.amount("compare_at_price"), fields.needed("price")
    barcode = fields.text("barcode")
    body: Json = {
        "sku": fields.text("sku") or number,
        **given(gtin=barcode if GTIN.fullmatch(barcode) else "", title=title),
        "price": _price(fields, "price", price),
        "availability": _availability(fields, pieces if is_counted else None, is_sold=is_sold),
    }
    if former is not None and former > price:
        body["former_price"] = _price(fields, "compare_at_price", former)
    if is_counted and pieces is not None:
        body["stock"] = plain(pieces, fields.path_of("inventory_quantity"))
    return line("offer.published", f"variant-{number}-{digest(at, body)}", at, body, [])


def _availability(fields: Fields, pieces: Decimal | None, *, is_sold: bool) -> str:
    if not is_sold:
        return "discontinued"
    if pieces is None or pieces > 0 or fields.text("inventory_policy") == "continue":
        return "in_stock"
    return "out_of_stock"


def _is_published(fields: Fields) -> bool:
    return "published_at" not in fields.plain or bool(fields.plain["published_at"])


def _price(fields: Fields, name: str, price: Decimal) -> str:
    if price < ZERO:
        raise NotTaken(fields.path_of(name), "must not be negative")
    return plain(price, fields.path_of(name))
