"""What one customer was charged above what was shown to that customer shortly before.

Only pages and carts of the same customer count, on the same terms, and of each channel only the
latest: whoever saw the new price there knows it. Nothing here reads or writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from pydantic import Field

from schemas.base import TimeZone
from schemas.claim import Statement
from schemas.offer import CHARGED, DISPLAYED, PUBLISHED
from schemas.rules.consistency import Days, KindRules, Percent

ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
CHANGES_AT = ["00:00"]
BY_GTIN = " "
"""In the terms of what has two numbers, between those under its own and those under its GTIN."""


class ShownRules(KindRules):
    """How long a price that was shown counts, and what explains a difference."""

    within_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    """Minutes before a purchase in which a price that the customer was shown counts."""
    locations_may_differ: bool = False
    """True: what is shown for a store is compared with that store only, what is shown for none
    with purchases in none."""
    tolerance_absolute: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("0.01")
    """Differences up to the larger of the two tolerances are ignored."""
    tolerance_percent: Percent = Decimal("0.5")
    """Tolerance in percent of the price shown."""
    prices_change_at: Annotated[list[ClockTime], Field(max_length=48)] = CHANGES_AT
    """Times of day at which price lists change: what was shown before one of them does not count
    for a purchase after it."""
    time_zone: TimeZone = "Europe/Berlin"
    """IANA time zone of these times."""
    published_max_age_days: Days = 30
    """Days after a purchase for which the incident stays open unless the goods are returned."""

    @cached_property
    def within(self) -> timedelta:
        """How long a price that was shown counts."""
        return timedelta(minutes=self.within_minutes)

    def is_more(self, paid: Decimal, shown: Decimal) -> bool:
        """Whether a price is above another one by more than both tolerances."""
        more = paid - shown
        return more > self.tolerance_absolute and more * 100 > self.tolerance_percent * shown

    def changed_between(self, shown_at: datetime, paid_at: datetime) -> bool:
        """Whether price lists change after the one time and until the other."""
        zone = ZoneInfo(self.time_zone)
        after = paid_at.astimezone(zone)
        for clock in self.prices_change_at:
            hours, minutes = map(int, clock.split(":"))
            change = after.replace(hour=hours, minute=minutes, second=0, microsecond=0)
            if change > after:
                change -= timedelta(days=1)
            if shown_at < change.astimezone(UTC):
                return True
        return False


class QuotedPrice(NamedTuple):
    """What a claim says, read."""

    claim: Statement
    price: Decimal
    quantity: Decimal
    """How much was bought, or lay in the cart; zero if that is not known."""
    price_list: str
    order: tuple[str, str]
    """Issuer and number."""
    market: str
    sku: str
    currency: str

    @classmethod
    def of(cls, claim: Statement) -> QuotedPrice:
        """A shown or charged price, or an order that was given back."""
        body = orjson.loads(claim.value)
        return cls(
            claim,
            Decimal(body.get("price", "0")),
            Decimal(body.get("quantity", "0")),
            body.get("list", ""),
            (body.get("issuer", ""), body.get("order", "")),
            body.get("market", ""),
            body.get("sku", ""),
            body.get("currency", ""),
        )

    @property
    def at(self) -> datetime:
        """When it was said."""
        return self.claim.occurred_at

    def is_of(self, paid: QuotedPrice) -> bool:
        """Whether it is about the order of a purchase; who assigned the number may be unsaid."""
        (issuer, number), (other, paid_number) = self.order, paid.order
        return number == paid_number and (issuer == other or not issuer)

    @property
    def place(self) -> tuple[datetime, str, int]:
        """Its place in the order of claims."""
        return self.at, self.claim.event_id, self.claim.ordinal


class DearerPurchase(NamedTuple):
    """What was charged above what was shown, and until when that counts."""

    paid: QuotedPrice
    shown: list[QuotedPrice]
    """The latest of each channel that showed less, the lowest price first."""
    end: datetime


class ShownPrices:
    """Finds what one customer was charged above what was shown before, under the rules."""

    def __init__(self, rules: ShownRules) -> None:
        self._rules = rules

    def of(self, claims: Iterable[Statement]) -> list[DearerPurchase]:
        """Those of all claims given; of an order only its first report counts, and of several
        lines at different prices the dearest."""
        alike, back = _alike(claims)
        found: list[DearerPurchase] = []
        returned: list[QuotedPrice] | None = None
        for terms in sorted(alike):
            if len({claim.basis for claim in alike[terms]}) < 2:
                continue  # most of what is looked at is not bought; nothing of it need be read
            if returned is None:
                returned = _read(back)
            said = _read(alike[terms])
            shown = [one for one in said if one.claim.basis is DISPLAYED]
            found += self._of_one_article(_first_reports(said), shown, returned)
        return found

    def _of_one_article(
        self, paid: Iterable[QuotedPrice], shown: list[QuotedPrice], returned: list[QuotedPrice]
    ) -> Iterator[DearerPurchase]:
        for one in paid:
            seen = self._seen_for_less(one, shown)
            if seen:
                yield DearerPurchase(one, seen, self._end_of(one, returned))

    def _seen_for_less(self, paid: QuotedPrice, shown: list[QuotedPrice]) -> list[QuotedPrice]:
        """The latest page of each channel before a purchase, if it showed less."""
        latest: dict[str, QuotedPrice] = {}
        for one in shown:
            if one.at <= paid.at and self._is_comparable(one, paid):
                latest[one.claim.channel] = one
        less = [one for one in latest.values() if self._is_for_less(one, paid)]
        return sorted(less, key=lambda one: (one.price, one.place))

    def _is_comparable(self, shown: QuotedPrice, paid: QuotedPrice) -> bool:
        """Whether the price shown is one for the place where was bought."""
        here, there, rules = paid.claim, shown.claim, self._rules
        if there.channel in rules.apart_from(here.channel):
            return False
        if there.zone:
            return rules.zone_of.get(here.location) == there.zone
        if rules.locations_may_differ or (here.location and there.location):
            return here.location == there.location
        return True

    def _is_for_less(self, shown: QuotedPrice, paid: QuotedPrice) -> bool:
        """Whether nothing explains that less was shown."""
        rules, end = self._rules, shown.claim.valid_to
        return (
            paid.at - shown.at <= rules.within
            and rules.is_more(paid.price, shown.price)
            and (end is None or paid.at < end)
            and (shown.claim.valid_from is None or shown.claim.valid_from <= paid.at)
            and not (shown.quantity and shown.quantity > paid.quantity)
            and not (shown.price_list and paid.price_list and shown.price_list != paid.price_list)
            and not rules.changed_between(shown.at, paid.at)
        )

    def _end_of(self, paid: QuotedPrice, returned: Iterable[QuotedPrice]) -> datetime:
        """When the goods were given back, or nobody speaks of it any more."""
        forgotten = paid.at + self._rules.published_max_age
        back = (
            one.at
            for one in returned
            if one.at >= paid.at and one.is_of(paid) and one.sku in ("", paid.sku)
        )
        return min(next(back, forgotten), forgotten)


def _alike(claims: Iterable[Statement]) -> tuple[dict[str, list[Statement]], list[Statement]]:
    """What was shown and charged, by what it must share; and what was given back.

    What names a GTIN as well is alike with what names that GTIN only, unless other article numbers
    were named with it, or other GTINs with its own.
    """
    alike: dict[str, list[Statement]] = defaultdict(list)
    back: list[Statement] = []
    of_sku: dict[str, set[str]] = defaultdict(set)
    of_gtin: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        if claim.basis is PUBLISHED:
            back.append(claim)
            continue
        terms, _, by_gtin = claim.terms.partition(BY_GTIN)
        alike[terms].append(claim)
        if by_gtin:
            of_sku[terms].add(by_gtin)
            of_gtin[by_gtin].add(terms)
    for terms, gtins in of_sku.items():
        for by_gtin in (gtins & alike.keys()) - of_sku.keys():
            if len(gtins) == len(of_gtin[by_gtin]) == 1:
                alike[terms] += alike.pop(by_gtin)
    return alike, back


def _read(claims: Iterable[Statement]) -> list[QuotedPrice]:
    """What the claims say, in their order."""
    return sorted(map(QuotedPrice.of, claims), key=lambda one: one.place)


def _first_reports(said: Iterable[QuotedPrice]) -> list[QuotedPrice]:
    """The dearest line of the first report of each order, given in order of time."""
    first: dict[tuple[str, str], QuotedPrice] = {}
    for one in said:
        if one.claim.basis is CHARGED:
            known = first.setdefault(one.order, one)
            if known.claim.event_id == one.claim.event_id and one.price > known.price:
                first[one.order] = one
    return list(first.values())
