"""Explains the map: the path between two identifiers, and the edges that do not join them."""

from __future__ import annotations

from typing import Any

from schemas.edge import Edge
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, written
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.explain import Aside, Step, set_aside, why
from services.store.profile_map import ProfileMap

Json = dict[str, Any]
EDGES_READ_MAX = 50_000
"""Of the two profiles; a value that everybody uses may have millions."""
ASIDES_SHOWN_MAX = 1_000
EXPLANATION_VERSION = 1


class Explanation:
    """Answers `c360 identity why A B`. Reads one profile's graph; never writes."""

    def __init__(
        self,
        store: ClickHouseIdentityStore,
        profile_map: ProfileMap,
        rules: IdentityRules,
        realm: str,
    ) -> None:
        self._store = store
        self._map = profile_map
        self._rules = rules
        self._realm = realm
        self._values: dict[NodeId, tuple[str, str, str]] = {}

    def explain(self, a: NodeId, b: NodeId) -> Json:
        """Whether two identifiers are one profile, the evidence, and the edges set aside."""
        store, realm = self._store, self._realm
        placed = self._map.placements_of(realm, {a, b})
        profile_a, profile_b = (placed[n].profile if n in placed else n for n in (a, b))
        members = self._map.members_of(realm, {profile_a, profile_b}).holder.keys() | {a, b}
        edges = store.some_edges_of(realm, members, EDGES_READ_MAX + 1)
        decisions = store.decisions_of(realm, members)
        touched = members | {end.id for edge in edges for end in (edge.a, edge.b)}
        placements = self._map.placements_of(realm, touched)
        refusals = store.refusals_of(realm, {a, b})
        self._values = store.values_of(realm, touched)
        path = why(a, b, edges, decisions, placements, self._rules)
        asides = [
            aside
            for node in dict.fromkeys((a, b))
            for aside in set_aside(
                node, _at(node, edges), decisions, placements, refusals, self._rules
            )
        ]
        return {
            "version": EXPLANATION_VERSION,
            "realm": realm,
            "a": self._node(a),
            "b": self._node(b),
            "profile_a": str(as_uuid(profile_a)),
            "profile_b": str(as_uuid(profile_b)),
            "same": profile_a == profile_b,
            "path": [self._step(step) for step in path or ()],
            "set_aside": [self._aside(aside) for aside in asides[:ASIDES_SHOWN_MAX]],
            "is_cut": len(edges) > EDGES_READ_MAX or len(asides) > ASIDES_SHOWN_MAX,
        }

    def _node(self, node: NodeId) -> Json:
        type_name, issuer, value = self._values.get(node, ("", "", ""))
        return {"node_id": str(as_uuid(node)), "type": type_name, "issuer": issuer, "value": value}

    def _step(self, step: Step) -> Json:
        head = {"from": self._node(step.source.id), "to": self._node(step.target.id)}
        proof = step.evidence
        if isinstance(proof, Edge):
            return head | {"rule": step.rule.value, **_edge(proof)}
        return head | {
            "rule": step.rule.value,
            "author": proof.author,
            "reason": proof.reason,
            "decided_at": written(from_ms(proof.decided_ms)),
        }

    def _aside(self, aside: Aside) -> Json:
        refusal = aside.refusal
        return {
            "from": self._node(aside.edge.a.id),
            "to": self._node(aside.edge.b.id),
            **_edge(aside.edge),
            "why": aside.standing.value,
            "refused_because": refusal.reason.value if refusal else None,
            "blocked_by": [self._node(node) for node in refusal.blocked_by] if refusal else [],
        }


def _at(node: NodeId, edges: list[Edge]) -> list[Edge]:
    return [edge for edge in edges if node in (edge.a.id, edge.b.id)]


def _edge(edge: Edge) -> Json:
    return {
        "event_id": edge.event_id,
        "first_seen": written(from_ms(edge.first_seen_ms)),
        "verified": edge.verified,
    }
