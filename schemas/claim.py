"""A claim: one comparable price statement, cut out of an event, on its way to consistency.

It is the record of the topic `c360.offers` and the row of the table `claims`. All times and
values come from the event; nothing here depends on when it was processed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from schemas.offer import Basis, SaleKind, TaxMode


class Book(NamedTuple):
    """What claims are compared within: one product in one market of one realm."""

    realm: str
    market: str
    sku: str


class Claim(NamedTuple):
    """One channel's statement of one price. Ordered by (occurred_at, event_id, ordinal).

    `ordinal` numbers the claims of one event (order lines); `version` is the version of the
    event's body, so a corrected event replaces its earlier claims. `valid_from`/`valid_to` bound a
    published price; `location` is a store id or empty for the whole channel.
    """

    book: Book
    occurred_at: datetime
    event_id: str
    ordinal: int
    version: int
    channel: str
    location: str
    zone: str
    basis: Basis
    price: Decimal
    currency: str
    tax_mode: TaxMode = TaxMode.GROSS
    unit: str = "piece"
    pack_content: Decimal | None = None
    pack_unit: str = ""
    variant: str = ""
    condition: str = "new"
    seller: str = ""
    customer_group: str = ""
    sale_kind: SaleKind = SaleKind.REGULAR
    promotion: str = ""
    price_list_id: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None


TERMS = Claim._fields[11:]
"""Fields with a usual value; a stored claim keeps those that differ."""
USUAL = {name: Claim._field_defaults[name] for name in TERMS} | {"zone": ""}
USUAL_TAIL = tuple(Claim._field_defaults[name] for name in TERMS)
PARSERS: dict[str, Callable[[str], Any]] = {
    "tax_mode": TaxMode,
    "sale_kind": SaleKind,
    "pack_content": Decimal,
    "valid_from": datetime.fromisoformat,
    "valid_to": datetime.fromisoformat,
}


def pack_terms(claim: Claim) -> str:
    """The unusual terms of a claim as JSON; empty when all are usual."""
    if claim[11:] == USUAL_TAIL and not claim.zone:  # nearly every receipt line
        return ""
    unusual: dict[str, Any] = {}
    for name, usual in USUAL.items():
        value = getattr(claim, name)
        if value != usual:
            unusual[name] = str(value) if isinstance(value, Decimal) else value
    return orjson.dumps(unusual, option=orjson.OPT_SORT_KEYS).decode()


def unpack_terms(terms: str) -> dict[str, Any]:
    """The inverse of `pack_terms`: field values by name."""
    if not terms:
        return {}
    found: dict[str, Any] = orjson.loads(terms)
    return {name: PARSERS.get(name, str)(value) for name, value in found.items()}
