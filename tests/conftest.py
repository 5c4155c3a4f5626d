"""Fixtures that all tests share: the real engine, in process.

The engine serves one directory per process, so there is one for the whole session; a test that
asks for `database` finds every table empty.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.runtime.clickhouse import Database, DirectoryLock, open_embedded
from services.runtime.migrations import migrate


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The engine on a directory of its own, with the schema up to date."""
    directory = tmp_path_factory.mktemp("engine")
    lock = DirectoryLock(directory)
    lock.acquire()
    opened = open_embedded(directory)
    migrate(opened)
    yield opened
    opened.close()
    lock.release()


@pytest.fixture
def database(engine: Database) -> Database:
    """The engine with every table empty."""
    empty_tables(engine)
    return engine


def empty_tables(database: Database) -> None:
    """Empty every table of ours; the record of applied migrations stays."""
    named = database.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine LIKE '%MergeTree' AND name NOT IN ('db_migrations', 'schema_versions') "
        "AND total_rows > 0 AND NOT startsWith(name, '.inner')"
    )
    for (name,) in named:
        database.command(f"TRUNCATE TABLE `{name}`")
