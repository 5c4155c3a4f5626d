"""New identifiers that only add to the profile at which they hang, which is then not solved.

A shareable identifier that nobody has seen brings no person to anything. So if it, and the new ones
that it is connected with, hang on one known identifier, all of them get the profile of that one, as
long as that one joins others before and after, and no other identifier comes to name the profile.
The same holds between known identifiers of one profile of no person, which were joined already. An
identifier that is only hung on is not even read: its map row and a bound of its edges are enough.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from schemas.edge import Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from services.identity.core.model import UNLIMITED, Pair, TypeTable, counts
from services.identity.core.union_find import Groups
from services.identity.graph_cache import GraphCache, other_end
from services.identity.ports import IdentityStore

DECIDED_MAX = 500
"""With more identifiers that were decided about, none of which is in memory, what joins known
identifiers of one profile is solved: to look these up in each batch would take longer."""

_Rank = tuple[int, int, NodeId]


@dataclass(slots=True)
class _Group:
    """New identifiers that edges of the batch connect, and what these connect them with."""

    members: list[NodeId]
    edges: list[Edge] = field(default_factory=list)
    holders: dict[NodeId, Node] = field(default_factory=dict)
    is_plain: bool = True

    @property
    def holder(self) -> Node:
        """One of those that they hang on."""
        return next(iter(self.holders.values()))


def neighbours_max(centre: str, kinds: Iterable[str], table: TypeTable) -> int:
    """With so many neighbours in all, an identifier of type `centre` that gets some of these
    shareable types does not come to join nobody (`apart_reason`)."""
    found = UNLIMITED
    for kind in kinds:
        if table.is_counted(centre, kind):
            hub = table.hub_above
            if table.is_visit(centre, kind):
                hub = table.hub_above_ephemeral
            found = min(found, hub, table.day_limits[kind])
    return found


class Growth:
    """What a batch only adds, found before the batch is merged. Loads what it needs, and at the end
    all identifiers of the batch but those that are only hung on.

    Args:
        edges: those of the batch, merged.
        named: identifiers that the batch decides about or marks.
    """

    def __init__(
        self,
        store: IdentityStore,
        realm: str,
        cache: GraphCache,
        table: TypeTable,
        edges: Mapping[Pair, Edge],
        named: Mapping[NodeId, Node],
    ) -> None:
        self._store = store
        self._realm = realm
        self._cache = cache
        self._table = table
        self._named = named
        self._edges = edges.values()
        self._nodes = {end.id: end for edge in self._edges for end in (edge.a, edge.b)}
        self._types = {one: node.type for one, node in self._nodes.items()}
        self._decided_about: Collection[NodeId] | None = None
        self.hanging: dict[NodeId, NodeId] = {}
        """The new identifiers that only add, each with one that it hangs on."""
        self.inner: set[Pair] = set()
        """Edges between known identifiers that were joined already."""

    def find(self) -> None:
        """Fill `hanging` and `inner`, and load."""
        cache = self._cache
        cache.sight([*self._nodes.values(), *self._named.values()])
        # Most of these are new, too: the store only could not rule them out.
        cache.load(node for one, node in self._nodes.items() if cache.placement(one) is None)
        groups = self._groups()
        unread = self._only_hung_on(groups)
        rest = [node for one, node in self._nodes.items() if one not in unread]
        cache.load([*rest, *self._named.values()])
        groups += self._inner_groups()
        self._load_names([one for one in groups if self._is_joined(one)])
        while True:
            growing, failed = list[_Group](), list[_Group]()
            for group in groups:
                is_growing = self._is_joined(group) and self._keeps_name(group)
                (growing if is_growing else failed).append(group)
            if not failed:
                break
            # What is read for some, all at once, may tell of others that they do more than add.
            cache.load(node for group in failed for node in group.holders.values())
            groups = growing
        for group in groups:
            if group.members:
                self.hanging.update(dict.fromkeys(group.members, group.holder.id))
            else:
                self.inner.update((edge.a.id, edge.b.id) for edge in group.edges)

    def _inner_groups(self) -> list[_Group]:
        """The edges between identifiers that one profile of no person holds."""
        found = list[_Group]()
        for edge in self._edges:
            a, b = edge.a.id, edge.b.id
            placement = self._cache.placement(a)
            if (
                placement is not None
                and placement.kind is ProfileKind.ANONYMOUS
                and placement == self._cache.placement(b)
            ):
                group = _Group([], [edge], {a: edge.a, b: edge.b}, counts(edge, self._table))
                if group.is_plain and self._are_one_profile(group):
                    found.append(group)
        return found

    def _groups(self) -> list[_Group]:
        """The groups of new identifiers that hang on something as they may."""
        table = self._table
        fresh = {
            one
            for one, node in self._nodes.items()
            if node.type in table.rank
            and node.type not in table.personal
            and one not in self._named
            and self._cache.is_blank(one)
        }
        joined = Groups(fresh)
        for edge in self._edges:
            if edge.a.id in fresh and edge.b.id in fresh:
                x, y = joined.find(edge.a.id), joined.find(edge.b.id)
                if x != y:
                    joined.join(x, y)
        groups = {root: _Group(members) for root, members in joined.members.items()}
        degrees = Counter[NodeId]()
        for edge in self._edges:
            ends = [end for end in (edge.a, edge.b) if end.id in fresh]
            if ends:
                group = groups[joined.find(ends[0].id)]
                group.edges.append(edge)
                group.is_plain &= counts(edge, table)
                degrees.update(end.id for end in ends)
                if len(ends) == 1:
                    holder = other_end(edge, ends[0].id)
                    group.holders[holder.id] = holder
        return [
            one
            for one in groups.values()
            if one.is_plain and all(degrees[n] <= table.few for n in one.members) and one.holders
            if self._are_one_profile(one)
        ]

    def _are_one_profile(self, group: _Group) -> bool:
        """Whether what the group hangs on is one identifier, or one profile of no person."""
        placements = {self._cache.placement(one) for one in group.holders}
        if len(placements) > 1 or None in placements or self._named.keys() & group.holders.keys():
            return False
        [placement] = placements
        assert placement is not None
        if placement.kind is ProfileKind.SHARED:
            return len(group.members) == len(group.holders) == 1
        return len(group.holders) == 1 or self._is_of_nobody(placement)

    def _is_of_nobody(self, placement: Placement) -> bool:
        """Whether no person reaches the profile, and none of its identifiers was decided about:
        whatever connects them changes nothing."""
        if placement.kind is not ProfileKind.ANONYMOUS:
            return False
        if self._decided_about is None:
            decided = self._store.decided()
            if decided is None or len(decided) > DECIDED_MAX:
                return False
            rows = self._store.placements_of(self._realm, decided)
            self._decided_about = {row.profile for row in rows.values()}
        return placement.profile not in self._decided_about

    def _only_hung_on(self, groups: Collection[_Group]) -> set[NodeId]:
        """Those of which the batch has no other edge, and which cannot come to join nobody."""
        new = defaultdict[NodeId, list[str]](list)
        total = Counter(end.id for edge in self._edges for end in (edge.a, edge.b))
        for group in groups:
            for edge in group.edges:
                for end, other in ((edge.a, edge.b), (edge.b, edge.a)):
                    if end.id in group.holders:
                        new[end.id].append(other.type)
        asked = {
            one for one, kinds in new.items() if one not in self._cache and total[one] == len(kinds)
        }
        bounds = self._store.bounds_of(self._realm, asked)
        decided = self._store.decisions_of(self._realm, asked)
        asked -= {end.id for one in decided for end in (one.a, one.b)}
        return {
            one
            for one in asked
            if (most := neighbours_max(self._nodes[one].type, new[one], self._table)) == UNLIMITED
            or (one in bounds and bounds[one] + total[one] <= most)
        }

    def _is_joined(self, group: _Group) -> bool:
        """Whether what the group hangs on joins others, as far as it is read. Where it was decided
        about, groups of its profile join in the order of their ages."""
        cache = self._cache
        first_ms = min(edge.first_seen_ms for edge in group.edges)
        return all(
            cache.isolated(one) is None
            and (not cache[one].decisions or cache[one].first_seen_ms <= first_ms)
            for one in group.holders
            if one in cache
        )

    def _load_names(self, groups: Collection[_Group]) -> None:
        """Read the identifiers that profiles are named after, if their types do not tell that they
        come before what is new."""
        cache, rank = self._cache, self._table.rank
        doubtful = dict[NodeId, int]()
        for group in groups:
            if (newest := self._newcomers(group)) and not self._is_behind(group, min(newest)):
                placement = cache.placement(group.holder.id)
                assert placement is not None
                first = min(newest)[0]
                doubtful[placement.profile] = min(first, doubtful.get(placement.profile, first))
        asked = [one for one in doubtful if one not in self._types and one not in cache]
        self._types |= self._store.types_of(self._realm, asked)
        cache.load(
            Node(one, self._types[one], "")
            for one, first in doubtful.items()
            if one in self._types and rank.get(self._types[one], first) >= first
        )

    def _keeps_name(self, group: _Group) -> bool:
        """Whether the profile is not named after what is new, nor after what comes to be older."""
        newest = self._newcomers(group)
        return not newest or self._is_behind(group, min(newest))

    def _newcomers(self, group: _Group) -> list[_Rank]:
        """What could come to name the profile (`_Solver._rank`), with the times of the batch."""
        cache, table = self._cache, self._table
        placement = cache.placement(group.holder.id)
        assert placement is not None
        found = list[_Rank]()
        for edge in group.edges:
            for end in (edge.a, edge.b):
                rank = table.rank[end.type], edge.first_seen_ms, end.id
                if end.id not in group.holders:
                    # A person is not named after what several may share.
                    if placement.kind is ProfileKind.ANONYMOUS:
                        found.append(rank)
                elif end.id != placement.profile:
                    is_older = (
                        end.id not in cache or edge.first_seen_ms < cache[end.id].first_seen_ms
                    )
                    is_person = placement.kind is ProfileKind.PERSON
                    if is_older and (not is_person or end.type in table.personal):
                        found.append(rank)
        return found

    def _is_behind(self, group: _Group, newcomer: _Rank) -> bool:
        """Whether a member of the profile is known that comes before."""
        cache, rank = self._cache, self._table.rank
        placement = cache.placement(group.holder.id)
        assert placement is not None
        profile = placement.profile
        if profile in cache:
            entry = cache[profile]
            if entry.node.type in rank:
                return (rank[entry.node.type], entry.first_seen_ms, profile) < newcomer
        name = self._types.get(profile)
        if name is not None and rank.get(name, UNLIMITED) < newcomer[0]:
            return True
        return any(
            (rank[node.type], cache[one].first_seen_ms, one) < newcomer
            for one, node in group.holders.items()
            if one in cache
        )
