"""What changed rules would make of the stored graph: solved under them, compared with the map.

The graph is taken in parts (in_parts.py). What differs is kept in a temporary file that ends with
the simulation, so memory does not grow with the differences either. Nothing in the store is
written. Values that the rules block from now on count as marked: they join nobody.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.edge import Decision, Edge, Node
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.core.model import Refusal, TypeTable, type_table
from services.identity.in_parts import NODES_PER_PART, SolvedPart, solved_parts
from services.identity.ports import VerificationSource
from services.identity.sieve import sieve_of
from services.store.statements import statements_of

SAMPLE_MAX = 5
SCHEMA = """
CREATE TABLE moved
    (node BLOB PRIMARY KEY, old BLOB, old_kind TEXT, new BLOB, new_kind TEXT) WITHOUT ROWID;
CREATE TABLE refusals
    (a BLOB, b BLOB, is_decision INTEGER, side TEXT, reason TEXT,
     PRIMARY KEY (a, b, is_decision, side)) WITHOUT ROWID;
CREATE TABLE sizes (profile BLOB, before INTEGER, after INTEGER);
"""
BY_OLD = "CREATE INDEX moved_by_old ON moved (old, new)"
BY_NEW = "CREATE INDEX moved_by_new ON moved (new, old)"
_STATEMENTS = statements_of(__file__)
RENAMED_SQL = _STATEMENTS["renamed"]
PERSONS_SQL = _STATEMENTS["persons"]
CHANGED_SQL = _STATEMENTS["changed"]
LARGEST_SQL = _STATEMENTS["largest"]
LOST_SQL = _STATEMENTS["lost"]
GAINED_SQL = _STATEMENTS["gained"]
SHARED_SQL = _STATEMENTS["shared"]
COUNT_SHARED_SQL = _STATEMENTS["count_shared"]
REFUSALS_SQL = _STATEMENTS["refusals"]
COUNT_RENAMED_SQL = _STATEMENTS["count_renamed"]
MOVED_SQL = _STATEMENTS["moved"]
PLACE_SQL = _STATEMENTS["place"]
SIZES_SQL = _STATEMENTS["sizes"]


class Moved(NamedTuple):
    """Identifiers that go from one profile to another."""

    other: NodeId | None
    """The other profile; None for none, before or after."""
    identifiers: int
    sample: NodeId
    """One of them."""


class ChangedProfile(NamedTuple):
    """A profile that gains or loses identifiers."""

    profile: NodeId
    lost: int
    gained: int
    to: tuple[Moved, ...]
    """The profiles that get most of what is lost."""
    from_: tuple[Moved, ...]
    """The profiles that most of what is gained comes from."""
    merged_into: NodeId | None
    """The profile that holds its id, if it is none any more."""
    is_new: bool
    """Whether there is no such profile yet."""


@dataclass(slots=True)
class Simulated:
    """What rules would change in a realm."""

    nodes: int = 0
    """Identifiers with an edge, a decision or a map row."""
    before: Counter[ProfileKind] = field(default_factory=Counter)
    """Profiles by kind."""
    after: Counter[ProfileKind] = field(default_factory=Counter)
    moved: int = 0
    """Identifiers that come into another profile, not counting new ids of the same."""
    renamed: int = 0
    """Profiles that keep their identifiers and get another id."""
    merged: int = 0
    """Persons that several are merged into."""
    split: int = 0
    """Persons that several come from."""
    changed: int = 0
    """Profiles that gain or lose identifiers, the new ones included."""
    newly_shared: int = 0
    no_longer_shared: int = 0
    largest_before: int = 0
    """Identifiers that count towards the size limit of the rules, of the profile with most."""
    largest_after: int = 0
    too_large_before: int = 0
    """Profiles with more of them than a profile should have."""
    too_large_after: int = 0
    refusals_appeared: dict[str, int] = field(default_factory=dict)
    """By reason."""
    refusals_vanished: dict[str, int] = field(default_factory=dict)
    largest: list[ChangedProfile] = field(default_factory=list)
    newly_shared_sample: list[NodeId] = field(default_factory=list)
    no_longer_shared_sample: list[NodeId] = field(default_factory=list)


class WithMarks:
    """A source in which more nodes are marked as permanently shared."""

    def __init__(self, source: VerificationSource, marks: Collection[NodeId]) -> None:
        self._source = source
        self._marks = frozenset(marks)

    def possibly_known(
        self, realm: str, nodes: Collection[NodeId], in_doubt: bool
    ) -> Collection[NodeId]:
        """See `GraphSource`."""
        known = self._source.possibly_known(realm, nodes, in_doubt)
        return {*known, *self._marks.intersection(nodes)}

    def edges_of(self, realm: str, nodes: Collection[NodeId]) -> list[Edge]:
        """See `GraphSource`."""
        return self._source.edges_of(realm, nodes)

    def nodes_above_degree(
        self, realm: str, nodes: Collection[NodeId], above: int, types: Collection[str]
    ) -> set[NodeId]:
        """See `GraphSource`."""
        return self._source.nodes_above_degree(realm, nodes, above, types)

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """See `GraphSource`."""
        return self._source.placements_of(realm, nodes)

    def decisions_of(self, realm: str, nodes: Collection[NodeId]) -> list[Decision]:
        """See `GraphSource`."""
        return self._source.decisions_of(realm, nodes)

    def marks_of(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """See `GraphSource`."""
        return self._source.marks_of(realm, nodes) | self._marks.intersection(nodes)

    def refusals_of(self, realm: str, nodes: Collection[NodeId]) -> list[Refusal]:
        """See `GraphSource`."""
        return self._source.refusals_of(realm, nodes)

    def nodes(self, realm: str, limit: int, after: NodeId | None = None) -> Iterator[list[Node]]:
        """See `VerificationSource`."""
        return self._source.nodes(realm, limit, after)

    def crowded(self, realm: str, table: TypeTable, at_most: int) -> list[Node]:
        """See `VerificationSource`."""
        return self._source.crowded(realm, table, at_most)

    def doubtful(
        self,
        realm: str,
        table: TypeTable,
        isolated: Collection[NodeId],
        named: Collection[NodeId],
        at_most: int,
    ) -> set[NodeId]:
        """See `VerificationSource`."""
        return self._source.doubtful(realm, table, isolated, {*named, *self._marks}, at_most)

    def place_of(self, node: NodeId) -> int:
        """See `VerificationSource`."""
        return self._source.place_of(node)


def simulate(
    source: VerificationSource,
    realm: str,
    rules: IdentityRules,
    blocked: Collection[NodeId] = (),
    largest: int = 10,
    nodes_per_part: int = NODES_PER_PART,
) -> Simulated:
    """What the map of a realm would be under other rules. Raises as the source does.

    Args:
        blocked: the nodes of values that the rules block.
        largest: most changed profiles to tell, and most identifiers to name of other lists.
    """
    table, marked = type_table(rules), WithMarks(source, blocked)
    told = Simulated()
    with closing(sqlite3.connect("", isolation_level=None)) as kept:
        kept.executescript(SCHEMA)
        kept.execute("BEGIN")
        sieve = sieve_of(marked, realm, table)
        for part in solved_parts(marked, realm, table, nodes_per_part, renewed=True, sieve=sieve):
            _keep(kept, part, told)
            _keep_sizes(kept, part, table)
        _tell(kept, told, largest)
        _tell_sizes(kept, told, rules.large_above)
    return told


def _keep(kept: sqlite3.Connection, part: SolvedPart, told: Simulated) -> None:
    """Count a part, and keep what differs in it."""
    told.nodes += len(part.fresh) + len(part.plain)
    kinds = Counter(row.kind for one, (_, row) in part.plain.items() if row.profile == one)
    told.before.update(kinds)
    told.after.update(kinds)
    rows = []
    for one in part.fresh:
        before, after = part.cache[one].placement, part.result.placements.get(one)
        if before is not None and before.profile == one:
            told.before[before.kind] += 1
        if after is not None and after.profile == one:
            told.after[after.kind] += 1
        if before != after:
            rows.append((_key(one), *_columns(before), *_columns(after)))
    kept.executemany("INSERT OR IGNORE INTO moved VALUES (?, ?, ?, ?, ?)", rows)
    stored = {key: one for node in part.fresh for key, one in part.cache[node].refusals.items()}
    wanted = {refusal.key: refusal for refusal in part.result.refusals}
    kept.executemany(
        "INSERT OR IGNORE INTO refusals VALUES (?, ?, ?, ?, ?)",
        [
            (_key(a), _key(b), is_decision, side, one.reason)
            for side, found in (("before", stored), ("after", wanted))
            for (a, b, is_decision), one in found.items()
        ],
    )


def _keep_sizes(kept: sqlite3.Connection, part: SolvedPart, table: TypeTable) -> None:
    """Count what the part has of each profile. Of one profile other parts may have more."""
    before, after = Counter[NodeId](), Counter[NodeId]()
    for node, row in part.plain.values():
        if node.type in table.counted:
            before[row.profile] += 1
            after[row.profile] += 1
    for one, node in part.fresh.items():
        if node.type in table.counted:
            old, new = part.cache[one].placement, part.result.placements.get(one)
            if old is not None:
                before[old.profile] += 1
            if new is not None:
                after[new.profile] += 1
    kept.executemany(
        "INSERT INTO sizes VALUES (?, ?, ?)",
        [(_key(one), before[one], after[one]) for one in before.keys() | after.keys()],
    )


def _tell_sizes(kept: sqlite3.Connection, told: Simulated, above: int) -> None:
    found = kept.execute(SIZES_SQL, (above, above)).fetchone()
    told.largest_before, told.largest_after, told.too_large_before, told.too_large_after = found


def _tell(kept: sqlite3.Connection, told: Simulated, largest: int) -> None:
    """Sum up what was kept."""
    for sql in (BY_OLD, BY_NEW, RENAMED_SQL):
        kept.execute(sql)
    told.renamed = _number(kept, COUNT_RENAMED_SQL)
    told.moved = _number(kept, MOVED_SQL)
    told.merged, told.split = kept.execute(PERSONS_SQL).fetchone()
    told.changed = _number(kept, CHANGED_SQL)
    told.newly_shared = _number(kept, COUNT_SHARED_SQL, 1)
    told.no_longer_shared = _number(kept, COUNT_SHARED_SQL, 0)
    told.newly_shared_sample = [_node(one) for (one,) in kept.execute(SHARED_SQL, (1, largest))]
    told.no_longer_shared_sample = [_node(one) for (one,) in kept.execute(SHARED_SQL, (0, largest))]
    told.refusals_appeared = dict(kept.execute(REFUSALS_SQL, ("after",)).fetchall())
    told.refusals_vanished = dict(kept.execute(REFUSALS_SQL, ("before",)).fetchall())
    for profile, lost, gained in kept.execute(LARGEST_SQL, (largest,)).fetchall():
        told.largest.append(_changed(kept, profile, lost, gained))


def _changed(kept: sqlite3.Connection, profile: bytes, lost: int, gained: int) -> ChangedProfile:
    own = kept.execute(PLACE_SQL, (profile,)).fetchone()
    old, new = own or (profile, profile)
    to, from_ = (
        tuple(
            Moved(None if other is None else _node(other), count, _node(sample))
            for other, count, sample in kept.execute(sql, (profile, SAMPLE_MAX))
        )
        for sql in (LOST_SQL, GAINED_SQL)
    )
    return ChangedProfile(
        profile=_node(profile),
        lost=lost,
        gained=gained,
        to=to,
        from_=from_,
        merged_into=None if new in (profile, None) else _node(new),
        is_new=old != profile,
    )


def _number(kept: sqlite3.Connection, sql: str, *values: int) -> int:
    [number] = kept.execute(sql, values).fetchone()
    assert isinstance(number, int)
    return number


def _columns(placement: Placement | None) -> tuple[bytes | None, str | None]:
    return (None, None) if placement is None else (_key(placement.profile), placement.kind.value)


def _key(node: NodeId) -> bytes:
    return node.to_bytes(16)


def _node(key: bytes) -> NodeId:
    return int.from_bytes(key)
