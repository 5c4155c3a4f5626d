"""Finds rows of the latest versions without reading a whole table: only the parts that have some.

A part of a table never changes, so the highest version in it is read once; merges make new parts.
Every row above a version is in a part whose highest version is above it. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from services.runtime.errors import Retry
from services.store.database import Database
from services.store.statements import statements_of

ACTIVE_SQL = statements_of(__file__)["active"]
ATTEMPTS_MAX = 10
T = TypeVar("T")


class RecentParts:
    """The parts of one table. Methods block and raise Retry or Fatal; one thread at a time."""

    def __init__(self, database: Database, table: str, highest_sql: str) -> None:
        """`highest_sql` gives the highest version of each of the parts `parts`, by name."""
        self._database = database
        self._table = table
        self._highest_sql = highest_sql
        self._highest: dict[str, int] = {}

    def read(self, after: int, ask: Callable[[Sequence[str]], T]) -> T:
        """What a query finds in the parts that have versions above one.

        `ask` gets their names, and may be called again: a part that was merged away meanwhile was
        not read.
        """
        for _ in range(ATTEMPTS_MAX):
            parts = [name for name, highest in self._known().items() if highest > after]
            found = ask(parts)
            if self._active().issuperset(parts):
                return found
        raise Retry(f"{self._table} is merged faster than it is read")

    def highest(self, until: int, ask: Callable[[Sequence[str]], int]) -> int:
        """The highest version up to one; `ask` looks it up in those parts that also have later
        ones."""

        def found(parts: Sequence[str]) -> int:
            rest = [highest for name, highest in self._known().items() if name not in parts]
            return max([0, *rest, ask(parts)] if parts else [0, *rest])

        return self.read(until, found)

    def _known(self) -> dict[str, int]:
        """The highest version of each part that is there."""
        active = self._active()
        self._highest = {name: one for name, one in self._highest.items() if name in active}
        if fresh := sorted(active - self._highest.keys()):
            rows = self._database.rows(self._highest_sql, {"parts": fresh})
            self._highest.update((name, highest) for name, highest in rows)
        return self._highest

    def _active(self) -> set[str]:
        rows = self._database.rows(ACTIVE_SQL, {"table": self._table})
        return {name for (name,) in rows}
