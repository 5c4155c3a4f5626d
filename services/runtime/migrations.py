"""Schema migrations: numbered, forward-only SQL files, recorded with their checksums.

A file that was applied must never change; a change is refused with its number. See
docs/schema-changes.md for how to write one.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import NamedTuple

from clickhouse_migrations.connection import ClickhouseConnectConnection
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import Migration, MigrationStorage
from clickhouse_migrations.migrator import Migrator

from services.runtime.clickhouse import Database
from services.runtime.errors import Fatal


class MigrationState(NamedTuple):
    """One migration: its number, its checksum, and `applied`, `pending`, `changed` or `unknown`."""

    version: int
    checksum: str
    state: str


def sql_directory() -> Path:
    """Where the packaged migrations are."""
    return Path(str(resources.files("schemas").joinpath("sql")))


def migrate(
    database: Database, *, dry_run: bool = False, directory: Path | None = None
) -> list[MigrationState]:
    """Bring the schema up to date; returns the migrations that were (or would be) applied.

    Raises:
        Fatal: an applied migration was changed or is missing, or a statement failed.
    """
    files = MigrationStorage(directory or sql_directory()).migrations()
    migrator = Migrator(
        ClickhouseConnectConnection(database.client), dryrun=dry_run, migration_log_format="compact"
    )
    migrator.init_schema()
    _refuse_changes(migrator, files)
    try:
        pending = migrator.migrations_to_apply(files)
        if not dry_run:
            migrator.apply_migration(files, multi_statement=True)
    except MigrationException as error:
        raise Fatal(f"migration refused: {error}") from error
    return [MigrationState(one.version, one.md5, "pending") for one in pending]


def _refuse_changes(migrator: Migrator, files: list[Migration]) -> None:
    for row in migrator.migration_status(files):
        if row.state not in ("applied", "pending"):
            raise Fatal(
                f"migration {row.version:04d} is recorded with checksum {row.md5}, but the file "
                "differs or is gone. Applied migrations never change: restore the file and put "
                "the change into a new one."
            )
