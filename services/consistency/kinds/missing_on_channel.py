"""Missing on a channel: a list offers a product for sale, and who carries its assortment does not.

Only channels that the rules name are asked, because most assortments differ lawfully. Only what the
list sells to everybody, everywhere and without an end is asked for; any sign of it is an answer.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.claim import Book, Claim, Statement, product_book
from schemas.events.orders import LineKind, OrderPlaced, ReceiptKind
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import CHARGED, PUBLISHED, Availability, Basis, Offer, SaleKind
from schemas.rules.consistency import Days, Hours, KindRules, Name
from schemas.subject import SubjectType, written_subject
from services.consistency.core.assortment import (
    Absence,
    AskedFor,
    ListingWord,
    absences,
    asked,
    first_that_speaks,
    is_for_all,
    turns,
    withdraws,
)
from services.consistency.core.book import earliest, incident_id
from services.consistency.core.faults import fault_id, hour_of
from services.consistency.core.gtin import article_of
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.offers import (
    OFFERING,
    STORE_CHANNELS,
    claim_head,
    is_withdrawn,
    offers_of,
    window_of,
)
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook

NAME = "missing_on_channel"
GRACE_HOURS: dict[str, float] = {"default": 336}
NOTHING_SOLD = Decimal(0)
FOR_SALE = frozenset({Availability.IN_STOCK, Availability.LIMITED})
NO_END = timedelta(days=366)
"""An end so far away is none: systems write 2099-12-31 for it."""
OF_THE_ASSORTMENT = frozenset({SaleKind.REGULAR, SaleKind.DYNAMIC, SaleKind.CLEARANCE})
Names = Annotated[list[Name], Field(min_length=1, max_length=20)]


class MissingRules(KindRules):
    """Which channels carry whose assortment, and how long they may take to list a product."""

    carries: Annotated[dict[Name, Names], Field(max_length=50)] = Field(default={})
    """Channels that carry the whole assortment of others, as `{ app = ["shop"] }`; of several the
    first one that says anything of a product counts. Empty: nothing is reported."""
    markets: Annotated[list[Name], Field(max_length=100)] = Field(default=[])
    """The markets in which they do; empty means all."""
    exempt: Annotated[list[Name], Field(max_length=500)] = Field(default=["TEST*"])
    """Article numbers that are asked of nobody (services, deposits, tests), with `*` and `?`;
    capitals make no difference."""
    listed_max_age_days: Days = 30
    """Days after which a list that does not repeat that a product is for sale asks nothing."""
    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours a channel has to list a product that is for sale elsewhere."""

    @model_validator(mode="after")
    def _others(self) -> Self:
        if any(channel in lists for channel, lists in self.carries.items()):
            raise ValueError("carries: a channel carries the assortment of others")
        return self

    @property
    def listed_max_age(self) -> timedelta:
        """How long a list's word counts."""
        return timedelta(days=self.listed_max_age_days)

    def asks_for(self, market: str, sku: str) -> bool:
        """Whether this product is asked of anybody."""
        if self.markets and market not in self.markets:
            return False
        written = sku.casefold()
        return not any(fnmatchcase(written, pattern.casefold()) for pattern in self.exempt)


class Cause(StrEnum):
    """What the channel did before."""

    NEVER_SHOWN = "never_shown"
    NOT_LISTED_AGAIN = "not_listed_again"
    NO_LONGER_SHOWN = "no_longer_shown"


class MissingDetails(Details):
    """Who offers the product, and since when."""

    reference: str
    """The channel that offers it."""
    offered_since: datetime
    """Since when that channel does."""
    last_shown: datetime | None = None
    """When the channel that lacks it showed or withdrew it last; empty if it never did."""

    def in_words(self) -> str:
        """Where it is for sale."""
        return f"for sale on {self.reference} since {self.offered_since:%Y-%m-%d}"


class AssortmentBook(RecomputedBook[MissingRules]):
    """What channels say of one product."""

    def __init__(self, book: Book, rules: MissingRules) -> None:
        super().__init__(book, rules)
        is_asked = rules.asks_for(*book.subject.parts)
        self._carries = rules.carries if is_asked else {}
        names = {*self._carries, *(one for lists in self._carries.values() for one in lists)}
        self._said: dict[str, list[Statement]] = {name: [] for name in names}
        """By channel that matters, in the order of time."""

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """See the protocol."""
        return [claim for claim in claims if self._take(claim)]

    def _take(self, claim: Claim) -> bool:
        is_correction = self._claims.replaces(claim)
        if not self._claims.add(claim):
            return False
        if is_correction:
            for said in self._said.values():
                said.clear()
        for one in self._claims if is_correction else (claim,):
            if isinstance(one, Statement) and one.channel in self._said:
                insort(self._said[one.channel], one)
        return True

    @property
    def next_due(self) -> datetime | None:
        """See the protocol; what other channels say has no effect."""
        now = self._now
        if now is None:
            return earliest(*(said[0].occurred_at for said in self._said.values() if said))
        places = ((said, bisect_right(said, now, key=_at)) for said in self._said.values())
        following = [said[place].occurred_at for said, place in places if place < len(said)]
        return earliest(*following, *(at for at in self._changes_after(now) if at > now))

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        for channel in self._carries:
            for one, absence, opened_at in self._missing(channel, now):
                if opened_at is not None and opened_at <= now:
                    yield self._incident(channel, one, absence, opened_at, now)

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        for channel in self._carries:
            for one, absence, opened_at in self._missing(channel, now):
                yield from (at for at in (opened_at, absence.until, one.end) if at is not None)

    def _missing(
        self, channel: str, now: datetime
    ) -> Iterator[tuple[AskedFor, Absence, datetime | None]]:
        """When the channel lacks the product, and when that is an incident, if ever."""
        age, words = self._rules.listed_max_age, self._until(channel, now)
        lists = [
            turns((one for one in self._until(name, now) if _is_of_a_list(one)), age)
            for name in self._carries[channel]
        ]
        for one in asked(first_that_speaks(lists)):
            for absence in absences(one, words, self._rules.published_max_age):
                opened_at = one.for_sale_from(absence.since + self._grace(channel))
                if opened_at and absence.until and opened_at >= absence.until:
                    opened_at = None
                yield one, absence, opened_at

    def _until(self, channel: str, now: datetime) -> list[Statement]:
        said = self._said[channel]
        return said[: bisect_right(said, now, key=_at)]

    def _grace(self, channel: str) -> timedelta:
        return self._rules.grace(channel, promotion_ended=False)

    def _incident(
        self, channel: str, one: AskedFor, absence: Absence, opened_at: datetime, now: datetime
    ) -> AnyIncident:
        last = absence.last
        until = absence.until if absence.until and absence.until <= now else None
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(self.book, (), EVERYWHERE, channel, absence.since),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": channel,
                "location": "",
                "fault_id": fault_id(
                    self.book, channel, _cause(last), one.channel, hour_of(absence.since)
                ),
                "state": IncidentState.RESOLVED if until else IncidentState.OPEN,
                "severity": Severity.LOW,
                "cause": _cause(last),
                "since": absence.since,
                "due_at": absence.since + self._grace(channel),
                "until": until,
                "opened_at": opened_at,
                "resolved_at": until,
                "evidence": [[last.event_id] if last else [], [one.event_id]],
                "details": MissingDetails(
                    reference=one.channel,
                    offered_since=one.begin,
                    last_shown=last.occurred_at if last else None,
                ),
            }
        )


def _cause(last: Statement | None) -> Cause:
    if last is None:
        return Cause.NEVER_SHOWN
    return Cause.NOT_LISTED_AGAIN if withdraws(last) else Cause.NO_LONGER_SHOWN


def _at(said: Statement) -> datetime:
    return said.occurred_at


def _is_of_a_list(said: Statement) -> bool:
    """Whether it may ask something of others: it is said of the whole chain's assortment."""
    return said.value != ListingWord.SHOWN and is_for_all(said)


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """What an event says of products: each product of an order or cart once."""
    body = heard.event.body
    if isinstance(body, OrderPlaced):
        return _sold(heard, body)
    found: dict[tuple[Book, str, str], Statement] = {}
    for ordinal, (offer, basis) in enumerate(offers_of(heard)):
        head = claim_head(heard, NAME, offer, basis, ordinal)
        word = _word(heard, offer, basis)
        begin = None if word is ListingWord.SHOWN else window_of(heard, offer, basis)[0]
        said = Statement(
            *head, word.value, "" if word is ListingWord.SHOWN else offer.variant, begin
        )
        found.setdefault((head.book, head.location, head.zone), said)
    return [(said, NOTHING_SOLD) for said in found.values()]


def _word(heard: Heard, offer: Offer, basis: Basis) -> ListingWord:
    """What an offer says of the assortment. Only what is sold to everybody for good belongs to it;
    whatever else is said shows that the channel has the product."""
    if (offer.basis or basis) is not PUBLISHED or offer.seller:
        return ListingWord.SHOWN
    if is_withdrawn(heard, offer, basis):
        return ListingWord.WITHDRAWN
    is_usual = not (offer.promotion or offer.customer_group) and offer.condition == "new"
    if not is_usual or offer.sale_kind not in OF_THE_ASSORTMENT or offer.price == 0:
        return ListingWord.SHOWN
    begin, end = window_of(heard, offer, basis)
    if offer.sale_kind is SaleKind.CLEARANCE or _is_near(begin or heard.occurred_at, end):
        return ListingWord.ENDING
    if offer.availability is None:
        return ListingWord.LISTED
    return ListingWord.AVAILABLE if offer.availability in FOR_SALE else ListingWord.UNAVAILABLE


def _is_near(begin: datetime, end: datetime | None) -> bool:
    return end is not None and end - begin < NO_END


def _sold(heard: Heard, order: OrderPlaced) -> list[tuple[Statement, Decimal]]:
    """Products that a channel sold; receipts of tills are too many, and tills publish."""
    event = heard.event
    if event.channel in STORE_CHANNELS or order.receipt_kind is not ReceiptKind.SALE:
        return []
    lines = (line for line in order.lines if line.kind is LineKind.PRODUCT)
    named = ((line.market or order.market, article_of(line)) for line in lines)
    books = dict.fromkeys(
        product_book(event.realm, NAME, market or heard.region, sku) for market, sku in named if sku
    )
    return [
        (
            Statement(
                book,
                heard.occurred_at,
                event.event_id,
                ordinal,
                heard.version,
                event.channel,
                "",
                "",
                CHARGED,
                ListingWord.SHOWN.value,
            ),
            NOTHING_SOLD,
        )
        for ordinal, book in enumerate(books)
    ]


def met(
    _incident: Incident[MissingDetails], _observations: Iterable[Observation], _rules: MissingRules
) -> list[Met]:
    """No event tells who looked for it in vain."""
    return []


KIND = Kind(
    name=NAME,
    title="Missing on a channel",
    subject=SubjectType.PRODUCT,
    causes=tuple(Cause),
    rules=MissingRules,
    details=MissingDetails,
    claims=claims,
    hears=(*OFFERING, OrderPlaced),
    judge=AssortmentBook,
    met=met,
)
