"""How far the data has come, for readers who must tell "nothing happened" from "not there yet".

Three questions: the watermarks of a realm, which keys have got new rows since a look, and whether
one event is visible. All are answered from the store alone, so they mean the
same on the embedded engine and on a server. Methods block and raise Retry or Fatal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol
from uuid import UUID

from schemas.edge import Edge, rank
from schemas.identifiers import as_uuid
from schemas.rules.identity import IdentityRules
from schemas.topics import CATALOGUE
from schemas.watermark import Watermark
from services.ingest.config import ingest_config
from services.ingest.core.decode import event_hash
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake
from services.runtime.settings import Settings
from services.store.changes import ChangedKeys, SeenTables, changed_keys
from services.store.database import Database
from services.store.statements import statements_of
from services.stream.connection import key_of, partition_of
from services.stream.gap_recovery import finished_position_key
from services.stream.ports import Partition

_STATEMENTS = statements_of(__file__)
EDGES = CATALOGUE.by_name["c360.edges"]


class OwnProgress(Protocol):
    """How far this process itself is with writing events. Does not block."""

    @property
    def settled(self) -> int:
        """Every batch up to this one is completely written."""
        ...

    def reached(self) -> Sequence[Watermark]:
        """How far those events go that the store has not noted as processed."""
        ...


class FreshnessReader:
    """Implements services.api.ports.FreshnessSource."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        rules: IdentityRules,
        writing: OwnProgress | None = None,
    ) -> None:
        """`writing` is given by a process that writes all events itself: the store may not have
        noted yet how far it is."""
        self._writing = writing
        self._database = database
        self._settings = settings
        self._rules = rules

    def watermarks(self) -> list[Watermark]:
        """See the port."""
        own = self._writing.reached() if self._writing else ()  # before they are noted
        found = [Watermark(*row) for row in self._database.rows(_STATEMENTS["watermarks"])]
        latest = {(one.realm, one.channel): one for one in found}
        for one in own:
            key = (one.realm, one.channel)
            latest[key] = one.advance(latest.get(key))
        return sorted(latest.values())

    def changes(self, seen: SeenTables) -> ChangedKeys:
        """See the port."""
        return changed_keys(self._database, seen)

    def is_visible(self, realm: str, event_id: str) -> bool:
        """See the port."""
        where = {"realm": realm, "event_id": event_id, "hash": event_hash(event_id)}
        rows = self._database.rows(_STATEMENTS["stored"], where)
        if not rows:
            return False
        latest = max(batch for _node, batch in rows)
        if latest:  # only the embedded engine numbers its batches
            if self._writing and latest <= self._writing.settled:
                return True
            return bool(latest <= self._database.rows(_STATEMENTS["checkpoint"])[0][0])
        return self._is_processed(realm, event_id, rows[0][0])

    def _is_processed(self, realm: str, event_id: str, node: UUID) -> bool:
        """Whether workers have written everything that follows from a fact.

        A fact can be read a moment before its projections and values, and long before its edges.
        """
        where = {"realm": realm, "node": str(node), "event_id": event_id}
        for payload, received_at, intake, is_projected in self._database.rows(
            _STATEMENTS["fact"], where
        ):
            outcome = self._processor.process(payload.encode(), received_at, Intake(intake))
            if not is_projected:
                return False
            if isinstance(outcome, Accepted):
                return self._has_values(outcome) and self._is_on_the_map(realm, outcome.edges)
        return True  # no fact: erased or moved meanwhile; or the rules of today refuse it

    @cached_property
    def _processor(self) -> EventProcessor:
        return EventProcessor(ingest_config(self._settings, self._rules))

    def _has_values(self, event: Accepted) -> bool:
        nodes = [str(as_uuid(node.id)) for node, _value in event.values]
        where = {"realm": event.realm, "nodes": nodes}
        return bool(self._database.rows(_STATEMENTS["valued"], where)[0][0] == len(set(nodes)))

    def _is_on_the_map(self, realm: str, made: Sequence[Edge]) -> bool:
        """Whether the writer of the map has finished the batch that brought each of these edges.

        It stores edges before placements, so an edge alone proves nothing. Every row has the
        version of its batch's position, and a position is noted when its batch is finished.
        """
        if not made:
            return True
        nodes = {str(as_uuid(end.id)) for edge in made for end in (edge.a, edge.b)}
        rows = self._database.rows(_STATEMENTS["edges"], {"realm": realm, "nodes": sorted(nodes)})
        known = {(a.int, b.int): (tuple(best), version) for a, b, *best, version in rows}
        versions: list[int] = []
        for edge in made:
            found = known.get((edge.a.id, edge.b.id))
            if found is None or found[0] > _written(edge):  # none, or not in this grade
                return False
            versions.append(found[1])
        key = finished_position_key(
            Partition(EDGES.name, partition_of(key_of(realm), EDGES.partitions))
        )
        where = {"topic": key.topic, "partition": key.number}
        finished: int = self._database.rows(_STATEMENTS["finished"], where)[0][0]
        return max(versions) <= finished


def _written(edge: Edge) -> tuple[int, int, str]:
    """The rank of an edge as the statement gives it: smaller ones are better."""
    is_stated, first_seen_ms, event_id = rank(edge)
    return int(is_stated), first_seen_ms, event_id
