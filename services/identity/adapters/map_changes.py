"""Reads from the store what an identity worker would have published: the changes of profiles.

Where no worker runs, nothing is published, but every row has the number of the batch that wrote it:
what a batch changed, and what was before, is read again and goes through the same function
(core/changes.py). The state in a record is always that of the map. What the change was follows from
the rows that are left: one that a later batch wrote again is told with that batch, and a row that
was written again unchanged, after a failure, counts as changed. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
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
from services.store.statements import statements_of
from services.stream.positions import EMBEDDED_GENERATION, GENERATION_SHIFT, version_of

BATCHES_PER_QUERY = 1_000
_STATEMENTS = statements_of(__file__)
LATEST_TOUCH_SQL = _STATEMENTS["latest_touch"]
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

    def latest(self, until: int) -> int:
        """The last batch that may have changed a profile, of those up to `until`; 0 if none."""
        touched = self._database.rows(LATEST_TOUCH_SQL, {"until": until})[0][0]
        return max(int(touched), _batch(self._map.latest_version(_version(until))))

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
        touches = self._database.rows(TOUCHES_BY_BATCH_SQL, asked)
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
        found: dict[int, dict[str, list[_Move]]] = defaultdict(lambda: defaultdict(list))
        later: dict[tuple[str, NodeId], MapRow] = {}
        history = self._map.history(_version(after), _version(until))
        for row in history:  # the latest first
            key = row.realm, row.node
            if (follower := later.get(key)) is not None:
                if follower.version == row.version:
                    continue  # of one batch the row that was written last counts
                _add(found, follower, row.placement, after, until)
            later[key] = row
        for row in later.values():
            _add(found, row, None, after, until)
        return found

    def _edges(self, after: int, until: int) -> dict[tuple[int, str], list[Edge]]:
        found: dict[tuple[int, str], list[Edge]] = defaultdict(list)
        asked = {"after": _version(after), "until": _version(until)}
        for realm, *row, version in self._database.rows(EDGES_SQL, asked):
            found[_batch(version), realm].append(edge_of_row(tuple(row)))
        return found

    def _touches(self, after: int, until: int) -> dict[int, dict[str, Touched]]:
        attributes: dict[tuple[int, str], set[NodeId]] = defaultdict(set)
        consents: dict[tuple[int, str], set[NodeId]] = defaultdict(set)
        rows = self._database.rows(TOUCHES_SQL, {"after": after, "until": until})
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
                changes = self._changes(realm, moves, mine, _version(batch))
                wanted = rows_wanted(changes, spoken)
                standing = self._map.placements_of(realm, wanted) if wanted else {}
                records += profile_changes(realm, changes, mine, spoken, standing, _version(batch))
            records.sort(key=lambda one: (one.profile_id.int, one.realm))
            yield from ((batch, record) for record in records)

    def _changes(
        self, realm: str, moves: Sequence[_Move], edges: Sequence[Edge], version: int
    ) -> Changes:
        unexplained = [row.node for row, before in moves if before is None]
        known = self._known_since(realm, unexplained)
        placements: dict[NodeId, Placed] = {}
        before: dict[NodeId, Placement | None] = {}
        for row, former in moves:
            placements[row.node] = Node(row.node, row.type, ""), row.placement
            if former is None and known.get(row.node, version) < version:
                former = _of_another_kind(row.placement)
            before[row.node] = former
        return Changes(tuple(edges), (), frozenset(), placements, before, (), (), 0, 0, False)

    def _known_since(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, int]:
        rows = rows_by_key(self._database, KNOWN_SINCE_SQL, realm, nodes)
        return {node.int: version for node, version in rows}


class _Move(NamedTuple):
    """A row, and the placement of its node before; None if nothing is left that says so."""

    row: MapRow
    before: Placement | None


def _add(
    found: dict[int, dict[str, list[_Move]]],
    row: MapRow,
    before: Placement | None,
    after: int,
    until: int,
) -> None:
    batch = _batch(row.version)
    if after < batch <= until:
        found[batch][row.realm].append(_Move(row, before))


def _of_another_kind(placement: Placement) -> Placement:
    """What was before in the same profile: its row was replaced, so it was not the same."""
    was_person = placement.kind is not ProfileKind.PERSON
    return placement._replace(kind=ProfileKind.PERSON if was_person else ProfileKind.ANONYMOUS)


def _version(batch: int) -> int:
    return version_of(EMBEDDED_GENERATION, batch - 1)


def _batch(version: int) -> int:
    return version & ((1 << GENERATION_SHIFT) - 1)
