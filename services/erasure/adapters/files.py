"""Files that held rows which were removed: the store keeps replaced parts on its disk for half a
minute, and then takes them off by itself. Methods block and raise Retry or Fatal.
"""

from __future__ import annotations

from services.erasure.places import PLACES
from services.runtime.errors import Retry
from services.store.database import Database
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
LEFT_BEHIND_SQL = _STATEMENTS["left_behind"]
TABLES = [*PLACES, "erasure_runs"]
"""All that people are removed from; the last one had the key of the sales kept. Their settings say
how soon replaced parts go."""


class ReplacedFiles:
    """Replaced parts of the tables with rows about people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def gone(self, within_s: float) -> bool:
        """Wait until the parts that were replaced until now are off the disk; whether they are."""
        asked = {"tables": TABLES}
        before = set(self._database.rows(LEFT_BEHIND_SQL, asked))

        def is_done() -> bool:
            return before.isdisjoint(self._database.rows(LEFT_BEHIND_SQL, asked))

        try:
            wait_until(is_done, within_s, "")
        except Retry:
            return False
        return True
