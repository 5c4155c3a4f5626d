"""Migrations: numbered, recorded, never changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.runtime.clickhouse import Database
from services.runtime.errors import Fatal
from services.runtime.migrations import migrate, sql_directory


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the packaged migrations that a test may change."""
    return Path(shutil.copytree(sql_directory(), tmp_path / "sql"))


def test_applied_migrations_are_not_applied_again(database: Database) -> None:
    """The engine fixture migrated; nothing is pending."""
    assert migrate(database) == []


def test_changed_migration_is_refused(database: Database, copied: Path) -> None:
    """A single added blank in an applied file is refused with its number."""
    first = sorted(copied.glob("*.sql"))[0]
    first.write_text(first.read_text() + " ")
    with pytest.raises(Fatal, match=r"migration 0001 .* never change"):
        migrate(database, directory=copied)


def test_missing_migration_is_refused(database: Database, copied: Path) -> None:
    """A file that was applied must stay."""
    sorted(copied.glob("*.sql"))[0].unlink()
    with pytest.raises(Fatal, match="migration 0001"):
        migrate(database, directory=copied)


def test_dry_run_applies_nothing(database: Database, copied: Path) -> None:
    """A new migration is named and not run."""
    (copied / "0999_probe.sql").write_text("CREATE TABLE probe (x UInt8) ENGINE = Memory;")
    assert [one.version for one in migrate(database, dry_run=True, directory=copied)] == [999]
    assert database.rows("SELECT 1 FROM system.tables WHERE name = 'probe'") == []


def test_every_migration_is_numbered_and_described() -> None:
    """Files are 0001…, without gaps, and begin with a comment that says what they are for."""
    files = sorted(sql_directory().glob("*.sql"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    assert all(file.read_text().startswith("-- ") for file in files)
