"""The book of one product: its claims, and the incidents that follow from them.

The incidents are a pure function of the set of claims, the latest tick and the rules: arrival
order, repetition and batching change nothing. Claims later than the latest tick wait for it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.claim import Book, Claim
from schemas.incident import Incident, IncidentKind, IncidentState
from schemas.rules.consistency import ConsistencyRules
from services.consistency.core.episodes import EVIDENCE_MAX, Episode
from services.consistency.core.prices import Place, Terms, terms_of
from services.consistency.core.timeline_fold import TimelineFold

SEPARATOR = "\x1f"
ClaimKey = tuple[str, int]


class _Shelf:
    """The claims of one book that share their terms, folded as far as the latest tick."""

    __slots__ = ("claims", "fold", "waiting")

    def __init__(self) -> None:
        self.claims: dict[ClaimKey, Claim] = {}
        self.fold: TimelineFold | None = None
        """None: to be folded from scratch."""
        self.waiting: list[Claim] = []
        """Claims the fold has not seen, all later than it."""

    def put(self, claim: Claim, folded_to: datetime | None) -> None:
        self.claims[claim.event_id, claim.ordinal] = claim
        if folded_to is not None and claim.occurred_at <= folded_to:
            self.fold = None
        elif self.fold is not None:
            self.waiting.append(claim)

    def remove(self, key: ClaimKey) -> None:
        if self.claims.pop(key, None) is not None:
            self.fold = None

    def run(self, now: datetime, rules: ConsistencyRules) -> TimelineFold:
        if self.fold is None:
            self.fold, self.waiting = TimelineFold(rules), list(self.claims.values())
        self.waiting.sort(key=_claim_order)
        split = bisect_right(self.waiting, now, key=lambda claim: claim.occurred_at)
        self.fold.run(self.waiting[:split], now)
        del self.waiting[:split]
        return self.fold

    def next_due(self, now: datetime, rules: ConsistencyRules) -> datetime | None:
        fold = self.run(now, rules)
        first = self.waiting[0].occurred_at if self.waiting else None
        return earliest(first, fold.next_due(now))


class _Statement(NamedTuple):
    """The newest version of an event seen in this book, with the claims it makes here."""

    version: int
    shelves: dict[int, _Shelf | None]


class PriceBook:
    """One product's claims and incidents.

    `add` takes claims in any order and any number of times; `advance` moves the time on (never
    back); `incidents` and `next_due` answer for the latest time. Not safe for concurrent use.
    """

    def __init__(self, book: Book, rules: ConsistencyRules) -> None:
        self.book = book
        self._rules = rules
        self._now: datetime | None = None
        self._shelves: dict[Terms, _Shelf] = {}
        self._events: dict[str, _Statement] = {}

    @property
    def now(self) -> datetime | None:
        """The latest tick, None before the first."""
        return self._now

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """Take in claims of this book; returns those that were new to it.

        A claim of a higher version replaces all claims that lower versions of its event made.

        Raises:
            ValueError: a claim belongs to another book.
        """
        return [claim for claim in claims if self._take(claim)]

    def _take(self, claim: Claim) -> bool:
        if claim.book != self.book:
            raise ValueError(f"claim of {claim.book} in the book of {self.book}")
        known = self._events.get(claim.event_id)
        if known is None or known.version < claim.version:
            if known is not None:
                self._drop(claim.event_id, known)
            known = self._events[claim.event_id] = _Statement(claim.version, {})
        elif known.version > claim.version or claim.ordinal in known.shelves:
            return False
        known.shelves[claim.ordinal] = self._put(claim)
        return True

    def _drop(self, event_id: str, statement: _Statement) -> None:
        for ordinal, shelf in statement.shelves.items():
            if shelf is not None:
                shelf.remove((event_id, ordinal))

    def _put(self, claim: Claim) -> _Shelf | None:
        """File the claim under its terms; None if it is not comparable with anything."""
        terms = terms_of(claim)
        if terms is None:
            return None
        shelf = self._shelves.get(terms)
        if shelf is None:
            shelf = self._shelves[terms] = _Shelf()
        shelf.put(_in_utc(claim), self._now)
        return shelf

    def advance(self, now: datetime) -> None:
        """Move the time on to `now`; an earlier time than the latest changes nothing."""
        now = now.astimezone(UTC)
        if self._now is None or now > self._now:
            self._now = now

    def incidents(self) -> dict[str, Incident]:
        """All incidents by id, past ones included. Empty before the first tick."""
        now = self._now
        found: dict[str, Incident] = {}
        if now is None:
            return found
        for terms, shelf in self._shelves.items():
            fold = shelf.run(now, self._rules)
            for place, channel, episode in fold.episodes():
                incident = self._incident(terms, place, channel, episode)
                found[incident.incident_id] = incident
            for place, channel, episode in fold.foreseen(now):
                incident = self._incident(terms, place, channel, episode, upcoming=True)
                found.setdefault(incident.incident_id, incident)
        return found

    @property
    def next_due(self) -> datetime | None:
        """The next time at which a tick may change something; None if none ever will."""
        now = self._now
        if now is None:
            waiting = (c.occurred_at for s in self._shelves.values() for c in s.claims.values())
            return min(waiting, default=None)
        return earliest(*(shelf.next_due(now, self._rules) for shelf in self._shelves.values()))

    def _incident(
        self, terms: Terms, place: Place, channel: str, episode: Episode, upcoming: bool = False
    ) -> Incident:
        verdict = episode.verdict
        makers = dict.fromkeys(claim.event_id for claim in verdict.expected.makers)
        return Incident(
            incident_id=incident_id(self.book, terms, place, channel, episode.since),
            realm=self.book.realm,
            kind=IncidentKind.PRICE_MISMATCH,
            cause=verdict.cause,
            state=IncidentState.UPCOMING if upcoming else _state(episode),
            severity=verdict.severity,
            market=self.book.market,
            sku=self.book.sku,
            channel=channel,
            location=place.label,
            expected=verdict.expected.price,
            observed=verdict.claim.price,
            currency=terms.currency,
            since=episode.since,
            due_at=episode.due_at,
            until=None if upcoming else episode.resolved_at,
            opened_at=None if upcoming else episode.opened_at,
            resolved_at=None if upcoming else episode.resolved_at,
            evidence=[list(episode.deviating), list(makers)[:EVIDENCE_MAX]],
        )


def incident_id(book: Book, terms: Terms, place: Place, channel: str, since: datetime) -> str:
    """The stable id of an incident: 32 hex digits of SHA-256 over its key and its begin."""
    content = "" if terms.pack_content is None else f"{terms.pack_content.normalize():f}"
    parts = (
        *book,
        IncidentKind.PRICE_MISMATCH,
        channel,
        place.rank,
        place.name,
        *terms._replace(pack_content=None)[:3],
        content,
        *terms[4:],
        since.astimezone(UTC).isoformat(),
    )
    return hashlib.sha256(SEPARATOR.join(map(str, parts)).encode()).hexdigest()[:32]


def earliest(*times: datetime | None) -> datetime | None:
    """The earliest of the times that are given."""
    return min((time for time in times if time is not None), default=None)


def _state(episode: Episode) -> IncidentState:
    if episode.opened_at is None:
        return IncidentState.PENDING
    return IncidentState.RESOLVED if episode.resolved_at else IncidentState.OPEN


def _claim_order(claim: Claim) -> tuple[datetime, str, int]:
    return claim.occurred_at, claim.event_id, claim.ordinal


def _in_utc(claim: Claim) -> Claim:
    """The same claim; times in one zone compare three times as fast."""
    if claim.occurred_at.tzinfo is UTC and claim.valid_from is None and claim.valid_to is None:
        return claim
    return claim._replace(
        occurred_at=claim.occurred_at.astimezone(UTC),
        valid_from=claim.valid_from and claim.valid_from.astimezone(UTC),
        valid_to=claim.valid_to and claim.valid_to.astimezone(UTC),
    )
