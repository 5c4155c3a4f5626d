"""Schema migrations: numbered, forward-only SQL files, recorded with their checksums.

A file that was applied must never change; a change is refused with its number. The checksum is that
of the file, however it was rendered. See docs/schema-changes.md for how to write one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from clickhouse_migrations.connection import Connection
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import Migration, MigrationStorage
from clickhouse_migrations.migrator import Migrator

from services.runtime.errors import ConfigurationError, Fatal
from services.runtime.settings import StoreSettings
from services.store.database import Database, open_server, require_room
from services.store.rendering import create_database, of_new_store, render, statements
from services.store.statements import statements_of

RECORDS = "schema_versions"
_STATEMENTS = statements_of(__file__)
APPLIED_SQL = _STATEMENTS["applied"]
TABLES_SQL = _STATEMENTS["tables"]
DATABASES_SQL = _STATEMENTS["databases"]
SERVER_TIMEOUT_S = 300
"""Creating tables on all replicas takes longer than a statement of a worker may."""
SYSTEM = "system"


class MigrationState(NamedTuple):
    """One migration: its number, its checksum, and `applied`, `pending`, `changed` or `unknown`."""

    version: int
    checksum: str
    state: str


class _Records(Connection):  # type: ignore[misc]
    """The library's connection to the store; errors are translated into ours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def command(self, statement: str, log_statement: str | None = None) -> None:
        self._database.command(statement)

    def query(self, statement: str) -> list[dict[str, Any]]:
        names = ("version", "script", "md5")
        return [dict(zip(names, row, strict=True)) for row in self._database.rows(statement)]

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        names = list(rows[0])
        values = [[row[name] for name in names] for row in rows]
        self._database.insert_rows(table.strip('"'), names, values)

    def __enter__(self) -> _Records:
        return self

    def __exit__(self, *_error: object) -> None:
        """Does nothing: the owner of the connection closes it."""


def sql_directory() -> Path:
    """Where the packaged migrations are."""
    return Path(str(resources.files("schemas").joinpath("sql")))


def latest_migration() -> int:
    """The number of the newest packaged migration: the schema that this code works with."""
    newest: int = max(one.version for one in _files(None))
    return newest


def migrate(
    database: Database, *, dry_run: bool = False, directory: Path | None = None, cluster: str = ""
) -> list[MigrationState]:
    """Bring the schema up to date; returns the migrations that were (or would be) applied.

    A dry run writes nothing. An empty store of one server gets the same tables with fewer
    statements.

    Raises:
        Fatal: an applied migration was changed or is missing, or a statement failed.
    """
    files, applied = _files(directory), _applied(database)
    waiting = _pending(files, applied)
    if waiting and not dry_run:
        if not applied and not cluster:
            _create(database, files)
            return waiting
        migrator = Migrator(
            _Records(database), migration_log_format="compact", migrations_table=RECORDS
        )
        rendered = [one._replace(script=render(one.script, cluster)) for one in files]
        try:
            migrator.init_schema(cluster or None)
            migrator.apply_migration(rendered, multi_statement=True)
        except MigrationException as error:
            raise Fatal(f"migration refused: {error}") from error
    return waiting


def _create(database: Database, files: list[Migration]) -> None:
    """Make all tables of an empty store. What is on record at last says that it is whole: after an
    interruption before that, all of it is made again."""
    for statement in of_new_store(one.script for one in files):
        database.command(statement)
    records = _Records(database)
    Migrator(records, migrations_table=RECORDS).init_schema()
    records.insert(
        RECORDS,
        [{"version": one.version, "script": one.script, "md5": one.md5} for one in files],
    )


def migrate_directory(
    database: Database, data_dir: Path, *, dry_run: bool = False
) -> list[MigrationState]:
    """Like `migrate`, on the engine of a data directory. Raises NoRoom before it begins, when the
    disk is too full for it."""
    waiting = migrate(database, dry_run=True)
    if dry_run or not waiting:
        return waiting
    require_room(data_dir)
    return migrate(database)


def migrate_server(settings: StoreSettings, *, dry_run: bool = False) -> list[MigrationState]:
    """Like `migrate`, on the server of the settings; its database is created when it is missing.

    Raises:
        Retry: the server or one of the replicas does not answer now.
        ConfigurationError: the server does not let this user in or has no such cluster.
    """
    name, cluster = settings.clickhouse_database, settings.clickhouse_cluster
    with closing(open_server(settings, database=SYSTEM, timeout_s=SERVER_TIMEOUT_S)) as system:
        is_there = bool(system.rows(DATABASES_SQL, {"name": name})[0][0])
        if not is_there and dry_run:
            return _pending(_files(None), {})
        if not is_there or cluster:  # a replica that was added later lacks it
            system.command(create_database(name, cluster))
    with closing(open_server(settings, timeout_s=SERVER_TIMEOUT_S)) as database:
        return migrate(database, dry_run=dry_run, cluster=cluster)


def require_schema(database: Database) -> None:
    """Refuse an outdated schema: on a server only one command migrates it.

    A newer one is accepted: migrations only add, and while a newer version is rolled out, or
    back, workers of the older one keep running.

    Raises:
        ConfigurationError: migrations are pending.
        Fatal: an applied migration was changed.
    """
    files, applied = _files(None), _applied(database)
    newest = max(one.version for one in files)
    waiting = _pending(
        files, {number: sum_ for number, sum_ in applied.items() if number <= newest}
    )
    if waiting:
        numbers = ", ".join(f"{one.version:04d}" for one in waiting)
        raise ConfigurationError(
            f"the schema of {database.place} lacks migration {numbers}; run 'c360 migrate' once, "
            "with the same settings"
        )


def rendered_sql(name: str, cluster: str = "") -> Iterator[str]:
    """Every statement that creates an empty store: the database `name`, then all migrations."""
    yield create_database(name, cluster)
    yield f"USE {name}"
    for one in _files(None):
        yield from statements(one.script, cluster)


def _files(directory: Path | None) -> list[Migration]:
    found: list[Migration] = MigrationStorage(directory or sql_directory()).migrations()
    return found


def _applied(database: Database) -> dict[int, str]:
    """Checksums by number. An empty store has none, not even the table."""
    if not database.rows(TABLES_SQL, {"name": RECORDS})[0][0]:
        return {}
    return dict(database.rows(APPLIED_SQL))


def _pending(files: list[Migration], applied: dict[int, str]) -> list[MigrationState]:
    """The files that were not applied. Raises Fatal when an applied one differs or is missing."""
    known = {one.version: one.md5 for one in files}
    for version, checksum in sorted(applied.items()):
        if known.get(version) != checksum:
            raise Fatal(
                f"migration {version:04d} is recorded with checksum {checksum}, but the file "
                "differs or is gone. Applied migrations never change: restore the file and put "
                "the change into a new one."
            )
    return [
        MigrationState(one.version, one.md5, "pending")
        for one in files
        if one.version not in applied
    ]
