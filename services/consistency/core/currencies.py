"""Who publishes a price only in another currency than all others.

Prices of two currencies are never compared, so a wrong currency would hide every wrong price. Here
the currencies themselves are: by place and terms, for what is published, and never in doubt. A book
needs this only when two currencies are published in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Protocol

from schemas.claim import PriceClaim
from schemas.incident import Details, Severity
from schemas.rules.consistency import KindRules
from services.consistency.core.complete_lists import LeftOut
from services.consistency.core.episodes import Deviations, Episode
from services.consistency.core.expectation import (
    ExpectationHistory,
    Expected,
    Move,
    expected_at,
    outdated_at,
)
from services.consistency.core.places import EVERYWHERE, STORE_RANK, ZONE_RANK, Place, place_of
from services.consistency.core.unsaid import ClaimKey
from services.consistency.core.windows import Windows, window_of

Held = Mapping[str, PriceClaim]
"""What counts of one speaker at one time, by currency."""
NOTHING: Held = {}
OTHERS_MIN = 2
"""Without a reference so many others must publish one and the same currency."""


@dataclass(frozen=True)
class Amount:
    """A price in its currency; two are equal if their currencies are."""

    currency: str
    price: Decimal = field(compare=False)


class CurrencyReading(Protocol):
    """How a kind of prices reads and reports currencies. Pure."""

    @property
    def rules(self) -> KindRules:
        """The rules it applies."""
        ...

    @property
    def lawful_currencies(self) -> frozenset[str]:
        """In these a channel may publish alone."""
        ...

    @property
    def wrong_currency(self) -> str:
        """The cause of all that is found here."""
        ...

    def free_terms(self, claim: Any) -> Hashable | None:
        """The terms but for the currency; None if the price is never compared."""
        ...

    def currency_details(self, terms: Any, observed: Amount, expected: Amount) -> Details:
        """The details of an incident."""
        ...

    def identity(self, terms: Any) -> tuple[str, ...]:
        """The terms as part of an incident's id."""
        ...


class CurrencyComparison:
    """Implements `Comparison` of services/consistency/core/expectation.py."""

    def __init__(self, reading: CurrencyReading) -> None:
        self._reading = reading
        self.rules = reading.rules

    missed_changes: frozenset[str] = frozenset()

    def terms(self, claim: PriceClaim) -> Hashable | None:
        """The terms but for the currency."""
        return self._reading.free_terms(claim)

    def value(self, claim: PriceClaim) -> Amount:
        """The currency, with the price."""
        return Amount(claim.currency, claim.price)

    def promotion(self, claim: PriceClaim) -> None:
        """A promotion changes no currency."""

    def repeats(self, claim: PriceClaim, former: PriceClaim) -> bool:
        """The same currency."""
        return claim.currency == former.currency

    def agrees(self, value: Amount, expected: Amount) -> bool:
        """The same currency."""
        return value == expected

    def choose(self, votes: Sequence[PriceClaim]) -> Amount | None:
        """The currency of all, if it is one, at the lowest price."""
        lowest = min(votes, key=lambda claim: claim.price)
        return self.value(lowest) if len({claim.currency for claim in votes}) == 1 else None

    def cause(self, claim: PriceClaim, expected: Expected, history: ExpectationHistory) -> str:
        """There is only one."""
        return self._reading.wrong_currency

    def severity(self, observed: Amount, expected: Amount) -> Severity:
        """Nobody will be charged that."""
        return Severity.HIGH

    def gap(self, observed: Amount, expected: Amount) -> Decimal:
        """Currencies are not further apart than others."""
        return Decimal(0)

    def details(self, terms: Any, observed: Amount, expected: Amount) -> Details:
        """Both prices with their currencies."""
        return self._reading.currency_details(terms, observed, expected)

    def identity(self, terms: Any) -> tuple[str, ...]:
        """Those of a price without a currency, which no other incident has."""
        return self._reading.identity(terms)


class _Speaker:
    """What one channel publishes for one place on the same terms, in all currencies."""

    __slots__ = ("deviations", "history", "move", "spoken", "windows")

    def __init__(self, channel: str, comparison: CurrencyComparison) -> None:
        self.windows: dict[str, Windows] = {}
        self.deviations = Deviations(channel, comparison.rules)
        self.history = ExpectationHistory(comparison)
        self.move: Move | None = None
        self.spoken: frozenset[str] = frozenset()
        """The currencies that it had when it was judged last."""

    def held(self, comparison: CurrencyComparison, now: datetime) -> dict[str, PriceClaim]:
        """What counts at `now`, by currency."""
        found: dict[str, PriceClaim] = {}
        for currency, windows in self.windows.items():
            claim = windows.at(now, now)
            if isinstance(claim, PriceClaim):
                outdated = outdated_at(comparison, claim)
                if outdated is None or now < outdated:
                    found[currency] = claim
        return found

    def next_change(self, comparison: CurrencyComparison, now: datetime) -> datetime | None:
        """When something may change by time alone."""
        times = [windows.next_change(now) for windows in self.windows.values()]
        times += [self.deviations.due_at, self.deviations.held_until]
        times += [outdated_at(comparison, one) for one in self.held(comparison, now).values()]
        return min((time for time in times if time and time > now), default=None)


Group = dict[str, _Speaker]
"""The speakers of one place and the same terms, by channel."""


class _Tongue:
    """In which currencies a channel publishes one article, wherever and on whatever terms."""

    __slots__ = ("at", "currency", "is_plural", "said")

    def __init__(self) -> None:
        self.currency = ""
        self.at: datetime | None = None
        self.said: set[str] = set()
        self.is_plural = False
        """It publishes in several at a time: one shortly after another, or by turns."""

    def hear(self, claim: PriceClaim, rules: KindRules) -> None:
        """Take a claim, later than all before."""
        if self.at is not None and claim.currency != self.currency:
            soon = claim.occurred_at - self.at <= rules.grace(claim.channel, False)
            self.is_plural = self.is_plural or soon or claim.currency in self.said
        self.currency, self.at = claim.currency, claim.occurred_at
        self.said.add(claim.currency)


class CurrencyFold:
    """The currencies of a book after all claims and due times up to the latest `run`."""

    def __init__(self, reading: CurrencyReading) -> None:
        self._reading = reading
        self.comparison = CurrencyComparison(reading)
        self._rules = reading.rules
        self._places: dict[Place, dict[Hashable, Group]] = {}
        self._tongues: dict[str, _Tongue] = {}
        self._due: dict[Place, datetime] = {}

    def run(self, claims: Sequence[PriceClaim], until: datetime) -> None:
        """Continue with `claims` (sorted, later than all before) and all that is due by `until`."""
        for now, group in groupby(claims, key=lambda claim: claim.occurred_at):
            self._pass_time(now)
            self._instant(now, list(group))
        self._pass_time(until)
        if self.next_due == until:
            self._instant(until, ())

    def _pass_time(self, until: datetime) -> None:
        while (due := self.next_due) is not None and due < until:
            self._instant(due, ())

    @property
    def next_due(self) -> datetime | None:
        """The next time at which something may change without new claims."""
        return min(self._due.values(), default=None)

    def episodes(self) -> Iterator[tuple[Hashable, Place, str, Episode]]:
        """All episodes with their terms, place and channel."""
        for place, groups in self._places.items():
            for terms, group in groups.items():
                for channel, speaker in group.items():
                    current = speaker.deviations.current
                    found = list(speaker.deviations.past)
                    if current is not None and current.reopens is None:
                        found.append(current)
                    for episode in found:
                        yield terms, place, channel, episode

    def _instant(self, now: datetime, claims: Sequence[PriceClaim]) -> None:
        touched = {place for place, due in self._due.items() if due <= now}
        for claim in claims:
            touched.add(place_of(claim))
            if not isinstance(claim, LeftOut):  # which names no price
                self._tongues.setdefault(claim.channel, _Tongue()).hear(claim, self._rules)
            self._take(claim, now)
        if any(place.rank != STORE_RANK for place in touched):
            touched = set(self._places)  # A wider place speaks for narrower ones, too.
        for place in touched:
            dues = [self._judge(place, group, now) for group in self._places[place].values()]
            due = min((one for one in dues if one is not None), default=None)
            self._due.pop(place, None)
            if due is not None:
                self._due[place] = due

    def _take(self, claim: PriceClaim, now: datetime) -> None:
        terms = self._reading.free_terms(claim)
        group = self._places.setdefault(place_of(claim), {}).setdefault(terms, {})
        if claim.channel not in group:
            group[claim.channel] = _Speaker(claim.channel, self.comparison)
        windows = group[claim.channel].windows
        window = window_of(
            claim, claim.price, claim.promotion or None, self._rules.published_max_age
        )
        overlap = self._rules.overlap(claim.channel)
        windows.setdefault(claim.currency, Windows(overlap)).add(window, now)
        if window.is_withdrawal and not isinstance(
            claim, LeftOut
        ):  # It takes back what was said in any currency.
            windows.clear()

    def _judge(self, place: Place, group: Group, now: datetime) -> datetime | None:
        """Judge all channels of a place; returns when they may change by time alone."""
        comparison = self.comparison
        held = {channel: one.held(comparison, now) for channel, one in group.items()}
        for channel, speaker in group.items():
            others = {
                other: said
                for other, said in held.items()
                if said and other != channel and other not in self._rules.apart_from(channel)
            }
            expected = self._expected(channel, others)
            speaker.history.update(expected, now)
            spoken = frozenset(held[channel])
            if spoken != speaker.spoken:
                speaker.spoken, speaker.move = spoken, Move(now, ended=False)
            wrong = self._wrong(place, channel, held[channel], expected, now)
            speaker.deviations.judge_published(wrong, speaker.move, speaker.history, now)
        dues = (speaker.next_change(comparison, now) for speaker in group.values())
        return min((due for due in dues if due is not None), default=None)

    def _expected(self, channel: str, others: Mapping[str, Held]) -> Expected | None:
        """The one currency of the reference, or of all others; None in doubt."""
        references = self._rules.reference_channels
        if channel in references:
            return None
        first = next((one for one in references if one in others), None)
        said = [others[first]] if first is not None else list(others.values())
        if first is None and len(said) < OTHERS_MIN:
            return None
        claims = sorted([claim for held in said for claim in held.values()])
        value = self.comparison.choose(claims)
        return None if value is None else expected_at(self.comparison, value, claims)

    def _wrong(
        self, place: Place, channel: str, held: Held, expected: Expected | None, now: datetime
    ) -> PriceClaim | None:
        """The newest claim of a channel that publishes in no other currency than a wrong one."""
        if expected is None or not held:
            return None
        right, newest = expected.value.currency, max(held.values())
        if newest.promotion:  # Promotion mismatch compares what channels say of one promotion.
            return None
        if newest.currency == right or not self._reading.lawful_currencies.isdisjoint(held):
            return None
        if right in held and not self._is_replaced(held[right], newest, expected):
            return None
        return None if self._speaks(channel, right, place, held, now) else newest

    def _is_replaced(self, former: PriceClaim, newest: PriceClaim, expected: Expected) -> bool:
        """Whether the same number in another currency took the place of a price in the right one.

        A channel that publishes in both has both at a time, or by turns.
        """
        numbers = {one.price for one in expected.supporting_claims if isinstance(one, PriceClaim)}
        is_same = newest.price == former.price or newest.price in numbers
        return is_same and not self._tongues[newest.channel].is_plural

    def _speaks(self, channel: str, currency: str, place: Place, held: Held, now: datetime) -> bool:
        """Whether the channel has any other price in a currency, here or at a wider place."""
        mine = held.get(currency)  # known to be replaced
        for wider in self._wider(place):
            for group in self._places.get(wider, {}).values():
                speaker = group.get(channel)
                said = speaker.held(self.comparison, now).get(currency) if speaker else None
                if said is not None and said is not mine:
                    return True
        return False

    def _wider(self, place: Place) -> Iterable[Place]:
        """The place itself and those whose prices hold there, too."""
        zone = self._rules.zone_of.get(place.name) if place.rank == STORE_RANK else None
        return {place, Place(ZONE_RANK, zone), EVERYWHERE} if zone else {place, EVERYWHERE}


class CurrencyWatch:
    """What is published in one book, and what is wrong with its currencies.

    A claim may come in any order: what is later than the latest tick waits for it.
    """

    def __init__(self, reading: CurrencyReading) -> None:
        self._reading = reading
        self._claims: dict[ClaimKey, PriceClaim] = {}
        self._fold: CurrencyFold | None = None
        """None: to be folded from scratch."""
        self._waiting: list[PriceClaim] = []

    def put(self, claim: PriceClaim, folded_to: datetime | None) -> None:
        """Add a published claim; its times are in UTC."""
        self._claims[claim.event_id, claim.ordinal] = claim
        if folded_to is not None and claim.occurred_at <= folded_to:
            self._fold = None
        else:
            self._waiting.append(claim)

    def remove(self, key: ClaimKey) -> None:
        """Take a claim back, if it is here."""
        if self._claims.pop(key, None) is not None:
            self._fold = None

    def run(self, now: datetime) -> CurrencyFold:
        """The state at `now`, no earlier than before."""
        if self._fold is None:
            self._fold, self._waiting = CurrencyFold(self._reading), list(self._claims.values())
        self._waiting.sort()
        split = bisect_right(self._waiting, now, key=lambda claim: claim.occurred_at)
        self._fold.run(self._waiting[:split], now)
        del self._waiting[:split]
        return self._fold
