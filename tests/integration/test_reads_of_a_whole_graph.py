"""Whoever reads a whole graph part by part reads each of its rows a few times, however many parts
there are (real engine)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

import pytest

from schemas.identifiers import NodeId
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.store import database as database_module
from services.store.database import Database

T = TypeVar("T")
REALM = "default"
EDGES = 20_000
ROWS = 3 * EDGES
"""Of both tables of edges, and of the map, which has one end of each."""
FILL_SQL = f"""
INSERT INTO edges (realm, a, b, a_type, b_type, first_seen, verified)
SELECT '{REALM}', toUUID(UUIDNumToString(MD5(concat('a', toString(number))))),
    toUUID(UUIDNumToString(MD5(concat('b', toString(number))))), 'email', 'cookie', now64(3), true
FROM numbers({EDGES})
"""
MAP_SQL = "INSERT INTO members (realm, profile, node, type) SELECT realm, a, b, b_type FROM edges"


@pytest.fixture
def filled(database: Database) -> Database:
    """A store with so many edges between different identifiers."""
    database.command(FILL_SQL)
    database.command(MAP_SQL)
    return database


def read_by(database: Database, run: Callable[[], T]) -> tuple[T, int]:
    """What something gives, and how many rows it read of tables."""

    def selected() -> int:
        events = "SELECT value FROM system.events WHERE event = 'SelectedRows'"
        [(rows,)] = database.rows(events)
        return int(rows)

    before = selected()
    answer = run()
    return answer, selected() - before


def test_pages_of_nodes_are_read_by_their_bounds(filled: Database) -> None:
    """Each page reads its own rows, with what lies beside them, and not all behind it."""
    store = ClickHouseIdentityStore(filled)
    pages, rows = read_by(filled, lambda: list(store.nodes(REALM, 2_000)))
    assert [len(page) for page in pages] == [2_000] * (2 * EDGES // 2_000)
    nodes = [node.id for page in pages for node in page]
    assert sorted(set(nodes), key=store.place_of) == nodes
    assert ROWS <= rows < 3 * ROWS
    after = nodes[12_344]
    assert [one.id for page in store.nodes(REALM, 7_000, after) for one in page] == nodes[12_345:]


def test_pages_of_nodes_that_lie_together_are_full(database: Database) -> None:
    """Ids are digests; those that are not are found, too, as many at a time as asked for."""
    rows = [
        (REALM, one, other, "email", "email", True)
        for one, other in ((1, 2), (2, 3), (3, 1 << 64), (1 << 64, 2**128 - 1), (7 << 60, 9 << 60))
    ]
    database.insert_rows("edges", ("realm", "a", "b", "a_type", "b_type", "verified"), rows)
    database.insert_rows("edges", ("realm", "a", "b"), [("another", n, n) for n in range(5_000)])
    store = ClickHouseIdentityStore(database)
    expected = sorted({end for row in rows for end in row[1:3]}, key=store.place_of)
    for limit in range(1, 9):
        pages = [[one.id for one in page] for page in store.nodes(REALM, limit)]
        assert [one for page in pages for one in page] == expected
        assert all(len(page) == limit for page in pages[:-1])


def test_keys_are_asked_for_in_the_order_of_the_store(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many keys, whatever their order, read their tables about once, and find the same."""
    monkeypatch.setattr(database_module, "KEYS_PER_QUERY", 1_000)
    store = ClickHouseIdentityStore(filled)
    nodes: list[NodeId] = [node.id for page in store.nodes(REALM, 50_000) for node in page]
    Random(1).shuffle(nodes)
    edges, rows = read_by(filled, lambda: store.edges_of(REALM, nodes))
    assert len(edges) == EDGES
    assert rows < 2 * 2 * EDGES
