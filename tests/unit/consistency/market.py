"""A small market to test with: claims of one product at hours of one week, and its rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from schemas.claim import PRICE_MISMATCH, Book, PriceClaim
from schemas.incident import AnyIncident, IncidentState
from schemas.offer import Basis, SaleKind
from services.consistency.core.kind import JudgedBook
from services.consistency.kinds import KINDS
from services.consistency.kinds.price_mismatch import PriceDetails, PriceRules
from services.consistency.rules import ConsistencyRules, consistency_rules
from services.consistency.scenario import overridden
from tests.events import product_book

BOOK = product_book("A-1")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
RULES = consistency_rules()


APPENDED_MS = 4_000_000_000_000
"""When the log appended a record, in milliseconds: later than any time in a test."""


def hour(hours: float) -> datetime:
    """The instant that many hours after Monday 00:00 UTC."""
    return MONDAY + timedelta(hours=hours)


def rules(**overrides: Any) -> ConsistencyRules:
    """The packaged rules with some values replaced."""
    return overridden(RULES, overrides)


def price_rules(using: ConsistencyRules = RULES) -> PriceRules:
    """The rules of price mismatches."""
    found = using.by_kind[PRICE_MISMATCH]
    assert isinstance(found, PriceRules)
    return found


def price_book(name: Book, using: ConsistencyRules = RULES) -> JudgedBook:
    """An empty book of prices."""
    return KINDS[PRICE_MISMATCH].judge(name, price_rules(using))


def claim(channel: str, price: str, at: float, **fields: Any) -> PriceClaim:
    """A claim of channel and price at an hour; `start` and `end` bound it, in hours too."""
    start, end = fields.pop("start", None), fields.pop("end", None)
    location = fields.get("location", "")
    basis = fields.setdefault("basis", Basis.PUBLISHED)
    name = f"{channel}{location}-{basis[0]}{at:g}-{price}"
    base = PriceClaim(BOOK, hour(at), name, 0, 0, channel, "", "", basis, Decimal(price), "EUR")
    if start is not None:
        fields["valid_from"] = hour(start)
    if end is not None:
        fields["valid_to"] = hour(end)
    return base._replace(**fields)


def promo(channel: str, price: str, at: float, **fields: Any) -> PriceClaim:
    """A promotion price, of promotion P1 unless said otherwise."""
    fields = {"sale_kind": SaleKind.PROMOTION, "promotion": "P1", **fields}
    return claim(channel, price, at, **fields)


def shown(channel: str, price: str, at: float, **fields: Any) -> PriceClaim:
    """A price that a customer was shown."""
    return claim(channel, price, at, basis=Basis.DISPLAYED, **fields)


def charged(channel: str, price: str, at: float, **fields: Any) -> PriceClaim:
    """A price on a receipt."""
    return claim(channel, price, at, basis=Basis.CHARGED, **fields)


def book_at(
    claims: Iterable[PriceClaim], now: float, using: ConsistencyRules = RULES
) -> dict[str, AnyIncident]:
    """The incidents that follow from the claims when the latest tick is `now` hours."""
    book = price_book(BOOK, using)
    book.add(claims)
    book.advance(hour(now))
    return book.incidents()


def only(claims: Iterable[PriceClaim], now: float, using: ConsistencyRules = RULES) -> AnyIncident:
    """The one incident there is."""
    (incident,) = book_at(claims, now, using).values()
    return incident


def states(
    claims: Iterable[PriceClaim], now: float, using: ConsistencyRules = RULES
) -> list[tuple[str, IncidentState]]:
    """Channel and state of every incident, sorted."""
    found = book_at(claims, now, using).values()
    return sorted((incident.channel, incident.state) for incident in found)


def prices(incident: AnyIncident) -> PriceDetails:
    """What the incident says of prices."""
    assert isinstance(incident.details, PriceDetails)
    return incident.details
