"""Rows of the latest versions, found in the parts that have some."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.runtime.errors import Retry
from services.store.database import Database
from services.store.profile_map import HIGHEST_VERSION_SQL
from services.store.recent_parts import RecentParts

COUNT_SQL = "SELECT count() FROM members WHERE _part IN {parts:Array(String)} AND version > 3"
COLUMNS = ("realm", "profile", "node", "type", "kind", "version")

pytestmark = pytest.mark.any_store


def write(database: Database, version: int) -> None:
    """A part with one row of a version."""
    node = f"00000000-0000-0000-0000-{version:012}"
    database.insert_rows("members", COLUMNS, [("one", node, node, "cookie", "person", version)])


def test_only_parts_with_later_versions_are_asked(database: Database) -> None:
    """All rows above a version are found, also those that merges moved between two questions."""
    recent = RecentParts(database, "members", HIGHEST_VERSION_SQL)
    asked: list[int] = []

    def count(parts: Sequence[str]) -> int:
        asked.append(len(parts))
        return int(database.rows(COUNT_SQL, {"parts": parts})[0][0])

    assert recent.read(3, count) == 0
    database.command("SYSTEM STOP MERGES members")
    for version in range(1, 6):
        write(database, version)
    assert recent.read(3, count) == 2
    assert asked[-1] == 2
    database.command("SYSTEM START MERGES members")
    database.command("OPTIMIZE TABLE members FINAL")
    assert recent.read(3, count) == 2
    write(database, 6)
    assert recent.read(5, count) == 1
    assert recent.highest(9, count) == 6
    assert recent.read(9, count) == 0
    assert asked[-1] == 0


def test_a_part_that_is_merged_away_is_not_missed(database: Database) -> None:
    """A merge between the list of parts and the query has the question asked again."""
    recent = RecentParts(database, "members", HIGHEST_VERSION_SQL)
    write(database, 4)
    write(database, 5)
    found: list[int] = []

    def count(parts: Sequence[str]) -> int:
        if not found:
            database.command("OPTIMIZE TABLE members FINAL")
        found.append(int(database.rows(COUNT_SQL, {"parts": parts})[0][0]))
        return found[-1]

    assert recent.read(3, count) == 2
    assert found == [0, 2]

    def merging(_parts: Sequence[str]) -> None:
        write(database, 7)
        database.command("OPTIMIZE TABLE members FINAL")

    with pytest.raises(Retry):
        recent.read(3, merging)
