"""Stores the sales of erased people as events of nobody: rows as ingest makes them of such events.

An anonymous sale is no different from one that came without a customer, so whatever reads sales
knows what to do with it. Of the claims for incidents only what counts receipts stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from services.consistency.core.kind import Kinds
from services.consistency.kinds import KINDS
from services.consistency.kinds.records_mismatch import KIND as RECORDS
from services.ingest.core.event_processor import EventProcessor, IngestConfig
from services.ingest.core.outcome import Accepted
from services.ingest.ports import FactStore

NO_BATCH = 0
"""Written by no batch: nothing is left in doubt that a later start would have to complete."""
COUNTING = Kinds([KINDS[RECORDS.name]])
log = structlog.get_logger()


class SaleWriter:
    """Implements services.erasure.adapters.kept_sales.WriteSales."""

    def __init__(self, config: IngestConfig, facts: FactStore) -> None:
        self._core = EventProcessor(replace(config, kinds=COUNTING))
        self._facts = facts

    def __call__(self, sales: Sequence[tuple[bytes, datetime]]) -> int:
        """Store them; how many. What the settings do not allow any more is not kept, and the log
        says so."""
        found: list[Accepted] = []
        for line, at in sales:
            outcome = self._core.process(line, at)
            if isinstance(outcome, Accepted):
                found.append(outcome)
            else:
                log.warning("sale_not_kept", reason=outcome.reason, path=outcome.path)
        unstorable = self._facts.write_facts(found, NO_BATCH)
        for one in unstorable:
            log.warning("sale_not_kept", reason="unstorable", type=one.row["type"])
        return len(found) - len(unstorable)
