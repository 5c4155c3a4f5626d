"""A small market to test with: claims of one product at hours of one week, and its rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from schemas.claim import Book, Claim
from schemas.incident import Incident, IncidentState
from schemas.offer import Basis, SaleKind
from schemas.rules.consistency import ConsistencyRules, consistency_rules
from services.consistency.core.book import PriceBook
from services.consistency.core.scenario import overridden

BOOK = Book("default", "DE", "A-1")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
RULES = consistency_rules()


def hour(hours: float) -> datetime:
    """The instant that many hours after Monday 00:00 UTC."""
    return MONDAY + timedelta(hours=hours)


def rules(**overrides: Any) -> ConsistencyRules:
    """The packaged rules with some values replaced."""
    return overridden(RULES, overrides)


def claim(channel: str, price: str, at: float, **fields: Any) -> Claim:
    """A claim of channel and price at an hour; `start` and `end` bound it, in hours too."""
    start, end = fields.pop("start", None), fields.pop("end", None)
    location = fields.get("location", "")
    basis = fields.setdefault("basis", Basis.PUBLISHED)
    name = f"{channel}{location}-{basis[0]}{at:g}-{price}"
    base = Claim(BOOK, hour(at), name, 0, 0, channel, "", "", basis, Decimal(price), "EUR")
    if start is not None:
        fields["valid_from"] = hour(start)
    if end is not None:
        fields["valid_to"] = hour(end)
    return base._replace(**fields)


def promo(channel: str, price: str, at: float, **fields: Any) -> Claim:
    """A promotion price, of promotion P1 unless said otherwise."""
    fields = {"sale_kind": SaleKind.PROMOTION, "promotion": "P1", **fields}
    return claim(channel, price, at, **fields)


def shown(channel: str, price: str, at: float, **fields: Any) -> Claim:
    """A price that a customer was shown."""
    return claim(channel, price, at, basis=Basis.DISPLAYED, **fields)


def charged(channel: str, price: str, at: float, **fields: Any) -> Claim:
    """A price on a receipt."""
    return claim(channel, price, at, basis=Basis.CHARGED, **fields)


def book_at(
    claims: Iterable[Claim], now: float, using: ConsistencyRules = RULES
) -> dict[str, Incident]:
    """The incidents that follow from the claims when the latest tick is `now` hours."""
    book = PriceBook(BOOK, using)
    book.add(claims)
    book.advance(hour(now))
    return book.incidents()


def only(claims: Iterable[Claim], now: float, using: ConsistencyRules = RULES) -> Incident:
    """The one incident there is."""
    (incident,) = book_at(claims, now, using).values()
    return incident


def states(
    claims: Iterable[Claim], now: float, using: ConsistencyRules = RULES
) -> list[tuple[str, IncidentState]]:
    """Channel and state of every incident, sorted."""
    found = book_at(claims, now, using).values()
    return sorted((incident.channel, incident.state) for incident in found)
