"""What statements need of a ClickHouse server, and what its users are granted.

The engine in process knows no users. So statements are noted where processes run them, and held to
the grants of the manifests, which docs/clickhouse.md repeats in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.store.database import Database

MANIFEST = Path(__file__).parents[1] / "k8s/components/clickhouse-operator/clickhouse.yaml"
FREE = {"columns", "databases", "one", "tables"}
"""Of `system`: a server shows everybody what is said there of what they may read."""
_NOISE = re.compile(r"--[^\n]*|'(?:[^'\\]|\\.)*'")
_SOURCE = re.compile(r"\b(?:FROM|JOIN)\s+(\w+(?:\.\w+)?)(?!\w*\()", re.I)
_WRITES = (
    (re.compile(r"INSERT\s+INTO\s+(\w+)", re.I), "INSERT"),
    (re.compile(r"DELETE\s+FROM\s+(\w+)", re.I), "ALTER DELETE"),
    (re.compile(r"ALTER\s+TABLE\s+(\w+)\s+DELETE\b", re.I), "ALTER DELETE"),
    (re.compile(r"OPTIMIZE\s+TABLE\s+(\w+)", re.I), "OPTIMIZE"),
    (re.compile(r"SYSTEM\s+(?:REFRESH|WAIT)\s+VIEW\s+(\w+)", re.I), "SYSTEM VIEWS"),
)
READ = ("SELECT", "c360.*")
Grant = tuple[str, str]
"""A privilege, and the table, as `c360.members`, or a pattern of tables."""


def needed(sql: str, parameters: dict[str, Any] | None = None) -> set[Grant]:
    """What a server asks for before it runs a statement. Raises ValueError for one that this does
    not understand."""
    for name, value in (parameters or {}).items():
        sql = sql.replace(f"{{{name}:Identifier}}", str(value))
    text = _NOISE.sub("''", sql).strip().replace("`", "")
    found = set[Grant]()
    if not re.match(r"(SELECT|WITH|EXPLAIN)\b", text, re.I):
        matches = [(kind, pattern.match(text)) for pattern, kind in _WRITES]
        found = {(kind, f"c360.{match[1]}") for kind, match in matches if match}
        if len(found) != 1:
            raise ValueError(f"nobody knows which grant this needs: {text[:100]}")
        if next(iter(found))[0] != "INSERT":
            text = text.partition("WHERE")[2]
    for source in _SOURCE.findall(text):
        database, _, table = source.rpartition(".")
        if database == "system":
            found |= set() if table in FREE else {("SELECT", source)}
        else:
            found.add(READ)
    return found


def granted(user: str) -> set[Grant]:
    """What the manifests grant to a user."""
    users = yaml.safe_load(MANIFEST.read_text("utf-8"))["spec"]["configuration"]["users"]
    found = set[Grant]()
    for one in users[f"{user}/grants/query"]:
        match = re.fullmatch(r"GRANT (.+) ON (\S+)", one)
        assert match, one
        found |= {(kind, match[2]) for kind in match[1].split(", ")}
    return found


def missing(asked: set[Grant], user: str) -> set[Grant]:
    """What a user is not granted."""
    held = granted(user)
    return {
        (kind, table)
        for kind, table in asked
        if not any(kind == own and fnmatchcase(table, where) for own, where in held)
    }


@contextmanager
def noted() -> Iterator[set[Grant]]:
    """Collects what every statement of this process needs."""
    asked = set[Grant]()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("rows", "records", "raw", "command"):
            patch.setattr(Database, name, _noting(getattr(Database, name), asked))
        insert = Database.insert

        def noting_insert(self: Database, table: str, *given: Any) -> None:
            asked.add(("INSERT", f"c360.{table}"))
            insert(self, table, *given)

        patch.setattr(Database, "insert", noting_insert)
        yield asked


def _noting(run: Any, asked: set[Grant]) -> Any:
    def noting(self: Database, sql: str, *given: Any, **named: Any) -> Any:
        parameters = next((one for one in (*given, *named.values()) if isinstance(one, dict)), None)
        asked.update(needed(sql, parameters))
        return run(self, sql, *given, **named)

    return noting
