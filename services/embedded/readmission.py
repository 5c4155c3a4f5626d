"""Events of public write keys are admitted again, once, under the rules of today.

A version before anchored them at phone numbers, let them join people, and kept them among the
event ids of servers (ADR 0025). They are taken in again from their bytes: accepted under ids of
their own, or rejected. Edges and map are then rebuilt from the facts. A run that is killed anywhere
in between is completed by the next one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import structlog

from schemas.touchpoint import PUBLIC_ID_PREFIX
from services.embedded.pipeline import Pipeline
from services.ingest.adapters.removal import delete_facts
from services.ingest.core.outcome import Intake
from services.ingest.ports import StoredEvent
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
ANY_FORMER_SQL = _STATEMENTS["any_former"]
FORMER_SQL = _STATEMENTS["former"]
PAGE_EVENTS = 1_000
DERIVED = ("edges", "edges_reversed", "members", "map", "refusals")
"""What follows from the facts: rebuilt by the recovery, which a lost checkpoint extends to all."""
log = structlog.get_logger()


class Readmission:
    """`begin` before the pipeline is made, `run` before it recovers. Blocks; usually does nothing.

    Both raise Retry or Fatal as the store does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found = False

    def begin(self) -> None:
        """Have everything that follows from the facts derived again, if there is a former fact."""
        where = {"prefix": PUBLIC_ID_PREFIX}
        self._found = bool(self._database.rows(ANY_FORMER_SQL, where))
        if not self._found:
            return
        log.warning("readmits_public_events", then="edges and map are rebuilt; this takes a while")
        for table in ("checkpoints", *DERIVED):
            self._database.command(f"TRUNCATE TABLE {table}")

    def run(self, pipeline: Pipeline) -> int:
        """Admit every former fact again, then delete it; how many there were."""
        count = 0
        if not self._found:
            return count
        while rows := self._former():
            events = (StoredEvent(row[3].encode(), row[4], Intake.PUBLIC) for row in rows)
            count += pipeline.repeat(events, in_doubt=True)
            keys: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for realm, node, event_id, *_ in rows:
                keys[realm].append((node, event_id))
            for realm, mine in keys.items():
                delete_facts(self._database, realm, mine)
        return count

    def _former(self) -> list[tuple[Any, ...]]:
        return self._database.rows(FORMER_SQL, {"prefix": PUBLIC_ID_PREFIX, "rows": PAGE_EVENTS})
