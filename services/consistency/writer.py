"""Keeps the stored incidents of one realm equal to those computed from their books.

Every changed book is judged as a whole and compared with the stored incidents, so a batch that was
partly written, or not at all, is simply applied again.
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from weakref import WeakSet

from schemas.claim import Book, BookEntry, Claim, Superseded
from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import IncidentAction
from schemas.instants import from_ms
from schemas.touchpoint import DEFAULT_REALM
from services.consistency.core.book import earliest
from services.consistency.core.doubt import BooksInDoubt, LateWrites
from services.consistency.core.human_state import mute_ends, overlaid
from services.consistency.core.kind import JudgedBook
from services.consistency.ports import ConsistencyStore
from services.consistency.rules import ConsistencyRules

CACHE_CLAIMS_MAX = 200_000
"""A claim of a receipt takes about a KiB of memory in its book, a price of a place up to three."""
CLAIMS_OF_A_BOOK = 5
"""What an empty book takes, counted in claims."""
STATEMENTS_OF_A_WRITE = 4
"""Of `ConsistencyWriter.write`, at most: each is sent after the one before is acknowledged."""
FIRST = from_ms(1)
"""Due at the first tick, whenever that is."""
ONE_PROCESS = LateWrites(0.0, time.monotonic)
"""Only one process writes, and its writes end with it."""
Actions = Mapping[Book, Sequence[IncidentAction]]
"""Actions of people, by the book of the incident."""


class CacheBudget:
    """How many claims the writers of a process may keep in memory, shared evenly among them."""

    def __init__(self, claims_max: int = CACHE_CLAIMS_MAX) -> None:
        self._claims_max = claims_max
        self._writers: WeakSet[ConsistencyWriter] = WeakSet()

    def join(self, writer: ConsistencyWriter) -> None:
        """From now on it has a share, as long as it lives."""
        self._writers.add(writer)

    @property
    def share(self) -> int:
        """Claims that each writer may keep."""
        return self._claims_max // max(1, len(self._writers))


class _Entry:
    """A cached book and its incidents as they are stored, or will be after the next commit."""

    __slots__ = ("actions", "book", "least_versions", "size", "stored")

    def __init__(
        self,
        book: JudgedBook,
        size: int,
        stored: dict[str, AnyIncident],
        actions: Iterable[IncidentAction],
    ) -> None:
        self.book = book
        self.size = size
        """How many claims it was given."""
        self.stored = stored
        self.least_versions: dict[str, int] = {}
        """Of events whose claims were taken back, by event id: an older one may still arrive from
        another process, after the book was read without it."""
        self.actions: dict[str, set[IncidentAction]] = {}
        self.add(actions)

    def take_back(self, one: Superseded) -> None:
        """Claims of lower versions of the event count no more."""
        known = self.least_versions.get(one.event_id, 0)
        self.least_versions[one.event_id] = max(known, one.version)

    def counting(self, claims: Iterable[Claim]) -> list[Claim]:
        """The claims that were not taken back."""
        if not self.least_versions:
            return list(claims)
        return [one for one in claims if one.version >= self.least_versions.get(one.event_id, 0)]

    def add(self, actions: Iterable[IncidentAction]) -> None:
        """Add actions; a repetition changes nothing."""
        for action in actions:
            self.actions.setdefault(action.incident_id, set()).add(action)

    def incidents(self, now: datetime | None) -> dict[str, AnyIncident]:
        """The incidents by id, with actions applied."""
        if now is None:
            return {}
        judged = self.book.incidents()
        if not self.actions:
            return judged
        return {key: overlaid(one, self.actions.get(key, ()), now) for key, one in judged.items()}

    def next_due(self, now: datetime | None) -> datetime | None:
        """When the book next changes by time alone: an incident is due, or a mute ends."""
        due = self.book.next_due
        if now is None or not self.actions:
            return due
        return earliest(due, *(mute_ends(mine, now) for mine in self.actions.values()))


class ConsistencyWriter:
    """The one writer of a realm's incidents, or of those in one partition of its books.

    `apply` reads from the store and writes nothing; `write` and `settle` (`commit` is both) write
    all that was applied since the last one, under a version that must never go down. If they
    raise, they may be called again; after a crash a new writer applies the records since the last
    acknowledged one again and ends in the same state.
    """

    def __init__(
        self,
        store: ConsistencyStore,
        rules: ConsistencyRules,
        budget: CacheBudget | None = None,
        realm: str = DEFAULT_REALM,
        late: LateWrites = ONE_PROCESS,
    ) -> None:
        """`budget` bounds the books that are kept in memory between two batches; `late` is about
        writes to the store that were given up, here or by who wrote before."""
        self._store = store
        self._rules = rules.of_realm(realm)
        self._budget = budget or CacheBudget()
        self._budget.join(self)
        self.realm = realm
        self._cache: OrderedDict[Book, _Entry] = OrderedDict()
        self._now = store.latest_tick(realm)
        self._postponed: set[Book] = set()
        """Got or lost claims before the first tick; what the cache has of them is outdated."""
        self._claims: list[Claim] = []
        self._actions: dict[Book, list[IncidentAction]] = {}
        self._incidents: dict[str, AnyIncident] = {}
        self._due: dict[Book, datetime | None] = {}
        # Nobody leaves a book due at a tick that was judged, except in doubt.
        left = store.due_books(realm, self._now) if late.within_s and self._now else ()
        self._in_doubt = BooksInDoubt(late, left)
        self.changed: list[AnyIncident] = []
        """Of what the last `apply` returned, what differs from the stored incidents."""

    @property
    def cached_books(self) -> int:
        """How many books are in memory."""
        return len(self._cache)

    @property
    def cached_claims(self) -> int:
        """How many claims these books have, an empty book counted as some."""
        claims = sum(entry.size for entry in self._cache.values())
        return claims + CLAIMS_OF_A_BOOK * len(self._cache)

    def missing(self, books: Iterable[Book]) -> list[Book]:
        """Those of the books that `apply` would read from the store."""
        return [book for book in books if book not in self._cache]

    @property
    def now(self) -> datetime | None:
        """The latest tick of the realm."""
        return self._now

    def due_books(self, tick: datetime) -> set[Book]:
        """The books that `apply` would judge at this tick, claims or not."""
        now = tick if self._now is None else max(self._now, tick)
        uncommitted = {book for book, due in self._due.items() if due is not None and due <= now}
        stored = self._store.due_books(self.realm, now)
        return uncommitted.union(stored, self._in_doubt) - self._in_doubt.not_yet(now)

    def postpone(self, books: Iterable[Book]) -> None:
        """Books that got or lost claims before the first tick of the realm are read and judged at
        that tick: until then no incident follows from them. `commit` keeps them due."""
        for book in books:
            self._due[book] = FIRST
            self._postponed.add(book)

    def is_postponed(self, book: Book) -> bool:
        """Whether the book will be read and judged at the first tick."""
        return book in self._postponed

    def apply(
        self,
        claims: Sequence[BookEntry],
        now: datetime | None,
        actions: Actions | None = None,
        changed_books: Collection[Book] = (),
        *,
        in_doubt: bool = False,
        doubted_books: Collection[Book] = (),
        begun_anew: Collection[Book] = (),
    ) -> list[AnyIncident]:
        """Apply claims and people's actions, then a tick if there is one; returns changed
        incidents.

        The claims of `changed_books` are read again, because they may have got or lost some: those
        of customers, whose books follow the profile map. So are those of `doubted_books`; one that
        has no rows at all is passed over with its actions, or it would leave one. Of those that
        have `begun_anew` since their rows were removed, an action counts if its incident is left.

        An incident stored earlier that no longer follows from the claims is returned as
        retracted. Claims and actions may repeat; a tick not later than the latest changes no time.
        A book from which a corrected event takes claims back is read again from the facts.

        In doubt (any part of the batch may have been applied before, here or elsewhere) every
        incident of the judged books is returned and written again, changed or not: a stored
        incident proves neither that it was published nor that no older write follows it.

        Raises:
            ValueError: a claim or an action of another realm. Nothing was applied.
        """
        by_book, actions = self._by_book(claims), actions or {}
        superseded = [one for one in claims if isinstance(one, Superseded)]
        self._check_realm(actions)
        if now is not None:
            self._now = now if self._now is None else max(self._now, now)
        books = list(dict.fromkeys((*by_book, *actions, *changed_books, *doubted_books)))
        if now is not None:
            books += sorted(self.due_books(now).difference(books))
        postponed = self._postponed.intersection(books)
        anew = {*changed_books, *doubted_books, *postponed}
        acted = actions.keys() - set(doubted_books)
        may_be_blank = (set(doubted_books) if in_doubt else anew).difference(by_book, acted)
        self._load(books, {*anew, *(one.book for one in superseded)}, may_be_blank)
        self._postponed -= postponed
        self._due |= dict.fromkeys(postponed.difference(self._cache))
        for one in superseded:
            self._cache[one.book].take_back(one)
        self.changed = []
        to_publish: list[AnyIncident] = []
        for book in (one for one in books if one in self._cache):
            acts = actions.get(book, ())
            self._act(book, self._left(book, acts) if acts and book in begun_anew else acts)
            to_publish += self._judge(book, by_book.get(book, ()), in_doubt)
        return to_publish

    def write(self, version: int) -> None:
        """Write what was applied, except due times: claims, tick, actions, incidents, in this
        order.

        The tick goes before the incidents, so that batches applied again after a crash are
        judged at no earlier time than what is stored. Books with actions are made due before, so
        that an action that was stored alone is laid over its incident at the next tick.
        """
        if self._claims:
            self._store.write_claims(self._claims)
        if self._now is not None:
            self._store.write_tick(self.realm, self._now)
        if self._actions:
            if self._now is not None:
                self._store.write_due(dict.fromkeys(self._actions, self._now), version)
            self._store.write_actions(self._actions, version)
        if self._incidents:
            self._store.write_incidents(list(self._incidents.values()), version)

    def settle(self, version: int) -> None:
        """Write the due times, after everything derived from the written incidents is done.

        Due times are written last, so that a book is judged again after a crash in between: its
        claims are delivered again, or it is still due. Incidents are published between `write` and
        `settle`; in the other order, an incident that opened by time alone could stay unpublished
        for ever.
        """
        if self._due:
            self._store.write_due(self._due, version)
        self._claims, self._actions, self._incidents, self._due = [], {}, {}, {}
        for book in self._in_doubt:  # read again, with everything that has landed by then
            self._cache.pop(book, None)
        excess = self.cached_claims - self._budget.share
        while excess > 0 and len(self._cache) > 1:  # a book that is larger than all stays alone
            _, entry = self._cache.popitem(last=False)
            excess -= entry.size + CLAIMS_OF_A_BOOK

    def commit(self, version: int) -> None:
        """`write` and `settle` in one, where nothing is published."""
        self.write(version)
        self.settle(version)

    def _by_book(self, claims: Sequence[BookEntry]) -> dict[Book, list[Claim]]:
        """The claims by book; none for a book that is only judged again."""
        by_book: dict[Book, list[Claim]] = defaultdict(list)
        realm = self.realm
        for claim in claims:
            book = claim.book
            if book.realm != realm:
                raise ValueError(f"claim of realm {book.realm!r}, not {realm!r}")
            mine = by_book[book]
            if not isinstance(claim, Superseded):
                mine.append(claim)
        return by_book

    def _check_realm(self, actions: Actions) -> None:
        for book in actions:
            if book.realm != self.realm:
                raise ValueError(f"action of realm {book.realm!r}, not {self.realm!r}")

    def _load(
        self, books: Iterable[Book], changed_books: Collection[Book], may_be_blank: Collection[Book]
    ) -> None:
        """Bring the books into the cache: one query each for claims, incidents and actions.

        Of those that may be blank, the ones without any rows are skipped: most changes of the map
        concern profiles without claims.
        """
        missing = self.missing(books)
        known = [name for name in changed_books if name in self._cache]
        if not missing and not known:
            return
        claims = self._store.claims_of([*missing, *known])
        incidents = self._store.incidents_of(missing) if missing else {}
        actions = self._store.actions_of(missing) if missing else {}
        for name in known:  # its incidents stay: some of them may not be written yet
            said = claims.get(name, ())
            self._cache[name].book, self._cache[name].size = self._judged(name, said), len(said)
        for name in missing:
            rows = claims.get(name, ()), incidents.get(name, ()), actions.get(name, ())
            if name in may_be_blank and not any(rows):
                continue
            said, former, acted = rows
            stored = {incident.incident_id: incident for incident in former}
            self._cache[name] = _Entry(self._judged(name, said), len(said), stored, acted)

    def _judged(self, name: Book, claims: Iterable[Claim]) -> JudgedBook:
        book = self._rules.kinds.judge(name, self._rules.by_kind)
        book.add(claims)
        return book

    def _left(self, name: Book, actions: Sequence[IncidentAction]) -> list[IncidentAction]:
        """Those on an incident that is stored, or follows from the book as it was read."""
        entry = self._cache[name]
        if self._now is not None:
            entry.book.advance(self._now)
        left = entry.stored.keys() | entry.incidents(self._now)
        return [one for one in actions if one.incident_id in left]

    def _act(self, name: Book, actions: Sequence[IncidentAction]) -> None:
        """Add the actions on one book, and note them for writing."""
        if actions:
            self._cache[name].add(actions)
            self._actions.setdefault(name, []).extend(actions)

    def _judge(self, name: Book, claims: Iterable[Claim], in_doubt: bool) -> list[AnyIncident]:
        """Judge one book again; notes what to write and returns what to publish."""
        entry = self._cache[name]
        self._cache.move_to_end(name)
        added = entry.book.add(entry.counting(claims))
        self._claims += added
        entry.size += len(added)
        if self._now is not None:
            entry.book.advance(self._now)
        current = entry.incidents(self._now)
        to_publish = changed = changes(entry.stored, current)
        if in_doubt or self._in_doubt.is_unwritten(name):
            # One last time when the batch is not: under a higher version than any write given up.
            to_publish = everything(entry.stored, current)
        entry.stored |= current  # the same objects, which are compared in no time
        for incident in to_publish:
            entry.stored[incident.incident_id] = incident
            self._incidents[incident.incident_id] = incident
        due_at = entry.next_due(self._now)
        stays_due = self._in_doubt.judged(name, due_at, in_doubt=in_doubt)
        self._due[name] = self._now if stays_due and self._now else due_at
        self.changed += changed
        return to_publish


def changes(stored: dict[str, AnyIncident], current: dict[str, AnyIncident]) -> list[AnyIncident]:
    """What must be written so that `stored` shows `current`; the rest becomes retracted."""
    return [
        one
        for one in everything(stored, current)
        if (known := stored.get(one.incident_id)) is not one and known != one
    ]


def everything(
    stored: dict[str, AnyIncident], current: dict[str, AnyIncident]
) -> list[AnyIncident]:
    """`current`, and what else is stored as retracted."""
    gone = (incident for key, incident in stored.items() if key not in current)
    return [*current.values(), *map(_retracted, gone)]


def _retracted(incident: AnyIncident) -> AnyIncident:
    if incident.state is IncidentState.RETRACTED:
        return incident
    return incident.model_copy(update={"state": IncidentState.RETRACTED})
