"""Unit prices (Grundpreis) against the price and the pack that the same offer names.

A unit price above the computed one may be that of the drained weight of a can. It counts only if it
is gross, or after a right one for the same pack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Self

import orjson

from schemas.claim import Statement
from schemas.offer import Offer, SaleKind, TaxMode
from services.consistency.core.book import earliest
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.packs import UNITS, same_pack
from services.consistency.core.windows import Windows, window_of

COMPARED_SALES = frozenset({SaleKind.REGULAR, SaleKind.PROMOTION})
BASES = frozenset(base for base, _ in UNITS.values())
CENT, CENT_HUNDREDTH = Decimal("0.01"), Decimal("0.0001")
GROSS = 3
"""No drained weight is less than this part of the net weight."""


class UnitPriceVerdict(StrEnum):
    """What a unit price is, measured by price and pack."""

    UNKNOWN = "unknown"
    RIGHT = "right"
    TOO_LOW = "too_low"
    TOO_HIGH = "too_high"
    GROSSLY_HIGH = "grossly_high"


class UnitPrice(NamedTuple):
    """A unit price: `amount` for `per` of a base unit (kg, l, m, piece); `content` is the pack's,
    in the same unit, None if the offer does not tell. `currency` is that of both prices."""

    price: Decimal
    amount: Decimal
    per: Decimal
    unit: str
    content: Decimal | None
    deposit: Decimal
    currency: str

    @classmethod
    def of_offer(cls, offer: Offer, currency: str) -> Self | None:
        """The unit price of an offer with a price; None if there is nothing to compare."""
        price, amount = offer.price, offer.unit_price
        if not price or not amount or offer.tax_mode is not TaxMode.GROSS or offer.customer_group:
            return None
        if offer.sale_kind not in COMPARED_SALES or not offer.unit_price_unit:
            return None
        quantity = Decimal(1) if offer.unit_price_quantity is None else offer.unit_price_quantity
        per, unit = same_pack(quantity, offer.unit_price_unit)
        if not per or per < 0:
            return None
        content, deposit = _content_of(offer, unit), offer.deposit or Decimal(0)
        return cls(price, amount, per, unit, content, deposit, offer.currency or currency)

    @classmethod
    def read(cls, text: str) -> Self:
        """The inverse of `written`."""
        price, amount, per, unit, content, deposit, currency = orjson.loads(text)
        known = None if content is None else Decimal(content)
        numbers = (Decimal(price), Decimal(amount), Decimal(per))
        return cls(*numbers, unit, known, Decimal(deposit), currency)

    def written(self) -> str:
        """As text."""
        return orjson.dumps([v if v is None else str(v) for v in self]).decode()

    def in_words(self, amount: Decimal | None = None) -> str:
        """An amount, or its own one, per what it is quoted for."""
        is_cents = self.amount == self.amount.quantize(CENT)
        shown = (self.amount if amount is None else amount).quantize(
            CENT if is_cents else CENT_HUNDREDTH
        )
        return f"{shown:f} per {self.per:f} {self.unit}"

    @property
    def computed(self) -> Decimal | None:
        """What price and pack give."""
        if not self.content or self.content < 0:
            return None
        return (self.price / self.content * self.per).quantize(CENT_HUNDREDTH)

    def verdict(self, tolerance: Decimal, percent: Decimal) -> UnitPriceVerdict:
        """Measured by price and pack, and a deposit if that is in it."""
        wanted = self.computed
        if wanted is None or self.content is None:
            return UnitPriceVerdict.UNKNOWN
        with_deposit = wanted + self.deposit / self.content * self.per
        if any(within(self.amount, one, tolerance, percent) for one in (wanted, with_deposit)):
            return UnitPriceVerdict.RIGHT
        if self.amount < wanted:
            return UnitPriceVerdict.TOO_LOW
        return (
            UnitPriceVerdict.GROSSLY_HIGH
            if self.amount > wanted * GROSS
            else UnitPriceVerdict.TOO_HIGH
        )

    def agrees(self, other: UnitPrice, tolerance: Decimal, percent: Decimal) -> bool:
        """Of another price, pack or unit, or the same but for rounding."""
        if (self.price, self.unit, self.currency) != (other.price, other.unit, other.currency):
            return True
        if self.content is not None and other.content is not None:
            return True  # each is measured by its own pack
        coarse, fine = sorted((self, other), key=lambda one: one.per)
        share = coarse.per / fine.per
        return within(coarse.amount, fine.amount * share, tolerance, percent)


def within(value: Decimal, wanted: Decimal, tolerance: Decimal, percent: Decimal) -> bool:
    """Whether a value differs by no more than the larger of both tolerances."""
    difference = abs(value - wanted)
    return difference <= tolerance or difference * 100 <= percent * wanted


def _content_of(offer: Offer, unit: str) -> Decimal | None:
    """What the price is for, in the unit of the unit price."""
    priced, base = same_pack(Decimal(1), offer.unit)
    if base != "piece":
        return priced if base == unit and base in BASES else None
    if offer.pack_content is None:
        return None
    content, base = same_pack(offer.pack_content, offer.pack_unit)
    return content if base == unit else None


class Wrong(NamedTuple):
    """A time in which a channel's unit price contradicted its own price."""

    since: datetime
    until: datetime | None
    said: tuple[Statement, ...]


class Timeline(NamedTuple):
    """The wrong times of a voice, and when it may change next."""

    wrong: list[Wrong]
    next_change: datetime | None


def timeline(
    said: Iterable[Statement], wrong: set[Statement], max_age: timedelta, now: datetime
) -> Timeline:
    """When what counts of the statements of one channel at one place was a wrong one, up to now."""
    found: list[Wrong] = []
    change = None
    for at, one, following in _counting(sorted(said), max_age, now):
        change = following
        last = found[-1] if found and found[-1].until is None else None
        if one is not None and one in wrong:
            if last is None:
                found.append(Wrong(at, None, (one,)))
            elif one is not last.said[-1] and len(last.said) < EVIDENCE_MAX:
                found[-1] = last._replace(said=(*last.said, one))
        elif last is not None:
            found[-1] = last._replace(until=at)
    return Timeline(found, change)


def _counting(
    said: list[Statement], max_age: timedelta, now: datetime
) -> Iterator[tuple[datetime, Statement | None, datetime | None]]:
    """(time, what counts from then on, the next change) for every instant up to now."""
    windows, fed = Windows(), 0
    at = said[0].occurred_at if said else None
    while at is not None and at <= now:
        while fed < len(said) and said[fed].occurred_at == at:
            one = said[fed]
            price = UnitPrice.read(one.value).price if one.value else Decimal(0)
            windows.add(window_of(one, price, None if one.valid_to is None else "", max_age), at)
            fed += 1
        upcoming = said[fed].occurred_at if fed < len(said) else None
        following = earliest(upcoming, windows.next_change(at))
        counting = windows.at(at, at)
        yield at, counting if isinstance(counting, Statement) else None, following
        at = following
