"""Identity resolution: the profile map as a pure function of edges, decisions, marks and rules.

`resolve` computes a whole realm. `solve` does the work, on a `SolverInput`: the whole graph, or a
region of it whose surroundings are given as fixed persons. The incremental writer runs the same
`solve` on regions, so there is one implementation of the rules, not two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import maxsize
from typing import NamedTuple

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.core.model import (
    Neighbour,
    Pair,
    Reason,
    Refusal,
    TypeTable,
    counts,
    is_hub,
    is_suspicious,
    join_order,
    latest,
    merged,
    type_table,
)
from services.identity.core.union_find import Groups

NEVER_SEEN_MS = maxsize
"""First-seen time of a node that occurs only in decisions: later than every edge."""


class Resolution(NamedTuple):
    """The map: a placement for every node with a counting edge or a decision; the refusals, in
    ascending order."""

    placements: dict[NodeId, Placement]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class SolverInput:
    """The input of `solve`. No edge joins a must-not-link pair.

    `nodes` are to be placed. `isolated` maps isolated nodes, inside or adjacent, to the reason.
    `standing` are the personal nodes around the region with the profile they belong to; they take
    part as persons and are not placed. `must_not_link` holds each `different` pair both ways.
    """

    nodes: Mapping[NodeId, Node]
    edges: Sequence[Edge]
    first_seen_ms: Mapping[NodeId, int]
    same: Sequence[Decision]
    must_not_link: Mapping[NodeId, Collection[NodeId]]
    isolated: Mapping[NodeId, Reason]
    standing: Mapping[NodeId, NodeId] = field(default_factory=dict)


def resolve(
    edges: Iterable[Edge],
    decisions: Iterable[Decision],
    marks: Collection[NodeId],
    rules: IdentityRules,
) -> Resolution:
    """The map of a whole realm, from scratch.

    Takes every report of every edge, in any order, grade and number; stated edges join nobody.
    """
    table = type_table(rules)
    return solve(_whole(merged(edges), latest(decisions), marks, table), table)


def solve(given: SolverInput, table: TypeTable) -> Resolution:
    """Place the nodes of the input."""
    return _Solver(given, table).run()


def _whole(
    edges: Mapping[Pair, Edge],
    decisions: Mapping[Pair, Decision],
    marks: Collection[NodeId],
    table: TypeTable,
) -> SolverInput:
    """The whole graph as input of the solver."""
    usable = [edge for edge in edges.values() if counts(edge, table)]
    nodes = {end.id: end for edge in usable for end in (edge.a, edge.b)}
    nodes |= {end.id: end for d in decisions.values() for end in (d.a, d.b)}
    apart_pairs = {p for p, d in decisions.items() if d.verdict is Verdict.DIFFERENT}
    joining = [edge for edge in usable if (edge.a.id, edge.b.id) not in apart_pairs]
    return SolverInput(
        nodes={node.id: node for node in nodes.values() if node.type in table.rank},
        edges=joining,
        first_seen_ms=first_seen(usable),
        same=[d for d in decisions.values() if d.verdict is Verdict.SAME],
        must_not_link=foes_of(apart_pairs),
        isolated=_isolated(nodes, joining, marks, table),
    )


def first_seen(edges: Iterable[Edge]) -> dict[NodeId, int]:
    """The earliest time of each node over its edges."""
    times: dict[NodeId, int] = {}
    for edge in edges:
        for end in (edge.a.id, edge.b.id):
            times[end] = min(times.get(end, NEVER_SEEN_MS), edge.first_seen_ms)
    return times


def foes_of(pairs: Iterable[Pair]) -> dict[NodeId, set[NodeId]]:
    """The `different` pairs, in both directions."""
    must_not_link: defaultdict[NodeId, set[NodeId]] = defaultdict(set)
    for a, b in pairs:
        must_not_link[a].add(b)
        must_not_link[b].add(a)
    return dict(must_not_link)


def _isolated(
    nodes: Mapping[NodeId, Node],
    edges: Sequence[Edge],
    marks: Collection[NodeId],
    table: TypeTable,
) -> dict[NodeId, Reason]:
    """The isolated nodes: those that join nobody."""
    neighbours: defaultdict[NodeId, list[Neighbour]] = defaultdict(list)
    for edge in edges:
        neighbours[edge.a.id].append((edge.b, edge.first_seen_ms))
        neighbours[edge.b.id].append((edge.a, edge.first_seen_ms))
    reasons = {
        node.id: apart_reason(node, neighbours.get(node.id, ()), node.id in marks, table)
        for node in nodes.values()
    }
    return {node: reason for node, reason in reasons.items() if reason is not None}


def apart_reason(
    node: Node, neighbours: Collection[Neighbour], marked: bool, table: TypeTable
) -> Reason | None:
    """Why a node joins nobody whatever its edges say, or None."""
    if node.type not in table.rank:
        return Reason.UNLISTED
    if marked:
        return Reason.MARKED
    if len(neighbours) <= table.few:
        return None
    if is_hub(node, (neighbour for neighbour, _ in neighbours), table):
        return Reason.HUB
    return Reason.SUSPICIOUS if is_suspicious(node, neighbours, table) else None


def blame(reasons: Collection[Reason]) -> Reason:
    """The reason to report if the two ends are isolated for two reasons: the more lasting one."""
    lasting = (Reason.UNLISTED, Reason.MARKED, Reason.HUB, Reason.SUSPICIOUS)
    return next(reason for reason in lasting if reason in reasons)


class _Solver:
    """One run over one input; every step records its joins in `groups`."""

    def __init__(self, given: SolverInput, table: TypeTable) -> None:
        self.given = given
        self.table = table
        free = [node for node in given.nodes if node not in given.isolated]
        self.groups = Groups([*free, *given.standing], given.must_not_link)
        self.refused: list[Refusal] = []
        self.persons: set[NodeId] = set()
        """Roots of the groups that hold a person; filled after step 2, stable from then on."""
        self.shared: set[NodeId] = set()
        """Roots of the groups that step 3 found to be shared."""

    def run(self) -> Resolution:
        """The steps of the specification, in order."""
        personal, outward = self._sort_out()
        self._stand()
        self._join_persons(personal)
        self._join_decided()
        self._find_persons()
        self._spread(outward)
        self._join_nobodys(outward)
        return Resolution(self._placements(), self._refusals())

    def _sort_out(self) -> tuple[list[Edge], list[Edge]]:
        """Edges between personal nodes, and the others; those of isolated nodes separately."""
        isolated, is_personal = self.given.isolated, self.table.personal
        personal: list[Edge] = []
        outward: list[Edge] = []
        for edge in self.given.edges:
            both_personal = edge.a.type in is_personal and edge.b.type in is_personal
            if edge.a.id in isolated or edge.b.id in isolated:
                if both_personal:
                    self._refuse_apart(edge.a.id, edge.b.id, edge.event_id)
            else:
                (personal if both_personal else outward).append(edge)
        return personal, outward

    def _refuse_apart(self, a: NodeId, b: NodeId, event_id: str) -> None:
        isolated = self.given.isolated
        blockers = tuple(end for end in (a, b) if end in isolated)
        # An edge between two shared identifiers affects no person; a decision is always reported.
        if len(blockers) == 1 or not event_id:
            reason = blame([isolated[end] for end in blockers])
            self.refused.append(Refusal(a, b, reason, blockers, event_id))

    def _stand(self) -> None:
        """Put the surrounding nodes of one profile into one group."""
        first: dict[NodeId, NodeId] = {}
        for node, profile in self.given.standing.items():
            if (root := first.setdefault(profile, node)) != node:
                self.groups.merge_into(root, node)

    def _join_persons(self, edges: list[Edge]) -> None:
        """Step 1: personal identifiers join unless something forbids it."""
        groups, table = self.groups, self.table
        held: dict[NodeId, dict[tuple[str, str], NodeId]] = {
            node.id: {(node.type, node.issuer): node.id}
            for node in self.given.nodes.values()
            if node.type in table.unique and node.id in groups
        }
        sizes = {node.id: 1 for node in self.given.nodes.values() if node.type in table.counted}
        for edge in sorted(edges, key=lambda e: join_order(e, table)):
            x, y = groups.find(edge.a.id), groups.find(edge.b.id)
            if x == y:
                continue
            if must_not_link := groups.conflicts(x, y):
                self._refuse(edge, Reason.DIFFERENT, must_not_link)
                continue
            mine, yours = held.get(x, {}), held.get(y, {})
            if twice := mine.keys() & yours.keys():
                both = sorted(side[slot] for side in (mine, yours) for slot in twice)
                self._refuse(edge, Reason.UNIQUE, tuple(both))
                continue
            size = sizes.get(x, 0) + sizes.get(y, 0)
            if size > table.identifiers_max:
                self._refuse(edge, Reason.SIZE_LIMIT, ())
                continue
            kept, _ = groups.join(x, y)
            sizes[kept] = size
            if mine or yours:
                held[kept] = mine | yours

    def _refuse(self, edge: Edge, reason: Reason, blocked_by: tuple[NodeId, ...]) -> None:
        self.refused.append(Refusal(edge.a.id, edge.b.id, reason, blocked_by, edge.event_id))

    def _join_decided(self) -> None:
        """Step 2: `same` joins whole groups, in time order, regardless of uniqueness and size."""
        groups, isolated = self.groups, self.given.isolated
        for decision in sorted(self.given.same, key=lambda d: (d.decided_ms, d.a.id, d.b.id)):
            a, b = decision.a.id, decision.b.id
            if a in isolated or b in isolated:
                self._refuse_apart(a, b, "")
                continue
            x, y = groups.find(a), groups.find(b)
            if x == y:
                continue
            if must_not_link := groups.conflicts(x, y):
                self.refused.append(Refusal(a, b, Reason.DIFFERENT, must_not_link, ""))
            else:
                groups.join(x, y)

    def _find_persons(self) -> None:
        groups, personal = self.groups, self.table.personal
        self.persons.update(groups.find(node) for node in self.given.standing)
        self.persons.update(
            groups.find(node.id)
            for node in self.given.nodes.values()
            if node.type in personal and node.id in groups
        )

    def _spread(self, edges: list[Edge]) -> None:
        """Step 3: shareable groups follow their nearest person, one layer at a time."""
        around: defaultdict[NodeId, list[Edge]] = defaultdict(list)
        for edge in edges:
            around[edge.a.id].append(edge)
            around[edge.b.id].append(edge)
        layer = [node for root in self.persons for node in self.groups.members[root]]
        while layer:
            layer = self._next_layer(layer, around)

    def _next_layer(self, layer: list[NodeId], around: Mapping[NodeId, list[Edge]]) -> list[NodeId]:
        """Settle every group adjacent to the layer; nodes that joined form the next layer."""
        groups = self.groups
        touched: defaultdict[NodeId, set[NodeId]] = defaultdict(set)
        through: defaultdict[NodeId, list[Edge]] = defaultdict(list)
        for node in layer:
            for edge in around.get(node, ()):
                group = groups.find(edge.b.id if edge.a.id == node else edge.a.id)
                if group not in self.persons and group not in self.shared:
                    touched[group].add(groups.find(node))
                    through[group].append(edge)
        placed: list[NodeId] = []
        for group in sorted(touched, key=lambda root: self._canon(groups.members[root])):
            person = next(iter(touched[group]))
            if len(touched[group]) > 1:
                self.shared.add(group)
            elif must_not_link := groups.conflicts(group, person):
                self.shared.add(group)
                nearest = min(through[group], key=lambda e: join_order(e, self.table))
                self._refuse(nearest, Reason.DIFFERENT, must_not_link)
            else:
                placed += groups.members[group]
                groups.merge_into(person, group)
        return placed

    def _join_nobodys(self, edges: list[Edge]) -> None:
        """Step 4: identifiers that no person reaches form connected components."""
        groups, settled = self.groups, self.persons | self.shared
        free = [
            edge
            for edge in edges
            if groups.find(edge.a.id) not in settled and groups.find(edge.b.id) not in settled
        ]
        for edge in sorted(free, key=lambda e: join_order(e, self.table)):
            x, y = groups.find(edge.a.id), groups.find(edge.b.id)
            if x == y:
                continue
            if must_not_link := groups.conflicts(x, y):
                self._refuse(edge, Reason.DIFFERENT, must_not_link)
            else:
                groups.join(x, y)

    def _rank(self, node: NodeId) -> tuple[int, int, NodeId]:
        """Sort key of a node as the canonical one: strongest, earliest, smallest."""
        seen_ms = self.given.first_seen_ms.get(node, NEVER_SEEN_MS)
        return (self.table.rank[self.given.nodes[node].type], seen_ms, node)

    def _canon(self, members: Iterable[NodeId]) -> tuple[int, int, NodeId]:
        return min(map(self._rank, members))

    def _placements(self) -> dict[NodeId, Placement]:
        """Step 5: every group gets the id of its canonical node."""
        nodes, standing = self.given.nodes, self.given.standing
        placements = {
            node: Placement(node, ProfileKind.SHARED)
            for node in self.given.isolated
            if node in nodes
        }
        for root, members in self.groups.members.items():
            own = [node for node in members if node in nodes]
            if not own:
                continue
            kind = ProfileKind.PERSON if root in self.persons else ProfileKind.ANONYMOUS
            kind = ProfileKind.SHARED if root in self.shared else kind
            profile = standing[root] if root in standing else self._canon(own)[2]
            placement = Placement(profile, kind)
            placements.update(dict.fromkeys(own, placement))
        return placements

    def _refusals(self) -> tuple[Refusal, ...]:
        """What was refused and not joined by a later step after all."""
        groups, isolated = self.groups, self.given.isolated
        return tuple(
            sorted(
                refusal
                for refusal in self.refused
                if refusal.a in isolated
                or refusal.b in isolated
                or groups.find(refusal.a) != groups.find(refusal.b)
            )
        )
