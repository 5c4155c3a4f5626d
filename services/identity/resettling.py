"""Changes the map of a realm where rows were removed beneath it, and keeps what is to be told.

For the one writer of the realm, outside of its batches: an erasure, a removal of expired events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from schemas.edge import Edge
from schemas.identifiers import NodeId, as_uuid
from schemas.records import ProfileChangeRecord
from services.identity.core.changes import Touched, profile_changes, rows_wanted
from services.identity.ports import IdentityStore
from services.identity.publication import published, withdrawn
from services.identity.stage import IdentityStage, RealmBatch
from services.identity.writer import Changes
from services.stream.ports import Outgoing

CustomerRecords = Callable[[str, Collection[NodeId]], list[Outgoing]]
"""From a realm and its profiles that gained or lost nodes."""


class Resettling:
    """Methods block, raise as the store and the fence do, and may be repeated: everything is told
    again.

    Args:
        version: of every row written.
        fence: called before each write; raises if another worker has taken over.
        customer_records: as for the worker.
    """

    def __init__(
        self,
        session: IdentityStage,
        version: int,
        fence: Callable[[], None],
        customer_records: CustomerRecords | None,
    ) -> None:
        self._session = session
        self._version = version
        self._fence = fence
        self._customer_records = customer_records
        self._told: list[Outgoing] = []

    def told(self) -> list[Outgoing]:
        """What is to be sent since the last call."""
        told, self._told = self._told, []
        return told

    def write_edges(self, realm: str, edges: Sequence[Edge]) -> None:
        """Replace the rows of these edges, whatever they say."""
        self._fence()
        self._session.store.write_edges(realm, edges, self._version)

    def unlink(
        self, realm: str, nodes: Collection[NodeId], marks: Collection[NodeId] = ()
    ) -> set[NodeId]:
        """Compute the map anew around nodes that lost edges, and mark some; those that no edge
        holds any more, whose rows are then stale. Tells of the others."""
        changes, alone = self._settle(realm, nodes, marks)
        self._tell(realm, changes, set())
        return alone

    def regroup(
        self, realm: str, nodes: Collection[NodeId], marks: Collection[NodeId] = ()
    ) -> None:
        """The same, where the rows of those that no edge holds are gone. Tells of them, too."""
        self._tell(realm, *self._settle(realm, nodes, marks))

    def forgotten(self, realm: str, nodes: Collection[NodeId]) -> None:
        """No event names these any more, and they are not on the map: tells that they are gone."""
        self._told += [withdrawn(realm, as_uuid(node)) for node in sorted(nodes)]

    def _settle(
        self, realm: str, nodes: Collection[NodeId], marks: Collection[NodeId]
    ) -> tuple[Changes, set[NodeId]]:
        return self._session.settle(realm, nodes, marks, self._version, self._fence)

    def _tell(self, realm: str, changes: Changes, alone: set[NodeId]) -> None:
        said = RealmBatch(attributes=alone)
        records = followed(self._session.store, realm, said, changes, self._version)
        self._told += map(published, records)
        moved = self._session.regrouped(realm, changes) | alone
        if self._customer_records is not None and moved:
            self._told += self._customer_records(realm, moved)


def followed(
    store: IdentityStore, realm: str, batch: RealmBatch, changes: Changes, map_version: int
) -> list[ProfileChangeRecord]:
    """The profile changes to publish for a batch that is written."""
    spoken = Touched(sorted(batch.attributes), sorted(batch.consents))
    wanted = rows_wanted(changes, spoken)
    standing = store.placements_of(realm, wanted) if wanted else {}
    causes = batch.edges if changes.in_doubt else changes.edges
    return profile_changes(realm, changes, causes, spoken, standing, map_version)
