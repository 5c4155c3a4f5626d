"""The identity worker: edges → the profile map in ClickHouse, profile changes in Kafka.

A realm's records are all in one partition, so the holder of the partition is the realm's only
writer; further workers stand by and take over within the session timeout.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from schemas.records import EDGES_PER_RECORD_MAX
from schemas.rules.identity import IdentityRules, identity_rules
from services.consistency.kinds import KINDS
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.ports import Erasures, EventExpiry, IdentityStore
from services.identity.worker import RECORDS_MAX, IdentityWorker, RulesChanges
from services.identity.writer import IdentityWriter
from services.runtime.settings import Settings, read_rules
from services.store.database import Database
from services.store.rules_in_force import FollowedRules
from services.stream.claim_records import customer_records
from services.stream.decision_worker import Parts, run_deciding_worker
from services.stream.faust_host import FaustHost

log = structlog.get_logger()
EDGES_TOPIC = "c360.edges"
CACHE_NODES_MAX = 200_000
Registered = Callable[[Database, str, IdentityRules], None]
IN_DOUBT_EDGES_MAX = RECORDS_MAX * EDGES_PER_RECORD_MAX


class Removing(NamedTuple):
    """Makes what removes rows in a worker."""

    erasures_of: Callable[[Parts], Erasures]
    expiry_of: Callable[[Parts], EventExpiry]


async def run(
    settings: Settings,
    removing: Removing,
    beside: Callable[[Parts, FaustHost], Awaitable[None]],
    registered: Registered,
) -> None:
    """Work until SIGTERM. Raises ConfigurationError; later fatal faults end the process.

    Args:
        removing: makes what erases people, and what removes expired events.
        beside: runs beside the worker for as long as it does.
        registered: called when a realm's map follows from other rules.
    """
    read_rules(settings, "identity_rules", identity_rules)  # reports a wrong file first
    await run_deciding_worker(
        settings,
        "identity",
        EDGES_TOPIC,
        lambda parts: worker_of(parts, removing, registered),
        beside,
    )


def worker_of(parts: Parts, removing: Removing, registered: Registered) -> IdentityWorker:
    """The worker of a process. Raises ConfigurationError, and as the store does.

    A file of the settings that is not in force stops it no more than any rules in the log do: who
    else could bring the others in force?
    """
    rules = FollowedRules(parts.settings, parts.database, check=False)
    if fault := rules.why_file_differs(parts.settings.realms):
        log.warning("rules_file_not_in_force", reason=fault)

    def changed(realm: str) -> None:
        rules.refresh()
        registered(parts.database, realm, rules.of(realm))

    def writer_of(store: IdentityStore, realm: str) -> IdentityWriter:
        rules.refresh()
        rules.register([realm])
        return IdentityWriter(
            store,
            realm,
            rules.of(realm),
            CACHE_NODES_MAX,
            IN_DOUBT_EDGES_MAX,
            rules.is_renewed(realm),
        )

    return IdentityWorker(
        lambda: open_graph(parts.settings, parts.database),
        writer_of,
        parts.ports,
        parts.metrics,
        customer_records if KINDS.about_customers else None,
        removing.erasures_of(parts),
        RulesChanges(rules.store, changed, parts.waits, parts.gives_way),
        removing.expiry_of(parts),
    )


def open_graph(settings: Settings, database: Database) -> IdentityStore:
    """The identity graph for the holder of a partition. Raises as the store does."""
    return ClickHouseIdentityStore(
        database, sole_writer=True, reads_lag=settings.clickhouse_reads_may_lag
    )
