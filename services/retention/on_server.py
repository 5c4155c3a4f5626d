"""The retention of events in the identity worker, which removes what has expired in its realms.

What is removed and how is services/retention/removal.py; here is when. Implements
services.identity.ports.EventExpiry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import NamedTuple

import structlog

from schemas.edge import Edge
from schemas.records import CutoffRecord, RetentionRecord
from services.erasure.closing import WaitingOrder
from services.identity.ports import ChangedMap
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.decode import event_hash
from services.ingest.core.event_processor import EventProcessor
from services.retention.removal import EventRemoval
from services.runtime.errors import ConfigurationError
from services.store.database import Database, chunks
from services.store.event_cutoffs import Cutoff, EventCutoffs, RemovalStage
from services.store.statements import statements_of
from services.stream.person_records import identity_outgoing

STORED_SQL = statements_of(__file__)["stored"]
EVENTS_PER_QUERY = 5_000
log = structlog.get_logger()


class _StoredBody(NamedTuple):
    """Of an event, what the body says that counts."""

    type: str
    occurred_ms: int


class ServerExpiry:
    """The retention of the realms that a worker writes. Methods block, raise Retry or Fatal, and
    may be repeated.

    Args:
        core_of: makes what reads stored events, by the rules and ledgers of now. Raises
            ConfigurationError if the settings do not fit them: then nothing is removed yet.
        waits: called while rows are being removed: it is progress.
        gives_way: see the port.
        open_slow: a connection whose statements may take long; otherwise that of the rest.
    """

    def __init__(
        self,
        database: Database,
        core_of: Callable[[ClickHouseFactStore], EventProcessor],
        waits: Callable[[], None] = lambda: None,
        gives_way: Callable[[], bool] = lambda: False,
        open_slow: Callable[[], Database] | None = None,
    ) -> None:
        self._database = database
        self._cutoffs = EventCutoffs(database)
        self._core_of = core_of
        self._waits = waits
        self._gives_way = gives_way
        self._open_slow = open_slow
        self._slow_database: Database | None = None

    def standing(self, realm: str, edges: Sequence[Edge]) -> list[Edge]:
        """See the port. An edge says when its event happened, and not of which type it was: of old
        ones the event is looked for. Facts are stored before their edges are sent."""
        cutoffs = {one.type: one for one in self._of(realm)}
        latest = max((one.before_ms for one in cutoffs.values()), default=-1)
        old = {one.event_id for one in edges if one.first_seen_ms < latest}
        bodies = self._stored(realm, old) if old else {}

        def stands(edge: Edge) -> bool:
            if edge.first_seen_ms >= latest:
                return True
            if (body := bodies.get(edge.event_id)) is None:
                return False
            cutoff = cutoffs.get(body.type)
            if cutoff is None or edge.first_seen_ms >= cutoff.before_ms:
                return True
            # Of a pair ingest sends the best edge only. A removal that is to come finds this one
            # by its event, and gives the pair the best of what the events say that stay.
            is_expired = body.occurred_ms < cutoff.before_ms
            last = RemovalStage.RENEWED if is_expired else RemovalStage.LISTED
            return cutoff.stage < last

        return list(filter(stands, edges)) if old else list(edges)

    def _stored(self, realm: str, events: Collection[str]) -> dict[str, _StoredBody]:
        found: dict[str, _StoredBody] = {}
        for some in chunks(sorted(events), EVENTS_PER_QUERY):
            asked = {"realm": realm, "hashes": list(map(event_hash, some)), "events": list(some)}
            rows = self._database.rows(STORED_SQL, asked)
            found |= {event_id: _StoredBody(*body) for event_id, *body in rows}
        return found

    def begin(self, record: RetentionRecord) -> None:
        """See the port."""
        self._cutoffs.note(
            [
                Cutoff(record.realm, one.type, one.before_ms, RemovalStage.WAITING)
                for one in record.cutoffs
            ]
        )

    def removal(
        self, record: RetentionRecord, around: ChangedMap, fence: Callable[[], None]
    ) -> ServerRemoval | None:
        """See the port."""
        meant = {(one.type, one.before_ms) for one in record.cutoffs}
        due = [
            one
            for one in self._of(record.realm)
            if one.is_open
            and one.stage is not RemovalStage.WAITING
            and (one.type, one.before_ms) in meant
        ]
        if not due:
            return None
        database = self._slow()
        facts = ClickHouseFactStore(database)
        try:
            core = self._core_of(facts)
        except ConfigurationError as error:  # the record comes again; others do not wait for it
            log.error("events_do_not_expire", realm=record.realm, error=str(error))
            return None
        removal = EventRemoval(database, around, core, facts, fence, self._waits)
        return ServerRemoval(removal, record.realm, due)

    def gives_way(self) -> bool:
        """See the port."""
        return self._gives_way()

    def _of(self, realm: str) -> list[Cutoff]:
        return [one for one in self._cutoffs.standing() if one.realm == realm]

    def _slow(self) -> Database:
        """Opened when it is needed first, and kept."""
        if self._slow_database is None:
            self._slow_database = self._database if self._open_slow is None else self._open_slow()
        return self._slow_database


class ServerRemoval:
    """Implements services.identity.ports.ExpiredRemoval."""

    def __init__(self, removal: EventRemoval, realm: str, cutoffs: Collection[Cutoff]) -> None:
        self._removal = removal
        self._realm = realm
        self._cutoffs = cutoffs
        self._parts = removal.run(realm, cutoffs)

    def next_part(self) -> bool:
        """See the port."""
        return next((True for _ in self._parts), False)

    def finish(self) -> None:
        """See the port."""
        self._removal.finish(self._realm, self._cutoffs)
        log.info("events_expired", realm=self._realm, types=[one.type for one in self._cutoffs])


def waiting_cutoffs(cutoffs: EventCutoffs) -> list[WaitingOrder]:
    """The cut-offs of which older events are not removed yet, for who brings them to their end: of
    each realm those together that wait for the same."""
    found: dict[tuple[str, bool], list[Cutoff]] = {}
    for one in cutoffs.standing():
        if one.is_open:
            found.setdefault((one.realm, one.stage is not RemovalStage.WAITING), []).append(one)
    return [
        WaitingOrder(
            name=f"{realm}: {', '.join(f'{one.type} {one.before_ms}' for one in mine)}",
            has_landed=has_landed,
            landed=partial(cutoffs.reach, mine, RemovalStage.NOTED),
            closing=identity_outgoing(record_of(realm, mine, closes=True)),
        )
        for (realm, has_landed), mine in found.items()
    ]


def record_of(realm: str, cutoffs: Collection[Cutoff], *, closes: bool) -> RetentionRecord:
    """The record of cut-offs of a realm."""
    said = [CutoffRecord(type=one.type, before_ms=one.before_ms) for one in cutoffs]
    return RetentionRecord(realm=realm, cutoffs=said, closes=closes)
