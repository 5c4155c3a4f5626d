"""Files that held rows which were removed: the store keeps replaced parts on its disk for half a
minute. Methods block and raise Retry or Fatal.
"""

from __future__ import annotations

from services.erasure.places import PLACES
from services.runtime.errors import Retry
from services.store.database import Database
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
LEFT_BEHIND_SQL = _STATEMENTS["left_behind"]
OVERDUE_SQL = _STATEMENTS["overdue"]
CLEAN_UP_SQL = _STATEMENTS["clean_up"]
TABLES = [*PLACES, "erasure_runs"]
"""All that people are removed from; the last one had the key of the sales kept."""
OVERDUE_S = 35
"""Longer than replaced parts are to stay (`old_parts_lifetime`, 30 s) and a look of the store."""


class ReplacedFiles:
    """Replaced parts of the tables with rows about people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def gone(self, within_s: float) -> bool:
        """Wait until the parts that were replaced until now are off the disk; whether they are."""
        asked = {"tables": TABLES}
        before = set(self._database.rows(LEFT_BEHIND_SQL, asked))

        def is_done() -> bool:
            left = before.intersection(self._database.rows(LEFT_BEHIND_SQL, asked))
            if not self._database.place:  # the engine in process cleans up when it is made to
                self._clean_up({table for table, _ in left})
            return not left

        try:
            wait_until(is_done, within_s, "")
        except Retry:
            return False
        return True

    def clean_up_overdue(self, overdue_s: int = OVERDUE_S) -> set[str]:
        """Make a server clean up tables whose replaced parts it left for so long: those that nobody
        writes it looks at less and less often, up to every ten minutes. The tables."""
        asked = {"tables": TABLES, "seconds": overdue_s}
        tables = {table for (table,) in self._database.rows(OVERDUE_SQL, asked)}
        self._clean_up(tables)
        return tables

    def _clean_up(self, tables: set[str]) -> None:
        for table in sorted(tables):
            self._database.command(CLEAN_UP_SQL, {"table": table})
