"""What people decided about pairs of identifiers, and what a decision would do to the map.

A preview is the writer's own work on the stored graph, with the decision laid over it: the answer
is what the writer will do when it gets the record, unless the graph changes first. Nothing is
written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from schemas.edge import Decision, Node
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore, decision_of_row
from services.identity.core.model import Refusal
from services.identity.ports import DecisionEffect, DecisionPlace
from services.identity.writer import Changes, IdentityWriter
from services.store.database import Database
from services.store.profile_map import Members, ProfileMap
from services.store.statements import statements_of

PAGE_SQL = statements_of(__file__)["page"]
EDGES_AHEAD_MAX = 50_000


class DecisionReader:
    """Implements `services.identity.ports.DecisionSource`."""

    def __init__(
        self,
        database: Database,
        rules: IdentityRules,
        is_renewed: Callable[[str], bool] = lambda _realm: False,
    ) -> None:
        """`is_renewed`: whether rows of a realm's map may still follow from other rules."""
        self._is_renewed = is_renewed
        self._database = database
        self._map = ProfileMap(database)
        self._rules = rules

    def node(self, realm: str, node: NodeId) -> Node | None:
        """See the port."""
        store = self._store()
        known = store.values_of(realm, [node]).get(node)
        if known is not None:
            return Node(node, known[0], known[1])
        ends = (end for one in store.decisions_of(realm, [node]) for end in (one.a, one.b))
        return next((end for end in ends if end.id == node), None)

    def of_pair(self, realm: str, a: NodeId, b: NodeId) -> Decision | None:
        """See the port."""
        found = self._store().decisions_of(realm, [a])
        return next((one for one in found if {one.a.id, one.b.id} == {a, b}), None)

    def page(
        self,
        realm: str,
        limit: int,
        after: DecisionPlace | None = None,
        nodes: Collection[NodeId] = (),
        verdict: str = "",
    ) -> list[Decision]:
        """See the port."""
        place = after or DecisionPlace(0, 0, 0)
        asked = {
            "realm": realm,
            "limit": limit,
            "verdict": verdict,
            "nodes": [str(as_uuid(one)) for one in nodes],
            "is_first": after is None,
            "decided_ms": place.decided_ms,
            "a": str(as_uuid(place.a)),
            "b": str(as_uuid(place.b)),
        }
        return [decision_of_row(row) for row in self._database.rows(PAGE_SQL, asked)]

    def together(self, realm: str, node: NodeId) -> set[NodeId]:
        """See the port."""
        placed = self._map.placements_of(realm, [node]).get(node)
        return set(self._map.members_of(realm, [placed.profile if placed else node]).holder)

    def refusals(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """See the port."""
        found = self._store().refusals_of(realm, nodes) if nodes else []
        return [one for one in found if not one.event_id]

    def values(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, tuple[str, str, str]]:
        """See the port."""
        return self._store().values_of(realm, nodes)

    def effect(self, realm: str, decision: Decision) -> DecisionEffect:
        """See the port."""
        store = self._store()
        pair = sorted((decision.a.id, decision.b.id))
        placed = store.placements_of(realm, pair)
        writer = IdentityWriter(store, realm, self._rules, renewed=self._is_renewed(realm))
        writer.load_ahead(self._beside(store, realm, placed.values()))
        changes = writer.apply((), [decision])
        concerned = {placed[one].profile if one in placed else one for one in pair}
        for node, (_, placement) in changes.placements.items():
            row = changes.before[node]
            concerned |= {placement.profile, node if row is None else row.profile}
        before = _as_read(self._map.members_of(realm, concerned), pair, placed, changes)
        key = (pair[0], pair[1], True)
        standing = {one.key: one for one in store.refusals_of(realm, pair)}
        gone = {one.key for one in changes.refusals_vanished}
        standing = {one: refusal for one, refusal in standing.items() if one not in gone}
        standing |= {one.key: one for one in changes.refusals_appeared}
        return DecisionEffect(before, _after(before, changes), standing.get(key))

    def _beside(
        self, store: ClickHouseIdentityStore, realm: str, placed: Collection[Placement]
    ) -> Collection[Node]:
        """The identifiers of the two profiles and those around: a chain of hundreds has as many
        hops. Of a very large profile a part; the writer reads the rest."""
        profiles = {one.profile for one in placed if one.kind is not ProfileKind.SHARED}
        members = self._map.members_of(realm, profiles).holder if profiles else {}
        edges = store.some_edges_of(realm, members, EDGES_AHEAD_MAX) if members else []
        return {end.id: end for edge in edges for end in (edge.a, edge.b)}.values()

    def _store(self) -> ClickHouseIdentityStore:
        return ClickHouseIdentityStore(self._database)  # decisions may have come since


def _as_read(
    members: Members,
    pair: Collection[NodeId],
    placed: Mapping[NodeId, Placement],
    changes: Changes,
) -> Members:
    """Who holds what. The map may have changed since the decision was tried on it: of what was
    read then, that counts."""
    rows = {one: placed.get(one) for one in pair} | changes.before
    read = {node: node if row is None else row.profile for node, row in rows.items()}
    return members._replace(holder=members.holder | read)


def _after(before: Members, changes: Changes) -> Members:
    """Who holds what once the changes are written."""
    after = Members(dict(before.holder), {})
    for node, (_, placement) in changes.placements.items():
        after.holder[node] = placement.profile
    for node, profile in after.holder.items():
        kind: ProfileKind | None
        if node in changes.placements:
            kind = changes.placements[node][1].kind
        else:
            kind = before.kinds.get(before.holder[node])
        if kind is not None:
            after.kinds[profile] = max(kind, after.kinds.get(profile, kind))
    return after
