"""Files of what was removed: a server that leaves them is made to clean up."""

from __future__ import annotations

import time

from services.erasure.adapters.files import TABLES, ReplacedFiles
from services.store.database import Database
from tests.grants import missing, noted

LIFETIME = "old_parts_lifetime"


def test_only_tables_with_parts_that_are_overdue_are_cleaned_up(database: Database) -> None:
    """By somebody with the rights of an identity worker. What the store may still keep it keeps."""
    files = ReplacedFiles(database)
    for number in range(2):
        database.insert_rows("marks", ("realm", "node"), [("default", number)])
    database.command("OPTIMIZE TABLE marks FINAL")
    time.sleep(1.1)
    with noted() as needs:
        assert "marks" in files.clean_up_overdue(overdue_s=0)
        assert "marks" not in files.clean_up_overdue()
    assert ("ALTER DELETE", "c360.marks") in needs
    assert missing(needs, "c360-worker") == set()


def test_every_table_with_rows_about_people_keeps_old_files_for_half_a_minute(
    database: Database,
) -> None:
    """A server's own time is eight minutes."""
    definitions = dict(
        database.rows(
            "SELECT name, create_table_query FROM system.tables "
            "WHERE database = currentDatabase() AND name IN {tables:Array(String)}",
            {"tables": TABLES},
        )
    )
    assert definitions.keys() == set(TABLES)
    assert {name for name, one in definitions.items() if f"{LIFETIME} = 30" not in one} == set()
