"""Reports of one order that contradict each other: probably two orders under one number.

A receipt number that restarts counts one order of several. Such an order keeps counting once, but
it is shown. Reports of a shop and of the till where the order was collected contradict nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.identifiers import NodeId


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


class OrderReport(NamedTuple):
    """One report of a placed order."""

    event_id: str
    occurred_at: datetime
    channel: str
    store: str
    customer: NodeId | None
    """The profile that holds it now; None if it names nobody."""
    currency: str
    amount: Decimal


class OrderConflict(NamedTuple):
    """An order whose reports contradict each other; the first report is the one that counts."""

    issuer: str
    order_id: str
    differs: Sequence[Contradiction]
    reports: Sequence[OrderReport]


def differences(reports: Iterable[OrderReport], zone: ZoneInfo) -> list[Contradiction]:
    """In what the reports of one order contradict each other; in the order of `Contradiction`."""
    known = list(reports)
    days = {(one.channel, one.occurred_at.astimezone(zone).date()) for one in known}
    said: dict[Contradiction, Collection[object]] = {
        Contradiction.CUSTOMER: {one.customer for one in known} - {None},
        Contradiction.STORE: {one.store for one in known} - {""},
        Contradiction.AMOUNT: {(one.currency, one.amount) for one in known},
    }
    found = {kind for kind, values in said.items() if len(values) > 1}
    if len(days) > len({channel for channel, _ in days}):
        found.add(Contradiction.DAY)
    return [one for one in Contradiction if one in found]
