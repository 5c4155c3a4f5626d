"""A pass over the whole graph while events wait for the one who writes (real engine)."""

from __future__ import annotations

import pytest

from schemas.rules.identity import identity_rules
from services.identity.adapters import clickhouse, plain_rows
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.model import type_table
from services.identity.sieve import sieve_of
from services.runtime.errors import Fatal
from services.store.database import Database

SLOW_SQL = """SELECT generateUUIDv4(), 'email', '' FROM numbers(20)
WHERE sleepEachRow(0.1) = 1 SETTINGS max_block_size = 1, max_threads = 1"""


@pytest.mark.parametrize("writes", [True, False])
def test_who_writes_gives_a_long_pass_up(
    database: Database, monkeypatch: pytest.MonkeyPatch, writes: bool
) -> None:
    """The graph is then read in parts, all of it, between which events are taken. Nobody waits for
    a command that only looks: its pass may take any time."""
    monkeypatch.setattr(plain_rows, "CROWDED_SQL", SLOW_SQL)
    monkeypatch.setattr(clickhouse, "PASS_S", 1)
    store = ClickHouseIdentityStore(database, sole_writer=writes)
    sieve = sieve_of(store, "default", type_table(identity_rules()))
    assert (sieve.doubtful is None) == writes


@pytest.mark.parametrize("writes", [True, False])
def test_a_server_that_refuses_the_pass_is_read_in_parts(
    database: Database, monkeypatch: pytest.MonkeyPatch, writes: bool
) -> None:
    """An older one, or one whose user may not set what the statement sets."""
    refused_sql = plain_rows.DOUBTFUL_SQL.replace("max_read_buffer_size", "no_such_setting")
    monkeypatch.setattr(plain_rows, "DOUBTFUL_SQL", refused_sql)
    store, table = (
        ClickHouseIdentityStore(database, sole_writer=writes),
        type_table(identity_rules()),
    )
    with pytest.raises(Fatal, match="no_such_setting"):
        store.doubtful("default", table, (), (), 1)
    assert sieve_of(store, "default", table).doubtful is None
