"""Explains the map: the path between two identifiers, or what keeps them apart, and what happened.

Bounded for any profile: by a number of edges that are read, and of events that are looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from schemas.edge import Decision, Edge, Verdict
from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, written
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.happened import Happening, happenings
from services.identity.adapters.shared_values import SharedValue, shared_values
from services.identity.core.explain import Aside, Standing, Step, Stood, set_aside, standings, why
from services.identity.core.model import Reason, Refusal, latest
from services.identity.core.nearest import NearLink, nearest
from services.store.database import Database
from services.store.profile_map import ProfileMap

Json = dict[str, Any]
EDGES_READ_MAX = 50_000
"""Of the two profiles; a value that everybody uses may have millions."""
ASIDES_SHOWN_MAX = 1_000
DECISIONS_SHOWN_MAX = 20
HAPPENINGS_READ_MAX = 200
"""Events that are looked up for what is shown; a sentence tells only the first of them."""
SHARED_SHOWN_MAX = 5
EXPLANATION_VERSION = 1


class _Graph(NamedTuple):
    """What is stored of two profiles."""

    edges: list[Edge]
    decisions: list[Decision]
    placements: dict[NodeId, Placement]
    refusals: list[Refusal]
    is_cut: bool

    def profile(self, node: NodeId) -> NodeId:
        """The profile of a node; without a placement, itself."""
        placement = self.placements.get(node)
        return placement.profile if placement else node

    def kind(self, node: NodeId) -> str:
        """The kind of its profile; empty without a placement."""
        placement = self.placements.get(node)
        return placement.kind.value if placement else ""


class Explanation:
    """Answers `c360 identity why A B`. Reads one profile's graph; never writes."""

    def __init__(self, database: Database, rules: IdentityRules, realm: str) -> None:
        self._database = database
        self._store = ClickHouseIdentityStore(database)
        self._map = ProfileMap(database)
        self._rules = rules
        self._realm = realm
        self._values: dict[NodeId, tuple[str, str, str]] = {}
        self._happened: dict[str, Happening] = {}

    def explain(self, a: NodeId, b: NodeId) -> Json:
        """Whether two identifiers are one profile, the evidence, and the edges set aside."""
        graph = self._read(a, b)
        is_same = graph.profile(a) == graph.profile(b)
        path = why(a, b, graph.edges, graph.decisions, graph.placements, self._rules) or ()
        asides = self._asides(a, b, graph)
        near = () if is_same else self._nearest(a, b, graph)
        between = [] if is_same else _between(a, b, graph)
        shared = self._shared((a, b, *_ends(near, asides)), graph)
        self._look_up(a, b, path, asides, near, between, shared)
        return {
            "version": EXPLANATION_VERSION,
            "realm": self._realm,
            "a": self._node(a),
            "b": self._node(b),
            "profile_a": str(as_uuid(graph.profile(a))),
            "profile_b": str(as_uuid(graph.profile(b))),
            "kind_a": graph.kind(a),
            "kind_b": graph.kind(b),
            "profiles": self._profiles(a, b, graph),
            "same": is_same,
            "path": [self._step(step) for step in path],
            "set_aside": [self._aside(one, graph) for one in asides[:ASIDES_SHOWN_MAX]],
            "decisions": [self._decision(one, graph) for one in between],
            "nearest": [self._near(link, graph) for link in near],
            "shared": [self._shared_value(one) for one in shared],
            "is_cut": graph.is_cut or len(asides) > ASIDES_SHOWN_MAX,
        }

    def _read(self, a: NodeId, b: NodeId) -> _Graph:
        store, realm = self._store, self._realm
        placed = self._map.placements_of(realm, {a, b})
        profiles = {placed[node].profile if node in placed else node for node in (a, b)}
        held = self._map.members_of(realm, profiles)
        members = held.holder.keys() | {a, b}
        edges = store.some_edges_of(realm, members, EDGES_READ_MAX + 1)
        placements = {
            node: Placement(profile, held.kinds[profile])
            for node, profile in held.holder.items()
            if profile in held.kinds
        }
        around = {end.id for edge in edges for end in (edge.a, edge.b)} - placements.keys()
        return _Graph(
            edges=edges,
            decisions=store.decisions_of(realm, members),
            placements=placements | self._map.placements_of(realm, around | {a, b}),
            refusals=store.refusals_of(realm, members),
            is_cut=len(edges) > EDGES_READ_MAX,
        )

    def _asides(self, a: NodeId, b: NodeId, graph: _Graph) -> list[Aside]:
        edges, decisions, placements, refusals, _ = graph
        return [
            aside
            for node in dict.fromkeys((a, b))
            for aside in set_aside(
                node, _at(node, edges), decisions, placements, refusals, self._rules
            )
        ]

    def _nearest(self, a: NodeId, b: NodeId, graph: _Graph) -> tuple[NearLink, ...]:
        edges, decisions, placements, refusals, _ = graph
        stood = standings(edges, decisions, placements, refusals, self._rules)
        return nearest(a, b, stood, decisions)

    def _shared(self, nodes: Iterable[NodeId], graph: _Graph) -> list[SharedValue]:
        """The first of those that are shared identifiers."""
        shared = [
            node for node in dict.fromkeys(nodes) if graph.kind(node) == ProfileKind.SHARED.value
        ]
        shown = shared[:SHARED_SHOWN_MAX]
        return shared_values(self._store, self._map, self._rules, self._realm, shown)

    def _look_up(
        self,
        a: NodeId,
        b: NodeId,
        path: Sequence[Step],
        asides: Sequence[Aside],
        near: Sequence[NearLink],
        between: Sequence[Decision],
        shared: Sequence[SharedValue],
    ) -> None:
        """Read the values of all nodes that are shown, and what happened in the first events."""
        shown = asides[:ASIDES_SHOWN_MAX]
        refusals = [one.refusal for one in shown if one.refusal]
        proofs: list[Edge | Decision] = [step.evidence for step in path]
        for link in near:
            stood = link.evidence
            proofs.append(stood.edge if isinstance(stood, Stood) else stood)
            if isinstance(stood, Stood) and stood.refusal:
                refusals.append(stood.refusal)
        proofs += [one.edge for one in shown]
        nodes = {a, b, *(node for one in shared for node in (one.node, *one.samples))}
        nodes |= {node for one in refusals for node in one.blocked_by}
        nodes |= {end.id for one in (*proofs, *between) for end in (one.a, one.b)}
        self._values = self._store.values_of(self._realm, nodes)
        edges = [one for one in proofs if isinstance(one, Edge)][:HAPPENINGS_READ_MAX]
        self._happened = happenings(self._database, self._realm, edges)

    def _profiles(self, a: NodeId, b: NodeId, graph: _Graph) -> list[str]:
        """The profiles of the nodes whose values are shown."""
        elsewhere = self._values.keys() - graph.placements.keys()
        placed = graph.placements | self._map.placements_of(self._realm, elsewhere)
        nodes = (a, b, *sorted(self._values))
        holders = [placed[one].profile if one in placed else one for one in nodes]
        return [str(as_uuid(one)) for one in dict.fromkeys(holders)]

    def _node(self, node: NodeId) -> Json:
        type_name, issuer, value = self._values.get(node, ("", "", ""))
        return {"node_id": str(as_uuid(node)), "type": type_name, "issuer": issuer, "value": value}

    def _step(self, step: Step) -> Json:
        head = {"from": self._node(step.source.id), "to": self._node(step.target.id)}
        proof = step.evidence
        if isinstance(proof, Edge):
            return head | {"rule": step.rule.value, **self._edge(proof)}
        return head | {"rule": step.rule.value, **_decided(proof)}

    def _aside(self, aside: Aside, graph: _Graph) -> Json:
        return {
            "from": self._node(aside.edge.a.id),
            "to": self._node(aside.edge.b.id),
            **self._edge(aside.edge),
            "why": aside.standing.value,
            **self._blocked(aside.edge, aside.standing, aside.refusal, graph),
        }

    def _near(self, link: NearLink, graph: _Graph) -> Json:
        head = {"from": self._node(link.source.id), "to": self._node(link.target.id)}
        one = link.evidence
        if isinstance(one, Decision):
            return head | {"rule": "decision", **_decided(one)}
        return head | {
            **self._edge(one.edge),
            "rule": one.rule.value if one.rule else None,
            "why": one.standing.value if one.standing else None,
            **self._blocked(one.edge, one.standing, one.refusal, graph),
        }

    def _blocked(
        self, edge: Edge, standing: Standing | None, refusal: Refusal | None, graph: _Graph
    ) -> Json:
        """What a refusal says, and the decision behind it."""
        wanted: set[NodeId] = set()
        if standing is Standing.DECIDED:
            wanted = {edge.a.id, edge.b.id}
        elif refusal is not None and refusal.reason is Reason.DIFFERENT:
            wanted = set(refusal.blocked_by)
        found = [
            one
            for pair, one in latest(graph.decisions).items()
            if one.verdict is Verdict.DIFFERENT and wanted.issuperset(pair)
        ]
        return {
            "refused_because": refusal.reason.value if refusal else None,
            "blocked_by": [self._node(node) for node in refusal.blocked_by] if refusal else [],
            "decided": _decided(found[0]) if found else None,
        }

    def _decision(self, decision: Decision, graph: _Graph) -> Json:
        refused = {(one.a, one.b): one for one in graph.refusals if not one.event_id}
        refusal = refused.get((decision.a.id, decision.b.id))
        return {
            "from": self._node(decision.a.id),
            "to": self._node(decision.b.id),
            "verdict": decision.verdict.value,
            **_decided(decision),
            "refused_because": refusal.reason.value if refusal else None,
        }

    def _shared_value(self, one: SharedValue) -> Json:
        return {
            "identifier": self._node(one.node),
            "because": one.because.value if one.because else "several",
            "seen_with": one.seen_with,
            "persons": one.persons,
            "samples": [self._node(node) for node in one.samples],
            "is_cut": one.is_cut,
        }

    def _edge(self, edge: Edge) -> Json:
        found = self._happened.get(edge.event_id)
        return {
            "event_id": edge.event_id,
            "first_seen": written(from_ms(edge.first_seen_ms)),
            "verified": edge.verified,
            "happened": found and found.as_json(),
        }


def _between(a: NodeId, b: NodeId, graph: _Graph) -> list[Decision]:
    """What people decided about members of the two profiles, the latest first."""
    both = {graph.profile(a), graph.profile(b)}
    found = [
        one
        for one in latest(graph.decisions).values()
        if one.verdict is not Verdict.NONE
        and {graph.profile(one.a.id), graph.profile(one.b.id)} == both
    ]
    found.sort(key=lambda one: (-one.decided_ms, one.a.id, one.b.id))
    return found[:DECISIONS_SHOWN_MAX]


def _ends(near: Sequence[NearLink], asides: Sequence[Aside]) -> Iterator[NodeId]:
    """The identifiers on the way between the two, and those of edges set aside."""
    for link in near:
        yield from (link.source.id, link.target.id)
    for one in asides[:ASIDES_SHOWN_MAX]:
        if one.standing is Standing.SHARED:
            yield from (one.edge.a.id, one.edge.b.id)


def _at(node: NodeId, edges: Iterable[Edge]) -> Collection[Edge]:
    return [edge for edge in edges if node in (edge.a.id, edge.b.id)]


def _decided(decision: Decision) -> Json:
    return {
        "author": decision.author,
        "reason": decision.reason,
        "decided_at": written(from_ms(decision.decided_ms)),
    }
