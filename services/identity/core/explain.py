"""Why two identifiers are one profile, and why others are not.

Pure, over the edges, decisions and refusals of the profile that the caller passes in. The answer is
the evidence: the same edges, with event, grade and the rule by which they count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.core.model import (
    Pair,
    Reason,
    Refusal,
    TypeTable,
    counts,
    join_order,
    latest,
    merged,
    type_table,
)
from services.identity.core.resolve import resolve

BETWEEN_PERSONS = frozenset({Reason.UNIQUE, Reason.DIFFERENT, Reason.SIZE_LIMIT})
"""Why what joins as such does not join two profiles."""


class Rule(StrEnum):
    """The rule by which a link joins two identifiers."""

    PERSONS = "persons"
    """Both identifiers are personal."""
    NEAREST_PERSON = "nearest_person"
    """A shareable identifier follows the only person adjacent to it."""
    NOBODYS = "nobodys"
    """Shareable identifiers that no person reaches join among themselves."""
    DECISION = "decision"
    """A person decided that they are the same."""


class Step(NamedTuple):
    """One link of a path, from `source` to `target`, made by an edge or a decision."""

    source: Node
    target: Node
    rule: Rule
    evidence: Edge | Decision


class Standing(StrEnum):
    """Why an edge does not put its ends into one profile."""

    STATED = "stated"
    """No trusted source verified it; a decision may accept it."""
    DECIDED = "decided"
    """A person decided that the pair is different."""

    UNLISTED = "unlisted"
    """The rules do not list the type of an end."""
    REFUSED = "refused"
    """Joining was refused; the refusal says what blocked it."""
    SHARED = "shared"
    """An end belongs to nobody: a hub, suspicious, marked, or between several persons."""
    ELSEWHERE = "elsewhere"
    """The other end belongs to another profile."""


class Aside(NamedTuple):
    """An edge that does not join, and why; with the refusal where there is one."""

    edge: Edge
    standing: Standing
    refusal: Refusal | None


class _Known(NamedTuple):
    """The input, merged."""

    edges: dict[Pair, Edge]
    decisions: dict[Pair, Decision]
    placements: Mapping[NodeId, Placement]
    table: TypeTable

    def profile(self, node: NodeId) -> NodeId:
        """The profile of a node; without a placement, itself."""
        placement = self.placements.get(node)
        return placement.profile if placement else node

    def is_different(self, pair: Pair) -> bool:
        """Whether the pair was decided to be different."""
        decision = self.decisions.get(pair)
        return decision is not None and decision.verdict is Verdict.DIFFERENT


def why(
    a: NodeId,
    b: NodeId,
    edges: Iterable[Edge],
    decisions: Iterable[Decision],
    placements: Mapping[NodeId, Placement],
    rules: IdentityRules,
) -> tuple[Step, ...] | None:
    """The shortest path of evidence between two identifiers of one profile.

    Takes all edges and decisions of the profile's members and their placements. Among equally
    short paths it takes the one whose links come first in the order in which they join. None when
    the two are not one profile, and empty for an identifier and itself.
    """
    known = _Known(merged(edges), latest(decisions), placements, type_table(rules))
    if known.profile(a) != known.profile(b):
        return None
    return _shortest(a, b, _links(known, known.profile(a), rules))


def set_aside(
    node: NodeId,
    edges: Iterable[Edge],
    decisions: Iterable[Decision],
    placements: Mapping[NodeId, Placement],
    refusals: Iterable[Refusal],
    rules: IdentityRules,
) -> tuple[Aside, ...]:
    """The edges of an identifier that do not join it with their other end, and why each.

    Takes all edges and decisions of the node, the placements of both ends of those, and the
    node's refusals. Ordered by time, then by pair.
    """
    mine = [edge for edge in edges if node in (edge.a.id, edge.b.id)]
    found = [
        Aside(one.edge, one.standing, one.refusal)
        for one in standings(mine, decisions, placements, refusals, rules)
        if one.standing is not None
    ]
    return tuple(sorted(found, key=_order))


class Stood(NamedTuple):
    """An edge with the rule by which it joins its ends, or why it does not."""

    edge: Edge
    rule: Rule | None
    standing: Standing | None
    refusal: Refusal | None


def standings(
    edges: Iterable[Edge],
    decisions: Iterable[Decision],
    placements: Mapping[NodeId, Placement],
    refusals: Iterable[Refusal],
    rules: IdentityRules,
) -> list[Stood]:
    """What each edge does, by its ends.

    Takes the placements of all ends, and the decisions and refusals of the pairs.
    """
    known = _Known(merged(edges), latest(decisions), placements, type_table(rules))
    refused = {(r.a, r.b): r for r in refusals if r.event_id}
    found = []
    for pair, edge in sorted(known.edges.items()):
        standing = _standing(edge, pair, refused, known)
        rule = _rule(edge, known) if standing is None else None
        found.append(Stood(edge, rule, standing, refused.get(pair)))
    return found


def _order(aside: Aside) -> tuple[int, str, Node, Node]:
    edge = aside.edge
    return edge.first_seen_ms, edge.event_id, edge.a, edge.b


def _standing(
    edge: Edge, pair: Pair, refused: Mapping[Pair, Refusal], known: _Known
) -> Standing | None:
    """Why an edge does not join its ends; None when it does."""
    if not edge.verified:
        return Standing.STATED
    if not counts(edge, known.table):
        return Standing.UNLISTED
    if known.is_different(pair):
        return Standing.DECIDED
    if pair in refused and refused[pair].reason in BETWEEN_PERSONS:
        return Standing.REFUSED
    if known.profile(pair[0]) == known.profile(pair[1]):
        return None
    kinds = {known.placements[end].kind for end in pair if end in known.placements}
    return Standing.SHARED if ProfileKind.SHARED in kinds else Standing.ELSEWHERE


_Link = tuple[tuple[int, ...], Step]


def _links(known: _Known, profile: NodeId, rules: IdentityRules) -> dict[NodeId, list[_Link]]:
    """The links inside a profile by their source, each with its sort key."""
    around: defaultdict[NodeId, list[_Link]] = defaultdict(list)
    for key, step in _steps(known, profile, rules):
        back = step._replace(source=step.target, target=step.source)
        around[step.source.id].append((key, step))
        around[step.target.id].append((key, back))
    return around


def _steps(known: _Known, profile: NodeId, rules: IdentityRules) -> Iterator[_Link]:
    """The links inside a profile, in one direction. Decisions come after all edges."""

    def within(pair: Pair) -> bool:
        return known.profile(pair[0]) == known.profile(pair[1]) == profile

    last = len(known.table.rank)
    for pair, decision in known.decisions.items():
        if decision.verdict is Verdict.SAME and within(pair):
            key = (last, last, decision.decided_ms, *pair)
            yield key, Step(decision.a, decision.b, Rule.DECISION, decision)
    inside = [
        edge
        for pair, edge in known.edges.items()
        if within(pair) and counts(edge, known.table) and not known.is_different(pair)
    ]
    # An edge refused between two persons joins nobody, even when a decision joined them later:
    # without the decisions its ends are still two.
    undecided = resolve(inside, (), (), rules).placements
    for edge in inside:
        rule = _rule(edge, known)
        if rule is not Rule.PERSONS or undecided[edge.a.id] == undecided[edge.b.id]:
            yield join_order(edge, known.table), Step(edge.a, edge.b, rule, edge)


def _rule(edge: Edge, known: _Known) -> Rule:
    personal = known.table.personal
    if edge.a.type in personal and edge.b.type in personal:
        return Rule.PERSONS
    placement = known.placements.get(edge.a.id)
    is_person = placement is not None and placement.kind is ProfileKind.PERSON
    return Rule.NEAREST_PERSON if is_person else Rule.NOBODYS


def _shortest(
    start: NodeId, goal: NodeId, around: Mapping[NodeId, list[_Link]]
) -> tuple[Step, ...] | None:
    """Fewest links first; among those the path whose links come first in the order of joining."""
    # The keys include the pairs, so entries are compared by their steps only if they are equal.
    queue: list[tuple[int, tuple[tuple[int, ...], ...], NodeId, tuple[Step, ...]]]
    queue = [(0, (), start, ())]
    done: set[NodeId] = set()
    while queue:
        length, keys, node, path = heappop(queue)
        if node == goal:
            return path
        if node in done:
            continue
        done.add(node)
        for key, step in around.get(node, ()):
            if step.target.id not in done:
                heappush(queue, (length + 1, (*keys, key), step.target.id, (*path, step)))
    return None
