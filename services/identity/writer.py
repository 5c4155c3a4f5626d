"""The writer keeps the profile map of a realm equal to `resolve`, one batch at a time.

It merges a batch into the graph, marks the nodes that the batch affects, solves the region around
them once, and returns the rows that differ. All its state can be read again from the store, so a
process may die at any moment: the batches not yet acknowledged are applied again *in doubt*.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from schemas.edge import Decision, Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.affected_region import Region, known_refusals, region_of
from services.identity.core.model import (
    Pair,
    Reason,
    Refusal,
    TypeTable,
    counts,
    latest,
    merged,
    type_table,
)
from services.identity.core.resolve import Resolution, solve
from services.identity.graph_cache import GraphCache, other_end
from services.identity.growth import Growth
from services.identity.ports import IdentityStore, Placed


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch changes, in the order in which it must be written.

    Edges, decisions and marks come first: a map row without them would be trusted.
    """

    edges: tuple[Edge, ...]
    decisions: tuple[Decision, ...]
    marks: frozenset[NodeId]
    placements: dict[NodeId, Placed]
    """Those that differ; in doubt, every one that was solved again."""
    before: dict[NodeId, Placement | None]
    """The rows known of the nodes in `placements`; None for a node without one."""
    refusals_appeared: tuple[Refusal, ...]
    refusals_vanished: tuple[Refusal, ...]
    merges: int
    """Persons that were merged into another one."""
    splits: int
    """Persons that were split from another one."""
    in_doubt: bool


class IdentityWriter:
    """The single writer of a realm's map. Not thread-safe.

    Call `apply`, then `commit`, then acknowledge the batch; or, to write by other means, `apply`,
    write, `committed`. After a crash apply every batch not acknowledged again, in order, with
    `in_doubt=True`, before any new one.

    Args:
        cache_nodes_max: nodes kept in memory after a batch; above, all but hubs are dropped.
        in_doubt_edges_max: the most edges that all batches in doubt may hold together. A hub with
            more than that above its limit was a hub before them; its neighbours are unaffected.
        renewed: rows of the map may still follow from other rules (rebuild.py replaces them), so
            nothing is concluded from them. Rows that are written are right; the others are as they
            were.
    """

    def __init__(
        self,
        store: IdentityStore,
        realm: str,
        rules: IdentityRules,
        cache_nodes_max: int = 500_000,
        in_doubt_edges_max: int = 100_000,
        renewed: bool = False,
    ) -> None:
        self._store = store
        self._renewed = renewed
        self._realm = realm
        self._table = type_table(rules)
        self._cache = GraphCache(store, realm, self._table, rules_of_map=not renewed)
        self._cache_nodes_max = cache_nodes_max
        self._in_doubt_edges_max = in_doubt_edges_max
        self._pending = False

    def apply(
        self,
        edges: Sequence[Edge],
        decisions: Sequence[Decision] = (),
        marks: Collection[NodeId] = (),
        in_doubt: bool = False,
        in_doubt_edges_max: int | None = None,
    ) -> Changes:
        """What the batch changes. Reads the store and writes nothing.

        In doubt, all rows in the region are returned, changed or not: a crash may have left some
        of them partly written, and an evicted worker may still write. `in_doubt_edges_max`
        replaces that of the writer if the caller knows it.

        Raises:
            RuntimeError: the previous changes were neither committed nor forgotten.
            Exception: whatever the store raises; the batch then has no effect.
        """
        if self._pending:
            raise RuntimeError("the changes of the batch before are not committed")
        margin = self._in_doubt_edges_max if in_doubt_edges_max is None else in_doubt_edges_max
        self._cache.hub_margin = margin if in_doubt else 0
        self._cache.in_doubt = in_doubt
        try:
            batch = _Batch(
                self._store, self._realm, self._cache, self._table, in_doubt, self._renewed
            )
            changes = batch.run(merged(edges), latest(decisions), marks)
            self._cache.end_batch()
        except BaseException:
            self.forget()
            raise
        self._pending = True
        return changes

    def load_ahead(self, nodes: Collection[Node]) -> None:
        """Read what `apply` will need of these nodes in one set of reads, not hop by hop."""
        self._cache.load(nodes)

    def commit(self, changes: Changes, version: int) -> None:
        """Write the changes of the last `apply`, every row under `version`.

        Raises whatever the store raises. The batch is then in doubt: apply it again as such.
        """
        store, realm = self._store, self._realm
        try:
            if changes.edges:
                store.write_edges(realm, changes.edges, version)
            if changes.decisions:
                store.write_decisions(realm, changes.decisions, version)
            if changes.marks:
                store.write_marks(realm, changes.marks, version)
            if changes.placements:
                store.write_placements(realm, changes.placements, version)
            if changes.refusals_appeared or changes.refusals_vanished:
                gone = changes.refusals_vanished
                store.write_refusals(realm, changes.refusals_appeared, gone, version)
        except BaseException:
            self.forget()
            raise
        self.committed()

    def committed(self) -> None:
        """The changes of the last `apply` are in the store."""
        self._pending = False
        if len(self._cache) > self._cache_nodes_max:
            self._cache.evict()

    def forget(self) -> None:
        """Discard the changes of the last `apply`, if any, and read everything again."""
        self._pending = False
        self._cache.clear()


class _Batch:
    """One batch being merged into the graph cache."""

    def __init__(
        self,
        store: IdentityStore,
        realm: str,
        cache: GraphCache,
        table: TypeTable,
        in_doubt: bool,
        renewed: bool,
    ) -> None:
        self._store = store
        self._realm = realm
        self._cache = cache
        self._table = table
        self._in_doubt = in_doubt
        self._renewed = renewed
        self._dirty: dict[NodeId, Node] = {}
        self._hanging: dict[NodeId, NodeId] = {}
        """New identifiers that are placed by another one: see growth.py."""
        self._inner: set[Pair] = set()

    def run(
        self,
        edges: dict[Pair, Edge],
        decisions: dict[Pair, Decision],
        marks: Collection[NodeId],
    ) -> Changes:
        """Merge, find the affected nodes, solve their region, compare."""
        touched = self._load(edges, decisions, marks)
        seen_before_ms = {node: self._cache[node].first_seen_ms for node in touched}
        news_edges = self._merge_edges(edges)
        news_decisions = self._merge_decisions(decisions)
        news_marks = frozenset(node for node in marks if self._mark(node))
        for edge in news_edges if not self._in_doubt else ():
            if counts(edge, self._table):
                self._disturb(edge, seen_before_ms)
        self._spread_from_flips(touched)
        region = region_of(self._cache, self._dirty, self._table, renewed=self._renewed)
        result = self._with_hanging(region, solve(region.given, self._table))
        before = {node: self._cache[node].placement for node in (*region.inside, *self._hanging)}
        appeared, vanished = self._compare_refusals(region, result)
        merges, splits = count_moves(before, result.placements)
        placements = self._compare_placements(result)
        return Changes(
            edges=tuple(news_edges),
            decisions=tuple(news_decisions),
            marks=news_marks,
            placements=placements,
            before={node: before[node] for node in placements},
            refusals_appeared=appeared,
            refusals_vanished=vanished,
            merges=merges,
            splits=splits,
            in_doubt=self._in_doubt,
        )

    def _load(
        self,
        edges: dict[Pair, Edge],
        decisions: dict[Pair, Decision],
        marks: Collection[NodeId],
    ) -> dict[NodeId, Reason | None]:
        """Load the nodes of the batch; whether each of those was isolated before it."""
        cache = self._cache
        decided = {end.id: end for d in decisions.values() for end in (d.a, d.b)}
        nodes = {end.id: end for edge in edges.values() for end in (edge.a, edge.b)} | decided
        named = decided | {one: nodes.get(one, Node(one, "", "")) for one in marks}
        if self._in_doubt or self._renewed:  # nothing is concluded from rows of the map
            cache.load([*nodes.values(), *named.values()])
        else:
            growth = Growth(self._store, self._realm, cache, self._table, edges, named)
            growth.find()
            self._hanging, self._inner = growth.hanging, growth.inner
        # A decision can bring a hub below its limit; of two unread ends neither knows the edge.
        both_closed = [
            e.a
            for e in edges.values()
            if all(end.id in cache and cache[end.id].edges_not_loaded for end in (e.a, e.b))
        ]
        cache.load_edges([*decided.values(), *both_closed])
        return {node: cache.isolated(node) for node in (nodes | named) if node in cache}

    def _merge_edges(self, edges: dict[Pair, Edge]) -> list[Edge]:
        news: list[Edge] = []
        for edge in edges.values():
            known, now = self._cache.merge_edge(edge)
            if now != known:
                news.append(now)
            if self._in_doubt:
                self._mark_dirty(now.a, now.b)
        return news

    def _disturb(self, edge: Edge, seen_before_ms: dict[NodeId, int]) -> None:
        """Mark the nodes that a new or improved counting edge can move, when all are merged.

        A shareable identifier does not affect who a person is, so a person is affected only if
        its id may change: by getting older than the identifier that gives the id now.
        """
        personal = self._table.personal
        mixed = (edge.a.type in personal) != (edge.b.type in personal)
        pair = edge.a.id, edge.b.id
        if pair in self._inner or not self._hanging.keys().isdisjoint(pair):
            return
        for end in (edge.a, edge.b):
            entry, before_ms = self._cache[end.id], seen_before_ms[end.id]
            undisturbed = (
                not self._renewed  # its row may be wrong
                and mixed
                and end.type in personal
                and entry.placement is not None
                and (entry.first_seen_ms == before_ms or entry.placement.profile == end.id)
            )
            if not undisturbed:
                self._mark_dirty(end)

    def _with_hanging(self, region: Region, result: Resolution) -> Resolution:
        """The result with the placements of what hangs on others. The solver placed what is inside
        the region because its holder is.
        """
        self._hanging = {
            new: holder for new, holder in self._hanging.items() if new not in region.inside
        }
        found = dict(result.placements)
        for new, holder in self._hanging.items():
            placement = self._cache.placement(holder)
            assert placement is not None
            is_shared = placement.kind is ProfileKind.SHARED
            found[new] = Placement(new, ProfileKind.ANONYMOUS) if is_shared else placement
        return result._replace(placements=found)

    def _merge_decisions(self, decisions: dict[Pair, Decision]) -> list[Decision]:
        news: list[Decision] = []
        for decision in decisions.values():
            known, now = self._cache.merge_decision(decision)
            if now != known:
                news.append(now)
            if now != known or self._in_doubt:
                self._mark_dirty(now.a, now.b)
        return news

    def _mark(self, node: NodeId) -> bool:
        news = self._cache.mark(node)
        if news or self._in_doubt:
            self._mark_dirty(self._cache[node].node)
        return news

    def _mark_dirty(self, *nodes: Node) -> None:
        for node in nodes:
            self._dirty[node.id] = node

    def _spread_from_flips(self, touched: dict[NodeId, Reason | None]) -> None:
        """A node that becomes isolated, or no longer is, affects all its neighbours.

        In doubt it is unknown whether the neighbours' rows were written after that change.
        """
        cache, personal = self._cache, self._table.personal
        for node_id, was_isolated in touched.items():
            is_isolated_now = cache.isolated(node_id)
            doubtful = self._in_doubt and is_isolated_now is not None
            if is_isolated_now == was_isolated and not doubtful:
                continue
            entry = cache[node_id]
            self._mark_dirty(entry.node)
            for edge in entry.edges.values():
                other = other_end(edge, node_id)
                if entry.node.type in personal or other.type not in personal:
                    self._mark_dirty(other)
            for decision in entry.decisions.values():
                self._mark_dirty(decision.a, decision.b)

    def _compare_placements(self, result: Resolution) -> dict[NodeId, Placed]:
        """The placements to write: those that differ from the known rows, or are in doubt."""
        changed: dict[NodeId, Placed] = {}
        for node, placement in result.placements.items():
            entry = self._cache[node]
            if self._in_doubt or entry.placement != placement:
                entry.placement = placement
                changed[node] = (entry.node, placement)
        return changed

    def _compare_refusals(
        self, region: Region, result: Resolution
    ) -> tuple[tuple[Refusal, ...], tuple[Refusal, ...]]:
        """The refusals to write and to remove; the entries inside the region follow."""
        cache = self._cache
        known = known_refusals(cache, region, self._table)
        wanted = {refusal.key: refusal for refusal in result.refusals}
        appeared = [r for key, r in wanted.items() if known.get(key) != r]
        vanished = [r for key, r in known.items() if key not in wanted]
        for refusal in vanished:
            for end in (refusal.a, refusal.b):
                if end in cache:
                    cache[end].refusals.pop(refusal.key, None)
        for refusal in appeared:
            for end in (refusal.a, refusal.b):
                if end in cache:
                    cache[end].refusals[refusal.key] = refusal
        return tuple(sorted(appeared)), tuple(sorted(vanished))


def count_moves(
    before: dict[NodeId, Placement | None], after: dict[NodeId, Placement]
) -> tuple[int, int]:
    """The numbers of persons merged into others and split from others."""
    pairs = {
        (old.profile, after[node].profile)
        for node, old in before.items()
        if old is not None and node in after
        if old.kind is ProfileKind.PERSON and after[node].kind is ProfileKind.PERSON
    }
    olds, news = {old for old, _ in pairs}, {new for _, new in pairs}
    return len(pairs) - len(news), len(pairs) - len(olds)
