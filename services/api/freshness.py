"""How far the data has come, for readers who must tell "nothing happened" from "not there yet".

Three questions: the watermarks of a realm, which keys have got new rows since a look, and whether
one event is visible. All are answered from the store alone, so they mean the
same on the embedded engine and on a server. Methods block and raise Retry or Fatal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from uuid import UUID

from schemas.edge import Edge, rank
from schemas.rules.identity import IdentityRules
from schemas.touchpoint import PUBLIC_ID_PREFIX
from schemas.watermark import Watermark
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.explain import Standing, standings
from services.ingest.config import ingest_config
from services.ingest.core.decode import event_hash
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake
from services.runtime.settings import Settings
from services.store.changes import ChangedKeys, SeenTables, changed_keys
from services.store.database import Database
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
NO_REASON = Standing.ELSEWHERE
"""The standing of an edge whose ends are apart for no reason that is recorded."""


class FreshnessReader:
    """Implements services.api.ports.FreshnessSource."""

    def __init__(self, database: Database, settings: Settings, rules: IdentityRules) -> None:
        self._database = database
        self._settings = settings
        self._rules = rules

    def watermarks(self) -> list[Watermark]:
        """See the port."""
        return [Watermark(*row) for row in self._database.rows(_STATEMENTS["watermarks"])]

    def changes(self, seen: SeenTables) -> ChangedKeys:
        """See the port."""
        return changed_keys(self._database, seen)

    def is_visible(self, realm: str, event_id: str) -> bool:
        """See the port."""
        ids = [event_id, PUBLIC_ID_PREFIX + event_id]
        where = {"realm": realm, "ids": ids, "hashes": [event_hash(one) for one in ids]}
        rows = self._database.rows(_STATEMENTS["stored"], where)
        if not rows:
            return False
        stored_id, node, batch = rows[0]
        if batch:  # only the embedded engine numbers its batches
            return bool(batch <= self._database.rows(_STATEMENTS["checkpoint"])[0][0])
        return self._is_on_the_map(realm, self._edges(realm, node, stored_id))

    def _edges(self, realm: str, node: UUID, event_id: str) -> Sequence[Edge]:
        """The edges that an event makes, from the line that was sent."""
        where = {"realm": realm, "node": str(node), "event_id": event_id}
        for payload, received_at, intake in self._database.rows(_STATEMENTS["line"], where):
            outcome = self._processor.process(payload.encode(), received_at, Intake(intake))
            if isinstance(outcome, Accepted):
                return outcome.edges
        return ()

    @cached_property
    def _processor(self) -> EventProcessor:
        return EventProcessor(ingest_config(self._settings, self._rules))

    def _is_on_the_map(self, realm: str, made: Sequence[Edge]) -> bool:
        """Whether the map knows these edges, and stands as they have it.

        The writer of the map stores an edge before the placements that follow. So an edge whose
        ends are still apart counts only if a reason for it is recorded.
        """
        if not made:
            return True
        nodes = {end.id for edge in made for end in (edge.a, edge.b)}
        store = ClickHouseIdentityStore(self._database)
        known = {(edge.a.id, edge.b.id): edge for edge in store.edges_of(realm, nodes)}
        for edge in made:
            found = known.get((edge.a.id, edge.b.id))
            if found is None or rank(found) > rank(edge):
                return False
        placements = ProfileMap(self._database).placements_of(realm, nodes)
        found_now = standings(
            [known[edge.a.id, edge.b.id] for edge in made],
            store.decisions_of(realm, nodes),
            placements,
            store.refusals_of(realm, nodes),
            self._rules,
        )
        return all(one.standing is not NO_REASON for one in found_now)
