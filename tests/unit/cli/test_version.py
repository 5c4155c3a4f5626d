"""`c360 version`: text and JSON say the same, and JSON what is documented."""

from __future__ import annotations

import json
import re
from importlib import metadata

from typer.testing import CliRunner

from services.cli.app import app
from services.docs.outputs import VERSION
from services.store.migrations import latest_migration, sql_directory


def said(*arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["version", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_json_is_documented() -> None:
    """Its fields are those of the interface page, and tell the truth."""
    told = json.loads(said("--json"))
    assert list(told) == [field.name for field in VERSION]
    assert told["release"] == metadata.version("customer360")
    assert told["schema"] == latest_migration()
    assert told["commit"] is None
    assert told["libraries"] == {name: metadata.version(name) for name in told["libraries"]}


def test_the_text_says_the_same() -> None:
    """A line for each field and library."""
    told, text = json.loads(said("--json")), said()
    assert text.startswith(f"c360 {told['release']}\n")
    for name, value in {**told["libraries"], "python": told["python"]}.items():
        assert re.search(rf"^  {re.escape(name)} +{re.escape(value)}$", text, re.M)


def test_the_schema_is_the_newest_migration() -> None:
    """The number that the newest file has in its name."""
    newest = max(path.name for path in sql_directory().glob("*.sql"))
    assert latest_migration() == int(newest.split("_")[0])
