"""The book of what channels say of one product: compared with each other, and each with itself.

What a channel says in two ways within one day (UTC) it does not say: a number for several packs or
titles is no contradiction. A number (GTIN) carries all that its channel named before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Protocol

from schemas.claim import Book, Claim, Statement
from schemas.incident import AnyIncident, IncidentState
from schemas.offer import PUBLISHED, Basis
from services.consistency.core.book import ComparedBook, earliest
from services.consistency.core.claim_set import ClaimSet
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.unit_prices import Timeline, Wrong, timeline

Voice = tuple[str, str, str, str, Basis]
KNOWN_MAX = 40
"""Numbers of a product that are remembered of a channel."""


class ContentTimes(Protocol):
    """The rules that the book needs."""

    @property
    def published_max_age(self) -> timedelta: ...
    @property
    def max_age(self) -> timedelta: ...
    @property
    def reopen_within(self) -> timedelta: ...
    def grace(self, channel: str, promotion_ended: bool) -> timedelta: ...


class ContentReading(Protocol):
    """How a kind reads the statements of this book. Pure."""

    def accumulates(self, said: Statement) -> bool:
        """Whether a channel may name several of these, all of them right."""
        ...

    def alike(self, one: Statement, other: Statement) -> bool:
        """Whether a channel that says both says one thing."""
        ...

    def wrong(self, said: Iterable[Statement]) -> set[Statement]:
        """Those that contradict themselves; all are of this book."""
        ...

    def in_doubt(self, said: Statement) -> bool:
        """Whether it contradicts itself at first sight: it is compared with no other."""
        ...


class Own(NamedTuple):
    """A channel that contradicted itself for longer than its grace, or may yet."""

    said: Statement
    evidence: tuple[str, ...]
    since: datetime
    due_at: datetime
    until: datetime | None
    state: IncidentState

    @property
    def is_pending(self) -> bool:
        """Whether it may yet be corrected in time."""
        return self.state is IncidentState.PENDING


class ContentBook:
    """Implements `JudgedBook` of services/consistency/core/kind.py for one product."""

    def __init__(
        self,
        book: Book,
        rules: ContentTimes,
        reading: ContentReading,
        compared: Callable[[], ComparedBook],
        written: Callable[[Own], AnyIncident],
    ) -> None:
        self.book = book
        self._rules, self._reading = rules, reading
        self._empty, self._written = compared, written
        self._claims = ClaimSet(book)
        self._versions: dict[str, int] = {}
        self._now: datetime | None = None
        self._days: dict[Hashable, dict[str, Statement]] = {}
        """What a voice said on a day, by wording; empty if it said two things."""
        self._known: dict[Hashable, dict[str, datetime]] = {}
        """When a channel named a number first."""
        self._in_doubt: dict[Voice, None] = {}
        """Voices that may contradict themselves."""
        self._new: list[Statement] = []
        self._compared: ComparedBook | None = None
        """None: to be filled from scratch."""

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """See the protocol."""
        return [claim for claim in claims if self._take(claim)]

    def _take(self, claim: Claim) -> bool:
        known = self._versions.get(claim.event_id)
        if not (self._claims.add(claim) and isinstance(claim, Statement)):
            return False
        if known is not None and known < claim.version:
            self._compared = None  # what an event said before is gone
        self._versions[claim.event_id] = claim.version
        self._new.append(claim)
        return True

    def advance(self, now: datetime) -> None:
        """See the protocol."""
        self._now = now if self._now is None else max(now, self._now)

    def incidents(self) -> dict[str, AnyIncident]:
        """See the protocol."""
        found = self._filled().incidents()
        if self._now is not None:
            for own in self._own(self._now):
                incident = self._written(own)
                found[incident.incident_id] = incident
        return found

    @property
    def next_due(self) -> datetime | None:
        """See the protocol."""
        dues, now = [self._filled().next_due], self._now
        if self._in_doubt:
            dues += [one.occurred_at for one in self._claims if not now or one.occurred_at > now]
        if self._in_doubt and now:
            for voice, (wrong, change) in self._timelines(now):
                dues.append(change)
                if wrong and wrong[-1].until is None:
                    due = wrong[-1].since + self._rules.grace(voice[0], False)
                    dues.append(due if due > now else None)
        return earliest(*dues)

    def _filled(self) -> ComparedBook:
        """The statements that are compared, as they are now."""
        for one in self._new:
            if self._note(one):
                self._compared = None
        if self._compared is None:
            self._days, self._known, self._in_doubt = {}, {}, {}
            self._compared = self._empty()
            self._new = [one for one in self._claims if isinstance(one, Statement)]
            for one in self._new:
                self._note(one)
        fed = (self._said(one) for one in self._new)
        self._compared.add(one for one in fed if one is not None)
        self._new = []
        if self._now is not None:
            self._compared.advance(self._now)
        return self._compared

    def _note(self, said: Statement) -> bool:
        """Note a statement; whether earlier ones now mean something else."""
        if not said.value:
            return False
        if self._reading.in_doubt(said):
            self._in_doubt[_voice(said)] = None
        if self._reading.accumulates(said):
            known = self._known.setdefault((said.channel, said.terms), {})
            first = known.get(said.value)
            known[said.value] = min(first or said.occurred_at, said.occurred_at)
            return len(known) > 1 and known[said.value] != first
        ways = self._days.get(_day(said))
        if ways is None:
            self._days[_day(said)] = {said.value: said}
        elif ways and said.value not in ways:
            if not all(self._reading.alike(one, said) for one in ways.values()):
                ways.clear()
                return True
            ways[said.value] = said
        return False

    def _said(self, said: Statement) -> Statement | None:
        """A statement as it is compared; one in doubt takes back what its channel published."""
        if not said.value:
            return said
        if self._reading.accumulates(said):
            return said._replace(value=" ".join([said.value, *self._known_to(said)]))
        if self._days[_day(said)] and not self._reading.in_doubt(said):
            return said
        if said.basis is not PUBLISHED:
            return None
        return said._replace(valid_from=said.occurred_at, valid_to=said.occurred_at)

    def _known_to(self, said: Statement) -> list[str]:
        known = self._known[said.channel, said.terms].items()
        named = sorted((at, number) for number, at in known if at <= said.occurred_at)
        return sorted({number for _, number in named[-KNOWN_MAX:]} - {said.value})

    def _timelines(self, now: datetime) -> Iterator[tuple[Voice, Timeline]]:
        if not self._in_doubt:
            return
        wrong = self._reading.wrong(one for one in self._claims if isinstance(one, Statement))
        voices: dict[Voice, list[Statement]] = {voice: [] for voice in self._in_doubt}
        for one in self._claims:
            if isinstance(one, Statement) and (said := voices.get(_voice(one))) is not None:
                said.append(one)
        rules = self._rules
        for voice, said in voices.items():
            age = rules.published_max_age if voice[4] is PUBLISHED else rules.max_age
            yield voice, timeline(said, wrong, age, now)

    def _own(self, now: datetime) -> Iterator[Own]:
        for voice, (wrong, _) in self._timelines(now):
            last: Own | None = None
            for own in filter(None, (self._own_of(voice[0], one, now) for one in wrong)):
                if last is not None and self._returns(last, own):
                    evidence = (*last.evidence, *own.evidence)[:EVIDENCE_MAX]
                    last = last._replace(until=own.until, state=own.state, evidence=evidence)
                    continue
                if last is not None:
                    yield last
                last = own
            if last is not None:
                yield last

    def _returns(self, former: Own, own: Own) -> bool:
        """Whether a contradiction that ended goes on."""
        if own.is_pending or former.until is None:
            return False
        return own.since - former.until <= self._rules.reopen_within

    def _own_of(self, channel: str, wrong: Wrong, now: datetime) -> Own | None:
        """None if it was corrected within the grace."""
        due = wrong.since + self._rules.grace(channel, False)
        if wrong.until is not None and wrong.until <= due:
            return None
        state = IncidentState.OPEN if due <= now else IncidentState.PENDING
        if wrong.until is not None:
            state = IncidentState.RESOLVED
        evidence = tuple(dict.fromkeys(one.event_id for one in wrong.said))
        return Own(wrong.said[-1], evidence, wrong.since, due, wrong.until, state)


def _voice(said: Statement) -> Voice:
    return said.channel, said.location, said.zone, said.terms, said.basis


def _day(said: Statement) -> tuple[Voice, date]:
    return _voice(said), said.occurred_at.astimezone(UTC).date()
