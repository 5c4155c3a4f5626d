"""Which offers of a product are compared with something at one time, and why the others are not.

Pure. Nothing is judged here: what is expected where, and of which claims it was chosen, is read
from the folds that incidents follow from; terms, places and ages by the functions that judge them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from schemas.claim import Book, Claim, PriceClaim
from schemas.offer import Basis
from schemas.rules.consistency import KindRules
from schemas.subject import Subject
from services.consistency.core.book import ComparedBook
from services.consistency.core.claim_set import ClaimSet
from services.consistency.core.expectation import Comparison, outdated_at
from services.consistency.core.guests import is_guest
from services.consistency.core.place_states import ChannelState
from services.consistency.core.places import EVERYWHERE, Place, place_of, wider_than
from services.consistency.core.timeline_fold import TimelineFold
from services.consistency.core.windows import Windows, window_of


class CoverageReason(StrEnum):
    """Why an offer is not compared, or why two offers are not compared with each other.

    Reasons of pairs stand in the order in which a pair is looked at: the later, the nearer the two
    are to a comparison.
    """

    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SEEN_LONG_AGO = "seen_long_ago"
    THIRD_PARTY = "third_party"
    KIND_OF_SALE = "kind_of_sale"
    UNCLEAR_PACK = "unclear_pack"
    ALONE = "alone"
    MARKET = "market"
    CURRENCY = "currency"
    TAX_MODE = "tax_mode"
    UNIT = "unit"
    PACK = "pack"
    VARIANT = "variant"
    CONDITION = "condition"
    CUSTOMER_GROUP = "customer_group"
    OTHER_PLACE = "other_place"
    PLACES_MAY_DIFFER = "places_may_differ"
    CHANNELS_MAY_DIFFER = "channels_may_differ"
    OUTDATED = "outdated"
    FEW_OBSERVATIONS = "few_observations"
    OTHER_MEASURE = "other_measure"


ORDER = {reason: number for number, reason in enumerate(CoverageReason)}
NOT_IN_FORCE = frozenset(
    {
        CoverageReason.WITHDRAWN,
        CoverageReason.ENDED,
        CoverageReason.EXPIRED,
        CoverageReason.NOT_YET_VALID,
        CoverageReason.SEEN_LONG_AGO,
    }
)
"""The channel has no price at all at this place now."""
NEVER = frozenset(
    {CoverageReason.THIRD_PARTY, CoverageReason.KIND_OF_SALE, CoverageReason.UNCLEAR_PACK}
)
"""An offer of this sort is no side of any comparison."""
OF_TERMS = {
    "currency": CoverageReason.CURRENCY,
    "tax_mode": CoverageReason.TAX_MODE,
    "unit": CoverageReason.UNIT,
    "pack_content": CoverageReason.PACK,
    "pack_unit": CoverageReason.PACK,
    "variant": CoverageReason.VARIANT,
    "condition": CoverageReason.CONDITION,
    "customer_group": CoverageReason.CUSTOMER_GROUP,
}
"""The reason by the first of the terms that differ."""
Speaker = tuple[str, Place]
"""A channel, and the place for which it says something."""
Linked = Mapping[tuple[Book, Speaker, Any], tuple[Speaker, ...]]
"""With whom an offer, given by its book, speaker and terms, is compared under its GTIN."""


class CoverageReading(Comparison, Protocol):
    """How a kind of prices is compared, and whose prices are the retailer's own."""

    def subject_terms(self, claim: Any) -> Any:
        """The terms, also of a price that is never compared; None if it is not the retailer's."""
        ...


class CoveredOffer(NamedTuple):
    """What one channel says for one place on the same terms, and whether it is compared."""

    claim: PriceClaim
    """What it publishes, else what was seen of it last; not in force, its latest claim."""
    terms: Any
    """None if it is compared on none."""
    reason: CoverageReason | None
    """None if it is compared."""
    compared_with: tuple[Speaker, ...] = ()
    """On the same terms; itself, if what it publishes is compared with what is seen of it."""

    @property
    def speaker(self) -> Speaker:
        """Its channel and place."""
        return self.claim.channel, place_of(self.claim)

    @property
    def is_in_force(self) -> bool:
        """Whether the channel has this price there now."""
        return self.reason not in NOT_IN_FORCE


class _Said(NamedTuple):
    """An offer in force before it is known whether it is compared."""

    claim: PriceClaim
    terms: Any
    own: CoverageReason | None
    """Why it is compared with nothing, whatever others say."""
    linked: frozenset[Speaker] = frozenset()
    is_rare: bool = False
    """It was only observed, less often than the rules ask for."""

    @property
    def party(self) -> tuple[str, str, Any, CoverageReason | None, bool]:
        """What it has in common with others of its channel, but for the place."""
        market, _ = self.claim.book.subject.parts
        return market, self.claim.channel, self.terms, self.own, self.is_rare


class ProductCoverage:
    """The offers of one product in all its markets, as of one time."""

    def __init__(
        self,
        claims: Mapping[Book, Collection[Claim]],
        judge: Callable[[Book], ComparedBook],
        reading: CoverageReading,
        now: datetime,
        by_gtin: Linked | None = None,
    ) -> None:
        """`judge` makes an empty book of a market, whose folds are read; `by_gtin` is what the
        books of GTINs say of offers with two numbers (`of_guests`)."""
        self._reading = reading
        self._rules: KindRules = reading.rules
        self._now = now
        said: list[_Said] = []
        own: list[_Said] = []
        gone: list[CoveredOffer] = []
        for name, mine in claims.items():
            known = ClaimSet(name)
            for claim in mine:
                known.add(claim)
            until_now = [
                one for one in known if isinstance(one, PriceClaim) and one.occurred_at <= now
            ]
            book = judge(name)
            book.add(until_now)
            book.advance(now)
            here = [*self._judged(book), *self._never_judged(until_now), *self._unclear(book)]
            said += here
            own += [one for one in here if not is_guest(one.claim)]
            gone += self._gone(
                [one for one in until_now if not is_guest(one)],
                {(one.claim.channel, place_of(one.claim)) for one in here},
            )
        self._places: dict[tuple[Any, ...], set[Place]] = defaultdict(set)
        for one in said:
            self._places[one.party].add(place_of(one.claim))
        self._by_gtin = by_gtin or {}
        self.of_guests: dict[tuple[Book, Speaker, Any], tuple[Speaker, ...]] = {
            (_by_sku(one.claim), _speaker_of(one.claim), one.terms): tuple(sorted(one.linked))
            for one in said
            if is_guest(one.claim) and one.linked
        }
        """With whom the guests are compared here, as offers of their article numbers."""
        self._said = own  # what guests say is counted with their article number
        self.offers = [*(self._covered(one) for one in own), *gone]

    def pairs(self, offer: CoveredOffer) -> Iterator[tuple[CoveredOffer, CoverageReason | None]]:
        """The product's offers of other channels, each with why the two are not compared with each
        other; None if they are."""
        by_offer = dict(zip(map(id, self.offers), self._said, strict=False))
        mine = by_offer.get(id(offer))
        for other in self.offers:
            theirs = by_offer.get(id(other))
            if other.claim.channel == offer.claim.channel:
                continue
            if mine is None or theirs is None:
                yield other, offer.reason if mine is None else other.reason
            elif other.speaker in mine.linked and (other.claim.book, other.terms) == (
                offer.claim.book,
                offer.terms,
            ):
                yield other, None
            else:
                own = mine.own or self._between(mine, theirs.party, {other.speaker[1]})
                yield other, own

    def _judged(self, book: ComparedBook) -> Iterator[_Said]:
        """What is in force of what is compared on some terms."""
        for terms, fold in book.folds():
            states = {
                (state.channel, state.place): state
                for place_state in fold.places.values()
                for state in place_state.channels.values()
                if state.published or state.voting(self._now)
            }
            links, too_few = self._links(fold, states)
            for speaker, state in states.items():
                claim = state.published or state.voting(self._now)
                assert isinstance(claim, PriceClaim)
                is_rare = not state.published and not self._is_evidence(state)
                linked = frozenset(() if is_rare else links[speaker])
                own = None
                if not linked and not self._speaks(state):
                    own = CoverageReason.OUTDATED
                elif not linked and speaker in too_few:
                    own = CoverageReason.FEW_OBSERVATIONS
                yield _Said(claim, terms, own, linked, is_rare)

    def _links(
        self, fold: TimelineFold, states: Mapping[Speaker, ChannelState]
    ) -> tuple[Mapping[Speaker, set[Speaker]], set[Speaker]]:
        """Who is held to whom: each to the claims that what is expected of it was chosen from.

        With it, who would be if it had been observed more often.
        """
        links: dict[Speaker, set[Speaker]] = defaultdict(set)
        too_few: set[Speaker] = set()
        for speaker, state in states.items():
            expected = fold.history_at(fold.places[state.place], state.apart).expected
            current = state.deviations.current
            if expected and current and current.opened_at:
                verdict = current.verdict.expected  # It ends when the channel says what is right.
                links[speaker].update(map(_speaker_of, verdict.votes))
            if not expected or expected.seen_of == state.channel:
                continue
            others = {
                _speaker_of(vote)
                for vote in expected.votes
                if expected.is_of_reference or not self._is_outdated(vote)
            }
            is_published = state.contradicting(self._now) is not None
            is_seen = state.voting(self._now) is not None
            if not self._is_evidence(state):
                if is_seen and (others if not is_published else speaker in others):
                    too_few.add(speaker)
                if not is_published:
                    continue
                others.discard(speaker)
            elif not is_published:
                others.discard(speaker)
            for other in others:
                links[speaker].add(other)
                links[other].add(speaker)
        return links, too_few

    def _speaks(self, state: ChannelState) -> bool:
        """Whether it says something now that can contradict others."""
        return state.published is None or state.contradicting(self._now) is not None

    def _is_outdated(self, claim: Claim) -> bool:
        at = outdated_at(self._reading, claim)
        return at is not None and at <= self._now

    def _is_evidence(self, state: ChannelState) -> bool:
        """Whether a channel is observed at a place as often as the rules ask for."""
        seen = state.voting(self._now)
        if seen is None:
            return False
        begin = seen.occurred_at - self._rules.evidence_within
        near = state.deviations.observations.near(seen.basis, begin)
        events = len({one.event_id for one in near})
        return self._rules.suffice(events, events)

    def _never_judged(self, claims: Iterable[PriceClaim]) -> Iterator[_Said]:
        """What is in force of third parties' prices and of kinds of sale that are not compared."""
        groups: dict[Any, list[PriceClaim]] = defaultdict(list)
        for one in claims:
            if self._reading.terms(one) is None:
                base = self._reading.subject_terms(one)
                groups[one.channel, place_of(one), one.seller, base].append(one)
        listed = [one for one in claims if one.basis is Basis.PUBLISHED] if groups else []
        for (*_, base), mine in groups.items():
            found = self._in_force(mine)
            if found is not None and not (base and self._is_replaced(found, base, listed)):
                own = CoverageReason.KIND_OF_SALE if base else CoverageReason.THIRD_PARTY
                yield _Said(found, None, own)

    def _in_force(self, claims: Iterable[PriceClaim]) -> PriceClaim | None:
        """What counts now of the claims of one channel for one place."""
        windows, seen = Windows(), None
        for one in sorted(claims):
            if one.basis is Basis.PUBLISHED:
                window = window_of(one, one.price, None, self._rules.published_max_age)
                windows.add(window, one.occurred_at)
            elif one.occurred_at + self._rules.max_age > self._now:
                seen = one
        found = windows.at(self._now, self._now) or seen
        return found if isinstance(found, PriceClaim) else None

    def _is_replaced(self, claim: PriceClaim, terms: Any, listed: Iterable[PriceClaim]) -> bool:
        """Whether the channel published a newer price for the same thing, which it compares."""
        if claim.valid_to is not None or claim.basis is not Basis.PUBLISHED:
            return False
        return any(
            one.occurred_at > claim.occurred_at
            and (one.channel, place_of(one)) == (claim.channel, place_of(claim))
            and self._reading.terms(one) == terms
            for one in listed
        )

    def _unclear(self, book: ComparedBook) -> Iterator[_Said]:
        """The latest observations that may be about several packs, or are another kind of sale."""
        latest: dict[tuple[Speaker, Any], PriceClaim] = {}
        for one in sorted(book.aside.values()):
            if isinstance(one, PriceClaim) and one.occurred_at + self._rules.max_age > self._now:
                latest[(one.channel, place_of(one)), self._reading.terms(one)] = one
        for (_, terms), one in latest.items():
            is_other = book.is_other_sale(one, terms)
            yield _Said(
                one, None, CoverageReason.KIND_OF_SALE if is_other else CoverageReason.UNCLEAR_PACK
            )

    def _gone(
        self, claims: Iterable[PriceClaim], present: Collection[Speaker]
    ) -> Iterator[CoveredOffer]:
        """Where a channel had a price once and has none now."""
        former: dict[Speaker, list[PriceClaim]] = defaultdict(list)
        for one in claims:
            speaker = (one.channel, place_of(one))
            if speaker not in present:
                former[speaker].append(one)
        for mine in former.values():
            published = [one for one in mine if one.basis is Basis.PUBLISHED]
            latest = max(published or mine)
            reason = self._why_gone(published) if published else CoverageReason.SEEN_LONG_AGO
            yield CoveredOffer(latest, self._reading.terms(latest), reason)

    def _why_gone(self, published: Sequence[PriceClaim]) -> CoverageReason:
        max_age = self._rules.published_max_age
        windows = [window_of(one, one.price, None, max_age) for one in sorted(published)]
        latest = windows[-1]
        if latest.is_withdrawal:
            return CoverageReason.WITHDRAWN
        if any(one.start > self._now for one in windows):
            return CoverageReason.NOT_YET_VALID
        is_forgotten = latest.forgotten_at <= self._now
        is_over = latest.end is not None and latest.end <= latest.forgotten_at
        return CoverageReason.EXPIRED if is_forgotten and not is_over else CoverageReason.ENDED

    def _covered(self, said: _Said) -> CoveredOffer:
        if said.linked:
            return CoveredOffer(said.claim, said.terms, None, tuple(sorted(said.linked)))
        by_gtin = self._by_gtin.get((said.claim.book, _speaker_of(said.claim), said.terms))
        if by_gtin:
            return CoveredOffer(said.claim, said.terms, None, by_gtin)
        reason = said.own or max(
            (
                self._between(said, party, places)
                for party, places in self._places.items()
                if party[1] != said.claim.channel and party[3] not in NEVER
            ),
            key=ORDER.__getitem__,
            default=CoverageReason.ALONE,
        )
        return CoveredOffer(said.claim, said.terms, reason)

    def _between(
        self, said: _Said, party: tuple[Any, ...], places: Collection[Place]
    ) -> CoverageReason:
        """Why an offer is not compared with any of a party at these places."""
        market, channel, terms, own, is_rare = party
        if market != said.claim.book.subject.parts[0]:
            return CoverageReason.MARKET
        if own in NEVER:
            return CoverageReason(own)
        differing = differing_terms(said.terms, terms)
        if differing:
            return OF_TERMS[differing[0]]
        place = place_of(said.claim)
        if not _is_reached(place, places, self._rules):
            is_common = place == EVERYWHERE or EVERYWHERE in places
            may_differ = is_common and self._rules.locations_may_differ
            return CoverageReason.PLACES_MAY_DIFFER if may_differ else CoverageReason.OTHER_PLACE
        if channel in self._rules.apart_from(said.claim.channel):
            return CoverageReason.CHANNELS_MAY_DIFFER
        if own is CoverageReason.OUTDATED:
            return CoverageReason.OUTDATED
        return (
            CoverageReason.FEW_OBSERVATIONS
            if is_rare or said.is_rare
            else CoverageReason.OTHER_MEASURE
        )


def _by_sku(guest: PriceClaim) -> Book:
    """The book of its article number."""
    market, _ = guest.book.subject.parts
    return guest.book._replace(subject=Subject.product(market, guest.with_sku))


def _speaker_of(claim: Claim) -> Speaker:
    return claim.channel, place_of(claim)


def differing_terms(one: Any, other: Any) -> list[str]:
    """The names of the terms that two offers do not share."""
    names = type(one)._fields
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def _is_reached(place: Place, places: Collection[Place], rules: KindRules) -> bool:
    """Whether a claim for one of the places holds at this one, too, or the other way round."""
    if place in places or any(one in places for one in wider_than(place, rules)):
        return True
    return any(place in wider_than(one, rules) for one in places)
