"""One channel without tills on one day: its day totals by currency, and the orders that arrived.

An order that was cancelled may be in a total or not, what was given back may be taken off or not,
and orders near midnight belong to this day or the next. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from zoneinfo import ZoneInfo

from schemas.claim import Statement
from services.consistency.core.till_day import (
    NOTHING_SOLD,
    Arrived,
    Closing,
    Receipt,
    TillDay,
    TillStep,
    once,
)

TRIES_MAX = 1_000_000
"""Of more ways to count than these, one will agree."""
CANCELLED_WITHIN = timedelta(days=2)
"""How long after its day a cancellation may change what the shop counts."""


def bounds_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Midnight to midnight: 23 or 25 hours when the clocks change."""
    midnights = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    begin, end = (one.astimezone(ZoneInfo("UTC")) for one in midnights)
    return begin, end


class ShopDay(TillDay):
    """What is known of one channel on one day."""

    def __init__(self, claims: Iterable[Statement], edge: timedelta, tolerance: Decimal) -> None:
        super().__init__(claims, edge, tolerance)
        self._gone: dict[str, list[Decimal | None]] = {}
        """Of cancelled orders by number the amounts; None for a whole order."""
        for one in self.receipts:
            if one.step is TillStep.CANCELLED:
                self._gone.setdefault(one.number, []).append(one.amount)

    def agrees(self, closing: Closing) -> bool:
        """Whether the orders may be those that the total counts."""
        near = self.near(closing, self._edge)
        sales, is_known = self._sales(closing, near)
        gone = [self._cancelled(one) for one in sales]
        sums = _sums([one.amount or NOTHING_SOLD for one in sales])
        gone_sums = _sums([amount for _, amount in gone])
        gone_counts = list(accumulate((count for count, _ in gone), initial=0))
        extra, refunds = _others(near), self._refunds(closing, near)
        begins = sum(one.at <= closing.opened_at + self._edge for one in sales)
        first_end = sum(one.at < closing.closed_at - self._edge for one in sales)
        if (begins + 1) * (gone_counts[-1] + extra + 1) > TRIES_MAX:
            return True
        for begin in range(begins + 1):
            least = max(begin, first_end, begin + closing.receipts - extra)
            most = min(len(sales), begin + closing.receipts + gone_counts[-1])
            for end in range(least, most + 1):
                if end - begin - closing.receipts > gone_counts[end] - gone_counts[begin]:
                    continue
                off = sums[end] - sums[begin] - closing.gross
                cancelled = gone_sums[end] - gone_sums[begin]
                if not is_known or any(
                    -self._tolerance <= off - refund <= cancelled + self._tolerance
                    for refund in refunds
                ):
                    return True
        return False

    def arrived(self, closing: Closing) -> tuple[list[Receipt], Arrived]:
        """The orders of exactly this day, each once, and their sums."""
        sales, is_known = self._sales(closing, self.near(closing, timedelta()))
        gross = sum((one.amount or NOTHING_SOLD for one in sales), NOTHING_SOLD)
        return sales, Arrived(len(sales), gross if is_known else None)

    def counted(self, closing: Closing) -> tuple[int, int]:
        """The least and the most orders that may be counted on exactly this day."""
        near = self.near(closing, timedelta())
        sales, _ = self._sales(closing, near)
        gone = sum(self._cancelled(one)[0] for one in sales)
        return len(sales) - gone, len(sales) + _others(near)

    def _sales(self, closing: Closing, near: Sequence[Receipt]) -> tuple[list[Receipt], bool]:
        """The orders in the currency of the total, and whether all amounts are known."""
        sales, differ = once(one for one in near if one.step is TillStep.SALE)
        own = [one for one in sales if one.currency == closing.currency]
        return own, not differ and all(one.amount is not None for one in own)

    def _cancelled(self, sale: Receipt) -> tuple[int, Decimal]:
        """Whether an order was cancelled, and how much of it at the most."""
        whole = sale.amount or NOTHING_SOLD
        parts = self._gone.get(sale.number)
        if not parts:
            return 0, NOTHING_SOLD
        amounts = (whole if amount is None else amount for amount in parts)
        return 1, min(whole, sum(amounts, NOTHING_SOLD))

    def _refunds(self, closing: Closing, near: Sequence[Receipt]) -> set[Decimal]:
        """What may have been taken off for returns: nothing, or all; the currency may be open."""
        returns, _ = once(one for one in near if one.step is TillStep.RETURN)
        own = _total(returns, closing.currency)
        return {NOTHING_SOLD, own, own + _total(returns, "")}


def _total(returns: Sequence[Receipt], currency: str) -> Decimal:
    amounts = (one.amount or NOTHING_SOLD for one in returns if one.currency == currency)
    return sum(amounts, NOTHING_SOLD)


def _others(near: Sequence[Receipt]) -> int:
    return len(once(one for one in near if one.step is TillStep.OTHER)[0])


def _sums(amounts: Sequence[Decimal]) -> list[Decimal]:
    return list(accumulate(amounts, initial=NOTHING_SOLD))
