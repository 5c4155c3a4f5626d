"""Migrations: numbered, recorded, never changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from clickhouse_migrations.migration import Migration
from clickhouse_migrations.migrator import Migrator

from services.api.server import open_reading, prepare_server
from services.runtime.errors import ConfigurationError, Fatal
from services.runtime.settings import Settings
from services.store import migrations
from services.store.database import Database, open_server
from services.store.migrations import (
    migrate,
    migrate_server,
    rendered_sql,
    require_schema,
    sql_directory,
)
from services.store.rendering import statements
from tests.stores import drop_database

CLUSTER = "prod"
FILES = sorted(sql_directory().glob("*.sql"))
REPLICATED = re.compile(
    r"Replicated(\w+)\('/clickhouse/tables/\{shard\}/\{database\}/\{table\}', '\{replica\}'(, )?"
)
pytestmark = pytest.mark.any_store(always=True)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the packaged migrations that a test may change."""
    return Path(shutil.copytree(sql_directory(), tmp_path / "sql"))


def test_applied_migrations_are_not_applied_again(database: Database) -> None:
    """The fixture migrated; nothing is pending."""
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
    """Files are 0001…, each number once, and begin with a comment that says what they are for."""
    files = sorted(sql_directory().glob("*.sql"))
    numbers = [int(file.name[:4]) for file in files]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
    assert all(file.read_text().startswith("-- ") for file in files)


def formatted(database: Database, statement: str) -> str:
    """A statement as the engine's own parser writes it. Fails when it does not parse."""
    [(text,)] = database.rows("SELECT formatQuery({sql:String})", {"sql": statement})
    return str(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_both_renderings_say_the_same(database: Database, file: Path) -> None:
    """Every statement parses for a cluster; but for ON CLUSTER and the replicas' meeting place it
    is the statement of one server."""
    alone, together = (statements(file.read_text(), cluster) for cluster in ("", CLUSTER))
    assert len(alone) == len(together) > 0
    for one, other in zip(alone, together, strict=True):
        text = formatted(database, other)
        is_data = text.startswith("INSERT")  # rows reach the other replicas by themselves
        assert text.count(f" ON CLUSTER {CLUSTER}") == (not is_data)
        is_table = text.startswith("CREATE TABLE")
        assert len(REPLICATED.findall(text)) == is_table, text.splitlines()[0]
        back = REPLICATED.sub(r"\1(", text.replace(f" ON CLUSTER {CLUSTER}", ""))
        assert back.replace("MergeTree()", "MergeTree") == formatted(database, one)


def test_printed_sql_makes_a_whole_store(database: Database) -> None:
    """What `migrate --render` prints holds every table, and begins with the database."""
    printed = list(rendered_sql("shop", CLUSTER))
    assert printed[0].startswith(f"CREATE DATABASE IF NOT EXISTS shop ON CLUSTER `{CLUSTER}`")
    made = re.findall(r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)", "\n".join(printed))
    there = database.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND name != 'schema_versions' AND NOT startsWith(name, '.inner')"
    )
    assert sorted(set(made)) == sorted(name for (name,) in there)


class OneReplica(Database):
    """Runs the rendering of a cluster on a single server, which has no Keeper: it takes out again
    what needs one, and keeps what it was given."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.client)
        self.given: list[str] = []

    def command(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """Run it as a single server would."""
        self.given.append(sql)
        text = re.sub(r" ON CLUSTER [`\"]\w+[`\"]", "", sql)
        text = re.sub(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(, )?", r"\1(", text)
        return super().command(text, parameters)


@pytest.fixture
def empty_store(database: Database) -> Iterator[Database]:
    """A database without a single table."""
    database.command("CREATE DATABASE c360_probe ENGINE = Atomic")
    [(before,)] = database.rows("SELECT currentDatabase()")
    client, database.client.database = database.client, "c360_probe"
    yield OneReplica(database)
    client.database = before
    database.command("DROP DATABASE c360_probe SYNC")


def test_checksum_is_that_of_the_file(empty_store: OneReplica) -> None:
    """Whatever was rendered and run: a store made for a cluster takes the same files as its own."""
    numbers = [int(file.name[:4]) for file in FILES]
    assert [one.version for one in migrate(empty_store, cluster=CLUSTER)] == numbers
    rows = ("OPTIMIZE", "SELECT", "INSERT")  # what replicas take from each other
    given = [re.sub(r"^(--.*\n|\s)+", "", one) for one in empty_store.given]
    changing = [one for one in given if one.split()[0] not in rows]
    assert all(f"ON CLUSTER `{CLUSTER}`" in one or f'"{CLUSTER}"' in one for one in changing)
    assert migrate(empty_store) == migrate(empty_store, cluster=CLUSTER) == []


NUMBERED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def everything(database: Database) -> list[tuple[Any, ...]]:
    """Every table of a store, and how many rows it has, but for the numbers of inner tables; then
    what is on record."""
    tables = database.rows(
        "SELECT name, engine_full, create_table_query, total_rows FROM system.tables "
        "WHERE database = currentDatabase() ORDER BY name, create_table_query"
    )
    columns = database.rows(
        "SELECT table, position, name, type, default_kind, default_expression, comment "
        "FROM system.columns WHERE database = currentDatabase() ORDER BY table, position"
    )
    records = database.rows("SELECT version, md5, script FROM schema_versions ORDER BY version")
    name = database.client.database
    found = (
        tuple(NUMBERED.sub("", str(value)).replace(f"{name}.", "") for value in row)
        for row in (*tables, *columns)
    )
    return [*sorted(found), *records]


def test_a_new_store_is_the_same_as_one_that_was_migrated(empty_store: OneReplica) -> None:
    """A file at a time, as every store of an earlier release was migrated, or all at once: the same
    tables, columns, views and records. An interruption before the end does no harm."""
    database = empty_store
    migrate(database)
    at_once, given = everything(database), database.given
    database.given = []
    database.command("DROP TABLE schema_versions SYNC")
    migrate(database)
    assert everything(database) == at_once
    database.command("CREATE DATABASE c360_other ENGINE = Atomic")
    database.client.database = "c360_other"
    try:
        database.given = []
        with mock.patch.object(migrations, "_create", side_effect=by_file):
            migrate(database)
        assert everything(database) == at_once
        assert len(given) < len(database.given) - 20  # what a file changes of an earlier one
    finally:
        database.client.database = "c360_probe"
        database.command("DROP DATABASE c360_other SYNC")


def by_file(database: Database, files: Sequence[Migration]) -> None:
    """Migrate as the tool does it for a store that is there."""
    migrator = Migrator(
        migrations._Records(database),
        migration_log_format="compact",
        migrations_table="schema_versions",
    )
    migrator.init_schema()
    migrator.apply_migration(files, multi_statement=True)


def test_the_guides_example_is_a_migration(empty_store: OneReplica, copied: Path) -> None:
    """The statements of the guide run as the next file, and again; beside the new column, its view
    projects what the view of today does."""
    guide = (Path(__file__).parents[2] / "docs" / "schema-changes.md").read_text("utf-8")
    [example] = re.findall(r"^```sql\n(.*?)^```", guide, re.M | re.S)
    migrate(empty_store, directory=copied)
    before = view_of(empty_store)
    (copied / "0999_example.sql").write_text(f"-- An example.\n{example}")
    assert [one.version for one in migrate(empty_store, directory=copied)] == [999]
    for statement in statements(example, ""):
        empty_store.command(statement)
    assert "source_till, " in view_of(empty_store)
    assert view_of(empty_store).replace("source_till, ", "") == before


def view_of(database: Database) -> str:
    """The query of the view that fills the orders."""
    [(query,)] = database.rows(
        "SELECT as_select FROM system.tables WHERE database = 'c360_probe' AND name = 'orders_view'"
    )
    return " ".join(str(query).split())


def test_database_of_a_server_is_made_when_missing(server_settings: Settings) -> None:
    """`c360 migrate` on a fresh server; before it every command says what to do."""
    settings = server_settings.model_copy(update={"clickhouse_database": "c360_test_fresh"})
    with pytest.raises(ConfigurationError, match=r"no database 'c360_test_fresh', .*c360 migrate"):
        open_server(settings)
    count = len(FILES)
    assert len(migrate_server(settings, dry_run=True)) == count
    try:
        assert len(prepare_server(settings)) == count
        assert prepare_server(settings) == []
        with open_reading(settings) as reading:
            assert reading.reading.rows("SELECT count() FROM touchpoints") == [(0,)]
    finally:
        drop_database(settings)


def test_schema_that_is_behind_is_refused(database: Database) -> None:
    """Commands and workers on a server never migrate by themselves."""
    require_schema(database)
    database.command("RENAME TABLE schema_versions TO schema_versions_away")
    try:
        with pytest.raises(ConfigurationError, match=r"lacks migration 0001, .*'c360 migrate'"):
            require_schema(database)
    finally:
        database.command("RENAME TABLE schema_versions_away TO schema_versions")


def test_schema_that_is_ahead_is_taken_by_workers_only(database: Database, copied: Path) -> None:
    """While a newer version is rolled out, or back, an older one works on; it migrates nothing."""
    (copied / "0999_newer.sql").write_text("-- newer\nSELECT 1;")
    migrate(database, directory=copied)
    try:
        require_schema(database)
        with pytest.raises(Fatal, match="migration 0999"):
            migrate(database)
    finally:
        database.command("ALTER TABLE schema_versions DELETE WHERE version = 999")
