"""A sale without its customer: what stays of an event of an order when the person is erased.

What stays is listed, field by field: a field that is added to the contract goes with the person
until somebody lists it here. Pure; a key that is thrown away afterwards makes the new names.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from schemas.base import Contract
from schemas.events.orders import OrderCancelled, OrderPlaced, OrderReturned
from schemas.touchpoint import Touchpoint

OF_SOURCE = frozenset({"system", "store", "till"})
OF_LINE = frozenset(
    {
        "sku", "gtin", "category", "kind", "quantity", "unit", "unit_price", "tax_mode",
        "tax_rate", "total", "sale_kind",
    }
)  # fmt: skip
"""Without free text, and without what may name a customer: groups, promotions, price lists."""
OF_BODY: dict[type[Contract], frozenset[str]] = {
    OrderPlaced: frozenset(
        {"issuer", "currency", "gross", "receipt_kind", "tax_mode", "market", "fulfilment"}
    ),
    OrderCancelled: frozenset({"issuer", "currency"}),
    OrderReturned: frozenset({"issuer", "currency", "refund"}),
}
"""Fields that stay as they are, beside the lines."""
NUMBERS = ("order_id", "return_id", "voids")
"""Numbers of orders, receipts and returns: replaced, the same number by the same other one."""
THIRD_PARTY = "third party"
"""In the place of a seller: that there is one decides whether a line is revenue."""


class Pseudonyms(NamedTuple):
    """The new names of one erasure."""

    key: bytes
    """Random, and forgotten with the person: then nobody can tell which name was which."""
    standing: Collection[tuple[str, str]] = ()
    """Issuer and number of orders and returns that an event names which stays. They keep their
    number: otherwise that order would count twice, or be cancelled no more."""

    def number(self, issuer: str, number: str) -> str:
        """Of an order, a receipt or a return."""
        if (issuer, number) in self.standing:
            return number
        return self._name("number", issuer, number)

    def event_id(self, event_id: str) -> str:
        """Of an event."""
        return self._name("event", event_id)

    def _name(self, *parts: str) -> str:
        text = "\x1f".join(parts).encode()
        return hmac.digest(self.key, text, sha256)[:16].hex()


def numbers_in(event: Touchpoint) -> set[str]:
    """The numbers of orders, receipts and returns that an event names."""
    found = {getattr(event.body, name, "") for name in NUMBERS}
    return found - {""}


def without_person(event: Touchpoint, issuer: str, names: Pseudonyms) -> bytes:
    """The event of a sale as JSON, as if nobody had been named: with other ids and numbers.

    `issuer` is that of its order number, as the store has it. Raises KeyError for an event that is
    no sale, cancellation or return.
    """
    body = event.body
    kept = _kept(body, OF_BODY[type(body)])
    kept |= {
        name: names.number(issuer, number)
        for name in NUMBERS
        if (number := getattr(body, name, ""))
    }
    if body.lines:
        kept["lines"] = [
            _kept(line, OF_LINE) | ({"seller": THIRD_PARTY} if line.seller else {})
            for line in body.lines
        ]
    return orjson.dumps(
        {
            "event_id": names.event_id(event.event_id),
            "type": event.type,
            "occurred_at": event.occurred_at.isoformat(),
            "realm": event.realm,
            "channel": event.channel,
            "source": _kept(event.source, OF_SOURCE),
            "body": kept,
        }
    )


def _kept(value: Contract, fields: frozenset[str]) -> dict[str, Any]:
    return value.model_dump(mode="json", include=set(fields), exclude_defaults=True)
