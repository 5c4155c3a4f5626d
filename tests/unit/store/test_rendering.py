"""Migrations as text: one server runs the file itself, a cluster its replicated form."""

from __future__ import annotations

import pytest

from services.runtime.errors import Fatal
from services.store.rendering import create_database, render, statements

PATH = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"


def test_one_server_runs_the_file_itself() -> None:
    """Not a character is changed, so what is recorded is what ran."""
    script = "-- why\nCREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a ;\n"
    assert render(script) == script


@pytest.mark.parametrize(
    ("written", "replicated"),
    [
        ("ENGINE = MergeTree ORDER BY a", f"ENGINE = ReplicatedMergeTree({PATH}) ORDER BY a"),
        ("ENGINE=MergeTree() ORDER BY a", f"ENGINE=ReplicatedMergeTree({PATH}) ORDER BY a"),
        ("ENGINE = ReplacingMergeTree(v)", f"ENGINE = ReplicatedReplacingMergeTree({PATH}, v)"),
        ("engine = ReplacingMergeTree ( v, d )",
         f"engine = ReplicatedReplacingMergeTree({PATH}, v, d )"),
        ("ENGINE = AggregatingMergeTree", f"ENGINE = ReplicatedAggregatingMergeTree({PATH})"),
    ],
)  # fmt: skip
def test_every_engine_of_the_family_is_replicated(written: str, replicated: str) -> None:
    """With and without arguments; what follows the engine stays."""
    [one] = statements(f"CREATE TABLE IF NOT EXISTS t AS u {written};", "prod")
    assert one == f"CREATE TABLE IF NOT EXISTS t ON CLUSTER `prod` AS u {replicated}"


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        # a view without rows of its own
        ("CREATE MATERIALIZED VIEW v TO t AS SELECT 1",
         "CREATE MATERIALIZED VIEW v ON CLUSTER `prod` TO t AS SELECT 1"),
        # a view whose rows each replica computes for itself
        ("CREATE MATERIALIZED VIEW v REFRESH EVERY 1 HOUR (a UInt8) ENGINE = MergeTree ORDER BY a",
         "CREATE MATERIALIZED VIEW v ON CLUSTER `prod` REFRESH EVERY 1 HOUR (a UInt8) "
         "ENGINE = MergeTree ORDER BY a"),
        ("ALTER TABLE `t` DROP COLUMN a", "ALTER TABLE `t` ON CLUSTER `prod` DROP COLUMN a"),
        ("DROP VIEW IF EXISTS v", "DROP VIEW IF EXISTS v ON CLUSTER `prod`"),
        # rows are written once, and replicated
        ("INSERT INTO t SELECT 1", "INSERT INTO t SELECT 1"),
        # what only looks like code
        ("-- CREATE TABLE x ENGINE = Log\nALTER TABLE t MODIFY COMMENT 'ENGINE = MergeTree'",
         "-- CREATE TABLE x ENGINE = Log\nALTER TABLE t ON CLUSTER `prod` MODIFY COMMENT "
         "'ENGINE = MergeTree'"),
    ],
)  # fmt: skip
def test_every_kind_of_statement(written: str, rendered: str) -> None:
    """What makes or alters something does so on every replica."""
    assert statements(f"{written};", "prod") == [rendered]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("OPTIMIZE TABLE t FINAL", "cannot be rendered"),
        ("CREATE TABLE t (a UInt8) ENGINE = Log", "would not replicate"),
        ("CREATE TABLE t (a UInt8) ENGINE = ReplicatedMergeTree('p', 'r')", "would not replicate"),
        ("CREATE TABLE t (a String DEFAULT 'ENGINE = MergeTree')", "would not replicate"),
    ],
)
def test_what_nobody_thought_of_is_refused(statement: str, problem: str) -> None:
    """Rather than a table that stands on one replica only."""
    with pytest.raises(Fatal, match=problem):
        render(f"{statement};", "prod")


def test_the_database_is_made_everywhere() -> None:
    """Atomic, for the refreshable view; on all servers of the cluster."""
    assert create_database("c") == "CREATE DATABASE IF NOT EXISTS c ENGINE = Atomic"
    assert "IF NOT EXISTS c ON CLUSTER `prod` ENGINE = Atomic" in create_database("c", "prod")
