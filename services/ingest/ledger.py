"""The ledger of erasures as ingest keeps it in memory: read at the start, then twice a minute.

An event that is older than the erasure of somebody it names is rejected. Nothing here writes.
"""

from __future__ import annotations

import asyncio

import structlog

from schemas.identifiers import NodeId
from services.ingest.ports import FactStore

REFRESH_S = 30.0
log = structlog.get_logger()


class Ledger:
    """Empty until `refresh`."""

    def __init__(self) -> None:
        self._erased: dict[tuple[str, NodeId], int] = {}

    def erased_at(self, realm: str, node: NodeId) -> int | None:
        """When a node was erased, in ms since 1970 (UTC), or None."""
        return self._erased.get((realm, node))

    def refresh(self, store: FactStore) -> None:
        """Read the ledger. Blocks; raises as the store does."""
        self._erased = store.erasures()

    async def keep(self, store: FactStore) -> None:
        """Refresh it now and then, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await asyncio.to_thread(self.refresh, store)
            except Exception as error:  # the store is down: whoever writes waits for it
                log.warning("ledger_not_read", error=str(error))
