"""What reads by key cost the embedded engine: what stays in its caches, who reads the files."""

from __future__ import annotations

from uuid import UUID

from schemas.instants import EPOCH
from services.store.database import Database

BY_KEY = "SELECT count() FROM erasures WHERE realm = 'default' AND node IN {nodes:Array(UUID)}"
KEPT_SQL = "SELECT value FROM system.metrics WHERE metric = 'QueryConditionCacheEntries'"

READ_BY_SQL = "SELECT value FROM system.settings WHERE name = 'local_filesystem_read_method'"


def kept(database: Database) -> int:
    """Entries of the cache of conditions."""
    return int(database.rows(KEPT_SQL)[0][0])


def test_reads_by_key_leave_nothing_in_the_cache_of_conditions(database: Database) -> None:
    """Every read names other keys: what the engine would keep of them is never asked for again."""
    nodes = [UUID(int=number) for number in range(20_000)]
    rows = [("default", node, EPOCH) for node in nodes]
    database.insert_rows("erasures", ("realm", "node", "erased_at"), rows)
    before = kept(database)
    for node in nodes[:5]:
        assert database.rows(BY_KEY, {"nodes": [str(node)]}) == [(1,)]
    assert kept(database) == before
    database.rows(BY_KEY + " SETTINGS use_query_condition_cache = 1", {"nodes": [str(nodes[-1])]})
    assert kept(database) > before


def test_whoever_asks_reads_the_files(database: Database) -> None:
    """Thousands of small reads, each handed to a pool of threads, take several times as much."""
    assert database.rows(READ_BY_SQL) == [("pread",)]
