"""Reports of one order that contradict each other.

A receipt number that restarts counts one order of several. Such an order keeps counting once, but
it is shown. Reports of a shop and of the till where the order was collected contradict nothing.
Shown, too, is what cannot be taken off an order: more than it was worth, another currency, or what
names an order of somebody else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.identifiers import NodeId
from services.profiles.core.purchases import CANCELLED, PLACED


class Contradiction(StrEnum):
    """In what two reports of one order contradict each other."""

    CUSTOMER = "customer"
    """Two profiles; a report that names nobody contradicts none."""
    STORE = "store"
    """Two stores; a report without one contradicts none."""
    AMOUNT = "amount"
    """Two amounts, or two currencies."""
    DAY = "day"
    """Two days of the realm, on one channel: collecting an order later is no contradiction."""
    CURRENCY = "currency"
    """Lines are cancelled, or goods returned, in another currency than the order's."""
    CANCELLED = "cancelled"
    """More is cancelled than the order was worth."""
    ISSUER = "issuer"
    """A cancellation or return names an order that only other issuers have, so it takes nothing
    off. Its sender left out the issuer, or the order is still to be reported."""
    RETURN = "return"
    """Several returns under one number: of other orders, of other amounts. Only one counts."""


class OrderReport(NamedTuple):
    """One report of an order: that it was placed, or that lines are cancelled or returned."""

    event_id: str
    occurred_at: datetime
    channel: str
    store: str
    customer: NodeId | None
    """The profile that holds it now; None if it names nobody."""
    currency: str
    """Empty: that of the order."""
    amount: Decimal | None
    """None if the order is cancelled as a whole."""
    action: str = PLACED


class OrderConflict(NamedTuple):
    """An order whose reports contradict each other. Those that it was placed come first, and of
    them the one that counts."""

    issuer: str
    order_id: str
    differs: Sequence[Contradiction]
    reports: Sequence[OrderReport]


def contradictions(reports: Sequence[OrderReport], zone: ZoneInfo) -> list[Contradiction]:
    """In what the reports under one order number, that more than one event placed or that another
    issuer has, contradict each other."""
    if all(one.action != PLACED for one in reports):
        return [Contradiction.ISSUER]
    return differences(reports, zone)


def differences(reports: Iterable[OrderReport], zone: ZoneInfo) -> list[Contradiction]:
    """In what the reports of one order contradict each other; in the order of `Contradiction`."""
    reports = list(reports)
    known = [one for one in reports if one.action == PLACED]
    days = {(one.channel, one.occurred_at.astimezone(zone).date()) for one in known}
    said: dict[Contradiction, Collection[object]] = {
        Contradiction.CUSTOMER: {one.customer for one in known} - {None},
        Contradiction.STORE: {one.store for one in known} - {""},
        Contradiction.AMOUNT: {(one.currency, one.amount) for one in known},
    }
    found = {kind for kind, values in said.items() if len(values) > 1}
    if len(days) > len({channel for channel, _ in days}):
        found.add(Contradiction.DAY)
    if known:
        found |= _taken_back(known[0], [one for one in reports if one.action != PLACED])
    return [one for one in Contradiction if one in found]


def _taken_back(order: OrderReport, later: Sequence[OrderReport]) -> set[Contradiction]:
    """What of the cancellations and returns cannot be taken off the order."""
    is_over = any(one.amount is None for one in later)  # of a cancelled order nothing is left
    amounts = [
        (one.action, one.currency or order.currency, one.amount)
        for one in later
        if one.amount is not None and not (is_over and one.action == CANCELLED)
    ]
    off = sum(
        amount
        for action, currency, amount in amounts
        if (action, currency) == (CANCELLED, order.currency)
    )
    found = set()
    if any(amount and currency != order.currency for _, currency, amount in amounts):
        found.add(Contradiction.CURRENCY)
    if order.amount is not None and off > order.amount:
        found.add(Contradiction.CANCELLED)
    return found
