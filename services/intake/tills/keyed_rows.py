"""Rows of tables by the receipt they belong to, whatever order they come in.

Kept in a temporary database of SQLite, which goes to disk when its cache is full, and is gone when
it is closed: so a table of any size takes bounded memory. Nothing else is kept in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from schemas.reject import RejectReason
from services.intake.fields import NotTaken

CACHE_KIB = 32 * 1024
ROWS_MAX = 2_000
"""Of one receipt in one table; a receipt may have 500 lines."""
CHUNK_ROWS = 1_000


class KeyedRow(NamedTuple):
    """One row of a table."""

    number: int
    """Of its line."""
    text: str
    """As it is written."""


def require_few(*tables: Sequence[KeyedRow]) -> None:
    """Raises NotTaken for a receipt of more rows than one may have."""
    if any(len(rows) > ROWS_MAX for rows in tables):
        raise NotTaken("", f"has more than {ROWS_MAX:,} rows", RejectReason.TOO_LARGE)


class KeyedRows:
    """The rows of several tables. Use it as a context."""

    def __init__(self) -> None:
        """An empty file name stands for a temporary database that nobody else sees."""
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = off", "synchronous = off", f"cache_size = -{CACHE_KIB}"):
            self._database.execute(f"pragma {setting}")
        self._database.execute("create table keyed (part text, named text, number int, row text)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._database.close()

    def add(self, table: str, rows: Iterable[tuple[str, KeyedRow]]) -> None:
        """Rows with their keys. All must be added before the first is asked for."""
        waiting = ((table, key, row.number, row.text) for key, row in rows)
        while chunk := list(islice(waiting, CHUNK_ROWS)):
            self._database.execute("begin")
            self._database.executemany("insert into keyed values (?, ?, ?, ?)", chunk)
            self._database.execute("commit")

    def arrange(self) -> None:
        """Make them found by their keys."""
        self._database.execute("create index by_name on keyed (part, named, number)")

    def of(self, table: str, key: str) -> list[KeyedRow]:
        """The rows of one key, in their order: no more than one above ROWS_MAX, by which it shows
        that there are too many."""
        found = self._database.execute(
            "select number, row from keyed where part = ? and named = ? order by number limit ?",
            (table, key, ROWS_MAX + 1),
        )
        return [KeyedRow(*row) for row in found]

    def keys(self, table: str) -> Iterator[str]:
        """The keys of a table, in the order in which they first came."""
        found = self._database.execute(
            "select named from keyed where part = ? group by named order by min(number)",
            (table,),
        )
        return (name for (name,) in found)

    def without(self, table: str, other: str) -> Iterator[tuple[str, int]]:
        """The keys of a table that another one does not have, each with the number of its first
        row."""
        found = self._database.execute(
            "select named, min(number) from keyed as one where part = ? and not exists ("
            "select 1 from keyed where part = ? and named = one.named) group by named"
            " order by min(number)",
            (table, other),
        )
        return ((name, number) for name, number in found)
