"""The nearest connection between two identifiers that are not one profile.

A path over everything that was ever seen or decided of them, also over edges that join nobody. It
takes as few of those as it can, then as few links as it can. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

from schemas.edge import Decision, Node, Verdict
from schemas.identifiers import NodeId
from services.identity.core.explain import Stood
from services.identity.core.model import latest

_Cost = tuple[int, int]
"""Links that join nobody, and all links."""


class NearLink(NamedTuple):
    """One link of the path, from `source` to `target`."""

    source: Node
    target: Node
    evidence: Stood | Decision


def nearest(
    a: NodeId, b: NodeId, stood: Iterable[Stood], decisions: Iterable[Decision]
) -> tuple[NearLink, ...]:
    """The path from `a` to `b`; empty where nothing connects them.

    Takes what each edge of the two profiles does, and the decisions about their members.
    """
    return _walked(a, b, _cheapest(a, b, _around(stood, decisions)))


def _around(
    stood: Iterable[Stood], decisions: Iterable[Decision]
) -> Mapping[NodeId, list[tuple[bool, NearLink]]]:
    """The links by their source, each with whether it joins nobody."""
    around: defaultdict[NodeId, list[tuple[bool, NearLink]]] = defaultdict(list)

    def add(x: Node, y: Node, is_obstacle: bool, evidence: Stood | Decision) -> None:
        around[x.id].append((is_obstacle, NearLink(x, y, evidence)))
        around[y.id].append((is_obstacle, NearLink(y, x, evidence)))

    for one in stood:
        add(one.edge.a, one.edge.b, one.standing is not None, one)
    for decision in latest(decisions).values():
        if decision.verdict is Verdict.SAME:
            add(decision.a, decision.b, False, decision)
    return around


def _cheapest(
    start: NodeId, goal: NodeId, around: Mapping[NodeId, list[tuple[bool, NearLink]]]
) -> dict[NodeId, NearLink]:
    """The last link of the cheapest way to each node that was reached before `goal`."""
    costs: dict[NodeId, _Cost] = {start: (0, 0)}
    came: dict[NodeId, NearLink] = {}
    queue: list[tuple[_Cost, NodeId]] = [((0, 0), start)]
    while queue:
        cost, node = heappop(queue)
        if node == goal:
            break
        if cost > costs[node]:
            continue
        for is_obstacle, link in around.get(node, ()):
            target, further = link.target.id, (cost[0] + is_obstacle, cost[1] + 1)
            if target not in costs or further < costs[target]:
                costs[target], came[target] = further, link
                heappush(queue, (further, target))
    return came


def _walked(start: NodeId, goal: NodeId, came: Mapping[NodeId, NearLink]) -> tuple[NearLink, ...]:
    path: list[NearLink] = []
    while goal != start:
        if goal not in came:
            return ()
        path.append(came[goal])
        goal = came[goal].source.id
    return tuple(reversed(path))
