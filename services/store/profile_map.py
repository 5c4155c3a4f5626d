"""The one reader of the profile map: which profile holds a node, and which nodes a profile holds.

Identity writes the map; identity, profiles and everything that follows customers read it here, so
that all give the same answer. Statements that join the whole map with other tables stay with their
adapters. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from services.store.database import Database, on_one_thread, rows_by_key
from services.store.recent_parts import RecentParts
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
PLACEMENTS_SQL = _STATEMENTS["placements"]
TYPES_SQL = _STATEMENTS["types"]
MEMBERS_SQL = _STATEMENTS["members"]
FORMER_PROFILES_SQL = _STATEMENTS["former_profiles"]
HIGHEST_VERSION_SQL = _STATEMENTS["highest_version"]
REALM_VERSION_SQL = _STATEMENTS["realm_version"]
LATEST_VERSION_SQL = _STATEMENTS["latest_version"]
ROWS_BY_VERSION_SQL = _STATEMENTS["rows_by_version"]
WRITTEN_SQL = _STATEMENTS["written"]
HISTORY_SQL = _STATEMENTS["history"]
KINDS = {one.value: one for one in ProfileKind}


class Members(NamedTuple):
    """The nodes of some profiles."""

    holder: dict[NodeId, NodeId]
    """The profile of each node that they hold."""
    kinds: dict[NodeId, ProfileKind]
    """The kinds of those profiles that are on the map."""
    moved: Mapping[NodeId, NodeId] = MappingProxyType({})
    """Of what was asked for, nodes that are no profile now, and the profile that holds each."""


class MapRow(NamedTuple):
    """A row that was written of a node."""

    realm: str
    node: NodeId
    type: str
    placement: Placement
    version: int


class ProfileMap:
    """Reads the map of all realms. Methods block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent = RecentParts(database, "members", HIGHEST_VERSION_SQL)

    def placements_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, Placement]:
        """The placements of `nodes`; a node without one is missing, and is its own profile."""
        sql = on_one_thread(PLACEMENTS_SQL, len(nodes))
        rows = rows_by_key(self._database, sql, realm, nodes)
        integer, kinds = int.from_bytes, KINDS  # bytes: a UUID object each would cost as much again
        return {
            integer(node): Placement(integer(profile), kinds[kind]) for node, profile, kind in rows
        }

    def types_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, str]:
        """The types of `nodes`; a node without a placement is missing."""
        sql = on_one_thread(TYPES_SQL, len(nodes))
        return {node.int: name for node, name in rows_by_key(self._database, sql, realm, nodes)}

    def members_of(self, realm: str, profiles: Collection[NodeId]) -> Members:
        """The nodes that `profiles` hold now. Their own are included unless another holds them."""
        wanted = frozenset(profiles)
        sql = on_one_thread(MEMBERS_SQL, len(wanted))
        rows = rows_by_key(self._database, sql, realm, wanted, "profiles")
        found = wanted.union(int.from_bytes(node) for (node,) in rows)
        placements = self.placements_of(realm, found)
        moved = {
            one: placements[one].profile
            for one in wanted & placements.keys()
            if placements[one].profile not in wanted
        }
        members = Members({one: one for one in wanted - placements.keys()}, {}, moved)
        for node, (profile, kind) in placements.items():
            if profile in wanted:
                members.holder[node] = profile
                members.kinds[profile] = max(kind, members.kinds.get(profile, kind))
        return members

    def former_profiles(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        """Every profile that ever held one of `nodes`, the present one included.

        Rows of `members` remain when a node moves. Also those that lost against a later row are
        among them. Slow: it reads all rows of the realm.
        """
        rows = rows_by_key(self._database, FORMER_PROFILES_SQL, realm, nodes)
        return {profile.int for (profile,) in rows}

    def version_of(self, realm: str) -> int:
        """The highest version of any row of a realm; 0 if there is none. Reads all versions."""
        [(version,)] = self._database.rows(REALM_VERSION_SQL, {"realm": realm})
        return int(version)

    def latest_version(self, until: int) -> int:
        """The highest version of any row, of those up to `until`; 0 if there is none."""

        def ask(parts: Sequence[str]) -> int:
            asked = {"parts": parts, "until": until}
            return int(self._database.rows(LATEST_VERSION_SQL, asked)[0][0])

        return self._recent.highest(until, ask)

    def rows_by_version(self, after: int, until: int, versions_max: int) -> list[tuple[int, int]]:
        """The next versions behind `after` and how many rows each of them wrote, in order."""
        asked = {"after": after, "until": until, "rows": versions_max}
        return self._recent.read(
            after, lambda parts: self._database.rows(ROWS_BY_VERSION_SQL, asked | {"parts": parts})
        )

    def written(self, after: int, until: int) -> list[MapRow]:
        """The rows that the versions behind `after` wrote, the latest first.

        A row is missing if a later one of the same node and profile replaced it.
        """
        asked = {"after": after, "until": until}
        rows = self._recent.read(
            after, lambda parts: self._database.rows(WRITTEN_SQL, asked | {"parts": parts})
        )
        return [_row(realm, *row) for realm, *row in rows]

    def history(self, realm: str, nodes: Collection[NodeId]) -> list[MapRow]:
        """Every row of the nodes that was not replaced, of one node the latest first. Slow."""
        return [_row(realm, *row) for row in rows_by_key(self._database, HISTORY_SQL, realm, nodes)]


def _row(realm: str, node: UUID, type_name: str, profile: UUID, kind: str, version: int) -> MapRow:
    return MapRow(realm, node.int, type_name, Placement(profile.int, ProfileKind(kind)), version)
