"""The settings that statements name are those that the page for operators of a server lists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from services.store.database import ENGINE_SETTINGS, WRITE_SETTINGS, Database

ROOT = Path(__file__).parents[2]
OF_COLUMNS = {"min_compress_block_size"}
"""Named in definitions of tables only, which a user needs no setting for."""
NAMED = re.compile(r"\b([a-z]+_[a-z_]+)\b\s*=\s")


def strings_of(source: str) -> list[str]:
    """Every literal of a module, also those around the fields of an f-string."""
    found = (one.value for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Constant))
    return [one for one in found if isinstance(one, str)]


def named_in(path: Path) -> set[str]:
    """Everything in a file that may be the name of a setting."""
    if path.suffix == ".sql":
        return set(NAMED.findall(path.read_text()))
    strings = strings_of(path.read_text())
    return {*strings, *NAMED.findall("\n".join(strings))}


def test_the_page_lists_what_a_user_must_be_allowed_to_set(engine: Database) -> None:
    """All of it: a profile without one of them refuses the statements that name it."""
    known = {name for (name,) in engine.rows("SELECT name FROM system.settings")}
    files = [*ROOT.glob("services/**/*.sql"), *ROOT.glob("services/**/*.py")]
    files += ROOT.glob("schemas/sql/*.sql")
    found = {one for path in files for one in named_in(path) if "_" in one and one in known}
    of_the_engine = ENGINE_SETTINGS.keys() - WRITE_SETTINGS.keys() - {"max_query_size"}
    found -= OF_COLUMNS | of_the_engine
    page = (ROOT / "docs" / "clickhouse.md").read_text()
    [section] = re.findall(r"\n### Settings of statements\n(.*?)\n### ", page, re.DOTALL)
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    listed = {one for row in rows for one in re.findall(r"`([a-z_]+)`", row.split(" | ")[0])}
    assert listed == found
