"""A store with a full disk reports it: otherwise a run on a small disk would prove nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.chaos.small_disk import SmallDisk
from tests.clickhouse_endpoint import ClickHouseEndpoint

DISK_MIB = 128


def test_full_disk_refuses_inserts_and_says_so(tmp_path: Path) -> None:
    """Code 243 while there is no room; nothing counts as written. With room again it goes on."""
    with SmallDisk(tmp_path / "disk", DISK_MIB) as disk:
        store = ClickHouseEndpoint(disk.path / "data")
        store.launcher = disk.launcher
        with store:
            client = store.client(database="default")
            client.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
            client.insert("t", [[1]], column_names=["a"])
            disk.fill()
            for _ in range(3):
                with pytest.raises(DatabaseError, match="NOT_ENOUGH_SPACE"):
                    client.insert("t", [[2]], column_names=["a"])
            disk.free()
            client.insert("t", [[3]], column_names=["a"])
            assert client.query("SELECT a FROM t ORDER BY a").result_rows == [(1,), (3,)]
            client.close()


def test_view_that_throws_refuses_the_insert(tmp_path: Path) -> None:
    """An error that comes when rows are stored reaches the sender."""
    with ClickHouseEndpoint(tmp_path / "data") as store:
        client = store.client(database="default")
        for statement in (
            "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a",
            "CREATE TABLE u (a UInt64) ENGINE = MergeTree ORDER BY a",
            "CREATE MATERIALIZED VIEW v TO u AS SELECT throwIf(a = 7) + a AS a FROM t",
        ):
            client.command(statement)
        with pytest.raises(DatabaseError, match="throwIf"):
            client.insert("t", [[7]], column_names=["a"])
        client.insert("t", [[8]], column_names=["a"])
        assert client.query("SELECT a FROM u").result_rows == [(8,)]
        client.close()
