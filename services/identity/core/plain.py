"""Which profiles need no solving: their stored rows follow from the edges by what is seen at once.

A profile is plain if nothing about it was decided, marked or refused, no edge leads out of it, no
limit is near, no two of its identifiers exclude each other, it is not too large, its personal
identifiers hang together by edges among themselves and all of it by any, and it has the id and kind
that follow. Any other profile is doubtful: it may be right, and is solved. A store can look at all
profiles in one pass; the functions here are what its statements are held to. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from schemas.edge import Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from services.identity.core.model import TypeTable, counts


class PlainTerms(NamedTuple):
    """The rules as a statement takes them: lists that belong together by place."""

    types: list[str]
    """Those that are listed, the strongest first; the first ones are personal."""
    leads: list[int]
    """The place of each in the order in which one identifier leads to another. Any strict order
    tells truly that a profile hangs together; by this one most that do are recognised: what was
    new for a visit hangs on what lasts."""
    limits: list[int]
    """How many neighbours of each type are sure to exceed no limit of their own."""
    personal: int
    """How many types are personal."""
    unique: list[int]
    """The ranks of the types of which a person holds one."""
    counted: list[int]
    """The ranks of the types that count towards the size of a profile."""
    hub_above: int
    """How many neighbours of all types are sure to exceed no limit."""


def plain_terms(table: TypeTable) -> PlainTerms:
    """The terms of some rules."""
    types = sorted(table.rank, key=table.rank.__getitem__)
    leading = sorted(
        types, key=lambda one: (one not in table.personal, one in table.ephemeral, table.rank[one])
    )
    limits = {one: table.day_limits[one] for one in types}
    limits |= {one: min(limits[one], table.hub_above_personal) for one in table.personal}
    return PlainTerms(
        types=types,
        leads=[leading.index(one) for one in types],
        limits=[limits[one] for one in types],
        personal=len(table.personal),
        unique=sorted(table.rank[one] for one in table.unique),
        counted=sorted(table.rank[one] for one in table.counted),
        hub_above=min(table.hub_above, table.hub_above_ephemeral),
    )


def passing_types(table: TypeTable) -> set[str]:
    """Those that a personal identifier may have any number of: what is new for each purchase. Of
    personal ones no number is unlimited, however long they last."""
    return set(table.ephemeral - table.personal)


def crowded_nodes(edges: Iterable[Edge], table: TypeTable) -> list[Node]:
    """The nodes of which the numbers of neighbours do not rule out that they join nobody."""
    terms = plain_terms(table)
    limits = dict(zip(terms.types, terms.limits, strict=True))
    around: defaultdict[Node, Counter[str]] = defaultdict(Counter)
    passing = passing_types(table)
    for edge in (one for one in edges if counts(one, table)):
        for own, other in ((edge.a, edge.b), (edge.b, edge.a)):
            if own.type not in table.personal or other.type not in passing:
                around[own][other.type] += 1
    return [
        node
        for node, found in around.items()
        if found.total() > terms.hub_above
        or any(
            count > limits[other]
            for other, count in found.items()
            if node.type in table.personal or other not in table.personal
        )
    ]


def doubtful_profiles(
    edges: Collection[Edge],
    placements: Mapping[NodeId, Placement],
    isolated: Collection[NodeId],
    named: Collection[NodeId],
    table: TypeTable,
) -> set[NodeId]:
    """The profiles of the map that are not plain.

    Args:
        isolated: what joins nobody; all that does so under the rules, or is in `named`.
        named: identifiers that were decided about, marked or refused, and any others whose profile
            is to be taken for doubtful.
    """
    profiles: defaultdict[NodeId, _Profile] = defaultdict(_Profile)
    home_of = {node: placement.profile for node, placement in placements.items()}
    for node, placement in placements.items():
        one = profiles[placement.profile]
        one.kinds.add(placement.kind)
        one.nodes.add(node)
        one.is_doubtful |= node in named
    for edge in (one for one in edges if counts(one, table)):
        both_personal = {edge.a.type, edge.b.type} <= table.personal
        is_cut = edge.a.id in isolated or edge.b.id in isolated
        homes = [home_of.get(end.id) for end in (edge.a, edge.b)]
        for home, own, other in zip(homes, (edge.a, edge.b), (edge.b, edge.a), strict=True):
            if home is not None:
                one = profiles[home]
                one.is_doubtful |= homes[0] != homes[1] and not is_cut
                one.is_doubtful |= both_personal and is_cut
                one.see(own, other, edge.first_seen_ms, table, is_cut=is_cut)
    return {profile for profile, one in profiles.items() if not one.is_plain(profile, table)}


class _Profile:
    """What is seen of one profile."""

    def __init__(self) -> None:
        self.kinds = set[ProfileKind]()
        self.nodes = set[NodeId]()
        self.types = dict[NodeId, str]()
        self.first_ms = dict[NodeId, int]()
        self.led = set[NodeId]()
        self.led_by_personal = set[NodeId]()
        self.is_doubtful = False

    def see(self, own: Node, other: Node, at_ms: int, table: TypeTable, *, is_cut: bool) -> None:
        """An edge of one of its nodes."""
        self.types[own.id] = own.type
        self.first_ms[own.id] = min(at_ms, self.first_ms.get(own.id, at_ms))
        if not is_cut and _place(other, table) < _place(own, table):
            self.led.add(own.id)
            if {own.type, other.type} <= table.personal:
                self.led_by_personal.add(own.id)

    def is_plain(self, profile: NodeId, table: TypeTable) -> bool:
        """Whether all conditions hold."""
        if self.is_doubtful or self.types.keys() != self.nodes:
            return False
        persons = {one for one in self.nodes if self.types[one] in table.personal}
        kind = ProfileKind.PERSON if persons else ProfileKind.ANONYMOUS
        ranks = {one: (table.rank[self.types[one]], self.first_ms[one], one) for one in self.nodes}
        return (
            self.kinds == {kind}
            and len(self.nodes - self.led) == 1
            and len(persons - self.led_by_personal) <= 1
            and sum(self.types[one] in table.unique for one in self.nodes) <= 1
            and sum(self.types[one] in table.counted for one in self.nodes) <= table.identifiers_max
            and min(ranks.values())[2] == profile
        )


def _place(node: Node, table: TypeTable) -> tuple[int, NodeId]:
    """In the order in which one identifier leads to another."""
    terms = plain_terms(table)
    return terms.leads[table.rank[node.type]], node.id
