"""The real engine as one process of the simulation sees it: any call may fail, or be its last.

What is inserted is on its way until the work of the process is done, and may come in part, late, or
when its process is dead; other processes act in between. A statement takes effect at once, or not
at all, for the rows that the next ones find follow from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from services.store.database import Database
from services.store.statements import title_of
from tests.grants import Grant, needed
from tests.simulation.process import Process


class ProcessDatabase(Database):
    """A connection of one process to the engine that all share."""

    asked: ClassVar[set[Grant]] = set()
    """What all statements of all processes needed of a server."""

    def __init__(self, engine: Database, process: Process) -> None:
        self._engine = engine
        self._process = process

    @property
    def place(self) -> str:
        """See Database."""
        return self._engine.place

    def command(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """See Database."""
        what = " ".join(title_of(sql))
        self.asked.update(needed(sql, parameters))
        self._process.write_at_once(what, lambda: self._engine.command(sql, parameters))

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """See Database."""
        self.asked.update(needed(sql, parameters))
        return self._process.read(_what(sql), lambda: self._engine.rows(sql, parameters))

    def records(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """See Database."""
        self.asked.update(needed(sql, parameters))
        return self._process.read(_what(sql), lambda: self._engine.records(sql, parameters))

    def raw(self, sql: str, format_name: str, parameters: dict[str, Any] | None = None) -> bytes:
        """See Database."""
        self.asked.update(needed(sql, parameters))
        return self._process.read(
            _what(sql), lambda: self._engine.raw(sql, format_name, parameters)
        )

    def insert(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """See Database."""
        self.asked.add(("INSERT", f"c360.{table}"))
        rows = list(zip(*columns, strict=True))
        self._process.write(table, rows, lambda some: self._engine.insert_rows(table, names, some))

    def close(self) -> None:
        """See Database. The engine goes on."""


def _what(sql: str) -> str:
    return title_of(sql)[1] or "rows"
