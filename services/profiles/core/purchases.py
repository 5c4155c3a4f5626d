"""Orders, returns, cancellations and revenue, each counted once and attributed to one owner.

An order counts once per issuer and order id and belongs to its best report: one with a customer
before one without, then the earliest, then the smallest event id. Cancellations and returns belong
to the owner of the order they name, wherever they were reported. The view `profile_totals` computes
the same in SQL; a test compares the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from schemas.identifiers import NodeId
from services.profiles.core.facts import OrderRow

PLACED, CANCELLED, RETURNED = "placed", "cancelled", "returned"
ZERO = Decimal(0)
Key = tuple[str, str]
"""(issuer, order id) or (issuer, return id)."""


class LedgerEntry(NamedTuple):
    """The contribution of one order or return to the figures of the profile that holds `owner`.

    `currency` is empty for a return that states none, while its order is unknown.
    """

    owner: NodeId
    currency: str
    orders: int = 0
    returns: int = 0
    cancellations: int = 0
    revenue: Decimal = ZERO
    returned: Decimal = ZERO


class Purchases(NamedTuple):
    """The figures of one profile; money in one currency, with other currencies separately."""

    orders: int
    returns: int
    cancellations: int
    revenue: Decimal
    returned: Decimal
    other_currencies: dict[str, Decimal]
    returned_other_currencies: dict[str, Decimal]


class Settled(NamedTuple):
    """An order or return with all its reports. `best` is the one that counts, `order` the placed
    order that a return belongs to, if it is known."""

    entry: LedgerEntry
    best: OrderRow
    reports: tuple[OrderRow, ...]
    order: Key | None = None


def settle(rows: Iterable[OrderRow]) -> Iterator[LedgerEntry]:
    """One entry per order and one per return (see `settled`)."""
    return (one.entry for one in settled(rows))


def settled(rows: Iterable[OrderRow]) -> Iterator[Settled]:
    """Every order and every return that counts, once.

    `rows` must hold every report of each order and return that any of them names; the same row may
    occur twice. An entry's owner is a node, of any profile.
    """
    by_order: defaultdict[Key, list[OrderRow]] = defaultdict(list)
    by_return: defaultdict[Key, list[OrderRow]] = defaultdict(list)
    for row in set(rows):
        if row.action == RETURNED:
            by_return[row.issuer, row.return_id].append(row)
        else:
            by_order[row.issuer, row.order_id].append(row)
    known: dict[Key, LedgerEntry] = {}
    for key, reports in by_order.items():
        found = _order(reports)
        if found is not None:
            yield found
            if found.best.action == PLACED:
                known[key] = found.entry
    for reports in by_return.values():
        yield _return(reports, known)


def _order(reports: Sequence[OrderRow]) -> Settled | None:
    """One order; None if it is known only from a cancellation of some lines."""
    placed = [row for row in reports if row.action == PLACED]
    cancelled = [row for row in reports if row.action == CANCELLED]
    whole = [row for row in cancelled if row.is_whole]
    best = min(placed or whole, key=_rank, default=None)
    if best is None:
        return None
    if whole:
        entry = LedgerEntry(best.node, best.currency, cancellations=1)
        return Settled(entry, best, tuple(reports))
    # One in another currency cannot be subtracted; the list of order conflicts shows it.
    own = ("", best.currency)
    off = sum(row.value for row in cancelled if row.currency in own)
    # Reported twice, a cancellation must not turn a sale into a loss.
    revenue = best.value - max(ZERO, min(off, best.value))
    entry = LedgerEntry(best.node, best.currency, orders=1, revenue=revenue)
    return Settled(entry, best, tuple(reports))


def _return(reports: Sequence[OrderRow], known: dict[Key, LedgerEntry]) -> Settled:
    """One return; a report that names the order takes precedence."""
    best = min(reports, key=lambda row: (not row.order_id, *_rank(row)))
    key = (best.issuer, best.order_id)
    order = known.get(key)
    owner, currency = (order.owner, order.currency) if order else (best.node, "")
    entry = LedgerEntry(owner, best.currency or currency, returns=1, returned=best.value)
    return Settled(entry, best, tuple(reports), key if order else None)


def _rank(row: OrderRow) -> tuple[bool, datetime, str, NodeId]:
    return row.is_unnamed, row.occurred_at, row.event_id, row.node


def add_up(entries: Iterable[LedgerEntry], currency: str) -> Purchases:
    """The sums of one profile's entries; `currency` is the realm's, and that of an entry without
    one."""
    orders = returns = cancellations = 0
    revenue: defaultdict[str, Decimal] = defaultdict(Decimal)
    returned: defaultdict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        orders += entry.orders
        returns += entry.returns
        cancellations += entry.cancellations
        if entry.orders:
            revenue[entry.currency or currency] += entry.revenue
        if entry.returns:
            returned[entry.currency or currency] += entry.returned
    own, own_returned = revenue.pop(currency, ZERO), returned.pop(currency, ZERO)
    others, others_returned = (dict(sorted(one.items())) for one in (revenue, returned))
    return Purchases(orders, returns, cancellations, own, own_returned, others, others_returned)
