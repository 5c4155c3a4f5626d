"""`c360 store`, `c360 state` and `c360 migrate`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from services.api.operation import plain
from services.api.queries.store import (
    MIGRATIONS_PENDING,
    STATE_DIGEST,
    STORE_AUDIT,
    STORE_EXPIRED,
    STORE_REFRESH,
    STORE_REMOVE_EXPIRED,
    STORE_REPAIR,
    BoundedRequest,
    StoreRequest,
)
from services.api.server import prepare_server
from services.cli.output import out, print_json, print_table
from services.cli.session import find_running
from services.cli.state import AsJson, state_of
from services.store import migrations
from services.store.database import open_embedded
from services.store.directory import has_engine
from services.store.locks import DirectoryLock
from services.store.migrations import rendered_sql

WithinS = Annotated[float, typer.Option(min=0, max=86_400, help="Seconds to wait at most.")]
WAIT_S = 3_600.0
store = typer.Typer(help="Look after the store: audit, retention, figures.", no_args_is_help=True)
state = typer.Typer(help="Compare states.", no_args_is_help=True)


@store.command()
def audit(
    context: typer.Context,
    fix: Annotated[bool, typer.Option("--fix", help="Keep one row each.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find events stored under two anchors; --fix keeps that of the latest body."""
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(STORE_REPAIR if fix else STORE_AUDIT, StoreRequest())))
    if as_json:
        print_json(rows)
    else:
        verb = "kept once" if fix else "under two anchors"
        print_table(f"{len(rows)} events {verb}", rows, ("realm", "event_id", "kept", "others"))
    if rows and not fix:
        raise typer.Exit(1)


@store.command()
def retention(
    context: typer.Context,
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove it; without this, only count it.")
    ] = False,
    within_s: WithinS = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Find what is older than C360_RETENTION_… keeps it; --apply removes it for good."""
    with state_of(context).session() as session:
        found = (
            session.run(STORE_REMOVE_EXPIRED, BoundedRequest(within_s=within_s))
            if apply
            else session.run(STORE_EXPIRED, StoreRequest())
        )
        rows = list(map(plain, found))
    if as_json:
        print_json(rows)
    elif not rows:
        out.print("everything is kept: no C360_RETENTION_… is set ('c360 config' lists them)")
    else:
        title = "Removed" if apply else "Expired; --apply removes it"
        print_table(title, rows, ("table", "event_type", "kept_days", "before", "rows"))


@store.command()
def refresh(
    context: typer.Context,
    within_s: WithinS = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Recompute the figures of all profiles now; the store does so within every hour."""
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(STORE_REFRESH, BoundedRequest(within_s=within_s))))
    if as_json:
        print_json(rows)
    else:
        print_table("Figures of profiles", rows, ("realm", "profiles", "refreshed_at", "took_s"))


@state.command()
def digest(context: typer.Context, as_json: AsJson = False) -> None:
    """SHA-256 of the state by section; equal digests mean the same state."""
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(STATE_DIGEST, StoreRequest())))
    if as_json:
        print_json({"version": 1, **{row["section"]: row["sha256"] for row in rows}})
        return
    for row in rows:
        out.print(f"{row['sha256']}  {row['section']}")


def migrate(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what is pending.")] = False,
    render: Annotated[
        bool, typer.Option("--render", help="Print the SQL of an empty store; contacts no server.")
    ] = False,
    cluster: Annotated[
        str | None, typer.Option(help="With --render: for this cluster (C360_CLICKHOUSE_CLUSTER).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Migrate the schema: of the ClickHouse server, which no other command does, or of the data
    directory (where every command does so)."""
    if cluster is not None and not render:
        raise typer.BadParameter("--cluster goes with --render; else set C360_CLICKHOUSE_CLUSTER")
    given = {} if cluster is None else {"clickhouse_cluster": cluster}
    settings = state_of(context).settings(**given)
    if render:
        for one in rendered_sql(settings.clickhouse_database, settings.clickhouse_cluster):
            typer.echo(f"{one};\n")
        return
    if settings.clickhouse_url is not None:
        rows = [one._asdict() for one in prepare_server(settings, dry_run=dry_run)]
    elif find_running(settings):
        with state_of(context).session() as session:
            rows = list(map(plain, session.run(MIGRATIONS_PENDING, StoreRequest())))
    else:
        rows = _migrate_here(settings.data_dir, dry_run)
    if as_json:
        print_json(rows)
    elif not rows:
        out.print("the schema is up to date")
    else:
        title = "Pending migrations" if dry_run else "Applied migrations"
        print_table(title, rows, ("version", "checksum"))


def _migrate_here(data_dir: Path, dry_run: bool) -> list[dict[str, Any]]:
    if dry_run and not has_engine(data_dir):  # what a new one would get, without making it
        with TemporaryDirectory() as empty:
            return _migrate(Path(empty), dry_run)
    return _migrate(data_dir, dry_run)


def _migrate(data_dir: Path, dry_run: bool) -> list[dict[str, Any]]:
    lock = DirectoryLock(data_dir)
    lock.acquire()
    try:
        with closing(open_embedded(data_dir)) as database:
            found = migrations.migrate_directory(database, data_dir, dry_run=dry_run)
            return [one._asdict() for one in found]
    finally:
        lock.release()
