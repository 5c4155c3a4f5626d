"""Payloads of Shopware 6: webhooks of an app, and entities of its API.

`customer.written` and the like name keys only and are refused: the events of the shop itself have
the things that they are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from schemas.reject import RejectReason
from services.intake.amounts import plain
from services.intake.fields import REQUIRED, TITLE_CHARS_MAX, Fields, NotTaken
from services.intake.shops.message import (
    ShopMessage,
    ShopReader,
    ShopSystem,
    digest,
    given,
    identifier,
    moment,
    touchpoint,
)
from services.intake.shopware.orders import SYSTEM, order

OWN = {"first_name": "firstName", "last_name": "lastName", "email": "email",
       "company": "company", "birth_date": "birthday"}  # fmt: skip
VALUE_CHARS_MAX = 500
OWN_CURRENCY = "b7d2554b0ce847cd82f3ac9bd1c0dfca"
"""`Defaults::CURRENCY`: every shop has the id for the currency in which it keeps its prices."""
LISTS = ("data", "elements")
"""Where answers of the Admin API and of the Store API have their entities."""


def customer(message: ShopMessage) -> Iterator[bytes]:
    """A state of an account; what it leaves empty is no longer so."""
    fields = message.fields
    if fields.plain.get("guest") is True:
        raise NotTaken("guest", "is no account")
    number, at = fields.required("customerNumber"), moment(fields, "updatedAt", "createdAt")
    attributes = {
        name: fields.text(field, chars_max=VALUE_CHARS_MAX) or None
        for name, field in OWN.items()
        if field in fields.plain
    }
    persons = [identifier("customer_number", number, verified=True)]
    if email := fields.text("email", chars_max=320):
        is_proven = bool(fields.plain.get("doubleOptInConfirmDate"))
        persons.append(identifier("email", email, verified=is_proven))
    name = f"{SYSTEM}-customer-{digest(number, at, attributes, persons)}"
    body = {"attributes": attributes}
    yield touchpoint("profile.updated", name, at, body, persons, system=SYSTEM)


def product(message: ShopMessage) -> Iterator[bytes]:
    """An offer: the price that the shop has calculated for everybody."""
    fields = message.fields
    sku, at = fields.required("productNumber"), moment(fields, "updatedAt", "createdAt")
    price = _price(fields)
    pieces = fields.amount("availableStock", "stock")
    is_sold = fields.plain.get("active") is not False
    stock = "in_stock" if fields.plain.get("available") is not False else "out_of_stock"
    title = Fields(fields.plain.get("translated"), "translated").text(
        "name", chars_max=TITLE_CHARS_MAX
    )
    body = {
        "sku": sku,
        **given(title=title or fields.text("name", chars_max=TITLE_CHARS_MAX)),
        "price": plain(price, "calculatedPrice.unitPrice"),
        "availability": stock if is_sold else "discontinued",
        **({} if pieces is None else {"stock": plain(pieces, "availableStock")}),
    }
    name = f"{SYSTEM}-product-{digest(sku, at, body)}"
    yield touchpoint("offer.published", name, at, body, [], system=SYSTEM)


def _price(fields: Fields) -> Decimal:
    """What everybody pays: calculated by the Store API, or gross as the Admin API has it."""
    price = fields.object("calculatedPrice").amount("unitPrice")
    if price is None:
        stated = fields.objects("price") or []
        own = [one for one in stated if one.text("currencyId") == OWN_CURRENCY]
        price = own[0].amount("gross") if own else None
    if price is None or price < 0:
        raise NotTaken("calculatedPrice.unitPrice", REQUIRED)
    return price


READERS: Mapping[str, ShopReader] = {
    "order": ShopReader(order, ("order.placed", "order.status_changed", "order.cancelled")),
    "customer": ShopReader(customer, ("profile.updated",)),
    "product": ShopReader(product, ("offer.published",)),
}
NOT_TAKEN: Mapping[str, str] = {
    "written": "names keys only; the events of the shop have what they are about",
    "deleted": "names keys only",
}
"""Why entity events are refused; the page of the format has the same list."""
UNKNOWN = "is nothing that this format reads"
SHAPES: tuple[tuple[str, frozenset[str]], ...] = (
    ("order", frozenset({"orderNumber", "lineItems"})),
    ("customer", frozenset({"customerNumber", "defaultPaymentMethodId"})),
    ("product", frozenset({"productNumber", "taxId"})),
)


def messages(plain_payload: Any) -> Iterator[tuple[str, Any]]:
    """The things of a payload: those of a webhook's `data.payload`, or an entity by its shape."""
    for one in _things(plain_payload):
        if not isinstance(one, dict):
            yield "", one
        elif isinstance(data := one.get("data"), dict) and "event" in data:
            yield _of_event(data, one)
        else:
            names = one.keys()
            yield next((name for name, fields in SHAPES if names >= fields), ""), one


def _things(plain_payload: Any) -> list[Any]:
    if isinstance(plain_payload, list):
        return plain_payload
    if isinstance(plain_payload, dict):
        for name in LISTS:
            if isinstance(listed := plain_payload.get(name), list):
                return listed
    return [plain_payload]


def _of_event(data: Any, whole: Any) -> tuple[str, Any]:
    payload, event = data.get("payload"), data["event"]
    for name in READERS:
        if isinstance(payload, dict) and isinstance(payload.get(name), dict):
            return name, payload[name]
    kind = event.rpartition(".")[2] if isinstance(event, str) else ""
    return (kind if kind in NOT_TAKEN else ""), whole


def read(message: ShopMessage) -> Iterable[bytes | NotTaken]:
    """The touchpoints of one thing. Raises NotTaken."""
    if message.topic in READERS:
        return READERS[message.topic].read(message)
    why = NOT_TAKEN.get(message.topic, UNKNOWN)
    raise NotTaken("data.event", why, RejectReason.UNKNOWN_TYPE)


SHOPWARE = ShopSystem(SYSTEM, messages, read, lambda _: "", {}, READERS, NOT_TAKEN)
