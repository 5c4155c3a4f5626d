"""The values of the identity graph: nodes, edges, decisions, refusals.

Merging two reports of one edge, or two decisions on one pair, is a minimum or maximum over a total
order. So the graph is a set: order and repetition of its input have no effect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from schemas.edge import Decision, Edge, Node, Verdict, rank
from schemas.identifiers import NodeId
from schemas.instants import DAY_MS
from schemas.rules.identity import IdentifierKind, IdentityRules

Pair = tuple[NodeId, NodeId]
"""Two different node ids, the smaller one first."""
Neighbour = tuple[Node, int]
"""A node at the other end of an edge, and when the edge was first seen (ms)."""


UNLIMITED = 2**32 - 1
"""The size of a profile under rules that name no limit: more than a store holds identifiers."""


class Reason(StrEnum):
    """Why an edge or a `same` decision joined nobody."""

    UNIQUE = "unique"
    """A person would hold two identifiers of a unique type."""
    DIFFERENT = "different"
    """A must-not-link pair, decided to be different, would be joined."""
    HUB = "hub"
    """An end exceeds the degree limit."""
    SUSPICIOUS = "suspicious"
    """An end came to stand for too much within a day."""
    SIZE_LIMIT = "size_limit"
    """A person would hold more identifiers than `identifiers_max`."""
    MARKED = "marked"
    """An end was marked as permanently shared."""
    UNLISTED = "unlisted"
    """An end is of a type that the rules do not list."""


class Refusal(NamedTuple):
    """An edge or decision that was refused. `blocked_by` are the blocking nodes, ascending.

    `event_id` is that of the edge, and empty for a decision. There is at most one refusal per
    `key`.
    """

    a: NodeId
    b: NodeId
    reason: Reason
    blocked_by: tuple[NodeId, ...]
    event_id: str

    @property
    def key(self) -> tuple[NodeId, NodeId, bool]:
        """Identity of the refused thing: its pair, and whether it is a decision."""
        return (self.a, self.b, not self.event_id)


class TypeTable(NamedTuple):
    """The rules as plain sets and dicts by type name, for the inner loops."""

    rank: dict[str, int]
    personal: frozenset[str]
    unique: frozenset[str]
    ephemeral: frozenset[str]
    devices: frozenset[str]
    """That last; only whoever holds one can name it."""
    visits: frozenset[str]
    """Ephemeral device types: new for every visit."""
    review_above: dict[str, int]
    hub_above: int
    hub_above_personal: int
    hub_above_ephemeral: int
    day_limits: dict[str, int]
    """By type of neighbour: how many an identifier may get within a day."""
    counted: frozenset[str]
    """Types that count towards the size of a profile."""
    identifiers_max: int
    """The size up to which edges join."""

    @property
    def few(self) -> int:
        """With so many neighbours no identifier exceeds a limit."""
        limits = (self.hub_above, self.hub_above_personal, self.hub_above_ephemeral)
        return min(*limits, *self.day_limits.values())

    def is_counted(self, centre: str, neighbour: str) -> bool:
        """Whether an identifier of the first type may get only so many of the second within a day.

        Persons join at a personal identifier only, and a person may buy and come as often as she
        likes: at hers, what is new for every visit or purchase does not count.
        """
        if centre in self.personal:
            return neighbour not in self.ephemeral
        return neighbour not in self.personal

    def is_visit(self, centre: str, neighbour: str) -> bool:
        """Whether an identifier of the second type is a visit with one of the first, a device.

        A session at a telephone proves no holder, as an order does not: anybody may type the number
        (ADR 0102).
        """
        return centre in self.devices and neighbour in self.visits


def type_table(rules: IdentityRules) -> TypeTable:
    """Convert the rules once, before the loops."""
    rows = rules.type
    devices = [row for row in rows if row.kind is IdentifierKind.DEVICE]
    return TypeTable(
        rank=rules.rank,
        personal=frozenset(row.name for row in rows if row.kind is IdentifierKind.PERSONAL),
        unique=frozenset(row.name for row in rows if row.unique),
        ephemeral=frozenset(row.name for row in rows if row.ephemeral),
        devices=frozenset(row.name for row in devices if not row.ephemeral),
        visits=frozenset(row.name for row in devices if row.ephemeral),
        review_above={row.name: row.review_above for row in rows if row.review_above is not None},
        hub_above=rules.hub_above,
        hub_above_personal=rules.hub_above_personal,
        hub_above_ephemeral=rules.hub_above_ephemeral,
        day_limits={row.name: rules.day_limit(row) for row in rows},
        counted=rules.counted,
        identifiers_max=rules.identifiers_max or UNLIMITED,
    )


def better(x: Edge, y: Edge) -> Edge:
    """Merge two reports of one edge: the best grade, and the earliest report *of that grade*.

    An earlier report of a lower grade must not lend its time: otherwise a source that may only
    state links could move a verified edge forward in the order in which edges join.
    """
    # One comparison avoids the tuples of ranks in the usual case, the same report again.
    if x == y:
        return x
    return min(x, y, key=rank)


def merged(edges: Iterable[Edge]) -> dict[Pair, Edge]:
    """One edge per pair. Reversed ends are put in order; self-loops are dropped."""
    found: dict[Pair, Edge] = {}
    for edge in edges:
        if edge.a.id > edge.b.id:
            edge = edge._replace(a=edge.b, b=edge.a)
        pair = (edge.a.id, edge.b.id)
        known = found.get(pair)
        if known is not None:
            found[pair] = better(known, edge)
        elif edge.a.id != edge.b.id:
            found[pair] = edge
    return found


_CAUTION = {Verdict.SAME: 0, Verdict.NONE: 1, Verdict.DIFFERENT: 2}


def later(x: Decision, y: Decision) -> Decision:
    """The decision of a pair that counts: the latest; at the same time, the most cautious."""
    return max(x, y, key=lambda d: (d.decided_ms, _CAUTION[d.verdict], d.author, d.reason))


def latest(decisions: Iterable[Decision]) -> dict[Pair, Decision]:
    """The decision that counts, per pair, ends in order."""
    found: dict[Pair, Decision] = {}
    for decision in decisions:
        if decision.a.id > decision.b.id:
            decision = decision._replace(a=decision.b, b=decision.a)
        pair = (decision.a.id, decision.b.id)
        if decision.a.id != decision.b.id:
            found[pair] = later(found.get(pair, decision), decision)
    return found


def join_order(edge: Edge, table: TypeTable) -> tuple[int, int, int, NodeId, NodeId]:
    """Sort key of the order in which edges join: strongest first, then earliest."""
    a, b = table.rank[edge.a.type], table.rank[edge.b.type]
    weaker, stronger = (a, b) if a > b else (b, a)
    return (weaker, stronger, edge.first_seen_ms, edge.a.id, edge.b.id)


def counts(edge: Edge, table: TypeTable) -> bool:
    """Whether the map may use the edge: verified, and both types are in the rules."""
    return edge.verified and edge.a.type in table.rank and edge.b.type in table.rank


def is_hub(node: Node, neighbours: Iterable[Node], table: TypeTable) -> bool:
    """Whether a node exceeds the degree limit.

    At a personal node ephemeral neighbours do not count, or a loyal customer would become a hub at
    the visit after the limit. At a device visits have a limit of their own, for the same reason.
    """
    is_personal = node.type in table.personal
    counted = visits = 0
    by_type: dict[str, int] = {}
    for neighbour in neighbours:
        kind = neighbour.type
        if table.is_visit(node.type, kind):
            visits += 1
        elif not (is_personal and kind in table.ephemeral):
            counted += 1
        if is_personal and kind in table.personal:
            by_type[kind] = by_type.get(kind, 0) + 1
    if counted > table.hub_above or visits > table.hub_above_ephemeral:
        return True
    return any(count > table.hub_above_personal for count in by_type.values())


def is_suspicious(node: Node, neighbours: Iterable[Neighbour], table: TypeTable) -> bool:
    """Whether a node got too many neighbours of one type within a day.

    The times are those of the edges, so the answer depends on the graph and not on its arrival.
    """
    times: defaultdict[str, list[int]] = defaultdict(list)
    for neighbour, seen_ms in neighbours:
        if table.is_counted(node.type, neighbour.type):
            times[neighbour.type].append(seen_ms)
    return any(
        len(seen) > table.day_limits[kind] and crowded_at(seen, table.day_limits[kind]) is not None
        for kind, seen in times.items()
    )


def crowded_at(times_ms: Iterable[int], above: int) -> int | None:
    """The earliest of the times that is the last of more than `above` within 24 hours."""
    ordered = sorted(times_ms)
    pairs = zip(ordered, ordered[above:], strict=False)
    return next((last for first, last in pairs if last - first < DAY_MS), None)
