"""`c360 worker identity`: the identity worker, which erases people, too."""

from __future__ import annotations

from services.erasure.adapters.orders import ErasureOrders
from services.erasure.closing import ErasureCloser
from services.erasure.on_server import ServerErasures
from services.identity import main as identity
from services.runtime.clock import utc_now
from services.runtime.settings import Settings
from services.store.database import Database, open_server
from services.stream.decision_worker import Parts
from services.stream.faust_host import FaustHost
from services.stream.group_progress import GroupProgress

STATEMENT_S = 3_600
"""A removal reads whole tables, and merges some: that takes longer than what a worker asks else."""


async def run(settings: Settings, registered: identity.Registered) -> None:
    """Work until SIGTERM. Raises ConfigurationError; later fatal faults end the process.

    `registered` is called when a realm's map follows from other rules.
    """

    def erasures_of(parts: Parts) -> ServerErasures:
        def open_slow() -> Database:
            return open_server(settings, timeout_s=STATEMENT_S)

        return ServerErasures(parts.database, utc_now, parts.waits, open_slow)

    await identity.run(settings, erasures_of, close_erasures, registered)


async def close_erasures(parts: Parts, _host: FaustHost) -> None:
    """Bring erasures to their end, whoever holds the partition of their realm."""
    groups = GroupProgress(parts.settings, parts.settings.kafka_group_prefix)
    orders = ErasureOrders(parts.database)
    await ErasureCloser(orders, groups, parts.ports.outbox, parts.ports.offload).keep()
