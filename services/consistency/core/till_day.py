"""One till on one day: its closings, and which receipts each of them may count.

Whatever a system may count in one way or the other is allowed in both: receipts at the edges of the
period, returns, and receipts that are no sale. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate, groupby
from typing import NamedTuple

from schemas.claim import Statement
from schemas.subject import SEPARATOR

NOTHING_SOLD = Decimal(0)
EDGE_RECEIPTS_MAX = 50
NUMBERS_MAX = 20
NUMBERED = re.compile(r"(.*?)([0-9]{1,15})", re.S)


class TillStep(StrEnum):
    """What a statement of a till's book is."""

    SALE = "sale"
    OTHER = "other"
    RETURN = "return"
    CANCELLED = "cancelled"
    CLOSING = "closing"


class Receipt(NamedTuple):
    """A receipt that arrived."""

    at: datetime
    event_id: str
    number: str
    step: TillStep
    amount: Decimal | None
    currency: str


class Closing(NamedTuple):
    """A closing, or one report of it."""

    at: datetime
    event_id: str
    number: str
    receipts: int
    gross: Decimal
    currency: str
    opened_at: datetime
    closed_at: datetime
    store: str


class Arrived(NamedTuple):
    """The receipts of a period: how many, and their total if it is known."""

    receipts: int
    gross: Decimal | None


class TillDay:
    """What is known of one till on one day: closings by number, and receipts."""

    def __init__(self, claims: Iterable[Statement], edge: timedelta, tolerance: Decimal) -> None:
        """`edge` and `tolerance` as the rules of the kind have them."""
        self._edge = edge
        self._tolerance = tolerance
        self.receipts: list[Receipt] = []
        closings: list[Closing] = []
        for claim in claims:
            step = TillStep(claim.value.partition(SEPARATOR)[0])
            if step is TillStep.CLOSING:
                closings.append(_closing_of(claim))
            else:
                self.receipts.append(_receipt_of(claim, step))
        self.receipts.sort(key=lambda one: (one.at, one.event_id))
        closings.sort(key=lambda one: (one.number, one.at, one.event_id))
        self.closings = [list(same) for _, same in groupby(closings, key=lambda one: one.number)]
        """Of each number the reports, the latest last."""

    def near(self, closing: Closing, edge: timedelta) -> list[Receipt]:
        """The receipts of a closing's period, widened by `edge` on either side."""
        first, last = closing.opened_at - edge, closing.closed_at + edge
        return [one for one in self.receipts if first <= one.at <= last]

    def agrees(self, closing: Closing) -> bool:
        """Whether the receipts may be those that the closing counts."""
        near = self.near(closing, self._edge)
        if any(one.step is TillStep.CANCELLED for one in near):
            return True  # nobody knows how the till counts what was cancelled
        sales, _ = once(one for one in near if one.step is TillStep.SALE)
        extra, refunds = _beside(near)
        totals = [NOTHING_SOLD, *accumulate(one.amount or NOTHING_SOLD for one in sales)]
        is_known = self._is_total_known(closing, near)
        for begin, end in self._cuts(closing, sales):
            fits = end - begin <= closing.receipts <= end - begin + extra
            total = totals[end] - totals[begin]
            if fits and (not is_known or self._is_total(closing, total, refunds)):
                return True
        return False

    def _cuts(self, closing: Closing, sales: Sequence[Receipt]) -> Iterator[tuple[int, int]]:
        """Where the closing may begin and end among these receipts."""
        begins = sum(one.at <= closing.opened_at + self._edge for one in sales)
        ends = sum(one.at < closing.closed_at - self._edge for one in sales)
        for begin in range(min(begins, EDGE_RECEIPTS_MAX) + 1):
            for end in range(max(begin, ends, len(sales) - EDGE_RECEIPTS_MAX), len(sales) + 1):
                yield begin, end

    def _is_total(self, closing: Closing, total: Decimal, refunds: Decimal) -> bool:
        off = closing.gross - total
        return min(abs(off), abs(off + refunds)) <= self._tolerance

    def _is_total_known(self, closing: Closing, near: Iterable[Receipt]) -> bool:
        near = list(near)
        counted = [one for one in near if one.step in (TillStep.SALE, TillStep.RETURN)]
        plain = all(one.amount is not None and one.currency == closing.currency for one in counted)
        return plain and not once(one for one in near if one.step is TillStep.SALE)[1]

    def arrived(self, closing: Closing) -> tuple[list[Receipt], Arrived]:
        """The receipts of exactly its period, each once, and their sums."""
        near = self.near(closing, timedelta())
        sales, _ = once(one for one in near if one.step is TillStep.SALE)
        gross = sum((one.amount or NOTHING_SOLD for one in sales), NOTHING_SOLD)
        return sales, Arrived(len(sales), gross if self._is_total_known(closing, near) else None)

    def counted(self, closing: Closing) -> tuple[int, int]:
        """The least and the most receipts that a till may count in exactly its period."""
        near = self.near(closing, timedelta())
        sales, _ = once(one for one in near if one.step is TillStep.SALE)
        return len(sales), len(sales) + _beside(near)[0]


def _beside(near: Iterable[Receipt]) -> tuple[int, Decimal]:
    """How many receipts may be counted beside sales, and what was refunded."""
    near = list(near)
    others, _ = once(one for one in near if one.step is TillStep.OTHER)
    returns, _ = once(one for one in near if one.step is TillStep.RETURN)
    refunds = (one.amount or NOTHING_SOLD for one in returns)
    return len(others) + len(returns), sum(refunds, NOTHING_SOLD)


def once(receipts: Iterable[Receipt]) -> tuple[list[Receipt], bool]:
    """The receipts, each number once by its earliest report; whether two reports of one differ."""
    found: dict[str, Receipt] = {}
    differ = False
    for one in receipts:
        first = found.setdefault(one.number, one)
        differ |= (first.amount, first.currency) != (one.amount, one.currency)
    return list(found.values()), differ


def equal_receipts(sales: Iterable[Receipt]) -> list[Receipt]:
    """Those that say the same at the same moment under two numbers, without the first of each."""
    seen: set[tuple[datetime, Decimal | None]] = set()
    found: list[Receipt] = []
    for one in sales:
        if (one.at, one.amount) in seen:
            found.append(one)
        seen.add((one.at, one.amount))
    return found


def missing_numbers(sales: Sequence[Receipt], missing: int) -> list[str]:
    """The gaps in the numbers, if they are exactly the missing receipts; else none."""
    read = [NUMBERED.fullmatch(one.number) for one in sales]
    parts = [(match[1], match[2]) for match in read if match]
    if len(parts) < len(sales) or len({prefix for prefix, _ in parts}) != 1:
        return []
    numbers = {int(digits) for _, digits in parts}
    low, high = min(numbers), max(numbers)
    if high - low + 1 - len(numbers) != missing or len(numbers) != len(parts):
        return []
    width = len(parts[0][1])
    is_padded = all(len(digits) == width for _, digits in parts)
    gaps = (number for number in range(low, high) if number not in numbers)
    return [
        f"{parts[0][0]}{number:0{width if is_padded else 1}}"
        for number, _ in zip(gaps, range(NUMBERS_MAX), strict=False)
    ]


def _receipt_of(claim: Statement, step: TillStep) -> Receipt:
    _, amount, currency = claim.value.split(SEPARATOR)
    number = claim.terms or claim.event_id
    known = Decimal(amount) if amount else None
    return Receipt(claim.occurred_at, claim.event_id, number, step, known, currency)


def _closing_of(claim: Statement) -> Closing:
    _, receipts, gross, currency, opened, closed = claim.value.split(SEPARATOR)
    period = datetime.fromisoformat(opened), datetime.fromisoformat(closed)
    head = claim.occurred_at, claim.event_id, claim.terms
    return Closing(*head, int(receipts), Decimal(gross), currency, *period, claim.location)
