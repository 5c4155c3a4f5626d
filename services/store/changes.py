"""Which keys have got new rows, seen from the parts that tables consist of.

A part holds the rows of a range of block numbers, and a merge only joins ranges: a part whose range
was seen has nothing new. New parts are small, and only they are read. Where that is not so (a merge
took a new part away while we looked, rows were deleted, a table was emptied, too many rows at
once), everything counts as changed. Nothing is written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.store.asked import FOLLOWED
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
PARTS_SQL = _STATEMENTS["parts"]
KEYS_SQL = {
    "touchpoints": _STATEMENTS["keys_of_touchpoints"],
    "orders": _STATEMENTS["keys_of_orders"],
    "order_keys": _STATEMENTS["keys_of_order_keys"],
    "consents": _STATEMENTS["keys_of_consents"],
    "observations": _STATEMENTS["keys_of_observations"],
    "group_facts": _STATEMENTS["keys_of_group_facts"],
    "group_keys": _STATEMENTS["keys_of_group_keys"],
    "node_values": _STATEMENTS["keys_of_node_values"],
    "members": _STATEMENTS["keys_of_members"],
    "map": _STATEMENTS["keys_of_map"],
    "erasures": _STATEMENTS["keys_of_erasures"],
    "kept_objections": _STATEMENTS["keys_of_kept_objections"],
    "suppressions": _STATEMENTS["keys_of_suppressions"],
}
"""By table: the keys of all rows of some of its parts."""
KEYS_MAX = 20_000
"""More new keys than this at once count as everything."""
TRIES = 3
"""How often new parts are looked for again when a merge was faster."""


class TablePart(NamedTuple):
    """An active part of a table."""

    table: str
    name: str
    first: int
    """First block number of its range."""
    last: int
    is_rewritten: bool
    """Whether rows were deleted or changed in it."""


class SeenBlocks(NamedTuple):
    """What was seen of one table."""

    ranges: tuple[tuple[int, int], ...] = ()
    """Ranges of block numbers, in order and apart."""
    rewritten: frozenset[str] = frozenset()
    """Names of rewritten parts."""

    def holds(self, part: TablePart) -> bool:
        """Whether every block of the part was seen."""
        at = bisect_right(self.ranges, part.first, key=lambda one: one[0]) - 1
        return at >= 0 and part.last <= self.ranges[at][1]

    def with_parts(self, parts: Sequence[TablePart]) -> SeenBlocks:
        """These parts were seen, too."""
        joined: list[tuple[int, int]] = []
        for first, last in sorted([*self.ranges, *((one.first, one.last) for one in parts)]):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = joined[-1][0], max(last, joined[-1][1])
            else:
                joined.append((first, last))
        rewritten = {part.name for part in parts if part.is_rewritten}
        return SeenBlocks(tuple(joined), self.rewritten | rewritten)

    def lost_by(self, parts: Sequence[TablePart]) -> bool:
        """Whether rows that were seen may be gone: these parts are all of the table now."""
        if any(part.is_rewritten and part.name not in self.rewritten for part in parts):
            return True
        return any(
            not any(part.first <= last and first <= part.last for part in parts)
            for first, last in self.ranges
        )


SeenTables = Mapping[str, SeenBlocks]
"""What was seen of every table that is followed; empty before the first look."""


class ChangedKeys(NamedTuple):
    """What a look found."""

    keys: frozenset[str]
    is_all: bool
    """Whether anything may have changed."""
    seen: SeenTables
    """Where the next look begins."""


def changed_keys(database: Database, seen: SeenTables) -> ChangedKeys:
    """The keys of the rows that became visible since a look; the first look finds all.

    Blocks. Raises Retry or Fatal.
    """
    parts: dict[str, list[TablePart]] = {}
    for _ in range(TRIES):
        parts = _parts(database)
        if not parts:  # an empty store, or one whose parts this user may not see
            return ChangedKeys(frozenset(), is_all=True, seen={})
        if not seen or any(one.lost_by(parts.get(table, ())) for table, one in seen.items()):
            break
        new = {
            table: fresh
            for table, mine in parts.items()
            if (fresh := [one for one in mine if not seen[table].holds(one)])
        }
        if not new:
            return ChangedKeys(frozenset(), is_all=False, seen=seen)
        found = _keys(database, new)
        if found is None:
            break
        if found.parts == {(part.table, part.name) for mine in new.values() for part in mine}:
            followed = {table: seen[table].with_parts(mine) for table, mine in new.items()}
            return ChangedKeys(found.keys, is_all=False, seen={**seen, **followed})
    anew = {table: SeenBlocks().with_parts(parts.get(table, ())) for table in FOLLOWED}
    return ChangedKeys(frozenset(), is_all=True, seen=anew)


class _Found(NamedTuple):
    keys: frozenset[str]
    parts: set[tuple[str, str]]


def _parts(database: Database) -> dict[str, list[TablePart]]:
    found: defaultdict[str, list[TablePart]] = defaultdict(list)
    for row in database.rows(PARTS_SQL, {"tables": list(FOLLOWED)}):
        found[row[0]].append(TablePart(*row))
    return found


def _keys(database: Database, new: Mapping[str, Sequence[TablePart]]) -> _Found | None:
    """The keys of the rows of some parts, and those parts that were still there; None if there are
    too many."""
    texts = [KEYS_SQL[table] for table in new]
    names = {table: [one.name for one in mine] for table, mine in new.items()}
    rows = database.rows("\nUNION ALL\n".join(texts), {**names, "limit": KEYS_MAX + 1})
    if max(Counter(row[0] for row in rows).values(), default=0) > KEYS_MAX:
        return None
    keys: set[str] = set()
    for row in rows:
        keys.update(row[2:])
    return _Found(frozenset(keys - {""}), {row[:2] for row in rows})
