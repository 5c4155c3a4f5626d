"""Which channels contradicted each other in the terms of a promotion at a place, from when on.

Each term is compared for itself. A channel contradicts another one only if nothing that it says of
a term agrees with anything that the other one says. Pure: claims come in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from schemas.claim import Claim
from schemas.rules.consistency import Apart, KindRules
from services.consistency.core.places import Place, place_of
from services.consistency.core.promotions import ChannelPromotions, StandingPromotion

FORMER_MAX = 10


class PromotionTerm(StrEnum):
    """What is compared, in this order."""

    CUSTOMER_GROUP = "customer_group"
    CURRENCY = "currency"
    PACK = "pack"
    BEGIN = "begin"
    END = "end"


CUSTOMER_GROUP, CURRENCY, PACK, BEGIN, END = PromotionTerm


class Cause(StrEnum):
    """The likeliest cause."""

    STALE_PROMOTION_TERMS = "stale_promotion_terms"
    UNDECIDED_PROMOTION_TERMS = "undecided_promotion_terms"
    WRONG_PROMOTION_TERMS = "wrong_promotion_terms"


class SaidTerms(NamedTuple):
    """What one channel says of a promotion at a place."""

    channel: str
    place: Place
    """The place itself, or the wider one whose statement holds there."""
    promotions: tuple[StandingPromotion, ...]

    def values(self, term: PromotionTerm) -> list[tuple[str | datetime, StandingPromotion]]:
        """What it says of a term; empty if it says nothing."""
        found = [(value_of(one, term), one) for one in self.promotions]
        return [(value, one) for value, one in found if value is not None]


class TermContradiction(NamedTuple):
    """A channel that deviates from what is expected at one time."""

    own: SaidTerms
    expected: SaidTerms
    term: PromotionTerm
    cause: Cause
    runs_from: datetime
    """When the promotion begins on either of both."""


class TermDifference(NamedTuple):
    """A contradiction from its begin on; `until` is None while it lasts."""

    latest: TermContradiction
    since: datetime
    until: datetime | None


def value_of(one: StandingPromotion, term: PromotionTerm) -> str | datetime | None:
    """What is said of a term; None if nothing is said."""
    claim, terms = one.claim, one.terms
    if term is CUSTOMER_GROUP:
        return terms.customer_group
    if term is CURRENCY:
        return terms.currency
    if term is PACK:
        return terms.pack or None
    return claim.valid_from if term is BEGIN else claim.valid_to


Agree = Callable[[SaidTerms, SaidTerms, PromotionTerm], bool]
"""Whether anything that both say of a term is the same."""
Votes = tuple[Sequence[SaidTerms], SaidTerms | None]
"""Who says something of a term, and what is expected by that."""
Key = tuple[str, PromotionTerm, str]
"""Promotion, term and the channel that deviates."""


class PromotionTimeline:
    """What contradicted each other at a place, from the first claim on."""

    def __init__(self, places: Sequence[Place], rules: KindRules, agree: Agree) -> None:
        """`places` are those whose statements hold here, this one first."""
        self._place = places[0]
        self._places = places
        self._rules = rules
        self._agree = agree
        self._said: dict[tuple[Place, str], ChannelPromotions] = {}
        self._former: dict[tuple[str, PromotionTerm], list[SaidTerms]] = {}
        self._lasting: dict[Key, TermDifference] = {}
        self._over: list[TermDifference] = []
        self._coming: list[TermDifference] = []
        self.at: datetime | None = None
        """How far it has come; later claims may be added by another run."""

    def run(self, claims: Iterable[Claim], now: datetime) -> datetime | None:
        """Follow sorted claims, later than all before, up to now; returns when time alone changes
        something next."""
        at = self.at
        for moment, said in groupby(claims, key=lambda claim: claim.occurred_at):
            if at is not None:
                self._pass(at, moment)
            at, is_new = moment, False
            for claim in said:
                key = (place_of(claim), claim.channel)
                known = self._said.get(key)
                if known is None:
                    known = self._said[key] = ChannelPromotions(self._rules.published_max_age)
                is_new |= known.add(claim)
            if is_new:
                self._compare(at)
        if at is None:
            return None
        self._pass(at, now + timedelta.resolution)
        self.at = now
        return min((one for one in self._bounds() if one > now), default=None)

    def differences(self) -> Iterator[TermDifference]:
        """Those that are over, that last, and those of promotions to come."""
        yield from self._over
        yield from self._lasting.values()
        yield from self._coming

    def _bounds(self) -> Iterator[datetime]:
        for known in self._said.values():
            yield from known.bounds()

    def _pass(self, after: datetime, before: datetime) -> None:
        for at in sorted({one for one in self._bounds() if after < one < before}):
            self._compare(at)

    def _compare(self, now: datetime) -> None:
        found: dict[Key, TermContradiction] = {}
        for one in self._contradictions(now):
            found[one.own.promotions[0].promotion, one.term, one.own.channel] = one
        self._coming = [
            TermDifference(one, one.runs_from, None)
            for one in found.values()
            if one.runs_from > now
        ]
        running = {
            key: one for key, one in found.items() if one.runs_from <= now and one.term is not BEGIN
        }
        for key in [one for one in self._lasting if one not in running]:
            self._over.append(self._lasting.pop(key)._replace(until=now))
        for key, one in running.items():
            since = self._lasting[key].since if key in self._lasting else now
            self._lasting[key] = TermDifference(one, since, None)

    def _contradictions(self, now: datetime) -> Iterator[TermContradiction]:
        by_promotion: dict[str, dict[str, SaidTerms]] = {}
        for one in self._holding(now):
            by_promotion.setdefault(one.promotions[0].promotion, {}).setdefault(one.channel, one)
        for _, said in sorted(by_promotion.items()):
            if len(said) > 1:
                asked: dict[tuple[Apart, PromotionTerm], Votes] = {}
                for own in said.values():
                    yield from self._about(own, said, now, asked)

    def _holding(self, now: datetime) -> Iterator[SaidTerms]:
        """What each channel says of each promotion, the nearest place first."""
        for place in self._places:
            for (at, channel), known in sorted(self._said.items()):
                if at == place:
                    running = sorted(known.at(now), key=lambda one: (one.promotion, one.claim))
                    for _, mine in groupby(running, key=lambda one: one.promotion):
                        yield SaidTerms(channel, place, tuple(mine))

    def _about(
        self,
        own: SaidTerms,
        said: Mapping[str, SaidTerms],
        now: datetime,
        asked: dict[tuple[Apart, PromotionTerm], Votes],
    ) -> Iterator[TermContradiction]:
        """What contradicts the other channels in one channel's promotion. Who it is for comes
        first: of another group all other terms may differ."""
        apart = self._rules.apart_from(own.channel)
        for term in PromotionTerm:
            known = asked.get((apart, term))
            if known is None:
                known = asked[apart, term] = self._votes(said, apart, term)
            votes, expected = known
            if expected is None or own not in votes:
                continue
            former = self._former.setdefault((own.promotions[0].promotion, term), [])
            if expected not in former:
                former.append(expected)
                del former[:-FORMER_MAX]
            if self._agree(own, expected, term):
                continue
            if self._answers(own, expected, term, now):
                cause = self._cause(own, expected, votes, term)
                begins = (one.begin for one in (*own.promotions, *expected.promotions))
                yield TermContradiction(own, expected, term, cause, min(begins))
            if term is CUSTOMER_GROUP:
                return

    def _votes(self, said: Mapping[str, SaidTerms], apart: Apart, term: PromotionTerm) -> Votes:
        votes = [
            one for name, one in sorted(said.items()) if name not in apart and one.values(term)
        ]
        return votes, self._expected(votes, term)

    def _expected(self, votes: Sequence[SaidTerms], term: PromotionTerm) -> SaidTerms | None:
        """A reference channel's statement, else the one that most agree with; of as many the one
        for the widest place, then the first one by name."""
        if len(votes) < 2:
            return None
        for reference in self._rules.reference_channels:
            for one in votes:
                if one.channel == reference:
                    return one
        return max(votes, key=lambda one: (self._support(one, votes, term), -one.place.rank))

    def _support(self, one: SaidTerms, votes: Sequence[SaidTerms], term: PromotionTerm) -> int:
        return sum(self._agree(one, other, term) for other in votes)

    def _answers(
        self, own: SaidTerms, expected: SaidTerms, term: PromotionTerm, now: datetime
    ) -> bool:
        """Whether the contradiction is made here, and not where it holds for more places."""
        wider = self._wider(own, now)
        is_repeated = wider is not None and self._agree(own, wider, term)
        return own.place == self._place and (not is_repeated or expected.place == self._place)

    def _wider(self, own: SaidTerms, now: datetime) -> SaidTerms | None:
        """What the same channel says of the same promotion for a wider place."""
        promotion = own.promotions[0].promotion
        for place in self._places[1:]:
            known = self._said.get((place, own.channel))
            mine = [one for one in known.recent(now) if one.promotion == promotion] if known else []
            if mine:
                return SaidTerms(own.channel, place, tuple(mine))
        return None

    def _cause(
        self, own: SaidTerms, expected: SaidTerms, votes: Sequence[SaidTerms], term: PromotionTerm
    ) -> Cause:
        former = self._former[own.promotions[0].promotion, term]
        if any(self._agree(own, one, term) for one in former):
            return Cause.STALE_PROMOTION_TERMS
        is_reference = expected.channel in self._rules.reference_channels
        if not is_reference and self._support(expected, votes, term) == 1:
            return Cause.UNDECIDED_PROMOTION_TERMS
        return Cause.WRONG_PROMOTION_TERMS
