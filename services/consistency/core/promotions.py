"""What one channel says of its promotions, and which of it stands.

A newer statement replaces an older one of the same promotion for the same customers, pack and
variant if their windows overlap, so a promotion may return under its id. Times are never guessed: a
bound that is not named is not said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import orjson

from schemas.claim import Claim, Statement
from schemas.offer import Basis, Offer, SaleKind
from services.consistency.core.kind import Heard
from services.consistency.core.offers import claim_head, is_withdrawn, offers_of, window_of
from services.consistency.core.packs import same_pack

EXEMPT = frozenset({SaleKind.PERSONAL, SaleKind.SHORT_DATED})
DAY = timedelta(days=1)
RECENT = timedelta(days=2)
"""How long a promotion that is over is still known."""


class PromotionTerms(NamedTuple):
    """The terms of a promotion that are no times. `pack` and `variant` are empty if not named."""

    customer_group: str
    currency: str
    pack: str
    variant: str


class StandingPromotion(NamedTuple):
    """A promotion as its channel says it; repeated, it is the first claim that says so."""

    claim: Claim
    terms: PromotionTerms
    said_at: datetime
    """When it was said or repeated the latest time."""

    @property
    def promotion(self) -> str:
        """Its id."""
        assert isinstance(self.claim, Statement)
        return self.claim.terms

    @property
    def begin(self) -> datetime:
        """When it begins; without a begin, when it was published."""
        return self.claim.valid_from or self.claim.occurred_at

    @property
    def is_long(self) -> bool:
        """Whether it lasts longer than a day, as far as is known."""
        end = self.claim.valid_to
        return end is None or end - self.begin > DAY

    def replaces(self, other: StandingPromotion) -> bool:
        """Whether it is said instead of the other one."""
        if (self.promotion, self.terms) != (other.promotion, other.terms):
            return False
        end, former_end = self.claim.valid_to, other.claim.valid_to
        is_before = end is not None and end <= other.begin
        is_after = former_end is not None and former_end <= self.begin
        return not is_before and not is_after

    def repeats(self, other: StandingPromotion) -> bool:
        """Whether it says the same as one that it replaces."""
        return (self.claim.valid_from, self.claim.valid_to) == (
            other.claim.valid_from,
            other.claim.valid_to,
        )


class ChannelPromotions:
    """The promotions that one channel names for one place."""

    __slots__ = ("_max_age", "_standing")

    def __init__(self, max_age: timedelta) -> None:
        """A promotion that is not repeated is forgotten after `max_age`."""
        self._max_age = max_age
        self._standing: list[StandingPromotion] = []

    def add(self, claim: Claim) -> bool:
        """Add a claim that is not earlier than those before; False if it only repeats."""
        assert isinstance(claim, Statement)
        if not claim.terms:
            had_any, self._standing = bool(self._standing), []
            return had_any
        new = StandingPromotion(claim, _read(claim.value), claim.occurred_at)
        former = [one for one in self._standing if new.replaces(one)]
        is_repetition = len(former) == 1 and new.repeats(former[0])
        if is_repetition:
            new = former[0]._replace(said_at=claim.occurred_at)
        self._standing = [
            one
            for one in self._standing
            if one not in former and not _is_long_over(one, claim.occurred_at)
        ]
        self._standing.append(new)
        return not is_repetition

    def recent(self, now: datetime) -> list[StandingPromotion]:
        """Those that stand and are not over for days."""
        return [one for one in self._standing if not _is_long_over(one, now)]

    def at(self, now: datetime) -> list[StandingPromotion]:
        """Those that run now or are to come."""
        return [
            one
            for one in self._standing
            if (one.claim.valid_to is None or now < one.claim.valid_to)
            and now < max(one.said_at, one.begin) + self._max_age
        ]

    def bounds(self) -> Iterable[datetime]:
        """When time alone may change what stands, or whether it runs."""
        for one in self._standing:
            yield one.begin
            yield max(one.said_at, one.begin) + self._max_age
            if one.claim.valid_to is not None:
                yield one.claim.valid_to


def _is_long_over(one: StandingPromotion, now: datetime) -> bool:
    return one.claim.valid_to is not None and one.claim.valid_to + RECENT <= now


def promotion_statements(heard: Heard, kind: str) -> list[Statement]:
    """The promotions that an event publishes, and withdrawals (without terms) of all of them."""
    said = (
        (offer, basis)
        for offer, basis in offers_of(heard)
        if (offer.basis or basis) is Basis.PUBLISHED and not offer.seller
    )
    found: list[Statement] = []
    for ordinal, (offer, basis) in enumerate(said):
        is_gone = is_withdrawn(heard, offer, basis)
        if is_gone or (offer.promotion and offer.sale_kind not in EXEMPT):
            value, terms = ("", "") if is_gone else (_written(heard, offer), offer.promotion)
            head = claim_head(heard, kind, offer, basis, ordinal)
            found.append(Statement(*head, value, terms, *window_of(heard, offer, basis)))
    return found


def _written(heard: Heard, offer: Offer) -> str:
    content, unit = same_pack(offer.pack_content, offer.pack_unit)
    pack = "" if content is None else f"{content:f} {unit}".strip()
    terms = PromotionTerms(
        offer.customer_group, offer.currency or heard.currency, pack, offer.variant
    )
    return orjson.dumps(list(terms)).decode()


@lru_cache(maxsize=4096)
def _read(value: str) -> PromotionTerms:
    return PromotionTerms(*orjson.loads(value))
