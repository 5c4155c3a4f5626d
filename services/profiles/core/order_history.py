"""The orders of one customer in the order of their times, with their cancellations and returns.

It only arranges what `purchases` settled, so that the sums are the figures of the profile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from schemas.api.orders import OrderState
from schemas.instants import to_ms
from services.profiles.core.facts import OrderRow
from services.profiles.core.purchases import CANCELLED, PLACED, Key, Settled


class OrderPlace(NamedTuple):
    """A place in the list: the time (Unix ms), and the numbers that tell equal times apart."""

    occurred_ms: int
    issuer: str
    order_id: str
    return_id: str


class KnownOrder(NamedTuple):
    """One order, or one return of an order that nobody reported."""

    state: OrderState
    best: OrderRow
    """The report that counts: of the order, else of the return."""
    order: Settled | None
    placed: list[OrderRow]
    cancellations: list[OrderRow]
    returns: list[Settled]

    @property
    def place(self) -> OrderPlace:
        """Where it stands."""
        best = self.best
        number = "" if self.order else best.return_id
        return OrderPlace(to_ms(best.occurred_at), best.issuer, best.order_id, number)


def purchases_of(found: Iterable[Settled]) -> list[KnownOrder]:
    """The orders of one customer, the latest first, from everything that counts for it."""
    orders: list[Settled] = []
    returns: defaultdict[Key, list[Settled]] = defaultdict(list)
    alone: list[KnownOrder] = []
    for one in found:
        if one.entry.returns and one.order is not None:
            returns[one.order].append(one)
        elif one.entry.returns:
            alone.append(KnownOrder(OrderState.UNKNOWN, one.best, None, [], [], [one]))
        else:
            orders.append(one)
    known = [_purchase(one, returns) for one in orders]
    return sorted([*known, *alone], key=lambda one: one.place, reverse=True)


def _purchase(order: Settled, returns: dict[Key, list[Settled]]) -> KnownOrder:
    best = order.best
    state = OrderState.CANCELLED if order.entry.cancellations else OrderState.PLACED
    mine = returns[best.issuer, best.order_id] if best.action == PLACED else []
    return KnownOrder(
        state,
        best,
        order,
        _by_time(row for row in order.reports if row.action == PLACED),
        _by_time(row for row in order.reports if row.action == CANCELLED),
        sorted(mine, key=lambda one: (one.best.occurred_at, one.best.return_id)),
    )


def _by_time(rows: Iterable[OrderRow]) -> list[OrderRow]:
    """One row of each event: one that is stored under two anchors is one report."""
    found: dict[str, OrderRow] = {}
    for row in sorted(rows, key=lambda row: (row.occurred_at, row.event_id, row.node)):
        found.setdefault(row.event_id, row)
    return list(found.values())
