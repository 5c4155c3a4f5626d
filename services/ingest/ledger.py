"""The ledgers of erasures and of retention as ingest keeps them in memory: read at the start, and
when an erasure or a removal has changed them.

An event is rejected if it is older than the erasure of somebody it names, or than its type is kept.
Nothing here writes.
"""

from __future__ import annotations

import asyncio

import structlog

from schemas.identifiers import NodeId
from services.ingest.ports import FactStore

LOOK_S = 2.0
log = structlog.get_logger()


class Ledger:
    """Empty until `refresh`."""

    def __init__(self) -> None:
        self._erased: dict[tuple[str, NodeId], int] = {}
        self.steps = 0
        """The steps of erasures, suppressions and removals that are known. Read it before what it
        speaks of is used."""
        self._cutoffs: dict[tuple[str, str], int] = {}
        self._suppressed: frozenset[tuple[str, NodeId]] = frozenset()
        self.is_expiring = False
        """Whether expired events are being removed, and with them values that nothing names."""

    def erased_at(self, realm: str, node: NodeId) -> int | None:
        """When a node was erased, in ms since 1970 (UTC), or None."""
        return self._erased.get((realm, node))

    def kept_since(self, realm: str, type_name: str) -> int | None:
        """Since when events of a type are kept, in ms since 1970 (UTC), or None for ever."""
        return self._cutoffs.get((realm, type_name))

    def is_suppressed(self, realm: str, node: NodeId) -> bool:
        """Whether nothing that names a node may be processed."""
        return (realm, node) in self._suppressed

    def refresh(self, store: FactStore) -> None:
        """Read the ledgers. Blocks; raises as the store does."""
        steps = store.erasure_steps()  # before, for what comes in between is read again
        self._erased = store.erasures()
        self._cutoffs = store.cutoffs()
        self._suppressed = store.suppressed()
        self.is_expiring = store.is_expiring()
        self.steps = steps


class LedgerOfStore:
    """Implements services.ingest.worker.KnownErasures."""

    def __init__(self, ledger: Ledger, store: FactStore) -> None:
        self._ledger = ledger
        self._store = store

    @property
    def steps(self) -> int:
        """See the port."""
        return self._ledger.steps

    def look(self) -> int:
        """See the port."""
        if self._store.erasure_steps() != self._ledger.steps:
            self._ledger.refresh(self._store)
            self._store.forget_values()
        elif self._ledger.is_expiring:
            # A value that was written before may be removed at any moment, if nothing named it.
            self._store.forget_values()
        return self._ledger.steps

    async def keep(self) -> None:
        """Look now and then, until cancelled: for whoever writes nothing, but answers senders."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await asyncio.to_thread(self.look)
            except Exception as error:  # the store is down: whoever writes waits for it
                log.warning("ledger_not_read", error=str(error))
