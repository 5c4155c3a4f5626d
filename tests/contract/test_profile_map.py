"""The one reader of the profile map: the latest row of every node, merged or not."""

from __future__ import annotations

from random import Random

import pytest

from schemas.edge import Node
from schemas.placement import Placement, ProfileKind
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.store.database import KEYS_PER_QUERY, Database
from services.store.profile_map import Members, ProfileMap

REALM = "r"
NODES = range(1, 60)
BATCHES = 40
pytestmark = pytest.mark.any_store(always=True)


def placed(profile: int, kind: ProfileKind = ProfileKind.PERSON) -> Placement:
    """The placement in a profile."""
    return Placement(profile, kind)


def write(database: Database, rows: dict[int, Placement], version: int, realm: str = REALM) -> None:
    """Write map rows as identity does."""
    named = {node: (Node(node, "email", ""), placement) for node, placement in rows.items()}
    ClickHouseIdentityStore(database).write_placements(realm, named, version)


@pytest.mark.parametrize("is_merged", [False, True])
def test_the_latest_row_counts_as_final_has_it(database: Database, is_merged: bool) -> None:
    """The highest version, and of equal versions the row written last, as the table merges them."""
    chance, latest = Random(7), dict[int, tuple[int, Placement]]()
    for _ in range(BATCHES):
        version = chance.choice((1, 2, 3)) << 48 | chance.randrange(4)
        kind = chance.choice(list(ProfileKind))
        rows = {node: placed(chance.choice(NODES), kind) for node in chance.sample(NODES, 9)}
        write(database, rows, version)
        for node, placement in rows.items():
            latest[node] = max((version, placement), latest.get(node, (0, placement)), key=first)
    if is_merged:
        database.command("OPTIMIZE TABLE map FINAL")
        database.command("OPTIMIZE TABLE members FINAL")
    expected = {node: placement for node, (_, placement) in latest.items()}
    held = ProfileMap(database)
    assert held.placements_of(REALM, NODES) == expected
    assert final(database) == expected
    for profile in NODES:
        assert held.members_of(REALM, [profile]).holder.keys() == {
            node for node in NODES if expected.get(node, placed(node)).profile == profile
        }


def first(row: tuple[int, Placement]) -> int:
    """The version of a row; of two with one version `max` keeps the first argument."""
    return row[0]


def final(database: Database) -> dict[int, Placement]:
    """The map as ClickHouse's own FINAL has it."""
    rows = database.rows("SELECT node, profile, kind FROM map FINAL")
    return {node.int: Placement(profile.int, ProfileKind(kind)) for node, profile, kind in rows}


def test_members_are_the_nodes_that_a_profile_holds_now(database: Database) -> None:
    """A node that moved is a member of its new profile alone; one without a row holds itself."""
    write(database, {1: placed(1), 2: placed(1), 3: placed(1)}, 1)
    write(database, {2: placed(4), 4: placed(4), 5: placed(5, ProfileKind.SHARED)}, 2)
    write(database, {1: placed(4)}, 1, realm="other")
    held = ProfileMap(database)
    assert held.members_of(REALM, [1]) == Members({1: 1, 3: 1}, {1: ProfileKind.PERSON})
    assert held.members_of(REALM, [4, 5, 6]) == Members(
        {2: 4, 4: 4, 5: 5, 6: 6}, {4: ProfileKind.PERSON, 5: ProfileKind.SHARED}
    )
    assert held.members_of(REALM, [2]) == Members({}, {}, {2: 4})  # held by 4: no profile now
    assert held.members_of(REALM, [2, 4]).moved == {}
    assert held.members_of(REALM, []) == Members({}, {})


def test_any_number_of_nodes_is_read(database: Database) -> None:
    """More nodes than one query takes are read in parts."""
    many = range(1, KEYS_PER_QUERY + 3)
    write(database, {node: placed(1) for node in many}, 1)
    held = ProfileMap(database)
    assert len(held.placements_of(REALM, many)) == len(many)
    assert len(held.members_of(REALM, [1]).holder) == len(many)
