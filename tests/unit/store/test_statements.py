"""Statements in `.sql` files: the format, and that each one of the tree is described and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.measures.catalogue import MEASURES
from services.profiles.adapters.timeline import PAGE_SQL
from services.store.database import COLUMNS_SQL
from services.store.statements import NamedStatement, Statements, parse, title_of

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "services").rglob("*.sql"))


def test_a_file_is_a_list_of_named_statements() -> None:
    """A name, a description of any number of lines, and the text up to the next name."""
    text = "Preface.\n-- one --\n-- What it\n-- answers.\nSELECT 1\n\n-- two --\n-- B.\nSELECT\n2\n"
    assert parse(text, "a.sql") == [
        NamedStatement("one", "What it answers.", "SELECT 1"),
        NamedStatement("two", "B.", "SELECT\n2"),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SELECT 1", "no statement"),
        ("-- one --\nSELECT 1", "lacks its description"),
        ("-- one --\n-- Nothing follows.", "lacks its description or its text"),
        ("-- one --\n-- A.\nSELECT 1\n-- one --\n-- A.\nSELECT 1", "twice: one"),
    ],
)
def test_a_fault_is_named_with_its_file(text: str, fault: str) -> None:
    """A file that does not follow the format fails when it is loaded."""
    with pytest.raises(ValueError, match=rf"a\.sql.*{fault}"):
        parse(text, "a.sql")


def test_an_unknown_name_is_an_error(tmp_path: Path) -> None:
    """A module that asks for a statement that is not there cannot be imported."""
    file = tmp_path / "a.sql"
    file.write_text("-- one --\n-- A.\nSELECT 1\n", "utf-8")
    statements = Statements(file)
    assert statements["one"] == "SELECT 1"
    with pytest.raises(KeyError, match="no statement 'two'"):
        statements["two"]


@pytest.mark.parametrize(
    ("sql", "title"),
    [
        (COLUMNS_SQL, ("SELECT", "store.database.columns")),
        (PAGE_SQL, ("SELECT", "profiles.timeline.page")),
        ("WITH 'Anna' AS name SELECT name", ("SELECT", "")),
        ("alter table members add column x UInt8", ("ALTER", "")),
        ("Anna Müller", ("OTHER", "")),
        ("", ("OTHER", "")),
    ],
)
def test_a_title_tells_nothing_of_the_text(sql: str, title: tuple[str, str]) -> None:
    """The kind is one of a few words, and the name is ours."""
    assert title_of(sql) == title


def test_two_statements_may_be_about_the_same_rows() -> None:
    """The second has the whole condition of the first, which must be there and have one."""
    text = (
        "-- count_rows --\n-- How many.\nSELECT count() FROM a\nWHERE b IN (\n    SELECT b FROM c\n"
        "    WHERE d)\n\n-- delete_rows --\n-- Removes them.\nALTER TABLE a DELETE\n"
    )
    [_, removal] = parse(text + "-- WHERE of count_rows --\n", "a.sql")
    assert removal.sql == "ALTER TABLE a DELETE\nWHERE b IN (\n    SELECT b FROM c\n    WHERE d)"
    for name in ("count_others", "delete_rows"):
        with pytest.raises(ValueError, match=f"delete_rows asks for the WHERE of {name}, which"):
            parse(f"{text}-- WHERE of {name} --\n", "a.sql")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_what_is_counted_is_what_is_removed(file: Path) -> None:
    """A removal repeats no condition of what counts its rows, or one would be changed alone."""
    text = file.read_text("utf-8")
    removals = set(re.findall(r"^-- delete_(\w+) --$", text, re.M))
    for name in removals & set(re.findall(r"^-- count_(\w+) --$", text, re.M)):
        assert f"-- WHERE of count_{name} --" in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_statement_is_used_by_the_module_beside_it(file: Path) -> None:
    """A statement that nothing asks for would rot; a measure's has the name of an input."""
    source = file.with_suffix(".py").read_text("utf-8")
    asked = set(re.findall(r'(?:_STATEMENTS|statements_of\(__file__\))\["(\w+)"\]', source))
    if file.parent.name == "catalogue":
        asked = set(MEASURES[file.stem].rows)
    assert {one.name for one in parse(file.read_text("utf-8"), file.name)} <= asked
