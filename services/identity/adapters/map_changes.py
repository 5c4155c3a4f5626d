"""Reads from the store what an identity worker would have published: the changes of profiles.

Where no worker runs, nothing is published, but every row has the number of the batch that wrote it:
what a batch changed, and what was before, is read again and goes through the same function
(core/changes.py). The state in a record is always that of the map. What the change was follows from
the rows that are left: one that a later batch wrote again is told with that batch, and a row that
was written again unchanged, after a failure, counts as changed. Nothing is written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.edge import Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.records import ProfileChangeRecord
from services.identity.adapters.clickhouse import edge_of_row
from services.identity.core.changes import Touched, profile_changes, rows_wanted
from services.identity.ports import Placed
from services.identity.writer import Changes
from services.store.database import Database, rows_by_key
from services.store.profile_map import MapRow, ProfileMap
from services.store.recent_parts import RecentParts
from services.store.statements import statements_of
from services.stream.positions import EMBEDDED_GENERATION, GENERATION_SHIFT, version_of

BATCHES_PER_QUERY = 1_000
_STATEMENTS = statements_of(__file__)
HIGHEST_BATCH_SQL = _STATEMENTS["highest_batch"]
HIGHEST_EDGE_SQL = _STATEMENTS["highest_edge"]
LATEST_BATCH_SQL = _STATEMENTS["latest_batch"]
TOUCHES_BY_BATCH_SQL = _STATEMENTS["touches_by_batch"]
TOUCHES_SQL = _STATEMENTS["touches"]
EDGES_SQL = _STATEMENTS["edges"]
KNOWN_SINCE_SQL = _STATEMENTS["known_since"]


class MapChanges(NamedTuple):
    """What some batches changed."""

    records: Iterator[tuple[int, ProfileChangeRecord]]
    """With the batch of each, in order; of one batch by profile id. Made as they are read."""
    until: int
    """The last batch that was read."""


class MapChangeReader:
    """Reads a store that the embedded pipeline writes. Methods block; they raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._map = ProfileMap(database)
        self._facts = RecentParts(database, "touchpoints", HIGHEST_BATCH_SQL)
        self._new_edges = RecentParts(database, "edges", HIGHEST_EDGE_SQL)

    def latest(self, until: int) -> int:
        """The last batch that may have changed a profile, of those up to `until`; 0 if none."""

        def ask(parts: Sequence[str]) -> int:
            asked = {"parts": parts, "until": until}
            return int(self._database.rows(LATEST_BATCH_SQL, asked)[0][0])

        touched = self._facts.highest(until, ask)
        return max(touched, _batch(self._map.latest_version(_version(until))))

    def page(self, after: int, until: int, rows_max: int) -> MapChanges:
        """What the next batches behind `after` changed: as many as wrote so many rows, at least
        one, and none above `until`, up to which all are completely written."""
        until = self._page_end(after, until, rows_max)
        rows, edges = self._rows(after, until), self._edges(after, until)
        touched = self._touches(after, until)
        batches = sorted(rows.keys() | touched.keys())
        return MapChanges(self._records(batches, rows, edges, touched), until)

    def _page_end(self, after: int, until: int, rows_max: int) -> int:
        counts: dict[int, int] = defaultdict(int)
        found = self._map.rows_by_version(_version(after), _version(until), BATCHES_PER_QUERY)
        for version, count in found:
            counts[_batch(version)] += count
        asked = {"after": after, "until": until, "rows": BATCHES_PER_QUERY}
        touches = self._facts.read(
            after, lambda parts: self._database.rows(TOUCHES_BY_BATCH_SQL, asked | {"parts": parts})
        )
        for batch, count in touches:
            counts[batch] += count
        ends = [_batch(found[-1][0])] if len(found) == BATCHES_PER_QUERY else []
        ends += [touches[-1][0]] if len(touches) == BATCHES_PER_QUERY else []
        until, rows = min([*ends, until]), 0
        previous = 0
        for batch in sorted(counts):
            rows += counts[batch]
            if batch > until or (previous and rows > rows_max):
                return min(until, previous or until)
            previous = batch
        return until

    def _rows(self, after: int, until: int) -> dict[int, dict[str, list[_Move]]]:
        """The rows of batches, by batch and realm, each with the one before it, if that is left."""
        by_realm: dict[str, list[MapRow]] = defaultdict(list)
        for row in self._map.written(_version(after), _version(until)):
            by_realm[row.realm].append(row)
        moves: dict[int, dict[str, list[_Move]]] = defaultdict(dict)
        for realm, written in by_realm.items():
            for move in self._moves(realm, written):
                batch = _batch(move.row.version)
                if after < batch <= until:
                    moves[batch].setdefault(realm, []).append(move)
        return moves

    def _moves(self, realm: str, written: Sequence[MapRow]) -> Iterator[_Move]:
        """Rows of nodes that a realm wrote, with the placements before; some may be of other
        batches."""
        first = {row.node: row.version for row in written}  # the latest come first
        known = self._known_since(realm, first)
        # Most nodes are new. Only what was there, or moved meanwhile, has a history.
        times = Counter(row.node for row in written)
        former = {
            node
            for node, version in first.items()
            if known.get(node, version) < version or times[node] > 1
        }
        rows = [row for row in written if row.node not in former]
        later: dict[NodeId, MapRow] = {}
        for row in [*rows, *self._map.history(realm, former)]:
            if (follower := later.get(row.node)) is not None:
                if follower.version == row.version:
                    continue  # of one batch the row that was written last counts
                yield _Move(follower, row.placement)
            later[row.node] = row
        for node, row in later.items():
            was_there = known.get(node, row.version) < row.version
            yield _Move(row, _of_another_kind(row.placement) if was_there else None)

    def _edges(self, after: int, until: int) -> dict[tuple[int, str], list[Edge]]:
        found: dict[tuple[int, str], list[Edge]] = defaultdict(list)
        asked = {"after": _version(after), "until": _version(until)}
        rows = self._new_edges.read(
            _version(after), lambda parts: self._database.rows(EDGES_SQL, asked | {"parts": parts})
        )
        for realm, *row, version in rows:
            found[_batch(version), realm].append(edge_of_row(tuple(row)))
        return found

    def _touches(self, after: int, until: int) -> dict[int, dict[str, Touched]]:
        attributes: dict[tuple[int, str], set[NodeId]] = defaultdict(set)
        consents: dict[tuple[int, str], set[NodeId]] = defaultdict(set)
        asked = {"after": after, "until": until}
        rows = self._facts.read(
            after, lambda parts: self._database.rows(TOUCHES_SQL, asked | {"parts": parts})
        )
        for realm, node, batch, has_attributes, has_consents in rows:
            if has_attributes:
                attributes[batch, realm].add(node.int)
            if has_consents:
                consents[batch, realm].add(node.int)
        found: dict[int, dict[str, Touched]] = defaultdict(dict)
        for batch, realm in attributes.keys() | consents.keys():
            spoken = sorted(attributes[batch, realm]), sorted(consents[batch, realm])
            found[batch][realm] = Touched(*spoken)
        return found

    def _records(
        self,
        batches: Iterable[int],
        rows: Mapping[int, Mapping[str, Sequence[_Move]]],
        edges: Mapping[tuple[int, str], Sequence[Edge]],
        touched: Mapping[int, Mapping[str, Touched]],
    ) -> Iterator[tuple[int, ProfileChangeRecord]]:
        for batch in batches:
            records: list[ProfileChangeRecord] = []
            for realm in rows.get(batch, {}).keys() | touched.get(batch, {}).keys():
                moves = rows.get(batch, {}).get(realm, ())
                mine = edges.get((batch, realm), ())
                spoken = touched.get(batch, {}).get(realm, Touched())
                changes = _changes(moves, mine)
                wanted = rows_wanted(changes, spoken)
                standing = self._map.placements_of(realm, wanted) if wanted else {}
                records += profile_changes(realm, changes, mine, spoken, standing, _version(batch))
            records.sort(key=lambda one: (one.profile_id.int, one.realm))
            yield from ((batch, record) for record in records)

    def _known_since(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, int]:
        rows = rows_by_key(self._database, KNOWN_SINCE_SQL, realm, nodes)
        return {node.int: version for node, version in rows}


class _Move(NamedTuple):
    """A row, and the placement of its node before; None if nothing is left that says so."""

    row: MapRow
    before: Placement | None


def _changes(moves: Sequence[_Move], edges: Sequence[Edge]) -> Changes:
    """What the rows of a batch changed, as its writer knew it."""
    placements: dict[NodeId, Placed] = {
        row.node: (Node(row.node, row.type, ""), row.placement) for row, _ in moves
    }
    before = {row.node: former for row, former in moves}
    return Changes(tuple(edges), (), frozenset(), placements, before, (), (), 0, 0, False)


def _of_another_kind(placement: Placement) -> Placement:
    """What was before in the same profile: its row was replaced, so it was not the same."""
    was_person = placement.kind is not ProfileKind.PERSON
    return placement._replace(kind=ProfileKind.PERSON if was_person else ProfileKind.ANONYMOUS)


def _version(batch: int) -> int:
    return version_of(EMBEDDED_GENERATION, batch - 1)


def _batch(version: int) -> int:
    return version & ((1 << GENERATION_SHIFT) - 1)
