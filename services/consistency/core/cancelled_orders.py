"""What cancellations take back: the prices that the lines of an order claimed.

A cancelled order, or a voided receipt, proves no price: somebody mistyped it, or nobody paid it. So
its claims are none, as if they had never been made, whether the cancellation came before or after.
What a page showed stands. An order that was sent back was paid, so a return takes nothing back.

Pure: a function of the reports of the orders in question; each pair of them is judged alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Self

from schemas.claim import Claim
from schemas.events.orders import OrderCancelled, OrderLine, OrderPlaced, ReceiptKind
from schemas.subject import SEPARATOR
from schemas.touchpoint import Touchpoint
from services.consistency.core.gtin import article_of
from services.consistency.core.kind import Kinds
from services.consistency.core.order_lines import is_negative, line_prices, lines_left

Name = tuple[str, str]
"""Issuer and number of an order."""
Sold = tuple[str, Decimal]
"""An article and a price at which it was sold."""
Content = tuple[str, tuple[tuple[str, Decimal, Decimal], ...]]
"""Till, and of each line article, quantity and total without their signs."""
TILLS = "pos"
UNDONE_WITHIN = timedelta(hours=1)
"""A receipt that another one undoes without naming it: mistyped ones are voided at once."""


class ReportedOrder(NamedTuple):
    """An event that reports an order, or its cancellation."""

    event_id: str
    occurred_at: datetime
    issuer: str
    body: OrderPlaced | OrderCancelled
    till: str = ""
    """System, store and till of a receipt; empty for what is none."""

    @classmethod
    def of(cls, event: Touchpoint, at: datetime, issuer: str) -> Self | None:
        """None for an event about something else."""
        body, source = event.body, event.source
        if not isinstance(body, OrderPlaced | OrderCancelled):
            return None
        is_receipt = event.channel == TILLS
        till = SEPARATOR.join((source.system, source.store, source.till)) if is_receipt else ""
        return cls(event.event_id, at, issuer, body, till)


class TakenBack(NamedTuple):
    """What one report of an order no longer claims."""

    is_whole: bool
    sold: frozenset[Sold] = frozenset()
    """If not the whole order: articles, each with a price."""


WHOLE = TakenBack(is_whole=True)


def taken_back(reports: Iterable[ReportedOrder]) -> dict[str, TakenBack]:
    """What is taken back of each report of an order, by event id; all reports of the orders that
    are asked about must be given, each once."""
    placed: dict[Name, list[ReportedOrder]] = defaultdict(list)
    cancelled: dict[Name, list[ReportedOrder]] = defaultdict(list)
    for one in sorted(reports, key=lambda one: (one.occurred_at, one.event_id)):
        number = _cancels(one.body)
        if number:
            cancelled[one.issuer, number].append(one)
        elif isinstance(one.body, OrderPlaced):
            placed[one.issuer, one.body.order_id].append(one)
    found: dict[str, TakenBack] = {}
    for name in placed.keys() & cancelled.keys():
        lines = [_lines(one.body) for one in cancelled[name]]
        for one in placed[name]:
            found[one.event_id] = WHOLE if not all(lines) else _partly(one.body.lines, lines)
    undone = _undone([one for mine in (*placed.values(), *cancelled.values()) for one in mine])
    return found | dict.fromkeys(undone, WHOLE)


def _undone(reports: Sequence[ReportedOrder]) -> Iterator[str]:
    """The receipts that another one of the same till undoes line by line, soon after."""
    undoing: dict[Content, list[datetime]] = defaultdict(list)
    for one in reports:
        if one.till and isinstance(one.body, OrderPlaced) and _undoes(one.body):
            undoing[_content(one.till, one.body)].append(one.occurred_at)
    for one in reports if undoing else ():
        if one.till and isinstance(one.body, OrderPlaced) and not _undoes(one.body):
            at = one.occurred_at
            ends = undoing.get(_content(one.till, one.body), ())
            if any(at <= end <= at + UNDONE_WITHIN for end in ends):
                yield one.event_id


def _undoes(body: OrderPlaced) -> bool:
    """A void that names no other receipt, or a receipt of which every line takes something back."""
    if body.receipt_kind is ReceiptKind.VOID:
        return bool(body.lines) and not body.voids
    is_sale = body.receipt_kind is ReceiptKind.SALE
    return is_sale and bool(body.lines) and all(map(is_negative, body.lines))


def _content(till: str, body: OrderPlaced) -> Content:
    lines = ((article_of(line), abs(line.quantity), abs(line.total)) for line in body.lines)
    return till, tuple(sorted(lines))


def _cancels(body: OrderPlaced | OrderCancelled) -> str:
    """The number of the order that it cancels; empty for none."""
    if isinstance(body, OrderCancelled):
        return body.order_id
    return (body.voids or body.order_id) if body.receipt_kind is ReceiptKind.VOID else ""


def _lines(body: OrderPlaced | OrderCancelled) -> Sequence[OrderLine]:
    """The lines that it takes back; none for all. A void is always one of the whole receipt."""
    return body.lines if isinstance(body, OrderCancelled) else ()


def _partly(lines: Sequence[OrderLine], cancelled: Iterable[Sequence[OrderLine]]) -> TakenBack:
    left = lines_left(lines, [line for back in cancelled for line in back])
    gone = _sold(line for line in lines if line not in left)
    return TakenBack(is_whole=False, sold=gone - _sold(left))


def _sold(lines: Iterable[OrderLine]) -> frozenset[Sold]:
    return frozenset((article_of(line), price) for line in lines for price in line_prices(line))


def is_taken_back(claim: Claim, back: Mapping[str, TakenBack], kinds: Kinds) -> bool:
    """Whether the claim says what was sold by an order that was cancelled."""
    mine = back.get(claim.event_id)
    kind = kinds.get(claim.book.kind) if mine else None
    sold = kind.sold(claim) if kind and kind.sold else None
    return mine is not None and sold is not None and (mine.is_whole or sold in mine.sold)
