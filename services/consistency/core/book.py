"""A book of claims that are compared with each other, and the incidents that follow from them.

The incidents are a pure function of the set of claims, the latest tick and the rules: arrival
order, repetition and batching change nothing. Claims later than the latest tick wait for it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from schemas.claim import Book, Claim
from schemas.incident import AnyIncident, Details, IncidentState
from schemas.offer import PUBLISHED
from schemas.subject import SEPARATOR, written_subject
from services.consistency.core.episodes import EVIDENCE_MAX, Episode
from services.consistency.core.expectation import Comparison, Judgement
from services.consistency.core.faults import compared_fault_id
from services.consistency.core.places import Place
from services.consistency.core.timeline_fold import TimelineFold
from services.consistency.core.unsaid import ClaimKey, Publications

OCCURRED_AT = attrgetter("occurred_at")


class ClaimGroup:
    """The claims of one book that share their terms, folded as far as the latest tick."""

    __slots__ = ("claims", "fold", "waiting")

    def __init__(self) -> None:
        self.claims: dict[ClaimKey, Claim] = {}
        self.fold: TimelineFold | None = None
        """None: to be folded from scratch."""
        self.waiting: list[Claim] = []
        """Claims not yet folded, all later than the fold; those of a new fold are all claims."""

    def put(self, claim: Claim, folded_to: datetime | None) -> None:
        self.claims[claim.event_id, claim.ordinal] = claim
        if folded_to is not None and claim.occurred_at <= folded_to:
            self.fold = None
        else:
            self.waiting.append(claim)

    def remove(self, key: ClaimKey) -> None:
        del self.claims[key]
        self.fold = None

    def run(self, now: datetime, comparison: Comparison) -> TimelineFold:
        if self.fold is None:
            self.fold, self.waiting = TimelineFold(comparison), list(self.claims.values())
        self.waiting.sort()
        split = bisect_right(self.waiting, now, key=OCCURRED_AT)
        self.fold.run(self.waiting[:split], now)
        del self.waiting[:split]
        return self.fold

    def next_due(self, now: datetime, comparison: Comparison) -> datetime | None:
        fold = self.run(now, comparison)
        first = self.waiting[0].occurred_at if self.waiting else None
        return earliest(first, fold.next_due(now))


class EventClaims(NamedTuple):
    """The newest version of an event seen in this book, with the claims it makes here."""

    version: int
    groups: dict[int, ClaimGroup | None]


class _Written(NamedTuple):
    """The incident of an episode, and what of the episode it was made of."""

    verdict: Judgement
    times: tuple[datetime | None, ...]
    state: IncidentState
    evidence: int
    incident: AnyIncident

    def is_of(self, episode: Episode, state: IncidentState) -> bool:
        return (
            self.verdict is episode.verdict
            and self.times == _times(episode)
            and self.state is state
            and self.evidence == len(episode.deviating)
        )


class ComparedBook:
    """One subject's claims and incidents, for a kind that compares what the channels say.

    `add` takes claims in any order and any number of times; `advance` moves the time on (never
    back); `incidents` and `next_due` answer for the latest time. Not safe for concurrent use.
    """

    def __init__(
        self,
        book: Book,
        incident: type[AnyIncident],
        comparison: Comparison,
        published: Publications | None = None,
    ) -> None:
        """`published`, empty, if observations may leave terms unsaid that published claims say."""
        self.book = book
        self._model = incident
        self._comparison = comparison
        self._now: datetime | None = None
        """The latest tick."""
        self._groups: dict[Hashable, ClaimGroup] = {}
        self._events: dict[str, EventClaims] = {}
        self._written: dict[Episode, _Written] = {}
        """The incidents as they were written last: of many, a batch changes few."""
        self._retold: dict[Episode, _Written] = {}
        """The same of the incidents of another kind."""
        self._published = published
        self.aside: dict[ClaimKey, Claim] = {}
        """Observations that are compared with nothing, by what is published."""
        self._regroup_from: datetime | None = None
        """Observations from here on may be about something else than they were."""
        self._observed_until: datetime | None = None
        """The time of the latest observation; what is published later concerns none of them."""

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """Add claims of this book; returns those that were new to it.

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
                self._remove(claim.event_id, known)
            known = self._events[claim.event_id] = EventClaims(claim.version, {})
        elif known.version > claim.version or claim.ordinal in known.groups:
            return False
        known.groups[claim.ordinal] = self._put(claim)
        return True

    def _remove(self, event_id: str, former: EventClaims) -> None:
        for ordinal, group in former.groups.items():
            self._unfile((event_id, ordinal), group)

    def _unfile(self, key: ClaimKey, group: ClaimGroup | None) -> None:
        if group is not None:
            group.remove(key)
        self.aside.pop(key, None)
        claim = self._published.remove(key) if self._published else None
        if claim is not None:
            self._regroup_from = earliest(self._regroup_from, claim.occurred_at)

    def _put(self, claim: Claim) -> ClaimGroup | None:
        """File the claim under its terms; None if it is not comparable with anything."""
        claim, terms = _in_utc(claim), self._comparison.terms(claim)
        published, now, latest = self._published, claim.occurred_at, self._observed_until
        if published is not None and claim.basis is PUBLISHED:
            self._publish(published, claim)
        elif published is not None and terms is not None:
            if latest is None or latest < now:
                self._observed_until = now
            if not published.is_empty:
                return self._file(claim, published.terms(claim, terms))
        return None if terms is None else self._file(claim, terms)

    def _file(self, claim: Claim, terms: Hashable | None) -> ClaimGroup | None:
        if terms is None:
            self.aside[claim.event_id, claim.ordinal] = claim
            return None
        group = self._groups.get(terms)
        if group is None:
            group = self._groups[terms] = ClaimGroup()
        group.put(claim, self._now)
        return group

    def _publish(self, published: Publications, claim: Claim) -> None:
        if not published.needs(claim):
            return
        if published.is_empty:
            filed = (one for group in self._groups.values() for one in group.claims.values())
            published.add(one for one in filed if one.basis is PUBLISHED)
        published.add([claim])
        if self._observed_until is not None and claim.occurred_at <= self._observed_until:
            self._regroup_from = earliest(self._regroup_from, claim.occurred_at)

    def _regroup(self) -> None:
        """File observations anew that may be about something else, by what is published now."""
        since, self._regroup_from = self._regroup_from, None
        if since is None or self._published is None:
            return
        homes: list[tuple[Hashable | None, dict[ClaimKey, Claim]]] = [
            *((terms, group.claims) for terms, group in self._groups.items()),
            (None, self.aside),
        ]
        moved = [
            (key, claim, home, terms)
            for home, claims in homes
            for key, claim in claims.items()
            if claim.basis is not PUBLISHED and claim.occurred_at >= since
            if (terms := self._terms_now(self._published, claim)) != home
        ]
        for key, claim, home, terms in moved:
            if home is None:
                del self.aside[key]
            else:
                self._groups[home].remove(key)
            self._events[claim.event_id].groups[claim.ordinal] = self._file(claim, terms)

    def is_other_sale(self, claim: Claim, terms: Hashable) -> bool:
        """Whether an observation on these terms is a sale of a kind that is never compared."""
        return self._published is not None and self._published.is_other_sale(claim, terms)

    def _terms_now(self, published: Publications, claim: Claim) -> Hashable | None:
        return published.terms(claim, self._comparison.terms(claim))

    def advance(self, now: datetime) -> None:
        """Advance event time to `now`; an earlier time than the latest has no effect."""
        self._now = now if self._now is None else max(now, self._now)

    def incidents(self) -> dict[str, AnyIncident]:
        """All incidents by id, past ones included. Empty before the first tick."""
        now = self._now
        found: dict[str, AnyIncident] = {}
        if now is None:
            return found
        before, self._written = self._written, {}
        self._regroup()
        for terms, group in self._groups.items():
            fold = group.run(now, self._comparison)
            for place, channel, episode in fold.episodes():
                incident = self._rewritten(before, self._written, terms, place, channel, episode)
                found[incident.incident_id] = incident
            for place, channel, episode in fold.foreseen(now):
                incident = self._incident(terms, place, channel, episode, upcoming=True)
                found.setdefault(incident.incident_id, incident)
        return found

    def breaches(self, kind: str, model: type[AnyIncident]) -> dict[str, AnyIncident]:
        """What was charged above an advertisement, as incidents of another kind by id."""
        found: dict[str, AnyIncident] = {}
        before, self._retold = self._retold, {}
        for terms, fold in self.folds():
            for place, channel, episode in fold.breaches:
                where = terms, place, channel
                incident = self._rewritten(before, self._retold, *where, episode, (kind, model))
                found[incident.incident_id] = incident
        return found

    def folds(self) -> Iterator[tuple[Hashable, TimelineFold]]:
        """The state at the latest tick of the claims that share their terms; none before it."""
        if self._now is not None:
            self._regroup()
            for terms, group in self._groups.items():
                yield terms, group.run(self._now, self._comparison)

    @property
    def next_due(self) -> datetime | None:
        """The next time at which a tick may have an effect; None if none ever will."""
        now = self._now
        self._regroup()
        if now is None:
            groups = (group.claims for group in self._groups.values() if group.claims)
            return min((min(map(OCCURRED_AT, one.values())) for one in groups), default=None)
        return earliest(*(group.next_due(now, self._comparison) for group in self._groups.values()))

    def _rewritten(
        self,
        before: Mapping[Episode, _Written],
        now: dict[Episode, _Written],
        terms: Hashable,
        place: Place,
        channel: str,
        episode: Episode,
        of: tuple[str, type[AnyIncident]] | None = None,
    ) -> AnyIncident:
        """The incident as it was written before, or written anew if the episode has changed."""
        written, state = before.get(episode), self._state(episode, upcoming=False)
        if written is None or not written.is_of(episode, state):
            evidence, verdict = len(episode.deviating), episode.verdict
            incident = self._incident(terms, place, channel, episode, of=of)
            written = _Written(verdict, _times(episode), state, evidence, incident)
        now[episode] = written
        return written.incident

    def _incident(
        self,
        terms: Hashable,
        place: Place,
        channel: str,
        episode: Episode,
        upcoming: bool = False,
        of: tuple[str, type[AnyIncident]] | None = None,
        by: Comparison | None = None,
    ) -> AnyIncident:
        """An incident of this book's kind, or `of` another one: by name and model."""
        kind, model = of or (self.book.kind, self._model)
        book = self.book._replace(kind=kind)
        verdict, comparison = episode.verdict, by or self._comparison
        supporting = dict.fromkeys(claim.event_id for claim in verdict.expected.supporting_claims)
        since, state = episode.since, self._state(episode, upcoming)
        identity = comparison.identity(terms)
        values = (comparison.value(verdict.claim), verdict.expected.value)
        details: Any = comparison.details(terms, *values)
        opened_by, at_opening = episode.opened_by or verdict, details
        if opened_by is not verdict:
            was = comparison.value(opened_by.claim), opened_by.expected.value
            at_opening = comparison.details(terms, *was)
        fault = compared_fault_id(book, channel, comparison, opened_by, at_opening)
        details = self._detailed(details)
        return model.model_validate(
            {
                "incident_id": incident_id(book, identity, place, channel, since),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": channel,
                "location": place.label,
                "fault_id": fault,
                "state": state,
                "severity": verdict.severity,
                "cause": verdict.cause,
                "since": since,
                "due_at": episode.due_at,
                "until": None if upcoming else episode.resolved_at,
                "opened_at": None if upcoming else episode.opened_at,
                "resolved_at": (episode.held_until or episode.resolved_at)
                if state is IncidentState.RESOLVED
                else None,
                "flapping_since": None if upcoming else episode.flapping_since,
                "evidence": [list(episode.deviating), list(supporting)[:EVIDENCE_MAX]],
                "details": details.model_dump() if of else details,
            }
        )

    def _detailed(self, details: Details) -> Details:
        """The details with what the book itself adds to them."""
        return details

    def _state(self, episode: Episode, upcoming: bool) -> IncidentState:
        if upcoming:
            return IncidentState.UPCOMING
        if episode.opened_at is None:
            return IncidentState.PENDING
        is_over = episode.resolved_at and not (self._now and episode.is_held(self._now))
        return IncidentState.RESOLVED if is_over else IncidentState.OPEN


def incident_id(
    book: Book, terms: tuple[str, ...], place: Place, channel: str, since: datetime
) -> str:
    """The stable id of an incident: 32 hex digits of SHA-256 over its key and its begin."""
    parts = (
        book.realm,
        book.subject.key,
        book.kind,
        channel,
        str(place.rank),
        place.name,
        *terms,
        since.astimezone(UTC).isoformat(),
    )
    return hashlib.sha256(SEPARATOR.join(parts).encode()).hexdigest()[:32]


def earliest(*times: datetime | None) -> datetime | None:
    """The earliest of the times that are given."""
    return min((time for time in times if time is not None), default=None)


def _times(episode: Episode) -> tuple[datetime | None, ...]:
    return (
        episode.since, episode.due_at, episode.opened_at, episode.resolved_at, episode.held_until,
        episode.flapping_since,
    )  # fmt: skip


def _in_utc(claim: Claim) -> Claim:
    """The same claim; times in one zone compare three times as fast."""
    if claim.occurred_at.tzinfo is UTC and claim.valid_from is None and claim.valid_to is None:
        return claim
    return claim._replace(
        occurred_at=claim.occurred_at.astimezone(UTC),
        valid_from=claim.valid_from and claim.valid_from.astimezone(UTC),
        valid_to=claim.valid_to and claim.valid_to.astimezone(UTC),
    )
