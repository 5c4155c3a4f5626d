"""The identity stage: edges and decisions of a batch become the profile map, realm by realm.

The embedded pipeline and the identity worker both call it; what they do with the changes (publish
them, or not) is theirs. A stage is given up as a whole after a failure: its writers may believe
what was not written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from schemas.edge import Decision, Edge
from schemas.identifiers import NodeId
from schemas.placement import ProfileKind
from services.identity.core.changes import regrouped
from services.identity.core.erased import founded_edges, standing_decisions, standing_edges
from services.identity.ports import Erasures, IdentityStore
from services.identity.writer import Changes, IdentityWriter
from services.runtime.metrics import Metrics


@dataclass(slots=True)
class RealmBatch:
    """What a batch says of one realm."""

    edges: list[Edge] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    attributes: set[NodeId] = field(default_factory=set)
    """Nodes under which attributes were stored."""
    consents: set[NodeId] = field(default_factory=set)
    """Nodes under which consents or objections were stored."""


def without_erased(realm: str, batch: RealmBatch, erasures: Erasures) -> RealmBatch:
    """The batch without what it says of people who were erased, or are being erased: that was under
    way, or is read again. Blocks; raises what the store raises."""
    spoken = batch.attributes | batch.consents
    nodes = {end.id for edge in batch.edges for end in (edge.a, edge.b)}
    decided = {end.id for one in batch.decisions for end in (one.a, one.b)}
    until = erasures.refused_until(realm, nodes | decided | spoken)
    # What only an erased person had stated is in no ledger, for it may be somebody else's. A link
    # between two of these counts if its event is stored: each is, before its links are sent.
    stated = erasures.stated(realm, nodes)
    if not until and not stated:
        return batch
    gone = erasures.gone(realm, spoken & until.keys())
    edges = standing_edges(batch.edges, until)
    beside = {one.event_id for one in edges if {one.a.id, one.b.id} & stated}
    not_stored = erasures.not_stored(realm, beside)
    return RealmBatch(
        founded_edges(edges, stated, not_stored),
        standing_decisions(batch.decisions, until),
        batch.attributes - gone,
        batch.consents - gone,
    )


def nobody_else() -> None:
    """The fence of a process that is the only writer there is."""


class IdentityStage:
    """Keeps the maps of all realms: one writer each, created when its realm is first seen."""

    def __init__(
        self, store: IdentityStore, writer_of: Callable[[IdentityStore, str], IdentityWriter]
    ) -> None:
        self.store = store
        self._writer_of = writer_of
        self._writers: dict[str, IdentityWriter] = {}

    def process(
        self,
        batches: Mapping[str, RealmBatch],
        version: int,
        *,
        in_doubt: bool,
        in_doubt_edges_max: int | None = None,
        fence: Callable[[], None] = nobody_else,
    ) -> dict[str, Changes]:
        """Apply a batch and write what it changes; the changes by realm. Blocks.

        Args:
            version: of every row written.
            in_doubt: an earlier attempt may have written any part of it.
            in_doubt_edges_max: as for IdentityWriter.apply.
            fence: called after reading and before writing; raises if somebody else writes.

        Raises whatever the store and the fence raise.
        """
        applied: dict[str, Changes] = {}
        for realm, batch in batches.items():
            if realm not in self._writers:
                self._writers[realm] = self._writer_of(self.store, realm)
            writer = self._writers[realm]
            changes = writer.apply(
                batch.edges,
                batch.decisions,
                in_doubt=in_doubt,
                in_doubt_edges_max=in_doubt_edges_max,
            )
            fence()
            writer.commit(changes, version)
            applied[realm] = changes
        return applied

    def forget(self) -> None:
        """What writers know is out of date: rules have changed, or edges were removed."""
        self._writers.clear()

    def replace(self, realm: str, changes: Changes, version: int) -> None:
        """Write changes that no writer of the realm made; every row has the version. What its
        writer knows is out of date then. Blocks; raises what the store raises."""
        self._writers.pop(realm, None)
        self._writer_of(self.store, realm).commit(changes, version)

    def settle(
        self,
        realm: str,
        nodes: Collection[NodeId],
        marks: Collection[NodeId],
        version: int,
        fence: Callable[[], None] = nobody_else,
    ) -> tuple[Changes, set[NodeId]]:
        """Solve again around nodes of which edges were removed from the store, and mark some.

        The changes, which are written, and those of the nodes that no edge holds on the map: their
        rows, if there are any, are stale. What a writer of the realm knows is then out of date: of
        the rows that the caller removes, too. Raises as `process` does.
        """
        self._writers.pop(realm, None)
        writer = self._writer_of(self.store, realm)
        edges = self.store.an_edge_of(realm, nodes)
        decisions = self.store.decisions_of(realm, nodes)
        changes = writer.apply(edges, decisions, marks, in_doubt=True)
        fence()
        writer.commit(changes, version)
        return changes, {node for node in nodes if node not in changes.placements}

    def shared_among(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Those of these nodes that belong to nobody by the rules in force: rows of the map may
        still follow from others. Reads only; raises what the store raises."""
        edges = self.store.an_edge_of(realm, nodes)
        solved = self._writer_of(self.store, realm).apply(edges, in_doubt=True).placements
        return {one for one in nodes if one in solved and solved[one][1].kind is ProfileKind.SHARED}

    def regrouped(self, realm: str, changes: Changes) -> set[NodeId]:
        """The profiles that gained or lost nodes: by these changes, which are written, or in doubt
        by any attempt before them. Blocks; raises what the store raises.

        In doubt the stored rows of all nodes concerned are read, after the write: what an attempt
        wrote until then stands there, and what arrives later has no effect.
        """
        found = regrouped(changes)
        if changes.in_doubt and changes.placements:
            nodes = changes.placements.keys()
            found |= nodes | self.store.former_profiles(realm, nodes)
        return found


def count_changes(metrics: Metrics, changes: Changes) -> None:
    """Count what a realm's batch changed."""
    metrics.edges.inc(len(changes.edges))
    metrics.merges.inc(changes.merges)
    metrics.splits.inc(changes.splits)
    metrics.refusals.inc(len(changes.refusals_appeared))
