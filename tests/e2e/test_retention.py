"""`c360 store retention` after a kill in the middle of a removal, on both kinds of store."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.runtime.errors import Retry
from services.runtime.settings import load_settings
from services.store.database import Database, open_embedded, open_server
from services.store.migrations import migrate, migrate_server
from services.store.retention import UNFINISHED_SQL, expired_rows, remove_expired
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.runs import SECRET, c360
from tests.tiers import LONG

ROWS, OLD = 3_000, 1_000
DEADLINE_S = 60


def _begin(database: Database) -> None:
    """A removal that has begun and cannot end: the store may not rewrite parts."""
    now = datetime.now(UTC)
    rows = [
        ("invalid_json", str(number), now - timedelta(days=90 if number < OLD else 1), "{" * 500)
        for number in range(ROWS)
    ]
    database.insert_rows("rejected", ("reason", "event_id", "received_at", "raw"), rows)
    database.command("SYSTEM STOP MERGES rejected")
    expired = expired_rows(database, {"rejected": 30})
    assert [one.rows for one in expired] == [OLD]
    with pytest.raises(Retry, match="not all of rejected"):
        list(remove_expired(database, expired, within_s=0))
    assert database.rows(UNFINISHED_SQL, {"table": "rejected"}) == [(1,)]


def _check(database: Database) -> None:
    """What is young is there, and the store has rewritten its parts for one removal alone."""
    assert database.rows("SELECT count() FROM rejected") == [(ROWS - OLD,)]
    changes = "SELECT count(), min(is_done) FROM system.mutations WHERE table = 'rejected'"
    assert database.rows(changes) == [(1, 1)]


def _begin_and_die(directory: Path) -> None:
    database = open_embedded(directory)
    migrate(database)
    _begin(database)
    os.kill(os.getpid(), signal.SIGKILL)


def _check_directory(directory: Path) -> None:
    with closing(open_embedded(directory)) as database:
        _check(database)


def _in_a_process(target: Callable[[Path], None], directory: Path) -> int | None:
    """The exit code: a process holds one directory at a time."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=(directory,))
    process.start()
    process.join(DEADLINE_S)
    return process.exitcode


def test_a_data_directory_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """The next run ends what was begun, removes nothing else, and begins nothing twice."""
    assert _in_a_process(_begin_and_die, tmp_path) == -signal.SIGKILL
    arguments = ("store", "retention", "--apply", "--json")
    [row] = json.loads(c360(tmp_path, *arguments, C360_RETENTION_REJECTED_DAYS="30").stdout)
    assert (row["table"], row["removed"]) == ("rejected", True)
    assert row["rows"] in {0, OLD}  # the engine may have gone on before it was asked
    assert _in_a_process(_check_directory, tmp_path) == 0


@LONG
def test_a_server_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """The same where the store is killed, and is back before the next run."""
    with ClickHouseEndpoint(tmp_path / "data") as endpoint:
        settings = load_settings(identity_secret=SECRET, clickhouse_url=endpoint.url)
        migrate_server(settings)
        with closing(open_server(settings)) as database:
            _begin(database)
        endpoint.kill()
        endpoint.start()
        with closing(open_server(settings)) as database:
            expired = expired_rows(database, {"rejected": 30})
            assert list(remove_expired(database, expired, DEADLINE_S)) == expired
            _check(database)
