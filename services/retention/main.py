"""`c360 worker identity`: the identity worker, which also erases people and expired events."""

from __future__ import annotations

from functools import partial

from schemas.rules.identity import identity_rules
from services.erasure.adapters.orders import ErasureOrders
from services.erasure.closing import OrderCloser, waiting_erasures
from services.erasure.on_server import ServerErasures
from services.erasure.sales import SaleWriter
from services.identity import main as identity
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.config import config_of_nobody, ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.ledger import Ledger
from services.ingest.ports import FactStore
from services.retention.on_server import ServerExpiry, waiting_cutoffs
from services.runtime.clock import utc_now
from services.runtime.settings import Settings, read_rules
from services.store.database import Database, open_server
from services.store.event_cutoffs import EventCutoffs
from services.store.rules_in_force import FollowedRules
from services.stream.decision_worker import Parts
from services.stream.faust_host import FaustHost
from services.stream.group_progress import GroupProgress

STATEMENT_S = 3_600
"""A removal reads whole tables, and merges some: that takes longer than what a worker asks else."""


async def run(settings: Settings, registered: identity.Registered) -> None:
    """Work until SIGTERM. Raises ConfigurationError; later fatal faults end the process.

    `registered` is called when a realm's map follows from other rules.
    """

    def open_slow() -> Database:
        return open_server(settings, timeout_s=STATEMENT_S)

    def erasures_of(parts: Parts) -> ServerErasures:
        write_sales = partial(sale_writer, settings)
        return ServerErasures(parts.database, utc_now, parts.waits, open_slow, write_sales)

    def expiry_of(parts: Parts) -> ServerExpiry:
        core_of = partial(stored_events_core, settings, parts.database)
        return ServerExpiry(parts.database, core_of, parts.waits, parts.gives_way, open_slow)

    removing = identity.Removing(erasures_of, expiry_of)
    await identity.run(settings, removing, close_orders, registered)


def stored_events_core(settings: Settings, database: Database, facts: FactStore) -> EventProcessor:
    """What ingest makes of an event now. Raises ConfigurationError for settings that do not fit the
    rules in force."""
    ledger = Ledger()
    ledger.refresh(facts)
    # The file of the settings was compared at the start; other rules may be in force since.
    rules = FollowedRules(settings, database, check=False)
    config = ingest_config(settings, rules.newest)
    return EventProcessor(config, ledger.erased_at, ledger.kept_since)


def sale_writer(settings: Settings, database: Database) -> SaleWriter:
    """Stores the sales of erased people. Raises ConfigurationError for settings with which the
    worker would not have started."""
    # Sales of nobody name no identifier: which identity rules are in force does not matter.
    rules = read_rules(settings, "identity_rules", identity_rules)
    return SaleWriter(config_of_nobody(settings, rules), ClickHouseFactStore(database))


async def close_orders(parts: Parts, _host: FaustHost) -> None:
    """Bring what is ordered to its end, whoever holds the partition of its realm."""
    groups = GroupProgress(parts.settings, parts.settings.kafka_group_prefix)
    orders, cutoffs = ErasureOrders(parts.database), EventCutoffs(parts.database)
    ports = parts.ports
    closer = OrderCloser(
        lambda: [*waiting_erasures(orders), *waiting_cutoffs(cutoffs)],
        groups,
        ports.outbox,
        ports.offload,
    )
    await closer.keep()
