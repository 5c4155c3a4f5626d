"""`c360 worker identity`: the identity worker, which erases people, too."""

from __future__ import annotations

from schemas.rules.identity import identity_rules
from services.erasure.adapters.orders import ErasureOrders
from services.erasure.closing import ErasureCloser
from services.erasure.on_server import ServerErasures
from services.erasure.sales import SaleWriter
from services.identity import main as identity
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.config import ingest_config
from services.runtime.clock import utc_now
from services.runtime.settings import Settings, read_rules
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

        return ServerErasures(parts.database, utc_now, parts.waits, open_slow, write_sales)

    def write_sales(database: Database) -> SaleWriter:
        # Sales of nobody name no identifier: which identity rules are in force does not matter.
        rules = read_rules(settings, "identity_rules", identity_rules)
        return SaleWriter(ingest_config(settings, rules), ClickHouseFactStore(database))

    await identity.run(settings, erasures_of, close_erasures, registered)


async def close_erasures(parts: Parts, _host: FaustHost) -> None:
    """Bring erasures to their end, whoever holds the partition of their realm."""
    groups = GroupProgress(parts.settings, parts.settings.kafka_group_prefix)
    orders = ErasureOrders(parts.database)
    await ErasureCloser(orders, groups, parts.ports.outbox, parts.ports.offload).keep()
