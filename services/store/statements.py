"""Statements in `.sql` files: named, described, parsed once.

A file stands beside the module that uses it and has its name. Each statement begins with its name
and a description of what it answers:

    -- members_of --
    -- The nodes of profiles, with stale rows.
    SELECT …

A statement for the rows that another one is about ends with a line of this form, and gets all that
stands there from WHERE on:

    -- WHERE of members_of --

Every statement that reads is in such a file, also one that inserts what it reads. Inserts of rows
are built by the adapters, migrations are in schemas/sql/.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_HEADER = re.compile(r"^-- (\w+) --$", re.M)
_SAME_ROWS = re.compile(r"^-- WHERE of (\w+) --$", re.M)
_CONDITION = re.compile(r"^WHERE\b.*", re.M | re.S)
_WORD = re.compile(r"\s*(\w+)")
_KINDS = {
    name: name
    for name in ("alter", "create", "delete", "drop", "exists", "insert", "select", "system")
} | {"with": "select"}
_NAMES: dict[str, str] = {}
"""Of all statements that were read, by their text."""


class NamedStatement(NamedTuple):
    """One statement of a file."""

    name: str
    description: str
    sql: str


class Statements(dict[str, str]):
    """The SQL of a file by name. An unknown name raises KeyError, so take them at import."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError for a file that does not follow the format."""
        self.path = path
        super().__init__(
            (one.name, one.sql) for one in parse(path.read_text("utf-8"), str(path.name))
        )

    def __missing__(self, name: str) -> str:
        raise KeyError(f"{self.path} has no statement {name!r}")


def statements_of(module_file: str) -> Statements:
    """The statements of the `.sql` file beside a module, given its `__file__`."""
    found = Statements(Path(module_file).with_suffix(".sql"))
    place = [
        part for part in Path(module_file).parts[-3:-1] if part not in ("adapters", "services")
    ]
    module = ".".join([*place, found.path.stem])
    _NAMES.update((sql, f"{module}.{one}") for one, sql in found.items())
    return found


def title_of(sql: str) -> tuple[str, str]:
    """What may be told of a statement without telling what it asks for: its kind, and its name, as
    `profiles.timeline.page`; empty for one of no file."""
    word = _WORD.match(sql)
    kind = _KINDS.get(word[1].lower(), "other") if word else "other"
    return kind.upper(), _NAMES.get(sql, "")


def parse(text: str, source: str) -> list[NamedStatement]:
    """The statements of a text. Raises ValueError, naming `source`, for a fault in it."""
    _, *parts = _HEADER.split(text)
    statements = [
        _statement(name, body, source) for name, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    if not statements:
        raise ValueError(f"{source} holds no statement; one begins with '-- name --'")
    names = [one.name for one in statements]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"{source} has these statements twice: {', '.join(sorted(repeated))}")
    texts = {one.name: one.sql for one in statements}
    return [one._replace(sql=_whole(one, texts, source)) for one in statements]


def _whole(statement: NamedStatement, texts: dict[str, str], source: str) -> str:
    """The text of a statement, with the condition that it has from another one."""

    def condition(match: re.Match[str]) -> str:
        found = _CONDITION.search(texts.get(match[1], ""))
        if found is None or _SAME_ROWS.search(found[0]):
            raise ValueError(
                f"{source}: statement {statement.name} asks for the WHERE of {match[1]}, which has "
                "none of its own"
            )
        return found[0]

    return _SAME_ROWS.sub(condition, statement.sql)


def _statement(name: str, body: str, source: str) -> NamedStatement:
    lines = body.strip().splitlines()
    described = next(
        (index for index, line in enumerate(lines) if not line.startswith("--")), len(lines)
    )
    description = " ".join(line.removeprefix("--").strip() for line in lines[:described])
    sql = "\n".join(lines[described:]).strip()
    if not description or not sql:
        raise ValueError(f"{source}: statement {name} lacks its description or its text")
    return NamedStatement(name, description, sql)
