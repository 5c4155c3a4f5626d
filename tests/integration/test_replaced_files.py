"""Files of what was removed: the store takes them off its disk soon, and by itself."""

from __future__ import annotations

import pytest

from services.erasure.adapters.files import TABLES, ReplacedFiles
from services.store.database import Database
from tests.grants import noted

SETTINGS = (
    "old_parts_lifetime = 30",
    "cleanup_delay_period = 10",
    "max_cleanup_delay_period = 10",
    "cleanup_delay_period_random_add = 1",
)


def test_who_waits_for_the_files_only_reads(database: Database) -> None:
    """A statement that has the store remove them would stop merges and mutations of the table."""
    for number in range(2):
        database.insert_rows("marks", ("realm", "node"), [("default", number)])
    database.command("OPTIMIZE TABLE marks FINAL")
    with noted() as needs:
        assert not ReplacedFiles(database).gone(within_s=0.1)
    assert needs == {("SELECT", "system.parts")}


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_table_with_rows_about_people_loses_old_files_soon(
    database: Database, setting: str
) -> None:
    """A server's own time is eight minutes, and then it looks at a table that nobody writes every
    five."""
    definitions = dict(
        database.rows(
            "SELECT name, create_table_query FROM system.tables "
            "WHERE database = currentDatabase() AND name IN {tables:Array(String)}",
            {"tables": TABLES},
        )
    )
    assert definitions.keys() == set(TABLES)
    lacking = {
        name
        for name, one in definitions.items()
        if setting not in one.partition("SETTINGS ")[2].split(", ")
    }
    assert lacking == set()
