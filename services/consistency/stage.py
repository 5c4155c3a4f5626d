"""The consistency stage of one process that holds all books: claims and ticks become incidents.

The embedded pipeline calls it for every batch; workers do the same per partition
(services/consistency/worker.py), with the same writer and filter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from schemas.claim import Book, BookEntry, Superseded
from schemas.identifiers import NodeId
from schemas.subject import Subject
from schemas.watermark import Watermark
from services.consistency.core.comparability import ComparableBooks
from services.consistency.core.customers import split_claims
from services.consistency.core.event_clock import EventClock
from services.consistency.core.kind import Kinds
from services.consistency.kinds import KINDS
from services.consistency.ports import WorkerStore
from services.consistency.writer import Actions, ConsistencyWriter
from services.runtime.metrics import Metrics


class ConsistencyStage:
    """Keeps the incidents: one writer per realm, ticks from the watermarks of all channels."""

    def __init__(
        self,
        store: WorkerStore,
        writer_of: Callable[[str], ConsistencyWriter],
        reached: Iterable[Watermark],
        metrics: Metrics,
        kinds: Kinds = KINDS,
    ) -> None:
        """`reached` is how far the events in the store go; `kinds` are those of the writers.

        Nothing is read before `begin`, and `reached` again where that had failed.
        """
        self._store = store
        self._kinds = kinds
        self._writer_of = writer_of
        self._writers: dict[str, ConsistencyWriter] = {}
        self._clocks: dict[str, EventClock] = {}
        self._metrics = metrics
        self._reached = reached
        self._begun: ComparableBooks | None = None

    def begin(self) -> ComparableBooks:
        """Read what the store holds, once: whoever only reads profiles need not wait for it.

        Must be called before the first batch is stored; a later call returns the same books.
        """
        if self._begun is None:
            comparable = self._store.comparable_books()
            self._observe(self._reached)
            self._begun = comparable
        return self._begun

    @property
    def follows_the_map(self) -> bool:
        """Whether there are kinds of incidents about customers, which depend on the map."""
        return bool(self._kinds.about_customers)

    def process(
        self,
        claims: Mapping[str, Sequence[BookEntry]],
        reached: Iterable[Watermark],
        version: int,
        regrouped: Mapping[str, Collection[NodeId]] | None = None,
    ) -> None:
        """Apply a batch's claims, by realm, and its watermarks. Raises as the store does.

        `regrouped` are the profiles, by realm, that gained or lost nodes before this call, if
        there are kinds of incidents about customers.
        """
        comparable = self.begin()
        self._observe(reached)
        regrouped = regrouped or {}
        for realm in dict.fromkeys((*claims, *regrouped)):
            mine, anchors = claims.get(realm, ()), dict[str, set[NodeId]]()
            if self.follows_the_map:
                mine, anchors = split_claims(mine)
            # Of an order that is cancelled in its own batch, the claims stand in the facts alone.
            self._store.note(one.book for one in mine if isinstance(one, Superseded))
            compared = comparable.filter(mine)
            changed_books = self._customer_books(realm, anchors, regrouped.get(realm, ()))
            writer = self._writer(realm) if changed_books else None
            if writer is not None and writer.now is None:
                # No incident can be told yet: they are read once, at the first tick.
                fresh = [book for book in changed_books if not writer.is_postponed(book)]
                writer.postpone(self._store.claimed(realm, fresh) if fresh else ())
                self._write(realm, compared, None, version)
            elif compared or changed_books:
                self._write(realm, compared, None, version, changed_books=changed_books)
            self._store.note(claim.book for claim in mine)

    def _customer_books(
        self,
        realm: str,
        anchors: Mapping[str, Collection[NodeId]],
        regrouped: Collection[NodeId],
    ) -> list[Book]:
        """Of the profiles that hold these anchors now, the books of the kinds that said something
        of them; all books of those regrouped."""
        said = set[NodeId]().union(*anchors.values())
        holders = self._store.holders_of(realm, said) if said else {}
        books = self._kinds.customer_books(realm, regrouped)
        for kind in anchors.keys() & set(self._kinds.about_customers):
            profiles = {holders[node] for node in anchors[kind]}.difference(regrouped)
            books += [Book(realm, kind, Subject.customer(profile)) for profile in profiles]
        return sorted(books)

    def now(self, realm: str) -> datetime | None:
        """The latest tick of a realm."""
        return self._writer(realm).now

    def tick(self, version: int, clock: datetime | None) -> dict[str, datetime]:
        """Judge everything up to the watermark of each realm; these times.

        With a clock, channels that fell silent advance with it. Without one (a file was read to
        its end) time has come as far as the latest event: a function of the events alone.
        """
        self.begin()
        ticks: dict[str, datetime] = {}
        for realm, event_clock in self._clocks.items():
            now = event_clock.stream_time if clock is None else event_clock.tick(clock)
            if now is not None:
                self._write(realm, [], now, version)
                ticks[realm] = self._writer(realm).now or now
        return ticks

    def act(self, realm: str, actions: Actions, version: int) -> None:
        """Apply people's actions to the incidents. Raises as the store does."""
        self.begin().mark(actions)
        self._write(realm, [], None, version, actions)

    def forget(self) -> None:
        """Read claims and incidents again when they are needed: some were removed."""
        self._writers.clear()

    def _observe(self, watermarks: Iterable[Watermark]) -> None:
        for one in watermarks:
            self._clocks.setdefault(one.realm, EventClock()).observe(one)

    def _writer(self, realm: str) -> ConsistencyWriter:
        if realm not in self._writers:
            self._writers[realm] = self._writer_of(realm)
        return self._writers[realm]

    def _write(
        self,
        realm: str,
        claims: Sequence[BookEntry],
        now: datetime | None,
        version: int,
        actions: Actions | None = None,
        changed_books: Collection[Book] = (),
    ) -> None:
        writer = self._writer(realm)
        for incident in writer.apply(claims, now, actions, changed_books):
            self._metrics.incidents.labels(incident.kind, incident.state).inc()
        writer.commit(version)
