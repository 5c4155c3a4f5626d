"""How an engine on which this process is alone chooses the parts of its tables that it merges.

The engine's own choice weighs parts by their size and takes each for five megabytes more than it
has. So a table of less than about a megabyte and a half is written anew as a whole for nearly every
small insert, and so is what has come since in a larger one. By level, ten parts that were merged
equally often are merged together, whatever their size: a row is written again once for each power
of ten of the inserts (docs/adr/0121).

What is chosen by level leaves parts behind where a removal divides ten parts of a level: these have
no ten neighbours any more. So the tables are looked at now and then, and one with too many parts is
merged by size until it has few.
"""

from __future__ import annotations

import structlog

from services.runtime.errors import C360Error
from services.store.database import ROOM_BYTES_MIN, Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
TABLES_SQL = _STATEMENTS["tables"]
ROOM_SQL = _STATEMENTS["room"]
BY_LEVEL_SQL = _STATEMENTS["by_level"]
BY_SIZE_SQL = _STATEMENTS["by_size"]
FIRST_AFTER = 30
"""Batches of few events in a row before tables are merged by level. Files have larger ones."""
LOOKS_AFTER = 1_000
"""Batches between two looks."""
LATELY_S = 60
PARTS_FEW = 60
"""A table of more parts is not merged by level yet: those that it has would stay."""
PARTS_MAX = 100
"""More than ten of every level, for all inserts that a table can take in a lifetime."""
log = structlog.get_logger()


class PartMerging:
    """Chooses how tables are merged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._small = 0
        """Batches of few events in a row."""
        self._unseen = 0
        """Batches since the last look."""
        self._is_by_level = False
        """Whether this process has tables merged by level."""

    def batch(self, *, is_small: bool) -> None:
        """To be called before a batch is written, which does not fail if the store refuses this."""
        self._small = self._small + 1 if is_small else 0
        self._unseen += 1
        begins = not self._is_by_level and self._small >= FIRST_AFTER
        if begins or self._unseen >= LOOKS_AFTER:
            self._is_by_level = self._small >= FIRST_AFTER
            try:
                self.look()
            except C360Error as error:
                # After as many batches as before it tries again.
                self._is_by_level, self._small = False, 0
                log.warning("merging_not_chosen", error=str(error))

    def look(self) -> None:
        """Have tables with too many parts merged by size; and, once batches are small, those that
        are written and have few parts by level. Raises as the store does; some tables may be merged
        in the new way then."""
        self._unseen = 0
        chosen: dict[str, str] = {}
        rows = self._database.rows(TABLES_SQL, {"lately_s": LATELY_S})
        for table, parts, is_written, is_by_level in rows:
            if is_by_level and parts > PARTS_MAX:
                chosen[table] = BY_SIZE_SQL
                log.info("merged_by_size", table=table, parts=parts)
            elif self._is_by_level and is_written and not is_by_level and parts <= PARTS_FEW:
                chosen[table] = BY_LEVEL_SQL
        # A definition that is written on a full disk may stay empty.
        if chosen and self._database.rows(ROOM_SQL)[0][0] >= ROOM_BYTES_MIN:
            for table, statement in chosen.items():
                self._database.command(statement, {"table": table})
