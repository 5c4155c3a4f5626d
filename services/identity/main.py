"""The identity worker: edges → the profile map in ClickHouse, profile changes in Kafka.

A realm's records are all in one partition, so the holder of the partition is the realm's only
writer; further workers stand by and take over within the session timeout.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from schemas.records import EDGES_PER_RECORD_MAX
from schemas.rules.identity import identity_rules
from services.consistency.kinds import KINDS
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.ports import Erasures, IdentityStore
from services.identity.worker import RECORDS_MAX, IdentityWorker
from services.identity.writer import IdentityWriter
from services.runtime.settings import Settings, read_rules
from services.stream.claim_records import customer_records
from services.stream.decision_worker import Parts, run_deciding_worker
from services.stream.faust_host import FaustHost

EDGES_TOPIC = "c360.edges"
CACHE_NODES_MAX = 200_000
IN_DOUBT_EDGES_MAX = RECORDS_MAX * EDGES_PER_RECORD_MAX


async def run(
    settings: Settings,
    erasures_of: Callable[[Parts], Erasures],
    beside: Callable[[Parts, FaustHost], Awaitable[None]],
) -> None:
    """Work until SIGTERM. Raises ConfigurationError; later fatal faults end the process.

    Args:
        erasures_of: makes what erases people.
        beside: runs beside the worker for as long as it does.
    """
    rules = read_rules(settings, "identity_rules", identity_rules)

    def writer_of(store: IdentityStore, realm: str) -> IdentityWriter:
        return IdentityWriter(store, realm, rules, CACHE_NODES_MAX, IN_DOUBT_EDGES_MAX)

    def worker(parts: Parts) -> IdentityWorker:
        return IdentityWorker(
            lambda: ClickHouseIdentityStore(parts.database, sole_writer=True),
            writer_of,
            parts.ports,
            parts.metrics,
            customer_records if KINDS.about_customers else None,
            erasures_of(parts),
        )

    await run_deciding_worker(settings, "identity", EDGES_TOPIC, worker, beside)
