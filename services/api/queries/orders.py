"""Operations on orders: those of a customer, and those whose reports contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from uuid import UUID

from pydantic import Field

from schemas.api.orders import ProfileOrder
from schemas.base import Instant
from schemas.currency import Priced
from schemas.identifiers import as_uuid
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import held_by, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access
from services.api.queries.profiles import ProfileRequest
from services.profiles.core.order_conflicts import Contradiction
from services.profiles.core.order_history import OrderPlace

ORDERS_PER_PAGE_MAX = 500
OF_PROFILE = "profile_orders"


class OrderConflictsRequest(RealmRequest):
    """Orders with contradicting reports, by issuer and number."""

    limit: int = Field(default=100, ge=1)
    """Most orders."""


class ListedReport(Answer, Priced):
    """One report of an order."""

    event_id: str
    """The event that reports it."""
    action: str
    """placed, cancelled or returned."""
    occurred_at: Instant
    """When that was, according to this report."""
    channel: str
    """Channel of the report."""
    store: str
    """Store; empty if none is named."""
    profile_id: UUID | None
    """The customer; null if the report names nobody."""
    amount: Decimal | None
    """Own products and services after discounts; null if the whole order is cancelled."""
    currency: str
    """Currency of the amount: that of the order, if the report states none."""


class ListedConflict(Answer):
    """An order whose reports contradict each other."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    issuer: str
    """Who assigned the number."""
    order_id: str
    """The number."""
    differs: list[Contradiction]
    """In what the reports contradict each other; `issuer`: of these reports none placed the order,
    but other issuers have one of that number; `return`: several returns under one number."""
    reports: list[ListedReport]
    """All reports: first those that it was placed, of which the first one counts with its customer
    and amount, then cancellations and returns."""


class OrdersRequest(ProfileRequest):
    """A page of a customer's orders."""

    limit: int = Field(default=50, ge=1, le=ORDERS_PER_PAGE_MAX)
    """Most orders."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class OrdersPage(Answer):
    """A page of a customer's orders, the latest first."""

    profile_id: UUID
    """Whose they are."""
    entries: list[ProfileOrder]
    """The orders."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


def _orders(access: Access, asked: OrdersRequest) -> Iterator[OrdersPage]:
    reads, realm = access.reads, asked.realm
    profile = held_by(reads, realm, asked.who, asked.handle, asked.identifier).profile
    after = None
    if asked.cursor:
        after = OrderPlace(*unseal(reads.secret(), OF_PROFILE, realm, asked.cursor))
    entries, place = reads.orders.page(realm, profile, asked.limit, after)
    following = seal(reads.secret(), OF_PROFILE, realm, list(place)) if place else None
    yield OrdersPage(profile_id=as_uuid(profile), entries=entries, next_cursor=following)


def _conflicts(access: Access, asked: OrderConflictsRequest) -> Iterator[ListedConflict]:
    require_realm(access.reads, asked.realm)
    for found in islice(access.reads.order_conflicts.conflicts(asked.realm), asked.limit):
        yield ListedConflict(
            realm=asked.realm,
            issuer=found.issuer,
            order_id=found.order_id,
            differs=list(found.differs),
            reports=[
                ListedReport(
                    event_id=one.event_id,
                    action=one.action,
                    occurred_at=one.occurred_at,
                    channel=one.channel,
                    store=one.store,
                    profile_id=None if one.customer is None else as_uuid(one.customer),
                    amount=one.amount,
                    currency=one.currency or found.reports[0].currency,
                )
                for one in found.reports
            ],
        )


ORDER_CONFLICTS = Operation(
    "order_conflicts", Scope.PROFILES_READ, OrderConflictsRequest, ListedConflict, _conflicts
)
"""Orders whose reports contradict each other."""
PROFILE_ORDERS = Operation(OF_PROFILE, Scope.PROFILES_READ, OrdersRequest, OrdersPage, _orders)
"""A page of a customer's orders, each once across systems."""
OPERATIONS = (ORDER_CONFLICTS, PROFILE_ORDERS)
