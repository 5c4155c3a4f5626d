"""Orders of a customer as the API gives them: each once, with what was cancelled and returned.

The figures of a profile are their sums: `orders` and `cancellations` count them by state, `returns`
counts their returns, `revenue` and `returned` are the sums of these amounts by currency.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from schemas.base import Contract
from schemas.currency import Priced


class OrderState(StrEnum):
    """What became of an order."""

    PLACED = "placed"
    CANCELLED = "cancelled"
    """It was cancelled as a whole."""
    UNKNOWN = "unknown"
    """Only a return of it was reported, never the order itself."""


class OrderedLine(Contract):
    """A line of an order or return, as the report that counts says it."""

    sku: str
    """Article number; empty if none is named."""
    kind: str
    """product, service, shipping, deposit, gift_card, fee or donation."""
    category: str
    """Category of the article; empty if none is named."""
    quantity: Decimal
    """Pieces, or kilograms of weighed goods."""
    total: Decimal
    """Gross total after discounts, in the currency of the order."""


class OrderEvent(Contract):
    """A report of an order."""

    event_id: str
    """The event that reports it."""
    occurred_at: datetime
    """When that was, according to this report."""
    channel: str
    """Channel of the report."""
    store: str
    """Store; empty if none is named."""


class OrderCancellation(OrderEvent, Priced):
    """A report that an order, or some lines of it, were cancelled."""

    is_whole: bool
    """Whether the whole order is cancelled."""
    value: Decimal | None
    """What is cancelled, own products and services; null for the whole order."""
    currency: str
    """Currency of the value."""


class OrderReturn(OrderEvent, Priced):
    """A return, counted once however many systems report it."""

    return_id: str
    """Its number."""
    value: Decimal
    """Value of the returned products and services."""
    currency: str
    """Currency of the value."""
    lines: list[OrderedLine]
    """What came back."""
    reports: int
    """How many events report it."""


class ProfileOrder(OrderEvent, Priced):
    """One order of a customer; time, place, lines and value are those of the report that counts."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    profile_id: UUID
    """The customer."""
    issuer: str
    """Who assigned the number."""
    order_id: str
    """The number; empty for a return that names no order."""
    state: OrderState
    """What became of it."""
    value: Decimal | None
    """Gross total of own product and service lines after discounts; null if it is unknown."""
    revenue: Decimal
    """The same less what was cancelled; zero of a cancelled order."""
    currency: str
    """Currency of the amounts."""
    lines: list[OrderedLine]
    """Its lines."""
    reported_by: list[OrderEvent]
    """Every report that it was placed, the earliest first."""
    cancellations: list[OrderCancellation]
    """Reports of cancellations, the earliest first."""
    returns: list[OrderReturn]
    """Its returns, the earliest first."""
    is_cut: bool
    """Whether one of these lists is longer than what is shown of it."""
