"""Reduction without the lowest price: an announced reduction is measured from too high a price.

§ 11 PAngV, Art. 6a of Directive 98/6/EC: a former price and a percentage are measured from the
lowest price that the same channel asked at the same place in the 30 days before the reduction
began; of reductions that grow step by step, before the first (CJEU C-330/23). Prices for some
customers only and those of goods that are about to perish are neither judged nor history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from pydantic import Field

from schemas.base import Instant, TimeZone
from schemas.claim import Book, Claim, Statement
from schemas.currency import Priced
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.rules.consistency import Hours, Name, OverlapRules
from schemas.subject import SubjectType, written_subject
from services.consistency.core.asked_prices import (
    AskedSpan,
    PriceTrack,
    merged,
    reduced_since,
    settled,
)
from services.consistency.core.book import earliest, incident_id
from services.consistency.core.claim_set import ClaimSet
from services.consistency.core.consumer_prices import consumer_prices, read
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import subject_fault_id
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.offers import FIXED_CHANNELS, OFFERING
from services.consistency.core.places import EVERYWHERE, STORE_RANK, ZONE_RANK, Place, place_of
from services.consistency.core.reductions import (
    Cause,
    WrongReduction,
    lowest_and_latest,
    runs_of,
    wrong_about,
)

NAME = "reduction_without_lowest_price"
NOTHING_SOLD, HUNDRED = Decimal(0), Decimal(100)
INTERNAL_CHANNELS = ["erp", "pim"]
SOLD_ON = {"print": "pos"}


class ReductionRules(OverlapRules):
    """From which price a reduction is measured, and what is not held against it."""

    window_days: Annotated[int, Field(ge=1, le=400)] = 30
    """Days before the reduction whose lowest price counts."""
    time_zone: TimeZone = "Europe/Berlin"
    """IANA time zone in which these days are counted."""
    lasting_more_than_hours: Hours = 1
    """What lasts no longer than this counts as nothing: an announcement that was corrected, a price
    that was a slip, a pause between two reductions."""
    announced_within_hours: Hours = 24
    """A price that is announced as reduced so soon after it began was reduced from its beginning:
    some systems send prices first and what stands beside them later."""
    internal_channels: list[Name] = INTERNAL_CHANNELS
    """Channels that no consumer sees; nothing is announced there."""
    sold_on: dict[Name, Name] = SOLD_ON
    """For channels that advertise what another channel sells: that channel, whose prices count. Of
    mailings, letters, spots and leaflets without a row nothing is reported."""
    prices_known_since: Instant | None = None
    """From when on all channels send all their prices: what is named later for the first time was
    not sold before."""

    def sells(self, channel: str) -> str | None:
        """The channel whose prices a reduction on `channel` is measured from; None if none is."""
        if channel in self.internal_channels:
            return None
        return self.sold_on.get(channel, None if channel in FIXED_CHANNELS else channel)

    def window_before(self, began: datetime) -> datetime:
        """When the days begin whose prices count."""
        local = began.astimezone(ZoneInfo(self.time_zone)) - timedelta(days=self.window_days)
        return local.astimezone(began.tzinfo)

    @cached_property
    def least(self) -> timedelta:
        """What lasts no longer counts as nothing."""
        return timedelta(hours=self.lasting_more_than_hours)


class ReductionDetails(Details, Priced):
    """What is announced, and the price that it must be measured from."""

    price: Decimal
    """The reduced price."""
    lowest_price: Decimal
    """The lowest price in the days before the reduction."""
    former_price: Decimal | None = None
    """The former price that is announced, if one is."""
    reduction_percent: Decimal | None = None
    """The percentage that is announced, if one is."""
    currency: str
    """Currency of all prices."""
    reduced_since: datetime
    """When the reduction began, with its first step."""
    lowest_since: datetime
    """From when on the lowest price was asked, the latest time."""
    terms: dict[str, str] = Field(default_factory=dict)
    """Pack, unit, variant and condition, if they are not the usual ones."""

    def in_words(self) -> str:
        """The announcement and the lowest price."""
        announced = f"{self.former_price} struck through"
        if self.former_price is None:
            announced = f"{self.reduction_percent} % off"
        return f"{announced} for {self.price}, the lowest was {self.lowest_price} {self.currency}"


class _Goods:
    """What one channel publishes under one set of terms, by place."""

    def __init__(self) -> None:
        self.tracks: dict[Place, PriceTrack] = {}
        self.announces = False


class _History(NamedTuple):
    """What is asked at a place, and since when that is known."""

    spans: list[AskedSpan]
    known_from: datetime
    is_complete: bool
    """Nothing was asked before."""


class _Look(NamedTuple):
    """What was found of a place, good until its claims or the time change something."""

    revision: int
    until: datetime | None
    history: _History


class ReductionsBook:
    """Implements `JudgedBook` of services/consistency/core/kind.py for one product."""

    def __init__(self, book: Book, rules: ReductionRules) -> None:
        self.book = book
        self._rules = rules
        self._claims = ClaimSet(book)
        self._goods: dict[tuple[str, str], _Goods] = {}
        """By channel and terms."""
        self._now: datetime | None = None
        self._judged: list[tuple[str, str, Place, list[WrongReduction]]] | None = None
        """What is wrong, as of now; None: to be judged."""
        self._looks: dict[tuple[int, Place], _Look] = {}
        self._findings: dict[
            tuple[int, Place], tuple[_History, _History, list[WrongReduction | None]]
        ]
        self._findings = {}
        """By said and asked history, for each span of what is said."""
        self._over: dict[tuple[int, ...], tuple[list[WrongReduction], AnyIncident]] = {}
        """Incidents that are over; most are."""

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """See the protocol."""
        new: list[Claim] = []
        is_corrected = False
        for claim in claims:
            is_corrected |= self._claims.replaces(claim)
            if self._claims.add(claim):
                new.append(claim)
        if is_corrected:
            self._goods, self._looks, self._findings = {}, {}, {}
        for claim in self._claims if is_corrected else new:
            self._put(claim)
        if new:
            self._judged = None
        return new

    def _put(self, claim: Claim) -> None:
        assert isinstance(claim, Statement)
        goods = self._goods.setdefault((claim.channel, claim.terms), _Goods())
        place = place_of(claim)
        track = goods.tracks.get(place)
        if track is None:
            overlap = self._rules.overlap(claim.channel)
            track = PriceTrack(place, self._rules.published_max_age, read, overlap)
            goods.tracks[place] = track
        track.put(claim)
        goods.announces |= read(claim).announces

    def advance(self, now: datetime) -> None:
        """See the protocol."""
        if self._now is None or now > self._now:
            self._now, self._judged = now, None

    def incidents(self) -> dict[str, AnyIncident]:
        """See the protocol."""
        now, found = self._now, dict[str, AnyIncident]()
        if now is None:
            return found
        before, self._over = self._over, {}
        for channel, terms, place, run in self._runs(now):
            key = tuple(map(id, run))
            known = before.get(key)
            incident = known[1] if known else self._incident(channel, terms, place, run, now)
            if incident.state is IncidentState.RESOLVED:
                self._over[key] = (run, incident)
            found[incident.incident_id] = incident
        return found

    @property
    def next_due(self) -> datetime | None:
        """See the protocol. Nothing is due while nothing is announced."""
        now = self._now
        dues: list[datetime | None] = []
        for channel, terms, goods in self._announcing():
            sold = self._goods.get((self._rules.sells(channel) or channel, terms), goods)
            for track in {*goods.tracks.values(), *sold.tracks.values()}:
                dues.append(track.known_from() if now is None else track.next_due(now))
        if now is not None:
            opens = (run[0].span.begin + self._rules.least for *_, run in self._runs(now))
            dues += [at for at in opens if at > now]
        return earliest(*dues)

    def _announcing(self) -> Iterator[tuple[str, str, _Goods]]:
        for (channel, terms), goods in self._goods.items():
            if goods.announces and self._rules.sells(channel) is not None:
                yield channel, terms, goods

    def _runs(self, now: datetime) -> list[tuple[str, str, Place, list[WrongReduction]]]:
        if self._judged is None:
            self._judged = list(self._judge_all(now))
        return self._judged

    def _judge_all(self, now: datetime) -> Iterator[tuple[str, str, Place, list[WrongReduction]]]:
        """Announcements that are wrong without a break, by channel, terms and place."""
        for channel, terms, goods in self._announcing():
            sold = self._goods.get((self._rules.sells(channel) or channel, terms))
            if sold is None:
                continue  # nothing is known of what the advertised channel asks
            found: dict[Place, list[list[WrongReduction]]] = {}
            for place in sorted(goods.tracks.keys() | sold.tracks.keys()):
                said = self._history(goods, place, now)
                asked = said if sold is goods else self._history(sold, place, now)
                if said is not None and asked is not None:
                    findings = self._found_in(goods, place, said, asked)
                    found[place] = list(runs_of(findings, found))
                    for run in found[place]:
                        yield channel, terms, place, run

    def _history(self, goods: _Goods, place: Place, now: datetime) -> _History | None:
        """What holds at a place: its own claims, else its zone's, else those for everywhere."""
        zone = self._rules.zone_of.get(place.name) if place.rank == STORE_RANK else None
        places = [place, *([Place(ZONE_RANK, zone)] if zone else []), EVERYWHERE]
        tracks = [goods.tracks[one] for one in dict.fromkeys(places) if one in goods.tracks]
        if not tracks:
            return None
        known, revision = self._looks.get((id(goods), place)), sum(one.revision for one in tracks)
        if known and known.revision == revision and (known.until is None or now < known.until):
            return known.history
        spans = settled(merged(place, [one.spans(now) for one in tracks]), self._rules.least)
        first = min(tracks, key=PriceTrack.known_from)
        known_from, since = first.known_from(), self._rules.prices_known_since
        is_complete = first.is_first_offer() or (since is not None and since < known_from)
        history = _History(spans, known_from, is_complete)
        until = earliest(*(one.next_due(now) for one in tracks))
        self._looks[id(goods), place] = _Look(revision, until, history)
        return history

    def _found_in(
        self, goods: _Goods, place: Place, said: _History, asked: _History
    ) -> list[WrongReduction | None]:
        """What is wrong about each span of what is said at a place."""
        known = self._findings.get((id(goods), place))
        if known is None or known[0] is not said or known[1] is not asked:
            found = [
                self._judge(span, asked) if span.asked and span.asked.announces else None
                for span in said.spans
            ]
            known = self._findings[id(goods), place] = (said, asked, found)
        return known[2]

    def _judge(self, span: AskedSpan, history: _History) -> WrongReduction | None:
        assert span.asked is not None
        within = timedelta(hours=self._rules.announced_within_hours)
        began = reduced_since(span, history.spans, within)
        since = self._rules.window_before(began)
        if history.known_from > since and not history.is_complete:
            return None
        before = [
            one
            for one in history.spans
            if one.asked and one.begin < began and (one.end is None or one.end > since)
        ]
        lowest = min(before, key=lowest_and_latest, default=None)
        if lowest is None or lowest.asked is None:
            return None
        cause = wrong_about(span.asked, lowest.asked.price)
        return None if cause is None else WrongReduction(span, cause, began, lowest)

    def _incident(
        self, channel: str, terms: str, place: Place, run: list[WrongReduction], now: datetime
    ) -> AnyIncident:
        first = run[0].span.begin
        due_at = first + self._rules.least
        known = [one for one in run if one.span.begin <= now] or run[:1]
        latest, end = known[-1], run[-1].span.end
        is_over = end is not None and end <= now
        asked, lowest = latest.span.asked, latest.lowest.asked
        assert asked is not None
        assert lowest is not None
        state = IncidentState.RESOLVED if is_over else IncidentState.OPEN
        if due_at > now:
            state = IncidentState.PENDING if first <= now else IncidentState.UPCOMING
        said = list(dict.fromkeys(one.span.claim.event_id for one in known if one.span.claim))
        cheapest = latest.lowest.claim
        unusual = orjson.loads(terms)
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(self.book, (terms,), place, channel, first),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": channel,
                "location": place.label,
                "fault_id": subject_fault_id(self.book, channel, terms),
                "state": state,
                "severity": Severity.HIGH,
                "cause": latest.cause,
                "since": first,
                "due_at": due_at,
                "until": end if is_over else None,
                "opened_at": due_at if due_at <= now else None,
                "resolved_at": end if is_over else None,
                "evidence": [said[:EVIDENCE_MAX], [cheapest.event_id] if cheapest else []],
                "details": ReductionDetails(
                    price=asked.price,
                    lowest_price=lowest.price,
                    former_price=asked.former_price,
                    reduction_percent=asked.percent,
                    currency=unusual.pop("currency"),
                    reduced_since=latest.began,
                    lowest_since=latest.lowest.begin,
                    terms=unusual,
                ),
            }
        )


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """The prices that a channel publishes for all consumers, reduced or not."""
    return [(one, NOTHING_SOLD) for one in consumer_prices(heard, NAME)]


def met(
    _incident: Incident[ReductionDetails],
    _observations: Iterable[Observation],
    _rules: ReductionRules,
) -> list[Met]:
    """Who saw the announcement is not counted: what is charged does not name it."""
    return []


KIND = Kind(
    name=NAME,
    title="Reduction without lowest price",
    subject=SubjectType.PRODUCT,
    causes=tuple(Cause),
    rules=ReductionRules,
    details=ReductionDetails,
    claims=claims,
    hears=OFFERING,
    judge=ReductionsBook,
    met=met,
)
