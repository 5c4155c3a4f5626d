"""Who and where: persons, numbers and places as Shopify names them.

Its numbers are unique among all shops, so `shopify` is the issuer of all of them, of an order at a
till too: a refund does not say where its order was placed.
"""

from __future__ import annotations

from services.intake.fields import Fields
from services.intake.shops.message import Json, identifier, touchpoint

SYSTEM = "shopify"
TILL = "pos"


class SalesPlace:
    """Where an order was placed."""

    def __init__(self, order: Fields) -> None:
        """Only a till of Shopify POS is in a store; every other source is the web shop."""
        is_till = order.text("source_name") == TILL
        self.channel = TILL if is_till else "shop"
        self.store = order.text("location_id") if is_till else ""
        self.till = order.text("device_id") if is_till else ""


def line(
    type_name: str,
    event_id: str,
    occurred_at: str,
    body: Json,
    identifiers: list[Json],
    place: SalesPlace | None = None,
    revision: int = 0,
) -> bytes:
    """The line of a touchpoint of Shopify."""
    return touchpoint(
        type_name,
        f"{SYSTEM}-{event_id}",
        occurred_at,
        body,
        identifiers,
        system=SYSTEM,
        channel=place.channel if place else "shop",
        revision=revision,
        store=place.store if place else "",
        till=place.till if place else "",
    )


def numbered(order_id: str) -> Json:
    """An order number, by which what happens to the order finds its customer."""
    return identifier("order_number", order_id, SYSTEM)


def buyers(order: Fields) -> list[Json]:
    """Who placed an order or filled a cart. The customer number is Shopify's own record; an address
    is proven only as far as the customer confirmed it there."""
    found = customer(order.object("customer"))
    for type_name, names in (("email", ("email", "contact_email")), ("phone", ("phone",))):
        value = order.text(*names, chars_max=320)
        if value and not any(one["value"] == value for one in found):
            found.append(identifier(type_name, value))
    return found + sessions(order)


def sessions(order: Fields) -> list[Json]:
    """The visit in which it happened: cart and checkout have tokens that only its browser knows."""
    tokens = [order.text(name) for name in ("cart_token", "checkout_token")]
    return [identifier("session", one, SYSTEM) for one in tokens if one]


def customer(fields: Fields) -> list[Json]:
    """A customer by number and addresses."""
    found: list[Json] = []
    if number := fields.text("id"):
        found.append(identifier("customer_number", number, SYSTEM, verified=True))
    if email := fields.text("email", chars_max=320):
        is_proven = fields.plain.get("verified_email") is True
        found.append(identifier("email", email, verified=is_proven))
    if phone := fields.text("phone", chars_max=320):
        found.append(identifier("phone", phone))
    return found
